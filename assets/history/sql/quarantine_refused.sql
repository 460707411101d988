-- Rows the source could not even read.
INSERT INTO quarantine (source, reason, raw)
SELECT DISTINCT :pbx_id, refused ->> 'reason', refused ->> 'raw'
FROM jsonb_array_elements(CAST(:refused AS jsonb)) AS refused
ON CONFLICT (source, raw_hash, reason) DO UPDATE SET times_seen = quarantine.times_seen + 1, seen_at = now()
