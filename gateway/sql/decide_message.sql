-- What somebody decides about a message that was not sent: again, or leave it. No row: there is no such message, the
-- chat is another's, or it stands otherwise by now.
--   act  again, cancel
WITH own AS (
    SELECT o.outbox_id
    FROM switchboard.outbox AS o
    JOIN switchboard.chats AS c USING (chat_id)
    JOIN switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r USING (chat_id)
    WHERE o.outbox_id = %(outbox_id)s AND o.chat_id = %(chat)s AND (r.is_own OR %(sees_all)s)
        AND (
            (%(act)s = 'again' AND o.state IN ('unknown', 'failed', 'needs_template'))
            OR (%(act)s = 'cancel' AND o.state IN ('queued', 'unknown', 'failed', 'needs_template'))
        )
    FOR UPDATE OF o
), attempts AS (
    -- Whoever sends again has looked whether it came: from now on it counts as not taken.
    UPDATE switchboard.send_attempts AS a SET outcome = 'not_accepted', settled_by = %(viewer)s
    FROM own
    WHERE a.outbox_id = own.outbox_id AND a.outcome = 'unknown' AND %(act)s = 'again'
), decided AS (
    UPDATE switchboard.outbox AS o SET
        state = CASE %(act)s WHEN 'again' THEN 'queued' ELSE 'cancelled' END,
        tries = 0, first_tried_at = NULL, next_try_at = clock_timestamp(), settled_at = clock_timestamp(), error = NULL,
        error_code = NULL
    FROM own
    WHERE o.outbox_id = own.outbox_id
    RETURNING o.outbox_id, o.chat_id, o.account
), told AS (
    UPDATE switchboard.chats AS c SET changed_at = clock_timestamp() FROM decided AS d WHERE c.chat_id = d.chat_id
)
SELECT outbox_id, CAST(pg_notify('switchboard_outbox', account) AS text) AS told FROM decided
