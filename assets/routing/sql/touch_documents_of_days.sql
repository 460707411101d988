-- The documents that stand on these days, or whose evidence does.
INSERT INTO touched_documents (source, entity_set, document_id)
SELECT source, entity_set, document_id FROM crm_interactions WHERE interaction_day BETWEEN :first_day AND :last_day
UNION
SELECT source, split_part(source_key, ' ', 1), substr(source_key, strpos(source_key, ' ') + 1)
FROM tracked_interactions
WHERE kind <> 'call' AND interaction_day BETWEEN :first_day AND :last_day
ON CONFLICT DO NOTHING
