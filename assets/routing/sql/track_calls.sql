-- Evidence from the touched calls: who talked how long with which client; only differences are written, and
-- the clients they concern, former and new, are queued for ranking.
--   weight = base * ln(1 + min(talk, long) / 30) * role * direction, nothing below the shortest talk
WITH calls AS (
    SELECT
        h.pbx_id, h.linkedid, h.call_day, h.started_at, h.direction, h.client_key, e.party_id, e.number,
        coalesce(e.contact_id, '') AS contact_id, coalesce(e.party_id, 'tel:' || e.number) AS client_id
    FROM touched_calls AS t
    JOIN call_history AS h USING (pbx_id, linkedid)
    JOIN enriched_calls AS e USING (pbx_id, linkedid)
    WHERE h.direction <> 'internal' AND h.talk_seconds > 0 AND e.number IS NOT NULL AND h.gone_at IS NULL
        AND :call_weight > 0
    GROUP BY h.pbx_id, h.linkedid, e.pbx_id, e.linkedid
), sides AS MATERIALIZED (
    -- Kept, so that the extension can be joined by hash.
    SELECT
        c.*, side.extension, l.talk_seconds
    FROM calls AS c
    JOIN call_legs AS l USING (pbx_id, linkedid)
    CROSS JOIN LATERAL (VALUES (l.src_extension), (l.dst_extension)) AS side(extension)
    WHERE l.talk_seconds > 0 AND l.gone_at IS NULL AND side.extension IS NOT NULL
        -- Talk among ourselves about the client is not talk with the client.
        AND c.client_key IN (number_key(l.src_number), number_key(l.dst_number))
), talks AS (
    SELECT
        s.pbx_id, s.linkedid, s.call_day, s.started_at, s.direction, s.client_id, s.contact_id, s.party_id,
        s.number, held.employee_id,
        CAST(sum(s.talk_seconds) AS integer) AS talk_seconds
    FROM sides AS s
    JOIN employee_extensions AS held
        ON held.extension = s.extension AND s.call_day <@ daterange(held.valid_from, held.valid_to)
    GROUP BY s.pbx_id, s.linkedid, s.call_day, s.started_at, s.direction, s.client_id, s.contact_id, s.party_id,
        s.number, held.employee_id
), roles AS (
    SELECT
        *,
        CASE
            WHEN row_number() OVER (
                PARTITION BY pbx_id, linkedid ORDER BY talk_seconds DESC, employee_id
            ) = 1 THEN 'talker'
            ELSE 'transferrer'
        END AS role
    FROM talks
    WHERE talk_seconds >= :shortest_talk_seconds
), evidence AS (
    SELECT
        *,
        round(CAST(
            :call_weight * ln(1 + least(talk_seconds, :longest_talk_seconds) / 30.0::double precision)
            * CASE role WHEN 'talker' THEN :call_talker ELSE :call_transferrer END
            * CASE direction WHEN 'out' THEN :call_outbound ELSE :call_inbound END AS numeric
        ), 6)::double precision AS weight,
        started_at + make_interval(secs => :call_validity_days * 86400) AS valid_until
    FROM roles
), held AS (
    SELECT i.*
    FROM tracked_interactions AS i
    WHERE i.kind = 'call'
        AND (i.source, i.source_key) IN (SELECT t.pbx_id, t.linkedid FROM touched_calls AS t)
), dropped AS (
    DELETE FROM tracked_interactions AS i
    USING held AS h
    WHERE i.kind = 'call' AND i.source = h.source AND i.source_key = h.source_key
        AND i.employee_id = h.employee_id
        AND NOT EXISTS (
            SELECT FROM evidence AS e
            WHERE e.pbx_id = h.source AND e.linkedid = h.source_key AND e.employee_id = h.employee_id
        )
    RETURNING i.client_id, i.interaction_day
), changed AS (
    SELECT e.*, h.client_id AS former_client_id, h.interaction_day AS former_day
    FROM evidence AS e
    LEFT JOIN held AS h
        ON h.source = e.pbx_id AND h.source_key = e.linkedid AND h.employee_id = e.employee_id
    WHERE h.source IS NULL
        OR (
            h.interaction_day, h.at, h.client_id, h.contact_id, h.party_id, h.number, h.direction, h.role,
            h.talk_seconds, h.weight, h.valid_until
        ) IS DISTINCT FROM (
            e.call_day, e.started_at, e.client_id, e.contact_id, e.party_id, e.number, e.direction, e.role,
            e.talk_seconds, e.weight, e.valid_until
        )
), updated AS (
    UPDATE tracked_interactions AS i
    SET interaction_day = c.call_day, at = c.started_at, client_id = c.client_id, contact_id = c.contact_id,
        party_id = c.party_id, number = c.number, direction = c.direction, role = c.role,
        talk_seconds = c.talk_seconds, weight = c.weight, valid_until = c.valid_until
    FROM changed AS c
    WHERE c.former_client_id IS NOT NULL
        AND i.kind = 'call' AND i.source = c.pbx_id AND i.source_key = c.linkedid AND i.employee_id = c.employee_id
), inserted AS (
    INSERT INTO tracked_interactions (
        kind, source, source_key, employee_id, interaction_day, at, client_id, contact_id, party_id, number,
        direction, role, talk_seconds, weight, valid_until
    )
    SELECT
        'call', pbx_id, linkedid, employee_id, call_day, started_at, client_id, contact_id, party_id, number,
        direction, role, talk_seconds, weight, valid_until
    FROM changed
    WHERE former_client_id IS NULL
), queued AS (
    INSERT INTO changed_clients (client_id)
    SELECT client_id FROM changed
    UNION
    SELECT former_client_id FROM changed WHERE former_client_id IS NOT NULL
    UNION
    SELECT client_id FROM dropped
)
SELECT day, count(*) AS rows
FROM (
    SELECT call_day AS day FROM changed
    UNION ALL
    SELECT interaction_day FROM dropped
) AS days
GROUP BY day
ORDER BY day
