-- An event as it came; the same one again is counted.
INSERT INTO switchboard.received_events (source, subject, data)
VALUES (%(source)s, %(subject)s, CAST(%(data)s AS jsonb))
ON CONFLICT (source, subject, data_hash) DO UPDATE SET times_seen = received_events.times_seen + 1
