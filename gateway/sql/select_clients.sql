-- Clients found by a part of their name, a contact's name, or by a number or its last digits.
--   pattern  for ILIKE; its signs are escaped
--   number   E.164, or as it is
--   tail     last digits, turned round; NULL where there are too few
SELECT
    p.party_id, p.name,
    ARRAY(
        SELECT DISTINCT coalesce(f.number, f.raw)
        FROM switchboard.crm_phones AS f
        WHERE f.source = p.source AND f.party_id = p.party_id AND f.gone_at IS NULL
        ORDER BY 1
        LIMIT 5
    ) AS phones
FROM switchboard.crm_parties AS p
WHERE p.gone_at IS NULL AND p.party_id IN (
    SELECT n.party_id FROM switchboard.crm_parties AS n WHERE n.name ILIKE %(pattern)s
    UNION ALL
    SELECT f.party_id FROM switchboard.crm_phones AS f WHERE f.contact_name ILIKE %(pattern)s AND f.gone_at IS NULL
    UNION ALL
    SELECT f.party_id FROM switchboard.crm_phones AS f WHERE f.number = %(number)s AND f.gone_at IS NULL
    UNION ALL
    SELECT unnest(o.candidates)
    FROM switchboard.number_owners AS o
    WHERE reverse(o.number COLLATE "C") >= CAST(%(tail)s AS text)
        AND reverse(o.number COLLATE "C") < CAST(%(tail)s AS text) || ':'
)
ORDER BY p.name, p.party_id
LIMIT 20
