-- Every document, and every one there is evidence of.
INSERT INTO touched_documents (source, entity_set, document_id)
SELECT source, entity_set, document_id FROM crm_interactions
UNION
SELECT source, split_part(source_key, ' ', 1), substr(source_key, strpos(source_key, ' ') + 1)
FROM tracked_interactions
WHERE kind <> 'call'
ON CONFLICT DO NOTHING
