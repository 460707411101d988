-- On which business days the touched calls lie.
SELECT coalesce(call_day, former_call_day) AS call_day, count(*)
FROM grouped_calls
GROUP BY 1
ORDER BY 1
