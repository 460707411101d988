-- Ten rows of the current routing table: of clients with the most work in common, one number each.
WITH clients AS (
    SELECT client_id, min(number) AS number, max(score) AS score
    FROM routing_table
    WHERE until_version IS NULL AND party_id IS NOT NULL
    GROUP BY client_id
    ORDER BY score DESC, client_id
    LIMIT 10
)
SELECT
    r.number, r.party_name AS client, r.employee_name AS employee, r.extension AS ext,
    to_char(100 * r.share, 'FM990') || ' %' AS share,
    CASE WHEN r.is_responsible THEN 'responsible, ' ELSE '' END || r.reason AS why
FROM routing_table AS r
JOIN clients AS c USING (client_id, number)
WHERE r.until_version IS NULL
ORDER BY c.score DESC, r.client_id, r.rank
LIMIT 10
