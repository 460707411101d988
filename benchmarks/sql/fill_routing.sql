-- A published table: clients with a number and three ranked employees each, of forty.
WITH employees AS (
    INSERT INTO crm_employees (employee_id, source, name)
    SELECT 'employee-' || n, 'bench', 'Employee ' || n FROM generate_series(200, 239) AS n
), extensions AS (
    INSERT INTO employee_extensions (employee_id, extension)
    SELECT 'employee-' || n, n::text FROM generate_series(200, 239) AS n
), hours AS (
    INSERT INTO working_hours (source, weekday, starts_at, ends_at)
    SELECT 'bench', day, '00:00', '00:00' FROM generate_series(0, 7) AS day
), parties AS (
    INSERT INTO crm_parties (party_id, source, name, kind)
    SELECT 'party-' || n, 'bench', 'Party ' || n, 'company' FROM generate_series(0, :clients - 1) AS n
), owners AS (
    INSERT INTO number_owners (number, national_number, party_id, contact_id, rung, ambiguous, candidates)
    SELECT '+7495' || lpad(n::text, 7, '0'), '495' || lpad(n::text, 7, '0'), 'party-' || n, '', 'exact', false,
        ARRAY['party-' || n]
    FROM generate_series(0, :clients - 1) AS n
), versions AS (
    INSERT INTO routing_versions (rules, clients, rows_opened, rows_closed) VALUES ('{}', :clients, 0, 0)
    RETURNING version
), live AS (
    INSERT INTO published_routing (version, verified_at, stale_at, policy)
    SELECT version, now(), now() + interval '1 day', '{
        "zone": "Europe/Moscow", "names": 3, "last_talker_days": 30, "interception": "automatic",
        "menu": {"greeting_known": "Hello, {client}!", "greeting_new": "Hello!", "name": "{employee}: {extension}.",
                 "ending": "Or hold the line."}
    }'
    FROM versions
)
INSERT INTO routing_table (
    version, number, rank, client_id, party_id, party_name, employee_id, employee_name, extension, score, share,
    is_responsible, reason
)
SELECT
    version, '+7495' || lpad(n::text, 7, '0'), rank, 'party-' || n, 'party-' || n, 'Party ' || n,
    'employee-' || 200 + (n * 3 + rank) % 40, '', '', 4 - rank, (4 - rank) / 6.0, rank = 1, 'rank'
FROM versions, generate_series(0, :clients - 1) AS n, generate_series(1, 3) AS rank
