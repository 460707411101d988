-- Parties to look at again. A contact person may stand under a counterparty: its partner is meant too.
INSERT INTO scope_parties (party_id)
SELECT party_id FROM touched_parties WHERE party_id <> ''
UNION
SELECT c.party_id
FROM touched_parties AS t
JOIN crm_cards AS c
    ON c.source = :source AND c.entity_set = ANY (CAST(:party_sets AS text[])) AND c.ref = t.party_id
