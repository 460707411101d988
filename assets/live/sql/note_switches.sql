-- How the switches stand, for those that do not ask Dagster. Whoever listens to `switchboard_switches` is told.
WITH noted AS (
    INSERT INTO switchboard.switches (name, is_on, reason, read_at)
    SELECT name, is_on, reason, clock_timestamp()
    FROM unnest(CAST(%(names)s AS text[]), CAST(%(are_on)s AS boolean[]), CAST(%(reasons)s AS text[]))
        AS told (name, is_on, reason)
    ON CONFLICT (name) DO UPDATE SET is_on = excluded.is_on, reason = excluded.reason, read_at = excluded.read_at
    RETURNING name
)
SELECT pg_notify('switchboard_switches', '') FROM (SELECT count(*) FROM noted) AS done
