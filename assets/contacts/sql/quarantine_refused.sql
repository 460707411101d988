-- Rows that were not taken, once each however often they come.
INSERT INTO quarantine (source, reason, raw)
SELECT DISTINCT :source, reason, raw
FROM refused_contacts
ON CONFLICT (source, raw_hash, reason) DO UPDATE SET times_seen = quarantine.times_seen + 1, seen_at = now()
