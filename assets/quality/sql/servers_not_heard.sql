SELECT pbx_id, channel, is_connected, heard_at, last_error, failed_at
FROM event_listeners
WHERE stopped_because IS NULL AND (NOT is_connected OR heard_at < now() - interval '20 seconds')
