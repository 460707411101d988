-- Tell that something about these messages changed.
--   touched  [{account, message_id}]
UPDATE chats AS c SET changed_at = clock_timestamp()
FROM (
    SELECT DISTINCT m.chat_id
    FROM jsonb_to_recordset(CAST(:touched AS jsonb)) AS t (account text, message_id text)
    JOIN messages AS m USING (account, message_id)
) AS touched
WHERE c.chat_id = touched.chat_id
