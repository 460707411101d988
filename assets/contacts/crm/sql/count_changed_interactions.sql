-- How many documents of these days differ in their version from those held, are new, or are no longer there.
WITH held AS (
    SELECT entity_set, document_id AS ref, version
    FROM crm_interactions
    WHERE source = :source AND interaction_day BETWEEN :first_day AND :last_day AND gone_at IS NULL
        AND entity_set = ANY (CAST(:interaction_sets AS text[]))
), seen AS (
    SELECT DISTINCT entity_set, ref, version
    FROM staged_versions
    WHERE entity_set = ANY (CAST(:interaction_sets AS text[]))
)
SELECT count(*) AS changed
FROM held AS h
FULL JOIN seen AS s USING (entity_set, ref)
WHERE h.version IS DISTINCT FROM s.version
