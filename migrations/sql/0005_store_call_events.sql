-- Store events of calls: each once, however often and in whatever order they come. The one place where it is done.
--   pbx      the telephony server
--   told_by  the event channel
--   zone     the business zone: who holds an extension is a matter of days
--   events   a JSON array of objects with the columns of call_events
-- Returns how many were new. Whoever listens to `switchboard_call_events` is told.
CREATE FUNCTION switchboard.store_call_events(pbx text, told_by text, zone text, events jsonb)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    new_events bigint;
BEGIN
    -- One after the other: whoever reads on from an event_id must find no lower one later.
    PERFORM pg_advisory_xact_lock(hashtextextended('switchboard call events', 0));

    WITH given AS (
        SELECT DISTINCT ON (key.event_key)
            key.event_key, e.*, who.employee_id, coalesce(e.source_at, e.received_at) AS at
        FROM ROWS FROM (jsonb_to_recordset(events) AS (
            kind text, linkedid text, leg_id text, extension text, direction text, number text, client_number text,
            src_number text, dst_number text, did text, to_number text, source_at timestamptz,
            received_at timestamptz, is_inferred boolean, raw jsonb
        )) WITH ORDINALITY AS e (
            kind, linkedid, leg_id, extension, direction, number, client_number, src_number, dst_number, did,
            to_number, source_at, received_at, is_inferred, raw, position
        )
        CROSS JOIN LATERAL (
            SELECT concat_ws(
                ':', e.kind, e.leg_id,
                -- A leg ends once. It rings and is answered once in each call: a transfer may take it into another.
                -- The others may happen to it again.
                CASE
                    WHEN e.kind IN ('ringing', 'answered') THEN e.linkedid
                    WHEN e.kind IN ('held', 'resumed', 'transferred')
                        THEN extract(epoch FROM coalesce(e.source_at, e.received_at))::text
                END
            ) AS event_key
        ) AS key
        LEFT JOIN switchboard.employee_extensions AS who
            ON who.extension = e.extension
            AND daterange(who.valid_from, who.valid_to)
                @> (coalesce(e.source_at, e.received_at) AT TIME ZONE zone)::date
        ORDER BY key.event_key, e.is_inferred, e.position
    ), kept AS (
        INSERT INTO switchboard.call_events AS known (
            pbx_id, event_key, kind, linkedid, leg_id, extension, employee_id, direction, number, client_number,
            src_number, dst_number, did, to_number, channel, source_at, received_at, is_inferred, raw
        )
        SELECT
            pbx, event_key, kind, linkedid, leg_id, extension, employee_id, direction, number, client_number,
            src_number, dst_number, did, to_number, told_by, source_at, received_at, coalesce(is_inferred, false),
            coalesce(raw, '{}')
        FROM given
        ORDER BY position
        ON CONFLICT (pbx_id, event_key) DO UPDATE SET
            times_seen = known.times_seen + 1,
            -- What was inferred gives way to what was told.
            source_at = CASE
                WHEN known.is_inferred AND NOT excluded.is_inferred THEN excluded.source_at ELSE known.source_at
            END,
            is_inferred = known.is_inferred AND excluded.is_inferred,
            direction = coalesce(known.direction, excluded.direction),
            number = coalesce(known.number, excluded.number),
            client_number = coalesce(known.client_number, excluded.client_number),
            did = coalesce(known.did, excluded.did)
        RETURNING
            known.event_id, known.event_key, known.leg_id, known.kind, known.linkedid, known.extension, known.employee_id,
            known.direction, known.number, known.client_number, known.did, known.is_inferred,
            coalesce(known.source_at, known.received_at) AS at, (xmax = 0) AS is_new
    ), legs AS (
        INSERT INTO switchboard.live_legs AS known (
            pbx_id, leg_id, linkedid, linkedid_at, extension, employee_id, direction, number, client_number, did,
            began_at, ringing_at, answered_at, held_at, resumed_at, ended_at, end_is_inferred, last_event_id
        )
        SELECT
            pbx, k.leg_id,
            (array_agg(g.linkedid ORDER BY g.at DESC, k.event_id DESC))[1], max(g.at),
            max(k.extension), max(k.employee_id), max(k.direction), max(k.number), max(k.client_number), max(k.did),
            min(k.at),
            min(k.at) FILTER (WHERE k.kind = 'ringing'), min(k.at) FILTER (WHERE k.kind = 'answered'),
            max(k.at) FILTER (WHERE k.kind = 'held'), max(k.at) FILTER (WHERE k.kind = 'resumed'),
            min(k.at) FILTER (WHERE k.kind = 'ended'),
            coalesce(bool_and(k.is_inferred) FILTER (WHERE k.kind = 'ended'), false),
            max(k.event_id)
        FROM kept AS k
        JOIN given AS g USING (event_key)
        GROUP BY k.leg_id
        ON CONFLICT (pbx_id, leg_id) DO UPDATE SET
            linkedid = CASE
                WHEN excluded.linkedid_at > known.linkedid_at THEN excluded.linkedid ELSE known.linkedid
            END,
            linkedid_at = greatest(known.linkedid_at, excluded.linkedid_at),
            extension = coalesce(known.extension, excluded.extension),
            employee_id = coalesce(known.employee_id, excluded.employee_id),
            direction = coalesce(known.direction, excluded.direction),
            number = coalesce(known.number, excluded.number),
            client_number = coalesce(known.client_number, excluded.client_number),
            did = coalesce(known.did, excluded.did),
            began_at = least(known.began_at, excluded.began_at),
            ringing_at = least(known.ringing_at, excluded.ringing_at),
            answered_at = least(known.answered_at, excluded.answered_at),
            held_at = greatest(known.held_at, excluded.held_at),
            resumed_at = greatest(known.resumed_at, excluded.resumed_at),
            ended_at = CASE
                WHEN known.end_is_inferred AND excluded.ended_at IS NOT NULL THEN excluded.ended_at
                ELSE coalesce(known.ended_at, excluded.ended_at)
            END,
            end_is_inferred = CASE
                WHEN known.ended_at IS NULL THEN excluded.end_is_inferred
                WHEN excluded.ended_at IS NULL THEN known.end_is_inferred
                ELSE known.end_is_inferred AND excluded.end_is_inferred
            END,
            last_event_id = greatest(known.last_event_id, excluded.last_event_id)
    )
    SELECT count(*) FILTER (WHERE is_new) INTO new_events FROM kept;

    IF new_events > 0 THEN
        PERFORM pg_notify('switchboard_call_events', '');
    END IF;
    RETURN new_events;
END
$$
