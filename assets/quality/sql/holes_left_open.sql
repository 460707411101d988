-- Holes of the history that are still open; what concerns files has a check of its own.
SELECT call_day, pbx_id, kind, subject, rows_missing, explanation
FROM history_gaps
WHERE state = 'open' AND kind NOT IN ('recording', 'file')
ORDER BY call_day DESC, pbx_id, kind, subject
