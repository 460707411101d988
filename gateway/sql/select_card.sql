-- What a card shows of a call or a number: one row. Calls that are going on are another question.
--   pbx, call  the call; NULL where a number is asked for
--   number     E.164, or as it is; NULL where a call is asked for
--   viewer     employee_id of who asks
--   sees_all   whether they see everybody's calls
-- Where `may_see` is false the rest means nothing.
WITH asked AS MATERIALIZED (
    SELECT
        coalesce(CAST(%(number)s AS text), max(l.number)) AS number,
        CAST(%(number)s AS text) IS NOT NULL OR (count(*) > 0 AND (%(sees_all)s OR EXISTS (
            SELECT
            FROM switchboard.call_members AS m
            WHERE m.pbx_id = %(pbx)s AND m.linkedid = %(call)s AND m.employee_id = %(viewer)s
        ))) AS may_see
    FROM switchboard.live_legs AS l
    WHERE l.pbx_id = %(pbx)s AND l.linkedid = %(call)s
), owner AS MATERIALIZED (
    SELECT
        a.may_see, a.number, o.party_id, o.party_name, o.party_kind, nullif(o.contact_id, '') AS contact_id, o.contact_name,
        coalesce(o.is_ambiguous, false) AS is_ambiguous, coalesce(o.candidates, '{}') AS candidates,
        CASE WHEN a.number ~ '^\+\d{8,15}$' THEN reverse(right(a.number, 7)) END AS tail
    FROM asked AS a
    LEFT JOIN LATERAL switchboard.owner_shown(a.number) AS o ON true
)
SELECT
    w.may_see, w.number, w.party_id, w.party_name, w.party_kind, w.contact_id, w.contact_name, w.is_ambiguous,
    r.employee_id, r.employee_name, r.extension, r.reason, coalesce(r.is_stale, false) AS is_stale, r.instead_of,
    coalesce(r.unavailable, '[]') AS unavailable, papers.documents, past.history, others.candidates
