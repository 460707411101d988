-- Store events of calls, and note that the server was heard.
WITH stored AS MATERIALIZED (
    SELECT switchboard.store_call_events(%(pbx)s, %(told_by)s, %(zone)s, CAST(%(events)s AS jsonb)) AS new_events
), noted AS (
    UPDATE switchboard.event_listeners SET
        heard_at = clock_timestamp(),
        events = events + stored.new_events,
        last_event_at = CASE WHEN stored.new_events > 0 THEN clock_timestamp() ELSE last_event_at END
    FROM stored
    WHERE pbx_id = %(pbx)s
)
SELECT new_events FROM stored
