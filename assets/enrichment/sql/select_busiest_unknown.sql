-- Numbers nobody knows, busiest first.
SELECT
    e.number, count(*) AS calls, count(*) FILTER (WHERE h.direction = 'in') AS incoming,
    sum(h.talk_seconds) AS talk_seconds, max(e.started_at) AS last_at
FROM enriched_calls AS e
JOIN call_history AS h USING (pbx_id, linkedid)
WHERE e.call_day BETWEEN :first_day AND :last_day AND e.outcome = 'unknown'
GROUP BY e.number
ORDER BY calls DESC, e.number
LIMIT 10
