"""A simulated WhatsApp Cloud API: Graph over HTTP, signed webhooks, faults, and the truth of what was sent."""
