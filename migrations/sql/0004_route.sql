-- Who should answer a number at a moment: the one place where this is decided. Always one row.
--   asked  the number, E.164, or as dialled where it is none
--   at     the moment
-- The ladder: 1 pin, 2 the CRM's owner, 3 rank, 4 whoever talked last, 5 ranks that decide nothing but are worth
-- a place in the menu. The first who is available up to step 4 is the responsible, else it is the queue's.
-- Whoever is not available is replaced by their deputy. Past `stale_at` the ranks are left out.
CREATE FUNCTION switchboard.route(asked text, at timestamptz DEFAULT now())
RETURNS TABLE (
    number text, client_id text, party_id text, client_name text, contact_name text, is_known boolean,
    employee_id text, employee_name text, extension text, reason text, instead_of text,
    ranked jsonb, unavailable jsonb, greeting text, ending text,
    version bigint, built_at timestamptz, verified_at timestamptz, is_stale boolean, age_seconds double precision,
    interception text
) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
        asked, whose.client_id, owner.party_id, owner.party_name, owner.contact_name, owner.party_id IS NOT NULL,
        chosen.who ->> 'employee_id', chosen.who ->> 'name',
        coalesce(chosen.who ->> 'extension', CASE WHEN chosen.who IS NULL THEN live.policy ->> 'queue_extension' END),
        coalesce(chosen.who ->> 'reason', 'queue'),
        chosen.who ->> 'instead_of',
        coalesce(offered.ranked, '[]'), coalesce(offered.unavailable, '[]'),
        CASE
            WHEN owner.party_id IS NULL THEN live.policy -> 'menu' ->> 'greeting_new'
            ELSE replace(
                live.policy -> 'menu' ->> 'greeting_known', '{client}',
                coalesce(nullif(owner.contact_name, ''), owner.party_name, '')
            )
        END,
        live.policy -> 'menu' ->> 'ending',
        live.version, built.built_at, live.verified_at, age.is_stale,
        extract(epoch FROM at - live.verified_at)::double precision,
        coalesce(live.policy ->> 'interception', 'off')
    FROM (VALUES (1)) AS always(one)
    LEFT JOIN switchboard.published_routing AS live ON live.name = 'live'
    LEFT JOIN switchboard.routing_versions AS built ON built.version = live.version
    CROSS JOIN LATERAL (
        SELECT
            coalesce(at >= live.stale_at, true) AS is_stale,
            coalesce(live.policy ->> 'zone', 'UTC') AS zone,
            coalesce((live.policy ->> 'last_talker_days')::double precision, 0) AS last_talker_days
        OFFSET 0
    ) AS age
    LEFT JOIN LATERAL (
        SELECT o.party_id, p.name AS party_name, (
            SELECT min(c.contact_name)
            FROM switchboard.crm_phones AS c
            WHERE c.number = asked AND c.party_id = o.party_id AND c.contact_id = o.contact_id AND c.gone_at IS NULL
        ) AS contact_name
        FROM switchboard.number_owners AS o
        JOIN switchboard.crm_parties AS p USING (party_id)
        WHERE o.number = asked
            AND (o.valid_from IS NULL OR o.valid_from <= at) AND (o.valid_to IS NULL OR o.valid_to > at)
        LIMIT 1
    ) AS owner ON true
    CROSS JOIN LATERAL (SELECT coalesce(owner.party_id, 'tel:' || asked) AS client_id) AS whose
    LEFT JOIN LATERAL (
        WITH candidates AS (
            SELECT c.step, c.rank, c.employee_id, c.reason, c.score, c.share
            FROM switchboard.route_candidates(
                asked, whose.client_id, at, live.version, age.is_stale, age.last_talker_days
            ) AS c
        ), people AS (
            SELECT f.*, a.name, a.extension, a.unavailable, a.unavailable_until
            FROM (
                SELECT c.*, 0 AS position, CAST(NULL AS text) AS instead_of FROM candidates AS c
                UNION ALL
                SELECT c.step, c.rank, d.deputy_id, c.reason, NULL, NULL, d.position, c.employee_id
                FROM candidates AS c
                JOIN switchboard.employee_deputies AS d ON d.employee_id = c.employee_id
                    AND (d.valid_from IS NULL OR d.valid_from <= at) AND (d.valid_to IS NULL OR d.valid_to > at)
            ) AS f
            -- OFFSET 0 keeps it a question about each candidate: joined freely, everybody who works here would be
            -- looked at.
            CROSS JOIN LATERAL (
                SELECT s.name, s.extension, s.unavailable, s.unavailable_until
                FROM switchboard.availability(at, age.zone) AS s
                WHERE s.employee_id = f.employee_id
                OFFSET 0
            ) AS a
        ), named AS (
            -- Of one employee the best place counts; a deputy has one only where the employee is not there.
            SELECT DISTINCT ON (p.employee_id)
                p.*, p.unavailable IS NULL AND p.extension IS NOT NULL AS is_available
            FROM people AS p
            WHERE p.instead_of IS NULL OR EXISTS (
                SELECT FROM people AS away
                WHERE away.employee_id = p.instead_of AND away.instead_of IS NULL AND away.unavailable IS NOT NULL
            )
            ORDER BY p.employee_id, p.step, p.rank, p.position
        ), offers AS (
            SELECT
                n.step, n.rank, n.position, n.is_available,
                count(*) FILTER (WHERE n.is_available) OVER (ORDER BY n.step, n.rank, n.position, n.employee_id)
                    AS turn,
                jsonb_strip_nulls(jsonb_build_object(
                    'employee_id', n.employee_id, 'name', n.name, 'extension', n.extension, 'reason', n.reason,
                    'step', n.step, 'score', n.score, 'share', n.share, 'instead_of', n.instead_of,
                    'unavailable', n.unavailable, 'until', n.unavailable_until,
                    'phrase', replace(replace(
                        live.policy -> 'menu' ->> 'name', '{employee}', n.name
                    ), '{extension}', n.extension)
                )) AS who
            FROM named AS n
        )
        SELECT
            jsonb_agg(o.who ORDER BY o.step, o.rank, o.position) FILTER (
                WHERE o.is_available AND o.turn <= coalesce((live.policy ->> 'names')::integer, 3)
            ) AS ranked,
            jsonb_agg(o.who ORDER BY o.step, o.rank) FILTER (WHERE NOT o.is_available AND o.position = 0)
                AS unavailable
        FROM offers AS o
    ) AS offered ON true
    LEFT JOIN LATERAL (
        SELECT w.who
        FROM jsonb_array_elements(offered.ranked) WITH ORDINALITY AS w(who, place)
        WHERE (w.who ->> 'step')::integer <= 4
        ORDER BY w.place
        LIMIT 1
    ) AS chosen ON true
$$
