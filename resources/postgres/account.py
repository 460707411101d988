"""Under which account the server's processes run.

PostgreSQL refuses to run as root. Started by root, it runs as another user who already exists, owns
the data and nothing else. No user is made and no folder on the way is opened up for it: where a
folder is closed to it (a checkout under /root), one capability is kept that lets it pass.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import stat
from dataclasses import dataclass
from pathlib import Path

from resources.postgres.binaries import binary_folder
from resources.postgres.errors import EmbeddedPostgresError
from resources.processes import held_capabilities, launcher
from resources.processes.launch import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH

_ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Account:
    """Who runs the server.

    Attributes:
        uid: user to become, None to stay who we are.
        gid: its group.
        capability: the one capability to keep over the change, or None.
    """

    uid: int | None = None
    gid: int | None = None
    capability: int | None = None

    def command(self, program: Path, *arguments: str) -> list[str]:
        """Return the command line that runs `program` under this account, to end with its starter."""
        start = launcher(signal.SIGINT, uid=self.uid, gid=self.gid, capability=self.capability)
        return [*start, str(program), *arguments]

    def give(self, path: Path) -> None:
        """Make this account the owner of a file or folder of ours."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def account_for(data: Path) -> Account:
    """Return who is to run the server on the folder `data`, which may not be there yet.

    Raises:
        EmbeddedPostgresError: the data belongs to somebody else, or root has no user to hand it to,
            or that user cannot reach it.
    """
    status = data.stat() if data.exists() else None
    if os.geteuid() != 0:
        if status is not None and status.st_uid != os.geteuid():
            raise EmbeddedPostgresError(
                f"{data} belongs to user {status.st_uid}, and you are user {os.geteuid()}. Start Switchboard "
                "as the user who made this data folder, or choose another one by SWITCHBOARD_HOME."
            )
        return Account()
    if status is None:
        uid, gid = _existing_user()
    else:
        # Not looked up again: an account "postgres" may have appeared since the data was made.
        uid, gid = status.st_uid, status.st_gid
        if uid == 0:
            raise EmbeddedPostgresError(
                f"{data} belongs to root, for whom PostgreSQL refuses to run; it was another user's when it "
                f"was made. Give it back: chown -R {_ACCOUNTS[0]} {data}"
            )
    return Account(uid, gid, _capability_to_reach(data, uid, gid))


def _existing_user() -> tuple[int, int]:
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return user.pw_uid, user.pw_gid
    raise EmbeddedPostgresError(
        f"PostgreSQL refuses to run as root, and neither of the users {' and '.join(_ACCOUNTS)} is there "
        "to run it. Start Switchboard as an ordinary user, or set SWITCHBOARD_DATABASE_URL to a "
        "PostgreSQL server of yours."
    )


def _capability_to_reach(data: Path, uid: int, gid: int) -> int | None:
    server = binary_folder() / "postgres"
    may_run = _may(uid, gid, server, stat.S_IXUSR | stat.S_IRUSR)
    closed = [folder for path in (data, server) if (folder := _closed_folder(uid, gid, path))]
    if may_run and not closed:
        return None
    held = held_capabilities()
    # The weaker one opens folders, and files for reading; to run a closed file takes the stronger one.
    for capability in [CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE] if may_run else [CAP_DAC_OVERRIDE]:
        if held >> capability & 1:
            return capability
    raise EmbeddedPostgresError(
        f"PostgreSQL refuses to run as root, and as user {uid} it cannot pass {(closed or [server])[0]}, "
        "which is closed to others; this process lacks the capability CAP_DAC_READ_SEARCH that would let it. "
        "Put the checkout and SWITCHBOARD_HOME into folders that others may enter, such as /opt and "
        "/var/lib, or start Switchboard as an ordinary user."
    )


def _closed_folder(uid: int, gid: int, path: Path) -> Path | None:
    """Return the first folder on the way to `path` that the user may not pass."""
    folders = [folder for folder in reversed(path.resolve().parents) if folder.exists()]
    return next((folder for folder in folders if not _may(uid, gid, folder, stat.S_IXUSR)), None)


def _may(uid: int, gid: int, path: Path, owner_bits: int) -> bool:
    """Whether the user has these permissions on `path`, written as the owner's bits."""
    status = path.stat()
    shift = 0 if status.st_uid == uid else 3 if status.st_gid == gid else 6
    return status.st_mode & owner_bits >> shift == owner_bits >> shift
