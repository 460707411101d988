-- Wait for running loads of call history and keep others out: a call must not be grouped by two at once.
-- The servers are found by skipping along the key, not by reading all legs.
WITH RECURSIVE servers AS (
    SELECT min(pbx_id) AS pbx_id FROM call_legs
    UNION ALL
    SELECT (SELECT min(l.pbx_id) FROM call_legs AS l WHERE l.pbx_id > s.pbx_id)
    FROM servers AS s
    WHERE s.pbx_id IS NOT NULL
)
SELECT pg_advisory_xact_lock(hashtextextended('load ' || pbx_id, 0))
FROM servers
WHERE pbx_id IS NOT NULL
ORDER BY pbx_id
