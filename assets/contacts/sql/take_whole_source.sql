-- A source that gives all it has speaks about every party we hold from it.
INSERT INTO scope_parties (party_id)
SELECT party_id FROM crm_parties WHERE source = :source
UNION
SELECT party_id FROM crm_phones WHERE source = :source
UNION
SELECT party_id FROM staged_parties
