-- Documents held of these days that the base did not show.
INSERT INTO staged_interactions (entity_set, document_id, is_gone)
SELECT i.entity_set, i.document_id, true
FROM crm_interactions AS i
WHERE i.source = :source AND i.interaction_day BETWEEN :first_day AND :last_day AND i.gone_at IS NULL
    AND i.entity_set = ANY (CAST(:interaction_sets AS text[]))
    AND NOT EXISTS (
        SELECT FROM staged_interactions AS s WHERE s.entity_set = i.entity_set AND s.document_id = i.document_id
    )
