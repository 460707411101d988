-- What a sender had in hand that died, or lost its warehouse: nobody knows whether it was sent. An attempt is written
-- with the lease, so there always is one.
WITH late AS (
    SELECT o.outbox_id, o.chat_id
    FROM outbox AS o
    JOIN send_attempts AS a USING (outbox_id)
    WHERE o.account = ANY(:accounts) AND o.state = 'sending' AND o.leased_until < clock_timestamp()
        AND a.outcome IS NULL
    -- What somebody is just settling is not late.
    FOR UPDATE OF a, o SKIP LOCKED
), attempts AS (
    UPDATE send_attempts AS a SET
        ended_at = clock_timestamp(), outcome = 'unknown', error = 'The sender ended while the request was under way.'
    FROM late
    WHERE a.outbox_id = late.outbox_id AND a.outcome IS NULL
), messages AS (
    UPDATE outbox AS o SET
        state = 'unknown', error = 'The sender ended while the request was under way.', leased_until = NULL,
        settled_at = clock_timestamp()
    FROM late
    WHERE o.outbox_id = late.outbox_id
    RETURNING o.chat_id
), told AS (
    UPDATE chats AS c SET changed_at = clock_timestamp() FROM messages WHERE c.chat_id = messages.chat_id
)
SELECT count(*) FROM messages
