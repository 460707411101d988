-- Talks of these days whose recording is missing.
SELECT leg_id, call_day, file FROM recordings
WHERE pbx_id = :pbx_id AND call_day BETWEEN :first_day AND :last_day AND state = 'missing'
ORDER BY leg_id
