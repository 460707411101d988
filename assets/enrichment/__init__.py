"""Calls with their owner as of their start."""
