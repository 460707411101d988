-- Compare the recordings of these days with the files of their folders.
--   files             JSON array of {name, size_bytes}; a row names the same file by its last part
--   pending_seconds   how long after the call's end its file may be in the making
WITH files AS (
    SELECT DISTINCT ON (base) substring(name FROM '[^/]+$') AS base, size_bytes
    FROM jsonb_to_recordset(CAST(:files AS jsonb)) AS f (name text, size_bytes bigint)
    ORDER BY base, size_bytes DESC
), seen AS (
    SELECT
        r.leg_id, f.size_bytes,
        CASE
            WHEN f.base IS NOT NULL THEN 'available'
            WHEN l.ended_at > now() - make_interval(secs => :pending_seconds) THEN 'pending'
            ELSE 'missing'
        END AS state
    FROM recordings AS r
    JOIN call_legs AS l USING (pbx_id, leg_id)
    LEFT JOIN files AS f ON f.base = substring(r.file FROM '[^/]+$')
    WHERE r.pbx_id = :pbx_id AND r.file IS NOT NULL AND r.call_day BETWEEN :first_day AND :last_day
)
UPDATE recordings AS r
SET state = s.state, size_bytes = s.size_bytes, checked_at = now()
FROM seen AS s
WHERE r.pbx_id = :pbx_id AND r.leg_id = s.leg_id
    AND (r.state, r.size_bytes) IS DISTINCT FROM (s.state, s.size_bytes)
