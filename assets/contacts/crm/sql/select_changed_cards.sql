-- Objects of a set that are new, of another version, or back.
SELECT DISTINCT v.ref
FROM staged_versions AS v
LEFT JOIN crm_cards AS c
    ON c.source = :source AND c.entity_set = v.entity_set AND c.ref = v.ref AND c.gone_at IS NULL
WHERE v.entity_set = :entity_set AND c.version IS DISTINCT FROM v.version
ORDER BY v.ref
