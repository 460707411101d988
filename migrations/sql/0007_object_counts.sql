-- How many of each thing there are; of what there is very much as PostgreSQL last estimated it.
CREATE VIEW switchboard.object_counts AS
SELECT named.name, CASE WHEN c.reltuples > 100000 THEN CAST(c.reltuples AS bigint) ELSE named.exact END AS amount
FROM (
    SELECT 'calls', 'call_history', (SELECT count(*) FROM switchboard.call_history)
    UNION ALL
    SELECT 'legs', 'call_legs', (SELECT count(*) FROM switchboard.call_legs)
    UNION ALL
    SELECT 'clients', 'crm_parties', (SELECT count(*) FROM switchboard.crm_parties WHERE gone_at IS NULL)
    UNION ALL
    SELECT 'numbers', 'number_owners', (SELECT count(*) FROM switchboard.number_owners)
    UNION ALL
    SELECT 'employees', 'crm_employees', (SELECT count(*) FROM switchboard.crm_employees WHERE gone_at IS NULL)
    UNION ALL
    SELECT 'pins', 'routing_pins', (SELECT count(*) FROM switchboard.routing_pins)
    UNION ALL
    SELECT 'assignments', 'number_overrides', (SELECT count(*) FROM switchboard.number_overrides)
    UNION ALL
    SELECT 'messages', 'messages', (SELECT count(*) FROM switchboard.messages)
    UNION ALL
    SELECT 'chats', 'chats', (SELECT count(*) FROM switchboard.chats)
    UNION ALL
    SELECT 'quarantined', 'quarantine', (SELECT count(*) FROM switchboard.quarantine)
) AS named (name, relation, exact)
JOIN pg_class AS c ON c.oid = ('switchboard.' || named.relation)::regclass;
