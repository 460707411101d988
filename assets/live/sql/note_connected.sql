-- A server is listened to: what it has now was just asked. From when it was last heard until now nobody listened.
WITH closed AS (
    SELECT switchboard.close_missing_legs(
        %(pbx)s, %(told_by)s, %(zone)s, CAST(%(calls)s AS text[]), CAST(%(legs)s AS text[]),
        CAST(%(asked_at)s AS timestamptz)
    ) AS legs_closed
    WHERE CAST(%(calls)s AS text[]) IS NOT NULL
), gap AS (
    INSERT INTO switchboard.event_gaps (pbx_id, began_at, ended_at, reason, legs_closed)
    SELECT
        l.pbx_id, least(l.heard_at, clock_timestamp()), clock_timestamp(),
        CASE
            WHEN l.is_connected THEN 'the listener ended without a word'
            ELSE coalesce(l.stopped_because, l.last_error, 'the listener ended without a word')
        END,
        coalesce((SELECT legs_closed FROM closed), 0)
    FROM switchboard.event_listeners AS l
    WHERE l.pbx_id = %(pbx)s AND l.heard_at IS NOT NULL
)
INSERT INTO switchboard.event_listeners (pbx_id, channel, is_connected, connected_at, heard_at)
SELECT %(pbx)s, %(told_by)s, true, clock_timestamp(), clock_timestamp()
WHERE coalesce((SELECT legs_closed FROM closed), 0) >= 0
ON CONFLICT (pbx_id) DO UPDATE SET
    channel = excluded.channel, is_connected = true, connected_at = excluded.connected_at,
    heard_at = excluded.heard_at, events = 0, stopped_because = NULL
