-- Numbers of employees that were never parsed in this region.
SELECT DISTINCT n.raw
FROM crm_cards AS c
CROSS JOIN LATERAL unnest(c.phones) AS n(raw)
WHERE c.source = :source AND c.party_id = '' AND c.kind = 'employee' AND c.gone_at IS NULL AND NOT c.is_deleted
    AND NOT EXISTS (SELECT FROM number_forms AS f WHERE f.raw = n.raw AND f.region = :region)
