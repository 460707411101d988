-- A chat as an employee may read it; no row: they may not, or there is none.
--   viewer, sees_all, zone  who looks; see `readable_chats`
SELECT
    c.chat_id, c.account, c.person_id, c.state, c.unread, c.owner_id, owner.name AS owner_name, c.opened_at, c.closed_at,
    c.last_in_at, c.last_in_at + interval '24 hours' AS window_until,
    coalesce(c.last_in_at > now() - interval '24 hours', false) AS is_window_open,
    r.is_own, r.may_take, c.rule, who.name, who.number, who.username, who.party_id, who.party_name, who.contact_id,
    who.contact_name, who.by_hand,
    coalesce((
        SELECT jsonb_agg(
            jsonb_build_object('name', t.name, 'language', t.language, 'body', t.body, 'variables', t.variables)
            ORDER BY t.name, t.language
        )
        FROM switchboard.messenger_templates AS t
        WHERE t.account = c.account AND t.status = 'approved'
    ), '[]') AS templates
FROM switchboard.readable_chats(%(viewer)s, %(sees_all)s, %(zone)s) AS r
JOIN switchboard.chats AS c USING (chat_id)
CROSS JOIN LATERAL switchboard.person_shown(c.person_id) AS who
LEFT JOIN switchboard.crm_employees AS owner ON owner.employee_id = c.owner_id
WHERE c.chat_id = %(chat)s
