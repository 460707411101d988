SELECT pbx_id, channel, is_connected, heard_at, last_error, failed_at
FROM event_listeners
WHERE stopped_because IS NULL AND (NOT is_connected OR heard_at < now() - interval '20 seconds')
    -- One that was taken out of the settings is tried no more.
    AND greatest(heard_at, failed_at) > now() - interval '1 day'
