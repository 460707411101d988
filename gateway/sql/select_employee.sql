-- An employee by employee_id, or by the extension they hold today.
--   employee  either
--   zone      the business zone
SELECT e.employee_id
FROM crm_employees AS e
WHERE e.gone_at IS NULL AND (e.employee_id = :employee OR EXISTS (
    SELECT
    FROM employee_extensions AS x
    WHERE x.employee_id = e.employee_id AND x.extension = :employee
        AND daterange(x.valid_from, x.valid_to) @> CAST(now() AT TIME ZONE :zone AS date)
))
ORDER BY e.employee_id = :employee DESC
LIMIT 1
