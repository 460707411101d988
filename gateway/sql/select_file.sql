-- A file of a message, for somebody who may read its chat; no row: they may not, or there is none.
SELECT f.sha256, f.mime_type, f.file_name, f.state
FROM switchboard.message_media AS f
JOIN switchboard.messages AS m USING (account, message_id)
JOIN switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r USING (chat_id)
WHERE m.chat_id = %(chat)s AND f.message_id = %(message_id)s AND f.media_id = %(media_id)s
