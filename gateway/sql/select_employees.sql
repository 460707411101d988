-- Who works here today, as MIKO's panel wants to know them.
SELECT a.employee_id AS id, a.name, coalesce(e.mobile, '') AS mobile, coalesce(a.extension, '') AS extension
FROM switchboard.availability(
    now(), coalesce((SELECT p.policy ->> 'zone' FROM switchboard.published_routing AS p), 'UTC')
) AS a
JOIN switchboard.crm_employees AS e USING (employee_id)
WHERE a.unavailable IS DISTINCT FROM 'not_employed'
ORDER BY a.name, a.employee_id
