SELECT m.account, m.message_id, m.mime_type, m.error, m.expires_at
FROM message_media AS m
WHERE m.state = 'gone' AND m.expires_at > now() - interval '30 days'
