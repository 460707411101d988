SELECT pbx_id, linkedid, leg_id, extension, began_at
FROM live_legs
WHERE ended_at IS NULL AND began_at < now() - interval '4 hours'
