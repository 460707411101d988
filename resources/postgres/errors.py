"""What goes wrong with the embedded server, in words for the person who started it."""

from __future__ import annotations


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be had; the text says why and what to do."""
