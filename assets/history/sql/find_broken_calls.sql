-- Calls that are made of more legs than we hold.
SELECT c.linkedid, c.call_day, c.started_at, c.ended_at, c.legs - count(l.leg_id) AS rows_missing
FROM call_history AS c
LEFT JOIN call_legs AS l ON l.pbx_id = c.pbx_id AND l.linkedid = c.linkedid AND l.gone_at IS NULL
WHERE c.pbx_id = :pbx_id AND c.call_day BETWEEN :first_day AND :last_day AND c.gone_at IS NULL
GROUP BY c.pbx_id, c.linkedid
HAVING count(l.leg_id) < c.legs
ORDER BY c.started_at, c.linkedid
