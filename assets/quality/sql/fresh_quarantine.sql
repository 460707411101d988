-- Rows refused within the last day, by source and reason.
SELECT source, reason, count(*) AS rows, max(seen_at) AS last_seen_at
FROM quarantine
WHERE seen_at > now() - interval '1 day'
GROUP BY source, reason
