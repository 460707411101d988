"""Ask first what is hardly ever so, when a wall clock is read."""

from __future__ import annotations

from importlib.resources import files

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Replace the function by one that gives the same answers."""
    op.execute(files("migrations").joinpath("sql", "0002_instant_of.sql").read_text("utf-8"))


def downgrade() -> None:
    """Bring the former text back."""
    former = files("migrations").joinpath("sql", "0001_instant_of.sql").read_text("utf-8")
    op.execute(former.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
