-- Take a chat, hand it over, give it back to the queue, close it.
--   viewer, sees_all, zone  who does it
--   act                     taken, handed_over, returned, closed
--   to_employee             to whom it is handed over
-- Returns what came of it: done, none (may not be read), owned (by another), away (the receiver is not there), state
-- (the chat does not stand so that this can be done).
WITH locked AS (
    SELECT c.* FROM switchboard.chats AS c WHERE c.chat_id = %(chat)s FOR UPDATE
), judged AS (
    SELECT
        c.*,
        CASE
            WHEN c.state = 'in_work' AND c.owner_id <> %(viewer)s AND NOT %(sees_all)s THEN 'owned'
            WHEN r.chat_id IS NULL THEN 'none'
            WHEN %(act)s = 'taken' AND NOT (c.state = 'queue' AND r.may_take)
                AND NOT (c.state = 'closed' AND (r.is_own OR %(sees_all)s)) THEN 'state'
            WHEN %(act)s = 'handed_over' AND c.state = 'closed' THEN 'state'
            WHEN %(act)s = 'returned' AND c.state <> 'in_work' THEN 'state'
            WHEN %(act)s = 'closed' AND c.state = 'closed' THEN 'state'
            WHEN %(act)s = 'handed_over' AND NOT EXISTS (
                SELECT FROM switchboard.availability(now(), %(zone)s) AS a
                WHERE a.employee_id = %(to_employee)s AND (
                    a.unavailable IS NULL OR (%(sees_all)s AND a.unavailable <> 'not_employed')
                )
            ) THEN 'away'
            ELSE 'done'
        END AS outcome
    FROM locked AS c
    LEFT JOIN switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r USING (chat_id)
), changed AS (
    UPDATE switchboard.chats AS c SET
        state = CASE %(act)s WHEN 'returned' THEN 'queue' WHEN 'closed' THEN 'closed' ELSE 'in_work' END,
        owner_id = CASE %(act)s
            WHEN 'taken' THEN %(viewer)s
            WHEN 'handed_over' THEN %(to_employee)s
            -- What is closed without an answer has an owner too: a closed chat goes back to somebody.
            WHEN 'closed' THEN coalesce(c.owner_id, %(viewer)s)
            ELSE c.owner_id
        END,
        taken_at = CASE WHEN %(act)s IN ('taken', 'handed_over') THEN clock_timestamp() ELSE c.taken_at END,
        closed_at = CASE WHEN %(act)s = 'closed' THEN clock_timestamp() END,
        opened_at = CASE WHEN %(act)s = 'returned' THEN clock_timestamp() ELSE c.opened_at END,
        -- Given back by hand, it is everybody's: whoever it was offered to had it.
        rule = CASE WHEN %(act)s = 'returned' THEN '' ELSE c.rule END,
        offered_to = CASE WHEN %(act)s = 'returned' THEN NULL ELSE c.offered_to END,
        unread = CASE
            WHEN %(act)s = 'closed' THEN 0
            -- Whoever gets it has read nothing of it yet.
            WHEN %(act)s = 'handed_over' AND %(to_employee)s <> %(viewer)s THEN greatest(c.unread, 1)
            ELSE c.unread
        END,
        changed_at = clock_timestamp()
    FROM judged AS j
    WHERE c.chat_id = j.chat_id AND j.outcome = 'done'
    RETURNING c.chat_id
), noted AS (
    INSERT INTO switchboard.chat_events (chat_id, what, employee_id, to_employee_id, note)
    SELECT
        chat_id, %(act)s, %(viewer)s, CASE WHEN %(act)s = 'handed_over' THEN CAST(%(to_employee)s AS text) END, %(note)s
    FROM changed
)
SELECT j.outcome, owner.name AS owner_name
FROM judged AS j
LEFT JOIN switchboard.crm_employees AS owner ON owner.employee_id = j.owner_id
