-- A hidden comment; no row: the chat may not be read.
WITH told AS (
    UPDATE switchboard.chats AS c SET changed_at = clock_timestamp()
    FROM switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r
    WHERE c.chat_id = %(chat)s AND r.chat_id = c.chat_id
    RETURNING c.chat_id
)
INSERT INTO switchboard.chat_events (chat_id, what, employee_id, note)
SELECT chat_id, 'noted', %(viewer)s, %(note)s
FROM told
RETURNING event_id
