-- A party is its own card, and is gone with it. Where a base was converted, a partner and its counterparty may have
-- one reference: the set that is read first counts.
INSERT INTO staged_parties (party_id, name, kind, responsible_id)
SELECT ref, name, CASE WHEN is_person THEN 'person' ELSE 'company' END, responsible_id
FROM (
    SELECT DISTINCT ON (c.ref) c.*
    FROM scope_parties AS s
    JOIN crm_cards AS c
        ON c.source = :source AND c.entity_set = ANY (CAST(:party_sets AS text[])) AND c.ref = s.party_id
            AND c.party_id = s.party_id
    ORDER BY c.ref, array_position(CAST(:party_sets AS text[]), c.entity_set)
) AS own
WHERE gone_at IS NULL AND NOT is_deleted
