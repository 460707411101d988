-- Empty the queue of changed calls into the work table.
WITH taken AS (DELETE FROM changed_calls RETURNING pbx_id, linkedid)
INSERT INTO touched_calls (pbx_id, linkedid) SELECT DISTINCT pbx_id, linkedid FROM taken
