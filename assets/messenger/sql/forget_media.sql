-- Files whose time here is over, but for those that wait to be sent.
UPDATE message_media AS m SET state = 'forgotten'
WHERE m.state = 'kept' AND m.fetched_at < now() - make_interval(days => :days)
    AND NOT EXISTS (SELECT FROM outbox AS o WHERE o.sha256 = m.sha256 AND o.state IN ('queued', 'sending', 'unknown'))
RETURNING m.sha256
