"""What can be wrong with a source of contacts as a whole; light to import."""

from __future__ import annotations


class ContactFileError(Exception):
    """The file as a whole cannot be used. The text says which file, why, and what to do."""


class ContactQueryError(Exception):
    """The database cannot be asked, or a query does not give what it must. The text says why and what to do."""
