"""Passwords and tokens of people: how they are made, and in which form they are kept."""

from __future__ import annotations

import asyncio
import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.errors import LoginError

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 256
MOST_WAITING = 16

_hasher = PasswordHasher()


def new_token() -> str:
    """Return a secret of 256 bits that may stand in an address or a cookie."""
    return secrets.token_urlsafe(32)


def hash_of_token(token: str) -> str:
    """Return the form in which a token is kept: whoever reads the table cannot log in with it."""
    return hashlib.sha256(token.encode()).hexdigest()


def hash_of_password(password: str) -> str:
    """Return the form in which a password is kept, Argon2id.

    Raises:
        LoginError: it is too short or too long.
    """
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise LoginError(f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.")
    return _hasher.hash(password)


class BusyError(Exception):
    """So many passwords are being checked that one more would have to wait for long."""


class PasswordChecks:
    """Checks passwords one after the other: each takes a core and 64 MiB, which look-ups need more."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0
        self._nobodys = ""

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Tell whether a password is the one kept; where none is kept it takes as long to say no.

        Raises:
            BusyError: too many wait already.
        """
        if self._waiting >= MOST_WAITING:
            raise BusyError
        self._waiting += 1
        try:
            async with self._turn:
                self._nobodys = self._nobodys or await asyncio.to_thread(_hasher.hash, new_token())
                is_right = await asyncio.to_thread(_is_right, password[:LONGEST_PASSWORD], kept or self._nobodys)
        finally:
            self._waiting -= 1
        return is_right and kept is not None


def _is_right(password: str, kept: str) -> bool:
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
