"""Usage metrics."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Usage metrics."""
    op.create_table(
        "job_health",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("succeeded", sa.Integer(), nullable=False, comment="runs of the last seven days"),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("job_health_pkey")),
        schema="switchboard",
        comment="How the jobs go, copied from Dagster for those that do not ask it.",
    )
    op.create_table(
        "sent_usage_metrics",
        sa.Column("report_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False, comment="sent, or why not"),
        sa.Column("tried_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("sent_usage_metrics_pkey")),
        schema="switchboard",
        comment="What became of usage reports that were to be sent.",
    )
    op.create_table(
        "told_dial_plans",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("told_dial_plans_pkey")),
        schema="switchboard",
        comment="Versions of our sample dial plan that asked the gateway.",
    )
    op.create_table(
        "usage_metrics",
        sa.Column("report_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False, comment="exactly what would be sent, or was"),
        sa.Column("refused_because", sa.Text(), nullable=False, comment="why it must not be sent; '' where it may"),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("report_id", name=op.f("usage_metrics_pkey")),
        schema="switchboard",
        comment="Usage reports: built as they would be sent, whether they are or not.",
    )
    op.execute(files("migrations").joinpath("sql", "0007_object_counts.sql").read_text("utf-8"))


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP VIEW switchboard.object_counts")
    op.drop_table("usage_metrics", schema="switchboard")
    op.drop_table("told_dial_plans", schema="switchboard")
    op.drop_table("sent_usage_metrics", schema="switchboard")
    op.drop_table("job_health", schema="switchboard")
