-- Note that its owner has read a chat.
UPDATE switchboard.chats AS c SET unread = 0, changed_at = clock_timestamp()
WHERE c.chat_id = %(chat)s AND c.owner_id = %(viewer)s AND c.state <> 'queue' AND c.unread > 0
RETURNING c.chat_id
