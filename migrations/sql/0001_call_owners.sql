-- Every call with the owner its number had when it began: the one place where this is decided.
-- `regions` maps pbx_id to the country assumed for its numbers, '' being all others.
-- A number with no E.164 form is compared by its national number, and only where that names one owner.
CREATE FUNCTION switchboard.call_owners(regions jsonb)
RETURNS TABLE (
    pbx_id text, linkedid text, call_day date, started_at timestamptz, number text, party_id text,
    contact_id text, rung text, candidates text[], responsible_id text
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        h.pbx_id, h.linkedid, h.call_day, h.started_at,
        CASE
            WHEN f.kind = 'hidden' THEN NULL
            ELSE coalesce(f.number, f.national_number, h.client_number)
        END,
        coalesce(exact.party_id, nat.party_id),
        coalesce(exact.contact_id, nat.contact_id),
        CASE WHEN exact.number IS NOT NULL THEN exact.rung WHEN nat.rung IS NOT NULL THEN 'national' END,
        CASE
            WHEN exact.ambiguous THEN exact.candidates
            WHEN nat.ambiguous THEN nat.candidates
            ELSE '{}'
        END,
        party.responsible_id
    FROM switchboard.call_history AS h
    LEFT JOIN switchboard.number_forms AS f
        ON f.raw = h.client_number AND f.region = coalesce(regions ->> h.pbx_id, regions ->> '')
    LEFT JOIN switchboard.number_owners AS exact
        ON exact.number = f.number AND tstzrange(exact.valid_from, exact.valid_to) @> h.started_at
    LEFT JOIN LATERAL (
        SELECT
            min(o.party_id) AS party_id, min(o.contact_id) AS contact_id, min(o.rung) AS rung,
            bool_or(o.ambiguous) AS ambiguous, min(o.candidates) AS candidates
        FROM switchboard.number_owners AS o
        WHERE f.number IS NULL AND f.kind <> 'hidden' AND o.national_number = f.national_number
            AND tstzrange(o.valid_from, o.valid_to) @> h.started_at
        HAVING count(*) = 1
    ) AS nat ON true
    LEFT JOIN switchboard.crm_parties AS party
        ON party.party_id = coalesce(exact.party_id, nat.party_id) AND party.gone_at IS NULL
    WHERE h.gone_at IS NULL
$$
