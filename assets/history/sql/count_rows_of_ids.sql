-- How many rows we hold of each range of ids.
--   bounds   the first id of each range and the id after its last, ascending
SELECT b.place, count(*) AS held_rows
FROM call_legs AS l
CROSS JOIN LATERAL (SELECT width_bucket(l.source_row_id, CAST(:bounds AS bigint[])) AS place) AS b
WHERE l.pbx_id = :pbx_id AND b.place % 2 = 1
GROUP BY b.place
