-- Attempts of which nobody knows the outcome, the oldest first: those whose time for a status to come is over and that
-- were not just asked for.
SELECT a.attempt_id, a.outbox_id, a.begun_at, a.ended_at
FROM send_attempts AS a
JOIN outbox AS o USING (outbox_id)
WHERE o.account = :account AND o.state = 'unknown' AND a.outcome = 'unknown'
    AND a.ended_at < clock_timestamp() - make_interval(secs => :settle_after_seconds)
    AND a.begun_at > clock_timestamp() - interval '7 days'
    AND (a.asked_at IS NULL OR a.asked_at < clock_timestamp() - make_interval(
        secs => greatest(:settle_after_seconds, extract(epoch FROM a.asked_at - a.ended_at))
    ))
ORDER BY a.begun_at
LIMIT 50
