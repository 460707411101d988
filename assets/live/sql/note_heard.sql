-- The server gave a sign of life.
UPDATE switchboard.event_listeners SET heard_at = clock_timestamp() WHERE pbx_id = %(pbx)s
