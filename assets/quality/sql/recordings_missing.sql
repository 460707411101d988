-- Talks of the last month whose recording is missing, and files that no call names.
SELECT call_day, pbx_id, kind, subject, explanation
FROM history_gaps
WHERE state = 'open' AND kind IN ('recording', 'file') AND call_day >= current_date - 31
ORDER BY call_day DESC, pbx_id, kind, subject
