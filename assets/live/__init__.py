"""Calls while they happen: `call_events`, the listening that fills it, and its reconciliation with the history."""
