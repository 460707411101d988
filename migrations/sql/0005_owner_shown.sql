-- Whose a number is to be shown as now: what was assigned by hand at once, else what was decided. No row: nobody's.
CREATE FUNCTION switchboard.owner_shown(asked text)
RETURNS TABLE (
    party_id text, party_name text, party_kind text, contact_id text, contact_name text, is_ambiguous boolean,
    candidates text[], by_hand boolean
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        o.party_id, p.name, p.kind, o.contact_id, (
            SELECT nullif(min(c.contact_name), '')
            FROM switchboard.crm_phones AS c
            WHERE c.source = p.source AND c.party_id = o.party_id AND c.contact_id = o.contact_id AND c.gone_at IS NULL
        ),
        o.ambiguous, o.candidates, o.by_hand
    FROM (
        SELECT v.party_id, v.contact_id, false AS ambiguous, '{}'::text[] AS candidates, true AS by_hand
        FROM switchboard.number_overrides AS v
        WHERE v.number = asked AND v.superseded_at IS NULL
            AND (v.valid_from IS NULL OR v.valid_from <= now()) AND (v.valid_to IS NULL OR v.valid_to > now())
        UNION ALL
        SELECT n.party_id, n.contact_id, n.ambiguous, n.candidates, false
        FROM switchboard.number_owners AS n
        WHERE n.number = asked
            AND (n.valid_from IS NULL OR n.valid_from <= now()) AND (n.valid_to IS NULL OR n.valid_to > now())
    ) AS o
    LEFT JOIN switchboard.crm_parties AS p USING (party_id)
    ORDER BY o.by_hand DESC
    LIMIT 1
$$
