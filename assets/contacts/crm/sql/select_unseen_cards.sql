-- Objects of a set that we hold and that were seen neither in the version held nor read anew.
SELECT c.ref
FROM crm_cards AS c
WHERE c.source = :source AND c.entity_set = :entity_set AND c.gone_at IS NULL
    AND NOT EXISTS (
        SELECT FROM staged_versions AS v
        WHERE v.entity_set = c.entity_set AND v.ref = c.ref AND v.version = c.version
    )
    AND NOT EXISTS (SELECT FROM staged_cards AS s WHERE s.entity_set = c.entity_set AND s.ref = c.ref)
ORDER BY c.ref
