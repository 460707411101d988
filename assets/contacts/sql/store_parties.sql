-- Parties of the source: only differences are written; who is missing is marked gone. Calls of a party whose
-- responsible is another one now are to be looked at again.
WITH compared AS (
    SELECT
        w.*,
        p.party_id IS NULL AS is_new,
        (p.source, p.kind) IS DISTINCT FROM (:source, w.kind) AS is_moved,
        p.gone_at IS NOT NULL OR (p.name, p.responsible_id) IS DISTINCT FROM (w.name, w.responsible_id)
            AS alters_routing,
        p.gone_at IS NOT NULL OR p.responsible_id IS DISTINCT FROM w.responsible_id AS alters_calls
    FROM wanted_parties AS w
    LEFT JOIN crm_parties AS p USING (party_id)
), differing AS (
    SELECT * FROM compared WHERE is_new OR is_moved OR alters_routing
), written AS (
    INSERT INTO crm_parties (party_id, source, name, kind, responsible_id)
    SELECT party_id, :source, name, kind, responsible_id
    FROM differing
    ON CONFLICT (party_id) DO UPDATE SET
        source = excluded.source, name = excluded.name, kind = excluded.kind,
        responsible_id = excluded.responsible_id, gone_at = NULL
), gone AS (
    UPDATE crm_parties AS p
    SET gone_at = now()
    WHERE p.source = :source AND p.gone_at IS NULL
        AND p.party_id IN (SELECT s.party_id FROM scope_parties AS s)
        AND NOT EXISTS (SELECT FROM wanted_parties AS w WHERE w.party_id = p.party_id)
        AND p.party_id NOT IN (SELECT key FROM refused_contacts)
    RETURNING p.party_id
), queued AS (
    INSERT INTO changed_clients (client_id)
    -- A new party without a number is in nobody's way; with one, its owners are decided anew.
    SELECT party_id FROM differing WHERE alters_routing AND NOT is_new
    UNION
    SELECT party_id FROM gone
    ORDER BY 1
), relinked AS (
    INSERT INTO numbers_to_relink (number, national_number)
    SELECT DISTINCT o.number, o.national_number
    FROM number_owners AS o
    JOIN (
        SELECT party_id FROM differing WHERE alters_calls AND NOT is_new
        UNION
        SELECT party_id FROM gone
    ) AS p USING (party_id)
)
SELECT
    count(*) FILTER (WHERE is_new) AS new,
    count(*) FILTER (WHERE NOT is_new AND (is_moved OR alters_routing)) AS changed,
    (SELECT count(*) FROM gone) AS gone,
    count(*) FILTER (WHERE NOT (is_new OR is_moved OR alters_routing)) AS unchanged
FROM compared
