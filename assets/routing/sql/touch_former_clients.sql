-- Clients that hold, in the current table, a number which now belongs to a touched client.
INSERT INTO touched_clients (client_id)
SELECT DISTINCT r.client_id
FROM routing_table AS r
WHERE r.until_version IS NULL
    AND r.number IN (
        SELECT o.number FROM number_owners AS o
        WHERE o.party_id IN (SELECT t.client_id FROM touched_clients AS t)
        UNION
        SELECT substr(t.client_id, 5) FROM touched_clients AS t WHERE t.client_id LIKE 'tel:%'
    )
ON CONFLICT DO NOTHING
