-- Note that nobody knows whether a message was sent.
WITH attempt AS (
    UPDATE send_attempts SET ended_at = clock_timestamp(), outcome = 'unknown', error = :error
    WHERE attempt_id = :attempt AND outcome IS NULL
    RETURNING outbox_id
), message AS (
    UPDATE outbox AS o SET
        state = 'unknown', error = :error, leased_until = NULL, settled_at = clock_timestamp()
    FROM attempt
    WHERE o.outbox_id = attempt.outbox_id AND o.state = 'sending'
    RETURNING o.chat_id
)
UPDATE chats AS c SET changed_at = clock_timestamp() FROM message WHERE c.chat_id = message.chat_id
