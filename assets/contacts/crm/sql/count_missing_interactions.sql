-- Days of which documents are held and none was read: how many of the held ones were not read of another day either.
SELECT i.interaction_day, count(*) AS missing
FROM crm_interactions AS i
WHERE i.source = :source AND i.interaction_day BETWEEN :first_day AND :last_day AND i.gone_at IS NULL
    AND i.entity_set = ANY (CAST(:interaction_sets AS text[]))
    AND NOT EXISTS (
        SELECT FROM staged_interactions AS s WHERE s.entity_set = i.entity_set AND s.document_id = i.document_id
    )
    AND i.interaction_day NOT IN (
        SELECT CAST(s.at AT TIME ZONE :business_zone AS date) FROM staged_interactions AS s WHERE NOT s.is_gone
    )
GROUP BY i.interaction_day
ORDER BY i.interaction_day
