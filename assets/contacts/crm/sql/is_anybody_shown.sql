-- Whether the base showed any client at all.
SELECT EXISTS (SELECT FROM staged_versions WHERE entity_set = ANY (CAST(:party_sets AS text[])))
    OR EXISTS (SELECT FROM staged_cards WHERE entity_set = ANY (CAST(:party_sets AS text[])) AND NOT is_gone)
