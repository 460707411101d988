-- Put a message into the outbox, and take the chat where nobody has: whoever answers first owns it.
--   viewer, sees_all, zone  who writes
--   client_key              made by the page: the same key is the same message
-- Returns what came of it: written, none (may not be read), owned (by another), away (not there now), closed_window,
-- no_template, used (the key is another message's).
WITH locked AS (
    SELECT c.*
    FROM switchboard.chats AS c
    WHERE c.chat_id = %(chat)s
    FOR UPDATE
), before AS (
    SELECT
        o.outbox_id,
        (
            o.chat_id, o.employee_id, o.kind, o.text, o.template_name, o.template_language, o.template_values, o.sha256,
            o.reply_to_id
        ) = (
            %(chat)s, %(viewer)s, %(kind)s, %(text)s, %(template_name)s, %(template_language)s,
            CAST(%(template_values)s AS text[]), %(sha256)s, %(reply_to_id)s
        ) AS is_same
    FROM switchboard.outbox AS o
    WHERE o.client_key = CAST(%(client_key)s AS uuid)
), judged AS (
    SELECT
        c.*,
        CASE
            WHEN EXISTS (SELECT FROM before AS b WHERE b.is_same) THEN 'written'
            WHEN c.state = 'in_work' AND c.owner_id <> %(viewer)s AND NOT %(sees_all)s THEN 'owned'
            WHEN r.chat_id IS NULL AND c.state = 'queue' AND (c.offered_to IS NULL OR %(viewer)s = ANY(c.offered_to))
                AND NOT EXISTS (
                SELECT FROM switchboard.availability(now(), %(zone)s) AS a
                WHERE a.employee_id = %(viewer)s AND a.unavailable IS NULL
            ) THEN 'away'
            WHEN r.chat_id IS NULL THEN 'none'
            WHEN EXISTS (SELECT FROM before) THEN 'used'
            WHEN %(kind)s <> 'template' AND (c.last_in_at IS NULL OR c.last_in_at <= now() - interval '24 hours')
                THEN 'closed_window'
            WHEN %(kind)s = 'template' AND NOT EXISTS (
                SELECT FROM switchboard.messenger_templates AS t
                WHERE t.account = c.account AND t.name = %(template_name)s AND t.language = %(template_language)s
                    AND t.status = 'approved' AND t.variables = cardinality(CAST(%(template_values)s AS text[]))
            ) THEN 'no_template'
            ELSE 'written'
        END AS outcome
    FROM locked AS c
    LEFT JOIN switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r USING (chat_id)
), written AS (
    INSERT INTO switchboard.outbox (
        client_key, account, chat_id, employee_id, kind, text, template_name, template_language, template_values,
        sha256, mime_type, file_name, reply_to_id
    )
    SELECT
        CAST(%(client_key)s AS uuid), j.account, j.chat_id, %(viewer)s, %(kind)s, %(text)s, %(template_name)s,
        %(template_language)s, CAST(%(template_values)s AS text[]), %(sha256)s, %(mime_type)s, %(file_name)s,
        %(reply_to_id)s
    FROM judged AS j
    WHERE j.outcome = 'written'
    ON CONFLICT (client_key) DO NOTHING
    RETURNING outbox_id, chat_id, account
), taken AS (
    UPDATE switchboard.chats AS c SET
        state = 'in_work',
        owner_id = CASE WHEN j.state = 'in_work' THEN c.owner_id ELSE %(viewer)s END,
        taken_at = CASE WHEN j.state = 'in_work' THEN c.taken_at ELSE clock_timestamp() END,
        closed_at = NULL,
        -- A supervisor who helps in another's chat has not read it for them.
        unread = CASE WHEN j.state = 'in_work' AND c.owner_id <> %(viewer)s THEN c.unread ELSE 0 END,
        changed_at = clock_timestamp()
    FROM judged AS j
    JOIN written AS w USING (chat_id)
    WHERE c.chat_id = j.chat_id
), noted AS (
    -- Before the message: whoever answers has taken the chat.
    INSERT INTO switchboard.chat_events (chat_id, what, employee_id, at)
    SELECT j.chat_id, CASE j.state WHEN 'queue' THEN 'taken' ELSE 'reopened' END, %(viewer)s, statement_timestamp()
    FROM judged AS j
    JOIN written AS w USING (chat_id)
    WHERE j.state <> 'in_work'
)
SELECT
    j.outcome, owner.name AS owner_name, coalesce(w.outbox_id, b.outbox_id) AS outbox_id,
    CASE WHEN w.account IS NOT NULL THEN CAST(pg_notify('switchboard_outbox', w.account) AS text) END AS told
FROM judged AS j
LEFT JOIN written AS w USING (chat_id)
LEFT JOIN before AS b ON b.is_same
LEFT JOIN switchboard.crm_employees AS owner ON owner.employee_id = j.owner_id
