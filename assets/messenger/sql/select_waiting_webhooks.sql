-- The oldest webhooks that were not worked on yet.
SELECT webhook_id, account, body
FROM received_webhooks
WHERE taken_at IS NULL AND webhook_id > :after
ORDER BY webhook_id
LIMIT :portion
