"""What is missing: holes in the history, and the recordings of calls."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from resources.warehouse.tables.base import Instant, metadata, now

history_gaps = Table(
    "history_gaps",
    metadata,
    Column("pbx_id", Text, nullable=False),
    Column(
        "kind",
        Text,
        nullable=False,
        comment="ids: row ids that follow one another have a hole; hour: the server counts other rows than we hold; "
        "call: fewer legs are held than the call was made of; capped_page: the server hands over fewer rows than it "
        "counts; recording: a call's file is missing; file: a recording that no call names",
    ),
    Column("subject", Text, nullable=False, comment="the ids, the hour, the linkedid or the file"),
    Column("call_day", Date, nullable=False),
    Column("rows_missing", Integer, nullable=False, comment="below 0 where the server has fewer than we hold"),
    Column("rows_restored", Integer, nullable=False, server_default=text("0")),
    Column("source_rows", Integer, comment="what the server counted, where it counts"),
    Column("held_rows", Integer, comment="what we hold after the repair"),
    Column(
        "state",
        Text,
        nullable=False,
        comment="restored; empty: the server has nothing there, so nothing was lost; open: still missing",
    ),
    Column("explanation", Text, nullable=False, server_default=text("''")),
    now("found_at"),
    Column("settled_at", Instant),
    PrimaryKeyConstraint("pbx_id", "kind", "subject"),
    CheckConstraint("kind IN ('ids', 'hour', 'call', 'capped_page', 'recording', 'file')", name="kind"),
    CheckConstraint("state IN ('restored', 'empty', 'open')", name="state"),
    Index(None, "call_day"),
    comment="A hole in the history: what was missing, where, and what became of it.",
)

recordings = Table(
    "recordings",
    metadata,
    Column("pbx_id", Text, nullable=False),
    Column("leg_id", Text, nullable=False),
    Column("linkedid", Text, nullable=False),
    Column("call_day", Date, nullable=False),
    Column(
        "state",
        Text,
        nullable=False,
        comment="available: the file was seen; named: the server names it; pending: the call ended a short while ago "
        "and its file is not ready; missing: it was there or was named, and is not; none: the server names no file",
    ),
    Column("file", Text, comment="as the server names it; stays when the server names it no longer"),
    Column("size_bytes", BigInteger),
    now("checked_at"),
    PrimaryKeyConstraint("pbx_id", "leg_id"),
    CheckConstraint("state IN ('available', 'named', 'pending', 'missing', 'none')", name="state"),
    Index(None, "call_day"),
    Index(None, "pbx_id", "linkedid"),
    comment="The recording of each leg in which somebody talked.",
)
