"""What can be wrong with contacts; light to import. Nothing was changed where one of these is raised."""

from __future__ import annotations


class ContactsShrankError(Exception):
    """The source lost more than it may lose at once. The text says what to do."""


class OverrideError(Exception):
    """The override cannot be taken. The text says why and what to do."""
