-- What a table of this version must not have, whatever anybody approves.
WITH t AS (
    SELECT * FROM routing_table
    WHERE version <= :version AND (until_version IS NULL OR until_version > :version)
)
SELECT 'two rows claim one rank of a number' AS problem, number FROM t GROUP BY number, rank HAVING count(*) > 1
UNION ALL
SELECT 'the ranks of a number have a hole', number FROM t GROUP BY number HAVING max(rank) <> count(*)
UNION ALL
SELECT 'a responsible is not first', number FROM t WHERE is_responsible AND rank > 1
UNION ALL
SELECT 'a number stands for two clients', number FROM t GROUP BY number HAVING count(DISTINCT client_id) > 1
UNION ALL
SELECT 'a responsible is unknown or has left', t.number
FROM t
LEFT JOIN availability(now(), :business_zone) AS a USING (employee_id)
WHERE t.is_responsible AND (a.employee_id IS NULL OR a.unavailable = 'not_employed')
ORDER BY 1, 2
