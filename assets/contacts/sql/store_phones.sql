-- Numbers on the source's cards: only differences are written; a number that left its card is marked gone.
WITH compared AS (
    SELECT
        w.*,
        p.number AS old_number,
        p.party_id IS NULL AS is_new,
        (p.contact_name, p.national_number, p.kind)
            IS DISTINCT FROM (w.contact_name, w.national_number, w.kind) AS is_described_anew,
        p.gone_at IS NOT NULL
            OR (p.number, p.valid_from, p.valid_to) IS DISTINCT FROM (w.number, w.valid_from, w.valid_to)
            AS alters_ownership
    FROM wanted_phones AS w
    LEFT JOIN crm_phones AS p
        ON p.source = :source AND p.party_id = w.party_id AND p.contact_id = w.contact_id AND p.raw = w.raw
), differing AS (
    SELECT * FROM compared WHERE is_new OR is_described_anew OR alters_ownership
), written AS (
    INSERT INTO crm_phones (
        source, party_id, contact_id, raw, contact_name, number, national_number, kind, valid_from, valid_to
    )
    SELECT
        :source, party_id, contact_id, raw, contact_name, number, national_number, kind, valid_from, valid_to
    FROM differing
    ON CONFLICT (source, party_id, contact_id, raw) DO UPDATE SET
        contact_name = excluded.contact_name, number = excluded.number,
        national_number = excluded.national_number, kind = excluded.kind, valid_from = excluded.valid_from,
        valid_to = excluded.valid_to, gone_at = NULL
), gone AS (
    UPDATE crm_phones AS p
    SET gone_at = now()
    WHERE p.source = :source AND p.gone_at IS NULL
        AND p.party_id IN (SELECT s.party_id FROM scope_parties AS s)
        AND NOT EXISTS (
            SELECT FROM wanted_phones AS w
            WHERE w.party_id = p.party_id AND w.contact_id = p.contact_id AND w.raw = p.raw
        )
        AND p.party_id NOT IN (SELECT key FROM refused_contacts)
    RETURNING p.party_id, p.number
), touched AS (
    SELECT party_id, number FROM gone
    UNION
    SELECT d.party_id, n.number
    FROM differing AS d
    CROSS JOIN LATERAL (VALUES (d.number), (d.old_number)) AS n(number)
    WHERE d.is_new OR d.alters_ownership
), queued AS (
    INSERT INTO changed_clients (client_id)
    SELECT party_id FROM touched WHERE number IS NOT NULL
    UNION
    SELECT 'tel:' || number FROM touched WHERE number IS NOT NULL
    ORDER BY 1
), undecided AS (
    INSERT INTO numbers_to_decide (number)
    SELECT DISTINCT number FROM touched WHERE number IS NOT NULL
)
SELECT
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new AND (is_described_anew OR alters_ownership)) AS changed,
    (SELECT count(*) FROM gone) AS gone,
    count(*) FILTER (WHERE NOT (is_new OR is_described_anew OR alters_ownership)) AS unchanged
FROM compared
