-- Free text whose 24 hours are over, by the provider's clock: only a template can be sent.
WITH late AS (
    UPDATE outbox AS o SET
        state = 'needs_template', error = 'The 24 hours since the client''s last message are over.', settled_at = now()
    FROM chats AS c
    WHERE c.chat_id = o.chat_id AND o.account = ANY(:accounts) AND o.state = 'queued' AND o.kind <> 'template'
        AND (c.last_in_at IS NULL OR c.last_in_at <= clock_timestamp() - interval '24 hours')
    RETURNING o.chat_id
), told AS (
    UPDATE chats AS c SET changed_at = clock_timestamp() FROM late WHERE c.chat_id = late.chat_id
)
SELECT count(*) FROM late