FROM owner AS w
LEFT JOIN LATERAL switchboard.route(w.number) AS r ON w.number IS NOT NULL AND w.may_see
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'source', d.source, 'document_id', d.document_id, 'kind', d.kind, 'at', d.at,
        'employee_name', (SELECT e.name FROM switchboard.crm_employees AS e WHERE e.employee_id = d.employee_id),
        'url', NULL
    ) ORDER BY d.at DESC, d.document_id), '[]') AS documents
    FROM (
        SELECT i.source, i.document_id, i.kind, i.at, i.employee_id
        FROM switchboard.crm_interactions AS i
        WHERE i.party_id = w.party_id AND i.kind <> 'call' AND i.source <> 'messenger' AND NOT i.is_deleted AND i.gone_at IS NULL
            -- One that is tracked is open as long as it counts.
            AND NOT EXISTS (
                SELECT FROM switchboard.tracked_interactions AS t
                WHERE t.kind = i.kind AND t.source = i.source AND t.source_key = i.document_id
                    AND t.valid_until <= now()
            )
        ORDER BY i.at DESC
        LIMIT 10
    ) AS d
) AS papers
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(line ORDER BY at DESC, key), '[]') AS history
    FROM (
        SELECT h.started_at AS at, h.linkedid AS key, jsonb_build_object(
            'type', 'call', 'at', h.started_at, 'direction', h.direction, 'status', h.status,
            'talk_seconds', h.talk_seconds, 'needs_attention', h.needs_attention,
            'employees', ARRAY(
                SELECT coalesce(e.name, x.employee_id)
                FROM unnest(h.employees) WITH ORDINALITY AS x (employee_id, place)
                LEFT JOIN switchboard.crm_employees AS e USING (employee_id)
                ORDER BY x.place
            )
        ) AS line
        FROM (
            (
                SELECT c.*
                FROM switchboard.enriched_calls AS e
                JOIN switchboard.call_history AS c USING (pbx_id, linkedid)
                WHERE e.party_id = w.party_id AND c.gone_at IS NULL
                ORDER BY e.started_at DESC
                LIMIT 10
            )
            UNION ALL
            (
                SELECT c.*
                FROM switchboard.enriched_calls AS e
                JOIN switchboard.call_history AS c USING (pbx_id, linkedid)
                WHERE w.party_id IS NULL AND e.number = w.number AND c.gone_at IS NULL
                ORDER BY e.call_day DESC, e.started_at DESC
                LIMIT 10
            )
        ) AS h
        UNION ALL
        (
            SELECT m.sent_at, m.message_id, jsonb_build_object(
                'type', 'message', 'at', m.sent_at, 'direction', m.direction, 'kind', m.kind,
                'text', CASE WHEN m.is_revoked THEN '' ELSE left(m.text, 200) END, 'status', m.status,
                'employees', ARRAY(
                    SELECT e.name FROM switchboard.crm_employees AS e WHERE e.employee_id = m.employee_id
                )
            )
            FROM (
                SELECT p.person_id
                FROM switchboard.messenger_people AS p
                WHERE p.number = w.number
                UNION
                SELECT p.person_id
                FROM switchboard.number_owners AS n
                JOIN switchboard.messenger_people AS p ON p.number = n.number
                WHERE n.party_id = w.party_id
                    AND (n.valid_from IS NULL OR n.valid_from <= now()) AND (n.valid_to IS NULL OR n.valid_to > now())
                UNION
                SELECT h.person_id
                FROM switchboard.person_contacts AS h
                WHERE h.party_id = w.party_id AND h.valid_to IS NULL
            ) AS people
            -- Whom somebody made another client's contact by hand, is that client's.
            JOIN switchboard.chats AS c USING (person_id)
            JOIN switchboard.shown_messages AS m USING (chat_id)
            WHERE NOT EXISTS (
                SELECT FROM switchboard.person_contacts AS h
                WHERE h.person_id = people.person_id AND h.valid_to IS NULL
                    AND h.party_id IS DISTINCT FROM coalesce(w.party_id, '')
            )
            ORDER BY m.sent_at DESC
            LIMIT 10
        )
    ) AS lines
) AS past
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'party_id', c.party_id, 'name', c.name, 'contact_id', c.contact_id, 'contact_name', c.contact_name,
        'why', c.why
    ) ORDER BY c.step, c.name, c.party_id, c.contact_id), '[]') AS candidates
    FROM (
        SELECT DISTINCT ON (maybe.party_id) maybe.step, maybe.why, p.party_id, p.name, maybe.contact_id, (
            SELECT min(x.contact_name)
            FROM switchboard.crm_phones AS x
            WHERE maybe.contact_id <> '' AND x.source = p.source AND x.party_id = p.party_id
                AND x.contact_id = maybe.contact_id AND x.gone_at IS NULL
        ) AS contact_name
        FROM (
            SELECT 1 AS step, 'shares the number' AS why, f.party_id, f.contact_id
            FROM switchboard.crm_phones AS f
            WHERE f.number = w.number AND f.gone_at IS NULL
            UNION ALL
            SELECT 2, 'shares the number', unnest(w.candidates), ''
            UNION ALL
            SELECT 3, 'hand', v.party_id, coalesce(v.contact_id, '')
            FROM switchboard.number_overrides AS v
            WHERE v.number = w.number AND v.party_id IS NOT NULL
            UNION ALL
            SELECT 4, 'last digits', n.party_id, coalesce(n.contact_id, '')
            FROM switchboard.number_owners AS n
            -- A colon comes after the digits.
            WHERE reverse(n.number COLLATE "C") >= w.tail AND reverse(n.number COLLATE "C") < w.tail || ':'
                AND n.party_id IS NOT NULL AND n.number <> w.number
                AND (n.valid_from IS NULL OR n.valid_from <= now()) AND (n.valid_to IS NULL OR n.valid_to > now())
        ) AS maybe
        JOIN switchboard.crm_parties AS p USING (party_id)
        WHERE p.gone_at IS NULL
        ORDER BY maybe.party_id, maybe.step, maybe.contact_id
        LIMIT 10
    ) AS c
    WHERE w.party_id IS NULL
) AS others
