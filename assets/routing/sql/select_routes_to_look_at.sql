-- Numbers of which the PBX knows what it should, seen there longest ago.
SELECT p.phone_id, p.number, p.employee_id, u.extension, false AS is_gone
FROM pushed_routes AS p
JOIN pushed_users AS u USING (pbx_id, employee_id)
JOIN wanted_routes AS w USING (phone_id, number, client_id, client_name, employee_id)
WHERE p.pbx_id = :pbx_id AND u.extension <> ''
ORDER BY p.pushed_at, p.phone_id
LIMIT :most
