-- What stands in a chat, the latest first: messages, what waits in the outbox, what was done with it and comments.
--   chat    which; whether it may be read was asked before
--   before  the moment before which, and `before_key` within it; NULL is from the end
--   rows    how many
WITH lines AS (
    SELECT 'message' AS type, m.sent_at AS at, 'm' || m.message_id AS key, m.message_id, NULL::bigint AS outbox_id, NULL::bigint AS event_id
    FROM switchboard.messages AS m
    WHERE m.chat_id = %(chat)s
    UNION ALL
    SELECT 'waiting', o.written_at, 'o' || o.outbox_id, NULL, o.outbox_id, NULL
    FROM switchboard.outbox AS o
    WHERE o.chat_id = %(chat)s AND o.state NOT IN ('accepted', 'cancelled')
    UNION ALL
    SELECT 'event', e.at, 'e' || e.event_id, NULL, NULL, e.event_id
    FROM switchboard.chat_events AS e
    WHERE e.chat_id = %(chat)s
), portion AS (
    SELECT *
    FROM lines
    WHERE CAST(%(before)s AS timestamptz) IS NULL OR (at, key) < (%(before)s, CAST(%(before_key)s AS text))
    ORDER BY at DESC, key DESC
    LIMIT %(rows)s
)
SELECT
    l.type, l.at, l.key,
    coalesce(m.direction, 'out') AS direction, coalesce(m.kind, o.kind) AS kind,
    CASE WHEN m.is_revoked THEN '' ELSE coalesce(m.text, o.text) END AS text,
    m.message_id, m.is_edited, m.is_revoked, m.is_forwarded,
    coalesce(m.status, o.state) AS status, coalesce(m.error_text, o.error) AS error,
    coalesce(m.error_code, o.error_code) AS error_code, o.outbox_id, o.file_name,
    coalesce(m.details ->> 'template', nullif(o.template_name, '')) AS template,
    coalesce(m.details -> 'values', to_jsonb(o.template_values)) AS template_values,
    CASE WHEN m.kind = 'location' THEN m.details - 'referral' END AS location,
    author.name AS author,
    e.what, e.note, doer.name AS doer, receiver.name AS receiver,
    CASE WHEN quoted.message_id IS NOT NULL
        THEN jsonb_build_object('direction', quoted.direction, 'kind', quoted.kind, 'text',
            CASE WHEN quoted.is_revoked THEN '' ELSE left(quoted.text, 120) END)
    END AS quoted,
    coalesce(reactions.signs, '{}') AS reactions,
    coalesce(files.list, '[]') AS files, coalesce(cards.list, '[]') AS contacts, coalesce(products.list, '[]') AS products
FROM portion AS l
JOIN switchboard.chats AS c ON c.chat_id = %(chat)s
LEFT JOIN switchboard.shown_messages AS m ON m.account = c.account AND m.message_id = l.message_id
LEFT JOIN switchboard.outbox AS o ON o.outbox_id = l.outbox_id
LEFT JOIN switchboard.chat_events AS e ON e.event_id = l.event_id
LEFT JOIN switchboard.crm_employees AS author ON author.employee_id = coalesce(m.employee_id, o.employee_id)
LEFT JOIN switchboard.crm_employees AS doer ON doer.employee_id = e.employee_id
LEFT JOIN switchboard.crm_employees AS receiver ON receiver.employee_id = e.to_employee_id
LEFT JOIN switchboard.shown_messages AS quoted
    ON quoted.account = c.account AND quoted.message_id = coalesce(m.reply_to_id, nullif(o.reply_to_id, ''))
    -- What is answered may stand in no other chat.
    AND quoted.chat_id = c.chat_id
LEFT JOIN LATERAL (
    SELECT array_agg(r.emoji ORDER BY r.direction) AS signs
    FROM switchboard.shown_reactions AS r
    WHERE r.account = c.account AND r.message_id = l.message_id
) AS reactions ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'media_id', f.media_id, 'mime_type', f.mime_type, 'file_name', f.file_name, 'state', f.state,
        'size_bytes', f.size_bytes, 'is_voice', f.is_voice
    )) AS list
    FROM switchboard.message_media AS f
    WHERE f.account = c.account AND f.message_id = l.message_id AND NOT m.is_revoked
) AS files ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'name', s.name, 'organization', s.organization, 'phones', s.phones, 'emails', s.emails
    ) ORDER BY s.position) AS list
    FROM switchboard.message_contacts AS s
    WHERE s.account = c.account AND s.message_id = l.message_id
) AS cards ON true
LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object(
        'product_id', s.product_id, 'quantity', s.quantity, 'price', s.price, 'currency', s.currency
    ) ORDER BY s.position) AS list
    FROM switchboard.message_products AS s
    WHERE s.account = c.account AND s.message_id = l.message_id
) AS products ON true
ORDER BY l.at DESC, l.key DESC
