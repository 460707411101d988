"""Messengers: webhooks into messages and chats, the outbox out, files, and evidence of who works with whom."""
