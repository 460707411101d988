-- How listening to each of the given servers stands.
--   names      of the servers
--   webhooks   those of them that call us: nobody listens to them
WITH told AS (
    SELECT e.pbx_id, count(*) AS events, max(e.received_at) AS last_event_at
    FROM switchboard.call_events AS e
    WHERE e.pbx_id = ANY (:webhooks) AND e.received_at > now() - interval '1 hour'
    GROUP BY e.pbx_id
)
SELECT
    name AS pbx_id,
    name = ANY (:webhooks) AS is_webhook,
    coalesce(l.is_connected, false) AS is_connected,
    l.connected_at,
    l.heard_at,
    coalesce(told.events, l.events, 0) AS events,
    coalesce(told.last_event_at, l.last_event_at) AS last_event_at,
    l.last_error,
    l.failed_at,
    l.stopped_because,
    (
        SELECT count(*) FROM switchboard.event_gaps AS g WHERE g.pbx_id = name AND g.ended_at > now() - interval '1 day'
    ) AS gaps_of_a_day
FROM unnest(CAST(:names AS text[])) AS name
LEFT JOIN switchboard.event_listeners AS l ON l.pbx_id = name
LEFT JOIN told ON told.pbx_id = name
ORDER BY name
