-- The source's holdings, in the order of its rows: a second holder at one time is not let in.
INSERT INTO wanted_extensions (employee_id, extension, valid_from, valid_to)
SELECT
    employee_id, extension, CAST(nullif(valid_from, '') AS date), CAST(nullif(valid_to, '') AS date)
FROM staged_employees
WHERE extension <> '' AND employee_id IN (SELECT employee_id FROM wanted_employees)
GROUP BY employee_id, extension, valid_from, valid_to
ORDER BY min(row_number)
ON CONFLICT DO NOTHING
