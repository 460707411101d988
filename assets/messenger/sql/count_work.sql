-- What waits for an account: all of it, what is due now, and what nobody knows the outcome of; and why it is stopped.
SELECT
    count(*) FILTER (WHERE o.state = 'queued') AS waiting,
    count(*) FILTER (WHERE o.state = 'queued' AND o.next_try_at <= clock_timestamp()) AS due,
    count(*) FILTER (WHERE o.state = 'unknown') AS unknown,
    (
        SELECT l.blocked_because
        FROM send_limits AS l
        WHERE l.account = :account AND l.chat_id = 0 AND l.blocked_until > clock_timestamp()
    ) AS blocked_because
FROM outbox AS o
WHERE o.account = :account AND o.state IN ('queued', 'unknown')
