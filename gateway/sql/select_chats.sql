-- A list of chats as an employee may see it.
--   viewer, sees_all, zone  who looks; see `readable_chats`
--   list                    queue, mine, closed, everybody (in work by somebody, for supervisors)
--   before, before_chat     the last row of the page before; NULL is the first page
--   rows                    how many
WITH portion AS MATERIALIZED (
    -- Who it is and what stands last in it is looked up for the rows of the page alone, not for years of closed chats.
    SELECT
        c.*, r.may_take, row_number() OVER (
            -- Who waits longest comes first in the queue; elsewhere what is newest.
            ORDER BY
                CASE WHEN %(list)s = 'queue' THEN c.opened_at END,
                CASE WHEN %(list)s <> 'queue' THEN c.last_message_at END DESC,
                CASE WHEN %(list)s = 'queue' THEN c.chat_id ELSE -c.chat_id END
        ) AS place
    FROM switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r
    JOIN switchboard.chats AS c USING (chat_id)
    WHERE CASE %(list)s
            WHEN 'queue' THEN c.state = 'queue'
            WHEN 'mine' THEN c.state = 'in_work' AND r.is_own
            WHEN 'closed' THEN c.state = 'closed' AND c.owner_id IS NOT NULL
            ELSE c.state = 'in_work' AND NOT r.is_own
        END
        AND (CAST(%(before)s AS timestamptz) IS NULL OR CASE
            WHEN %(list)s = 'queue' THEN (c.opened_at, c.chat_id) > (%(before)s, CAST(%(before_chat)s AS bigint))
            ELSE (c.last_message_at, c.chat_id) < (%(before)s, CAST(%(before_chat)s AS bigint))
        END)
    ORDER BY place
    LIMIT %(rows)s
)
SELECT
    c.chat_id, c.account, c.state, c.unread, c.last_message_at, c.last_in_at, c.opened_at, c.owner_id,
    owner.name AS owner_name, c.may_take, c.rule,
    who.name, who.number, who.party_id, who.party_name, who.contact_name,
    last.text AS last_text, last.kind AS last_kind, last.direction AS last_direction,
    coalesce(held.has_trouble, last.has_failed, false) AS has_trouble
FROM portion AS c
CROSS JOIN LATERAL switchboard.person_shown(c.person_id) AS who
LEFT JOIN switchboard.crm_employees AS owner ON owner.employee_id = c.owner_id
LEFT JOIN LATERAL (
    SELECT
        CASE WHEN m.is_revoked THEN '' ELSE left(m.text, 120) END AS text,
        CASE WHEN m.is_revoked THEN 'revoked' ELSE m.kind END AS kind,
        m.direction, m.status = 'failed' AS has_failed
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
ORDER BY c.place
