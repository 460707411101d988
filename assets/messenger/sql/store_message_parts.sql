-- Store the files, visiting cards and order lines of the messages.
--   media_days  for how long the provider keeps a file
WITH files AS (
    INSERT INTO message_media (
        account, media_id, message_id, mime_type, file_name, told_sha256, is_voice, is_animated, expires_at
    )
    SELECT
        t.account, t.media ->> 'media_id', t.message_id, t.media ->> 'mime_type', t.media ->> 'file_name',
        t.media ->> 'sha256', CAST(t.media ->> 'is_voice' AS boolean), CAST(t.media ->> 'is_animated' AS boolean),
        t.sent_at + make_interval(days => :media_days)
    FROM told_messages AS t
    WHERE t.media ->> 'media_id' <> ''
    ON CONFLICT DO NOTHING
), cards AS (
    INSERT INTO message_contacts (account, message_id, position, name, organization, phones, emails)
    SELECT t.account, t.message_id, c.position, c.told ->> 'name', c.told ->> 'organization',
        ARRAY(SELECT jsonb_array_elements_text(c.told -> 'phones')),
        ARRAY(SELECT jsonb_array_elements_text(c.told -> 'emails'))
    FROM told_messages AS t
    CROSS JOIN LATERAL jsonb_array_elements(t.contacts) WITH ORDINALITY AS c (told, position)
    ON CONFLICT DO NOTHING
)
INSERT INTO message_products (account, message_id, position, product_id, quantity, price, currency)
SELECT t.account, t.message_id, p.position, p.told ->> 'product_id', p.told ->> 'quantity', p.told ->> 'price',
    p.told ->> 'currency'
FROM told_messages AS t
CROSS JOIN LATERAL jsonb_array_elements(t.products) WITH ORDINALITY AS p (told, position)
ON CONFLICT DO NOTHING
