-- Rows that were not let in, with the holder that stands in their way.
INSERT INTO refused_contacts (reason, raw, key)
SELECT
    format('extension %s is held by employee %s at that time', s.extension, min(w.employee_id)),
    (to_jsonb(s) - 'row_number')::text,
    ''
FROM staged_employees AS s
CROSS JOIN LATERAL (
    SELECT CAST(nullif(s.valid_from, '') AS date) AS valid_from, CAST(nullif(s.valid_to, '') AS date) AS valid_to
) AS d
JOIN wanted_extensions AS w
    ON w.extension = s.extension
    AND daterange(w.valid_from, w.valid_to) && daterange(d.valid_from, d.valid_to)
WHERE s.employee_id IN (SELECT employee_id FROM wanted_employees)
GROUP BY s, s.extension, s.employee_id, d.valid_from, d.valid_to
HAVING NOT bool_or(
    (w.employee_id, w.valid_from, w.valid_to) IS NOT DISTINCT FROM (s.employee_id, d.valid_from, d.valid_to)
)
