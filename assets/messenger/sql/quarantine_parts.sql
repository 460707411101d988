-- Parts of webhooks that could not be taken in, once each however often they come.
--   refused  [{source, reason, raw}]
INSERT INTO quarantine (source, reason, raw)
SELECT source, reason, raw
FROM jsonb_to_recordset(CAST(:refused AS jsonb)) AS r (source text, reason text, raw text)
GROUP BY source, reason, raw
ON CONFLICT (source, raw_hash, reason) DO UPDATE SET times_seen = quarantine.times_seen + 1, seen_at = now()
