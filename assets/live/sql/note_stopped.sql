-- A server is not listened to any more, on purpose.
UPDATE switchboard.event_listeners SET
    is_connected = false, stopped_because = %(reason)s,
    heard_at = CASE WHEN is_connected THEN clock_timestamp() ELSE heard_at END
WHERE pbx_id = %(pbx)s
