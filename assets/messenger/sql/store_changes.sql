-- Store edits and withdrawals; a file that an edit brings is a file of the message.
WITH told AS (
    SELECT *
    FROM jsonb_to_recordset(CAST(:changes AS jsonb)) AS c (
        account text, change_id text, message_id text, what text, text text, changed_at timestamptz, media jsonb,
        raw jsonb
    )
), files AS (
    INSERT INTO message_media (
        account, media_id, message_id, mime_type, file_name, told_sha256, is_voice, is_animated, expires_at
    )
    SELECT account, media ->> 'media_id', message_id, media ->> 'mime_type', media ->> 'file_name', media ->> 'sha256',
        CAST(media ->> 'is_voice' AS boolean), CAST(media ->> 'is_animated' AS boolean),
        changed_at + make_interval(days => :media_days)
    FROM told
    WHERE media ->> 'media_id' <> ''
    ON CONFLICT DO NOTHING
)
INSERT INTO message_versions (account, change_id, message_id, what, text, changed_at, raw)
SELECT account, change_id, message_id, what, text, changed_at, raw
FROM told
ON CONFLICT DO NOTHING
