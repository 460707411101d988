SELECT account, 'the account is stopped' AS what, blocked_because AS reason, blocked_until AS since_at
FROM send_limits
WHERE chat_id = 0 AND is_stopped
UNION ALL
SELECT account, 'message ' || outbox_id || ' of the outbox: nobody knows whether it was sent', error, settled_at
FROM outbox
WHERE state = 'unknown' AND settled_at < now() - interval '10 minutes'
