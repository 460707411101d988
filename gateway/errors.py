"""What can be wrong with an employee's log-in."""

from __future__ import annotations


class LoginError(Exception):
    """A log-in cannot be made or changed; the text says why and what to do."""
