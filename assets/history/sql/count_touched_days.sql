-- On which business days the touched calls lie.
SELECT call_day, count(*)
FROM call_history
WHERE (pbx_id, linkedid) IN (SELECT pbx_id, linkedid FROM touched_calls)
GROUP BY call_day
ORDER BY call_day
