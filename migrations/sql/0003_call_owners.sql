-- Every call with the owner its number had when it began, or at `as_of`: the one place where this is decided.
--   regions      pbx_id to the country assumed for its numbers, '' being all others
--   tail_digits  so many last digits must agree where nothing better does; 0 leaves the tail out
-- The ladder: the E.164 number; the same national number in another country; the same last digits. The lower
-- rungs are for numbers that came without their country code only, and several owners there are candidates.
CREATE FUNCTION switchboard.call_owners(regions jsonb, tail_digits integer, as_of timestamptz DEFAULT NULL)
RETURNS TABLE (
    pbx_id text, linkedid text, call_day date, started_at timestamptz, number text, party_id text,
    contact_id text, rung text, candidates text[], responsible_id text, number_kind text, outcome text,
    listed_as text
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        h.pbx_id, h.linkedid, h.call_day, h.started_at,
        CASE
            WHEN f.kind = 'hidden' THEN NULL
            ELSE coalesce(f.number, f.national_number, h.client_number)
        END,
        named.party_id,
        CASE WHEN named.party_id IS NOT NULL THEN coalesce(exact.contact_id, loose.contact_id) END,
        CASE WHEN named.is_matched THEN coalesce(exact.rung, loose.rung) END,
        CASE
            WHEN NOT named.is_matched OR named.is_shared THEN '{}'
            WHEN exact.number IS NOT NULL THEN CASE WHEN exact.ambiguous THEN exact.candidates ELSE '{}' END
            WHEN cardinality(loose.candidates) > 1 THEN loose.candidates
            ELSE '{}'
        END,
        party.responsible_id,
        CASE
            WHEN h.client_number IS NULL THEN CASE WHEN h.direction = 'internal' THEN 'internal' ELSE 'hidden' END
            ELSE coalesce(own.kind, f.kind, 'invalid')
        END,
        CASE
            WHEN h.direction = 'internal' THEN 'internal'
            WHEN h.client_number IS NULL OR f.kind = 'hidden' THEN 'hidden'
            WHEN named.party_id IS NOT NULL THEN 'owned'
            WHEN named.is_shared THEN 'shared'
            WHEN named.is_matched AND cardinality(coalesce(exact.candidates, loose.candidates)) > 1 THEN 'ambiguous'
            WHEN own.number IS NOT NULL THEN 'own'
            WHEN listed.kind IS NOT NULL THEN 'listed'
            WHEN f.kind = 'external' THEN 'unknown'
            ELSE coalesce(f.kind, 'invalid')
        END,
        listed.kind
    FROM switchboard.call_history AS h
    LEFT JOIN switchboard.number_forms AS f
        ON f.raw = h.client_number AND f.region = coalesce(regions ->> h.pbx_id, regions ->> '')
    LEFT JOIN switchboard.number_owners AS exact
        ON exact.number = f.number
        -- Compared one by one: as a range they would draw in the constraint's index, which all numbers match.
        AND (exact.valid_from IS NULL OR exact.valid_from <= coalesce(as_of, h.started_at))
        AND (exact.valid_to IS NULL OR exact.valid_to > coalesce(as_of, h.started_at))
    LEFT JOIN LATERAL (
        SELECT step.rung, step.candidates, step.contact_id, step.is_shared
        FROM (
            SELECT
                'national' AS rung, array_agg(DISTINCT c.party_id ORDER BY c.party_id) AS candidates,
                CASE WHEN count(DISTINCT o.number) = 1 THEN min(o.contact_id) END AS contact_id,
                bool_or(o.is_shared) AS is_shared
            FROM switchboard.number_owners AS o
            CROSS JOIN LATERAL unnest(o.candidates) AS c(party_id)
            WHERE exact.number IS NULL AND NOT f.is_international AND f.kind IN ('external', 'short', 'invalid')
                AND o.national_number = f.national_number
                AND (o.valid_from IS NULL OR o.valid_from <= coalesce(as_of, h.started_at))
                AND (o.valid_to IS NULL OR o.valid_to > coalesce(as_of, h.started_at))
            HAVING count(*) > 0
            UNION ALL
            SELECT
                'tail', array_agg(DISTINCT c.party_id ORDER BY c.party_id),
                CASE WHEN count(DISTINCT o.number) = 1 THEN min(o.contact_id) END,
                bool_or(o.is_shared)
            FROM switchboard.number_owners AS o
            CROSS JOIN LATERAL unnest(o.candidates) AS c(party_id)
            WHERE exact.number IS NULL AND NOT f.is_international AND f.kind IN ('external', 'short', 'invalid')
                AND tail_digits > 0 AND length(f.digits) >= tail_digits
                -- All numbers that end so: ':' comes after the digits.
                AND reverse(o.number COLLATE "C") >= reverse(right(f.digits, tail_digits))
                AND reverse(o.number COLLATE "C") < reverse(right(f.digits, tail_digits)) || ':'
                AND (o.valid_from IS NULL OR o.valid_from <= coalesce(as_of, h.started_at))
                AND (o.valid_to IS NULL OR o.valid_to > coalesce(as_of, h.started_at))
            HAVING count(*) > 0
        ) AS step
        ORDER BY step.rung
        LIMIT 1
    ) AS loose ON true
    LEFT JOIN switchboard.own_numbers AS own
        ON own.number = f.number AND (own.valid_to IS NULL OR own.valid_to > coalesce(as_of, h.started_at))
    LEFT JOIN LATERAL (
        SELECT min(l.kind) AS kind
        FROM switchboard.listed_numbers AS l
        WHERE l.number = f.number AND l.gone_at IS NULL
            AND (l.expires_at IS NULL OR l.expires_at > coalesce(as_of, h.started_at))
    ) AS listed ON true
    CROSS JOIN LATERAL (
        -- An employee's own mobile is nobody's number, whatever the cards say, unless somebody says so by hand.
        SELECT own.kind IS DISTINCT FROM 'own_mobile' OR exact.rung IS NOT DISTINCT FROM 'manual' AS counts
    ) AS cards
    CROSS JOIN LATERAL (
        SELECT
            cards.counts AND (exact.number IS NOT NULL OR loose.rung IS NOT NULL) AS is_matched,
            cards.counts AND coalesce(exact.is_shared, loose.is_shared, false) AS is_shared,
            CASE
                WHEN NOT cards.counts THEN NULL
                WHEN exact.number IS NOT NULL THEN exact.party_id
                WHEN cardinality(loose.candidates) = 1 AND NOT loose.is_shared THEN loose.candidates[1]
            END AS party_id
    ) AS named
    LEFT JOIN switchboard.crm_parties AS party ON party.party_id = named.party_id AND party.gone_at IS NULL
    WHERE h.gone_at IS NULL
$$
