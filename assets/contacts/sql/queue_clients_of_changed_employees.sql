-- Clients whose routing answer names, or could name, a changed employee.
WITH changed AS (
    SELECT employee_id FROM changed_employees
    UNION
    SELECT employee_id FROM changed_extensions
)
INSERT INTO changed_clients (client_id)
SELECT p.client_id FROM participation AS p JOIN changed USING (employee_id)
UNION
SELECT r.client_id FROM routing_table AS r JOIN changed USING (employee_id) WHERE r.until_version IS NULL
UNION
SELECT c.party_id FROM crm_parties AS c JOIN changed ON changed.employee_id = c.responsible_id
WHERE c.gone_at IS NULL
ORDER BY 1
