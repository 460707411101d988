-- Empty the queue of changed documents into the work table.
WITH taken AS (DELETE FROM changed_documents RETURNING source, entity_set, document_id)
INSERT INTO touched_documents (source, entity_set, document_id)
SELECT DISTINCT source, entity_set, document_id FROM taken
