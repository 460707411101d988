-- Phone calls of the base whose contact should be another one: their number had one owner from this base when they
-- took place, and nobody chose a contact: there is none, or it is the one we wrote. Where the owner's contact person
-- cannot stand in a phone call, the party does. An empty contact in written_links is a choice that we cannot read.
SELECT
    i.entity_set, i.document_id, coalesce(w.contact_ref, '') AS written_ref,
    coalesce(contact.entity_set, party.entity_set) AS contact_set, coalesce(contact.ref, party.ref) AS contact_ref,
    o.party_id, coalesce(contact.ref, '') AS contact_id
FROM crm_interactions AS i
JOIN number_owners AS o
    ON o.number = i.number AND o.party_id IS NOT NULL AND tstzrange(o.valid_from, o.valid_to) @> i.at
CROSS JOIN LATERAL (
    SELECT c.entity_set, c.ref, c.gone_at, c.is_deleted
    FROM crm_cards AS c
    WHERE c.source = :source AND c.entity_set = ANY (CAST(:party_sets AS text[])) AND c.ref = o.party_id
        AND c.party_id = o.party_id
    ORDER BY array_position(CAST(:party_sets AS text[]), c.entity_set)
    LIMIT 1
) AS party
LEFT JOIN LATERAL (
    SELECT c.entity_set, c.ref
    FROM crm_cards AS c
    WHERE c.source = :source AND c.entity_set = ANY (CAST(:contact_sets AS text[])) AND c.ref = o.contact_id
        AND c.entity_set = ANY (coalesce(CAST(:writable_sets AS text[]), ARRAY[c.entity_set]))
        AND c.gone_at IS NULL AND NOT c.is_deleted
    LIMIT 1
) AS contact ON true
LEFT JOIN written_links AS w ON w.source = :source AND w.document_id = i.document_id
CROSS JOIN LATERAL (SELECT coalesce(nullif(i.contact_id, ''), i.party_id) AS ref) AS present
WHERE i.source = :source AND i.kind = 'call' AND i.gone_at IS NULL AND NOT i.is_deleted
    AND i.interaction_day >= :first_day
    AND party.gone_at IS NULL AND NOT party.is_deleted
    AND (
        contact.ref IS NOT NULL
        OR party.entity_set = ANY (coalesce(CAST(:writable_sets AS text[]), ARRAY[party.entity_set]))
    )
    AND w.contact_ref IS DISTINCT FROM ''
    AND (
        present.ref = ''
        OR (present.ref = w.contact_ref AND present.ref <> coalesce(contact.ref, party.ref))
    )
ORDER BY i.at DESC, i.document_id
LIMIT :calls
