-- Enriched calls whose owner is no party we know.
SELECT e.pbx_id, e.linkedid, e.party_id
FROM enriched_calls AS e
WHERE e.party_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM crm_parties AS p WHERE p.party_id = e.party_id)
