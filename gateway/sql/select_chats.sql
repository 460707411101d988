-- A list of chats as an employee may see it.
--   viewer, sees_all, zone  who looks; see `readable_chats`
--   list                    queue, mine, closed, everybody (in work by somebody, for supervisors)
--   before, before_chat     the last row of the page before; NULL is the first page
--   rows                    how many
SELECT
    c.chat_id, c.account, c.state, c.unread, c.last_message_at, c.last_in_at, c.opened_at, c.owner_id,
    owner.name AS owner_name, r.may_take, c.rule,
    who.name, who.number, who.party_id, who.party_name, who.contact_name,
    left(last.text, 120) AS last_text, last.kind AS last_kind, last.direction AS last_direction,
    coalesce(held.has_trouble, false) AS has_trouble
FROM switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r
JOIN switchboard.chats AS c USING (chat_id)
CROSS JOIN LATERAL switchboard.person_shown(c.person_id) AS who
LEFT JOIN switchboard.crm_employees AS owner ON owner.employee_id = c.owner_id
LEFT JOIN LATERAL (
    SELECT m.text, m.kind, m.direction
    FROM switchboard.shown_messages AS m
    WHERE m.chat_id = c.chat_id
    ORDER BY m.sent_at DESC, m.message_id DESC
    LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT true AS has_trouble
    FROM switchboard.outbox AS o
    WHERE o.chat_id = c.chat_id AND o.state IN ('unknown', 'needs_template', 'failed')
    LIMIT 1
) AS held ON true
WHERE CASE %(list)s
        WHEN 'queue' THEN c.state = 'queue'
        WHEN 'mine' THEN c.state = 'in_work' AND r.is_own
        WHEN 'closed' THEN c.state = 'closed' AND c.owner_id IS NOT NULL
        ELSE c.state = 'in_work' AND NOT r.is_own
    END
    AND (CAST(%(before)s AS timestamptz) IS NULL OR CASE
        -- Who waits longest comes first in the queue; elsewhere what is newest.
        WHEN %(list)s = 'queue' THEN (c.opened_at, c.chat_id) > (%(before)s, CAST(%(before_chat)s AS bigint))
        ELSE (c.last_message_at, c.chat_id) < (%(before)s, CAST(%(before_chat)s AS bigint))
    END)
ORDER BY
    CASE WHEN %(list)s = 'queue' THEN c.opened_at END, CASE WHEN %(list)s <> 'queue' THEN c.last_message_at END DESC,
    CASE WHEN %(list)s = 'queue' THEN c.chat_id ELSE -c.chat_id END
LIMIT %(rows)s
