-- All rows of these clients, as a PBX gets them, and their numbers that it should know of nobody any more.
SELECT w.client_id, w.client_name, w.number, w.phone_id, w.employee_id, u.extension, false AS is_gone
FROM wanted_routes AS w
JOIN wanted_users AS u USING (employee_id)
WHERE w.client_id = ANY (:clients)
UNION ALL
SELECT p.client_id, p.client_name, p.number, p.phone_id, p.employee_id, '', true
FROM pushed_routes AS p
WHERE p.pbx_id = :pbx_id AND p.client_id = ANY (:clients)
    AND NOT EXISTS (SELECT FROM wanted_routes AS w WHERE w.phone_id = p.phone_id)
ORDER BY client_id, number
