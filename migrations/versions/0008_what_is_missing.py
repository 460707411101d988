"""What is missing: holes in the history, recordings; and indexes for the journal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is missing."""
    op.create_table(
        "history_gaps",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="ids: row ids that follow one another have a hole; hour: the server counts other rows than we hold; call: fewer legs are held than the call was made of; capped_page: the server hands over fewer rows than it counts; recording: a call's file is missing; file: a recording that no call names",
        ),
        sa.Column("subject", sa.Text(), nullable=False, comment="the ids, the hour, the linkedid or the file"),
        sa.Column("call_day", sa.Date(), nullable=False),
        sa.Column(
            "rows_missing", sa.Integer(), nullable=False, comment="below 0 where the server has fewer than we hold"
        ),
        sa.Column("rows_restored", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("source_rows", sa.Integer(), nullable=True, comment="what the server counted, where it counts"),
        sa.Column("held_rows", sa.Integer(), nullable=True, comment="what we hold after the repair"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="restored; empty: the server has nothing there, so nothing was lost; open: still missing",
        ),
        sa.Column("explanation", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('ids', 'hour', 'call', 'capped_page', 'recording', 'file')", name=op.f("history_gaps_kind_check")
        ),
        sa.CheckConstraint("state IN ('restored', 'empty', 'open')", name=op.f("history_gaps_state_check")),
        sa.PrimaryKeyConstraint("pbx_id", "kind", "subject", name=op.f("history_gaps_pkey")),
        schema="switchboard",
        comment="A hole in the history: what was missing, where, and what became of it.",
    )
    op.create_index(op.f("history_gaps_call_day_idx"), "history_gaps", ["call_day"], unique=False, schema="switchboard")
    op.create_table(
        "recordings",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("leg_id", sa.Text(), nullable=False),
        sa.Column("linkedid", sa.Text(), nullable=False),
        sa.Column("call_day", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="available: the file was seen; named: the server names it; pending: the call ended a short while ago and its file is not ready; missing: it was there or was named, and is not; none: the server names no file",
        ),
        sa.Column(
            "file", sa.Text(), nullable=True, comment="as the server names it; stays when the server names it no longer"
        ),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('available', 'named', 'pending', 'missing', 'none')", name=op.f("recordings_state_check")
        ),
        sa.PrimaryKeyConstraint("pbx_id", "leg_id", name=op.f("recordings_pkey")),
        schema="switchboard",
        comment="The recording of each leg in which somebody talked.",
    )
    op.create_index(op.f("recordings_call_day_idx"), "recordings", ["call_day"], unique=False, schema="switchboard")
    op.create_index(
        op.f("recordings_pbx_id_linkedid_idx"), "recordings", ["pbx_id", "linkedid"], unique=False, schema="switchboard"
    )
    op.create_index(
        "call_history_attention_idx",
        "call_history",
        ["call_day"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("needs_attention"),
    )
    op.create_index(
        "number_forms_digits_trigram_idx",
        "number_forms",
        ["digits"],
        unique=False,
        schema="switchboard",
        postgresql_using="gin",
        postgresql_ops={"digits": "gin_trgm_ops"},
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_index(
        "number_forms_digits_trigram_idx",
        table_name="number_forms",
        schema="switchboard",
        postgresql_using="gin",
        postgresql_ops={"digits": "gin_trgm_ops"},
    )
    op.drop_index(
        "call_history_attention_idx",
        table_name="call_history",
        schema="switchboard",
        postgresql_where=sa.text("needs_attention"),
    )
    op.drop_index(op.f("recordings_pbx_id_linkedid_idx"), table_name="recordings", schema="switchboard")
    op.drop_index(op.f("recordings_call_day_idx"), table_name="recordings", schema="switchboard")
    op.drop_table("recordings", schema="switchboard")
    op.drop_index(op.f("history_gaps_call_day_idx"), table_name="history_gaps", schema="switchboard")
    op.drop_table("history_gaps", schema="switchboard")
