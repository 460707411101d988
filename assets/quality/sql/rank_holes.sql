-- Numbers whose ranks are not 1, 2, 3 without a hole.
SELECT number, array_agg(rank ORDER BY rank) AS ranks
FROM routing_table
WHERE until_version IS NULL
GROUP BY number
HAVING min(rank) <> 1 OR max(rank) <> count(*)
