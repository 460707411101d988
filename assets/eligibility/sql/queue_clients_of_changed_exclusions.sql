-- Clients whose ranking names, or could name, an employee whose exclusion differs from what is given.
WITH changed AS (
    (
        SELECT employee_id, excluded_from, excluded_to FROM given_facts
        EXCEPT
        SELECT employee_id, excluded_from, excluded_to FROM routing_exclusions WHERE source = :source
    )
    UNION
    (
        SELECT employee_id, excluded_from, excluded_to FROM routing_exclusions WHERE source = :source
        EXCEPT
        SELECT employee_id, excluded_from, excluded_to FROM given_facts
    )
)
INSERT INTO changed_clients (client_id)
SELECT p.client_id FROM participation AS p JOIN changed USING (employee_id)
UNION
SELECT c.party_id FROM crm_parties AS c JOIN changed ON changed.employee_id = c.responsible_id WHERE c.gone_at IS NULL
