-- Calls in which more was talked than the call lasted, or that end before they begin.
SELECT pbx_id, linkedid, talk_seconds, duration_seconds
FROM call_history
WHERE talk_seconds > duration_seconds OR duration_seconds < 0 OR wait_seconds < 0
