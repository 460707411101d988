-- Note that the provider took a message, and that the account and the person may be sent to again.
WITH slowed AS (
    -- The account before the person, as those do who take the next message in hand.
    SELECT account, chat_id
    FROM send_limits
    WHERE account = :account AND chat_id IN (0, :chat) AND (slowed > 0 OR is_stopped)
        AND coalesce(blocked_until, now()) <= now()
    ORDER BY chat_id
    FOR UPDATE
), pace AS (
    UPDATE send_limits AS l SET slowed = 0, blocked_until = NULL, blocked_because = NULL, is_stopped = false
    FROM slowed AS s
    WHERE l.account = s.account AND l.chat_id = s.chat_id
), known_as AS (
    -- The provider corrected the number: from now on this id is known to be theirs.
    INSERT INTO messenger_identities (kind, value, person_id, valid_from)
    SELECT 'wa_id', CAST(:wa_id AS text), c.person_id, now()
    FROM chats AS c
    WHERE c.chat_id = :chat AND CAST(:wa_id AS text) <> ''
    ON CONFLICT (kind, value) WHERE valid_to IS NULL DO NOTHING
)
SELECT count(*)
FROM switchboard.accept_attempts(jsonb_build_array(jsonb_build_object(
    'attempt_id', CAST(:attempt AS uuid), 'message_id', CAST(:message_id AS text), 'at', clock_timestamp(),
    'settled_by', 'answer'
)))
