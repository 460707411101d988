-- Empty the queue of changed clients into the work table.
WITH taken AS (DELETE FROM changed_clients RETURNING client_id)
INSERT INTO touched_clients (client_id) SELECT client_id FROM taken
ON CONFLICT DO NOTHING
