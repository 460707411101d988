-- The connection to a server failed or could not be made; it is tried again.
INSERT INTO switchboard.event_listeners (pbx_id, channel, is_connected, last_error, failed_at)
VALUES (%(pbx)s, %(told_by)s, false, %(error)s, clock_timestamp())
ON CONFLICT (pbx_id) DO UPDATE SET
    channel = excluded.channel, is_connected = false, last_error = excluded.last_error, failed_at = excluded.failed_at,
    stopped_because = NULL
