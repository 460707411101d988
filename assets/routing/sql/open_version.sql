-- A new version, if the ranking of the touched clients came out different; none otherwise.
WITH current AS (
    SELECT
        number, rank, client_id, contact_id, party_id, party_name, employee_id, employee_name, extension, score, share,
        is_responsible, reason
    FROM routing_table
    WHERE until_version IS NULL AND client_id IN (SELECT client_id FROM touched_clients)
), opened AS (
    SELECT * FROM ranked EXCEPT SELECT * FROM current
), closed AS (
    SELECT * FROM current EXCEPT SELECT * FROM ranked
)
INSERT INTO routing_versions (rules, clients, rows_opened, rows_closed)
SELECT
    CAST(:rules AS jsonb), 0,
    (SELECT count(*) FROM opened), (SELECT count(*) FROM closed)
WHERE EXISTS (SELECT FROM opened) OR EXISTS (SELECT FROM closed)
RETURNING version, rows_opened, rows_closed
