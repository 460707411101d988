-- Every client there is evidence, a ranking or a CRM owner of.
INSERT INTO touched_clients (client_id)
SELECT client_id FROM tracked_interactions
UNION
SELECT client_id FROM participation
UNION
SELECT client_id FROM routing_table WHERE until_version IS NULL
UNION
SELECT party_id FROM crm_parties WHERE responsible_id IS NOT NULL
ON CONFLICT DO NOTHING
