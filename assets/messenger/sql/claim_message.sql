-- The next message that may be sent, with whom it is to; see `switchboard.claim_message`.
SELECT
    o.outbox_id, o.chat_id, o.kind, o.text, o.template_name, o.template_language, o.template_values, o.sha256,
    o.mime_type, o.media_id, o.file_name, o.reply_to_id, o.tries,
    coalesce(ids.wa_id, '') AS wa_id, coalesce(ids.user_id, '') AS user_id, coalesce(p.number, '') AS number
FROM switchboard.claim_message(
    :account, :attempt, :lease_seconds, :number_per_second, :number_burst, :pair_seconds, :pair_burst
) AS o
JOIN chats AS c USING (chat_id)
JOIN messenger_people AS p USING (person_id)
LEFT JOIN LATERAL (
    SELECT max(i.value) FILTER (WHERE i.kind = 'wa_id') AS wa_id, max(i.value) FILTER (WHERE i.kind = 'user_id') AS user_id
    FROM messenger_identities AS i
    WHERE i.person_id = c.person_id AND i.valid_to IS NULL
) AS ids ON true
