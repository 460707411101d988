-- Since when there are messages of which nothing shows that they reached the client, or failed; those of the last
-- minutes may still be under way.
SELECT min(m.sent_at) AS since_at, count(*) AS messages
FROM messages AS m
WHERE m.account = :account AND m.outbox_id IS NOT NULL
    AND m.sent_at BETWEEN now() - make_interval(hours => :hours) AND now() - interval '10 minutes'
    AND NOT EXISTS (
        SELECT FROM message_statuses AS s
        WHERE s.account = m.account AND s.message_id = m.message_id
            AND s.status IN ('delivered', 'read', 'played', 'failed', 'deleted')
    )
