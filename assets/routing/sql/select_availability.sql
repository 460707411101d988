-- These employees at a moment; see switchboard.availability().
SELECT a.employee_id, a.name, a.extension, a.unavailable, a.unavailable_until
FROM availability(:at, :business_zone) AS a
WHERE a.employee_id = ANY (:employees)
