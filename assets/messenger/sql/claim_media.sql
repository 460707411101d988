-- Files to be fetched now, the soonest forgotten first; what the provider has forgotten by now is gone.
WITH gone AS (
    UPDATE message_media SET state = 'gone', error = 'The provider keeps a file for some days only.'
    WHERE account = :account AND state = 'waiting' AND expires_at <= clock_timestamp()
), due AS (
    SELECT media_id, message_id
    FROM message_media
    WHERE account = :account AND state = 'waiting' AND next_try_at <= clock_timestamp()
        AND expires_at > clock_timestamp()
    ORDER BY expires_at
    LIMIT :portion
    FOR UPDATE SKIP LOCKED
)
UPDATE message_media AS m SET next_try_at = clock_timestamp() + make_interval(secs => :lease_seconds)
FROM due AS d
WHERE m.account = :account AND m.media_id = d.media_id AND m.message_id = d.message_id
RETURNING m.media_id, m.message_id
