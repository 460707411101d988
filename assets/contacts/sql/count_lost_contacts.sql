-- How much of what we hold from this source it no longer has. Parties the load does not speak about are not lost,
-- and unreadable rows still speak of theirs.
WITH parties AS (
    SELECT count(*) AS held, count(*) FILTER (WHERE w.party_id IS NULL AND s.party_id IS NOT NULL) AS lost
    FROM crm_parties AS p
    LEFT JOIN scope_parties AS s USING (party_id)
    LEFT JOIN wanted_parties AS w USING (party_id)
    WHERE p.source = :source AND p.gone_at IS NULL AND p.party_id NOT IN (SELECT key FROM refused_contacts)
), numbers AS (
    SELECT count(*) AS held, count(*) FILTER (WHERE w.number IS NULL AND s.party_id IS NOT NULL) AS lost
    FROM (
        SELECT DISTINCT party_id, number
        FROM crm_phones
        WHERE source = :source AND gone_at IS NULL AND number IS NOT NULL
            AND party_id NOT IN (SELECT key FROM refused_contacts)
    ) AS p
    LEFT JOIN scope_parties AS s USING (party_id)
    LEFT JOIN (SELECT DISTINCT party_id, number FROM wanted_phones) AS w USING (party_id, number)
)
SELECT 'clients' AS what, held, lost FROM parties
UNION ALL
SELECT 'phone numbers', held, lost FROM numbers
