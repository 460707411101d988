-- To whom a chat can be handed over, those who are there first.
SELECT a.employee_id, a.name, a.department, a.extension, a.unavailable, a.unavailable_until
FROM switchboard.availability(now(), %(zone)s) AS a
WHERE a.unavailable IS DISTINCT FROM 'not_employed' AND a.employee_id <> %(viewer)s
ORDER BY a.unavailable IS NOT NULL, a.name, a.employee_id
LIMIT 500
