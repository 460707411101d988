-- Keep a messenger's webhook as it came; whoever works on them is woken.
WITH stored AS (
    INSERT INTO switchboard.received_webhooks (account, body) VALUES (%(account)s, %(body)s)
)
SELECT pg_notify('switchboard_webhooks', %(account)s)
