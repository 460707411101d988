-- What is known of the numbers to be decided about; or was known at `known_at`, 'infinity' being now.
INSERT INTO weighed_facts (number, party_id, contact_id, rung, starts_at, ends_at)
SELECT
    o.number, o.party_id, o.contact_id, o.rung, coalesce(o.valid_from, '-infinity'), coalesce(o.valid_to, 'infinity')
FROM contact_ownership AS o
JOIN decided_numbers USING (number)
WHERE o.recorded_at <= :known_at AND (o.superseded_at IS NULL OR o.superseded_at > :known_at)
UNION ALL
SELECT
    o.number, o.party_id, coalesce(o.contact_id, ''), 'manual',
    coalesce(o.valid_from, '-infinity'), coalesce(o.valid_to, 'infinity')
FROM number_overrides AS o
JOIN decided_numbers USING (number)
WHERE o.recorded_at <= :known_at AND (o.superseded_at IS NULL OR o.superseded_at > :known_at)
