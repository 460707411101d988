-- Rows that hold from this version on. A number that found another client leaves the former one's rows.
WITH fresh AS (
    SELECT k.*
    FROM ranked AS k
    WHERE NOT EXISTS (
        SELECT FROM routing_table AS r
        WHERE r.until_version IS NULL AND r.number = k.number AND r.rank = k.rank
    )
)
INSERT INTO routing_table (
    version, number, rank, client_id, contact_id, party_id, party_name, employee_id, employee_name, extension, score,
    share, is_responsible, reason
)
SELECT
    :version, number, rank, client_id, contact_id, party_id, party_name, employee_id, employee_name, extension, score,
    share, is_responsible, reason
FROM fresh
-- Sorting ends the reading before the writing begins: an empty table may be searched row by row, which turns
-- quadratic when it fills meanwhile.
ORDER BY number, rank
