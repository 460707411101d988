-- All rows of these clients, as a PBX gets them.
SELECT client_id, client_name, number, phone_id, employee_id
FROM wanted_routes
WHERE client_id = ANY (:clients)
ORDER BY client_id, number
