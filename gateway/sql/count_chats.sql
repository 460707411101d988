-- How many chats an employee sees in the queue, and how many of their own have something unread.
SELECT
    count(*) FILTER (WHERE c.state = 'queue') AS queue,
    count(*) FILTER (WHERE c.state = 'in_work' AND r.is_own) AS mine,
    count(*) FILTER (WHERE c.state = 'in_work' AND r.is_own AND c.unread > 0) AS mine_unread
FROM switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r
JOIN switchboard.chats AS c USING (chat_id)
WHERE c.state <> 'closed'
