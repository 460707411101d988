-- Rows the mapping could not take, once each however often they come.
WITH problems AS (
    SELECT problem, raw::text AS raw
    FROM mapped_legs
    WHERE problem IS NOT NULL
), kept AS (
    INSERT INTO quarantine (source, reason, raw)
    SELECT DISTINCT :pbx_id, problem, raw
    FROM problems
    ON CONFLICT (source, raw_hash, reason)
        DO UPDATE SET times_seen = quarantine.times_seen + 1, seen_at = now()
)
SELECT count(*) FROM problems
