"""Locks on files, which the kernel lets go when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


class FileLock:
    """A lock on a file by `flock`; the file is made where it is absent and never removed.

    A removed lock file would let two holders lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def take(self, *, shared: bool = False, wait: bool = True) -> bool:
        """Take the lock, alone or together with others who share it.

        Args:
            shared: let others hold it too who also share.
            wait: wait until it is free; without, return at once.

        Returns:
            Whether the lock is held now; always true with `wait`.
        """
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(self._descriptor, mode)
        except BlockingIOError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Let go of the lock; nothing happens if it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def is_held_elsewhere(self) -> bool:
        """Whether somebody, in this process or another, holds the lock alone.

        Raises:
            RuntimeError: this very object holds it, so the question has no sense.
        """
        if self._descriptor is not None:
            raise RuntimeError(f"{self.path} is locked by the one who asks.")
        free = self.take(shared=True, wait=False)
        self.release()
        return not free

    def __enter__(self) -> FileLock:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
