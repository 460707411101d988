-- What became of fetching a file; after the nth failure it is tried again in 2^n minutes, in six hours at most.
WITH noted AS (
    UPDATE message_media SET
        state = :state, error = :error, tries = tries + 1,
        sha256 = coalesce(:sha256, sha256), size_bytes = coalesce(:size_bytes, size_bytes),
        mime_type = CASE WHEN mime_type = '' THEN :mime_type ELSE mime_type END,
        fetched_at = CASE WHEN :state = 'kept' THEN clock_timestamp() END,
        next_try_at = clock_timestamp() + least(interval '6 hours', power(2, least(tries, 10)) * interval '1 minute')
    WHERE account = :account AND media_id = :media_id AND message_id = :message_id
)
UPDATE chats AS c SET changed_at = clock_timestamp()
FROM messages AS m
WHERE m.account = :account AND m.message_id = :message_id AND c.chat_id = m.chat_id
