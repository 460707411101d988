"""WhatsApp by Meta's Cloud API: reading its webhooks, sending, media, and what was delivered."""
