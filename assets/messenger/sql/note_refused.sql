-- Note what a provider refused, and when it may be asked again.
--   attempt, code, error     the attempt, and why
--   outcome                  refused, not_sent
--   state                    of the message from now on: queued, failed, needs_template
--   wait_seconds             before the message itself is tried again
--   counts                   whether it counts as a try of this message
WITH attempt AS (
    UPDATE send_attempts SET
        ended_at = clock_timestamp(), outcome = :outcome, error_code = :code, error = :error, settled_by = 'answer'
    WHERE attempt_id = :attempt AND outcome IS NULL
    RETURNING outbox_id
), message AS (
    UPDATE outbox AS o SET
        state = :state, tries = tries + CAST(:counts AS integer), error_code = :code, error = :error, leased_until = NULL,
        next_try_at = clock_timestamp() + make_interval(secs => :wait_seconds), settled_at = clock_timestamp()
    FROM attempt
    WHERE o.outbox_id = attempt.outbox_id AND o.state = 'sending'
    RETURNING o.chat_id
)
UPDATE chats AS c SET changed_at = clock_timestamp() FROM message WHERE c.chat_id = message.chat_id
