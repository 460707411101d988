-- Every responsible of the wanted rows, with the extension they hold today.
INSERT INTO wanted_users (employee_id, name, position, extension)
SELECT a.employee_id, a.name, a.department, a.extension
FROM availability(now(), :business_zone) AS a
WHERE a.extension IS NOT NULL AND a.unavailable IS DISTINCT FROM 'not_employed'
    AND a.employee_id IN (SELECT w.employee_id FROM wanted_routes AS w)
