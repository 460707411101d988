-- Touched calls by business day.
SELECT e.call_day, count(*) AS calls
FROM (SELECT DISTINCT pbx_id, linkedid FROM touched_calls) AS t
JOIN enriched_calls AS e USING (pbx_id, linkedid)
GROUP BY e.call_day
ORDER BY e.call_day
