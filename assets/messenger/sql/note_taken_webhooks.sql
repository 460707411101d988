UPDATE received_webhooks SET taken_at = clock_timestamp() WHERE webhook_id = ANY(:webhooks)
