-- Compare history and events of the days, call by call; what disagrees is kept with what explains it.
--   first_day, last_day   business days, both included
--   business_zone         IANA name
WITH heard AS (
    -- Servers that are listened to, and since when.
    SELECT pbx_id, min(since) AS since, max(until) AS until
    FROM (
        SELECT pbx_id, least(connected_at, heard_at) AS since, heard_at AS until FROM event_listeners
        UNION ALL
        SELECT pbx_id, min(began_at), NULL FROM event_gaps GROUP BY pbx_id
        UNION ALL
        -- Those that call us are not listened to; what they told is all there is to know.
        SELECT pbx_id, min(received_at), NULL FROM call_events WHERE channel = 'webhook' GROUP BY pbx_id
    ) AS told
    WHERE since IS NOT NULL
    GROUP BY pbx_id
), told AS (
    -- Calls by their events; a transfer may have moved a leg to another call.
    SELECT
        l.pbx_id, l.linkedid, min(l.began_at) AS began_at, max(greatest(l.ended_at, l.answered_at, l.began_at)) AS last_at,
        bool_and(l.ended_at IS NOT NULL) AS is_ended
    FROM live_legs AS l
    WHERE l.began_at >= CAST(:first_day AS date)::timestamp AT TIME ZONE :business_zone - interval '1 day'
        AND l.began_at < (CAST(:last_day AS date) + 2)::timestamp AT TIME ZONE :business_zone
    GROUP BY l.pbx_id, l.linkedid
), loaded AS (
    SELECT h.pbx_id, max(c.ended_at) AS until
    FROM heard AS h
    JOIN call_history AS c USING (pbx_id)
    WHERE c.call_day >= CAST(:first_day AS date)
    GROUP BY h.pbx_id
), missing AS (
    SELECT
        c.call_day, c.pbx_id, c.linkedid, c.started_at AS began_at, 'call_without_events' AS finding,
        CASE
            WHEN c.started_at < h.since THEN 'listening had not begun'
            WHEN g.reason IS NOT NULL THEN 'gap: ' || g.reason
            WHEN c.started_at > h.until THEN 'not listened to since'
            ELSE ''
        END AS explanation
    FROM call_history AS c
    JOIN heard AS h USING (pbx_id)
    LEFT JOIN LATERAL (
        SELECT g.reason FROM event_gaps AS g
        WHERE g.pbx_id = c.pbx_id AND g.ended_at >= c.started_at AND g.began_at <= c.ended_at
        ORDER BY g.began_at LIMIT 1
    ) AS g ON true
    WHERE c.call_day BETWEEN :first_day AND :last_day AND c.gone_at IS NULL
        AND NOT EXISTS (SELECT FROM live_legs AS l WHERE l.pbx_id = c.pbx_id AND l.linkedid = c.linkedid)
), unknown AS (
    SELECT
        (t.began_at AT TIME ZONE :business_zone)::date AS call_day, t.pbx_id, t.linkedid, t.began_at,
        'events_without_call' AS finding,
        CASE
            WHEN NOT t.is_ended THEN 'has not ended'
            WHEN n.until IS NULL OR n.until < t.last_at THEN 'the history is not loaded so far'
            ELSE ''
        END AS explanation
    FROM told AS t
    LEFT JOIN loaded AS n USING (pbx_id)
    WHERE NOT EXISTS (
        SELECT FROM call_history AS c WHERE c.pbx_id = t.pbx_id AND c.linkedid = t.linkedid AND c.gone_at IS NULL
    )
), endless AS (
    -- The history has the call as finished, and a leg of its events still lives.
    SELECT
        c.call_day, t.pbx_id, t.linkedid, t.began_at, 'end_missing' AS finding,
        CASE WHEN h.until > c.ended_at + interval '1 minute' THEN '' ELSE 'not listened to since' END AS explanation
    FROM told AS t
    JOIN heard AS h USING (pbx_id)
    JOIN call_history AS c USING (pbx_id, linkedid)
    WHERE NOT t.is_ended AND c.gone_at IS NULL
)
INSERT INTO call_events_reconciliation (call_day, pbx_id, linkedid, began_at, finding, explanation)
SELECT call_day, pbx_id, linkedid, began_at, finding, explanation
FROM (TABLE missing UNION ALL TABLE unknown UNION ALL TABLE endless) AS found
WHERE call_day BETWEEN :first_day AND :last_day
