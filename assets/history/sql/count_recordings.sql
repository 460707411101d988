-- Recordings of each day by their state.
SELECT call_day, state, count(*) AS legs, sum(size_bytes) AS size_bytes
FROM recordings
WHERE call_day BETWEEN :first_day AND :last_day
GROUP BY call_day, state
ORDER BY call_day, state
