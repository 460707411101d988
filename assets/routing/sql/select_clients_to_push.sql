-- Clients of whom the PBX knows something else, with the numbers to post and to take away. A number that changes
-- hands concerns both.
WITH differing AS (
    SELECT w.client_id AS wanted_client_id, p.client_id AS pushed_client_id
    FROM wanted_routes AS w
    FULL JOIN (SELECT * FROM pushed_routes WHERE pbx_id = :pbx_id) AS p USING (phone_id)
    WHERE w.phone_id IS NULL OR p.phone_id IS NULL
        OR (w.number, w.client_id, w.client_name, w.employee_id)
            IS DISTINCT FROM (p.number, p.client_id, p.client_name, p.employee_id)
)
-- Whoever gives a number up is posted before whoever gets it: a post clears all rows of its clients.
SELECT
    client_id, min(turn) AS turn,
    (SELECT count(*) FROM wanted_routes AS w WHERE w.client_id = concerned.client_id)
        + count(*) FILTER (WHERE is_gone) AS rows
FROM (
    SELECT pushed_client_id AS client_id, 1 AS turn, wanted_client_id IS NULL AS is_gone
    FROM differing
    WHERE pushed_client_id IS NOT NULL AND pushed_client_id IS DISTINCT FROM wanted_client_id
    UNION ALL
    SELECT wanted_client_id, 2, false FROM differing WHERE wanted_client_id IS NOT NULL
) AS concerned
GROUP BY client_id
ORDER BY turn, client_id
