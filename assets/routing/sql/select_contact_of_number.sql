-- Whose number this is at a moment: the client and the contact whose evidence is ranked.
SELECT o.party_id, coalesce(o.contact_id, '') AS contact_id
FROM number_owners AS o
WHERE o.number = :number AND o.party_id IS NOT NULL
    AND (o.valid_from IS NULL OR o.valid_from <= :at) AND (o.valid_to IS NULL OR o.valid_to > :at)
