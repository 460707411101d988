"""What PBXs tell us by themselves: call events and their own numbers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Computed, Identity, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from resources.warehouse.tables.base import Instant, metadata, now

received_events = Table(
    "received_events",
    metadata,
    Column("event_id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False, comment="the door it came through"),
    Column("subject", Text, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("data_hash", Text, Computed("md5(data::text)", persisted=True), nullable=False),
    now("received_at"),
    Column("times_seen", Integer, nullable=False, server_default=text("1")),
    Index("received_events_once_idx", "source", "subject", "data_hash", unique=True),
    comment="Call events as a PBX sent them, each once however often it came.",
)

callback_numbers = Table(
    "callback_numbers",
    metadata,
    Column("source", Text, primary_key=True, comment="the address it was told from"),
    Column("number", Text, nullable=False),
    Column("told_at", Instant, nullable=False),
    comment="The number at which a PBX's voice menu is reached, as it told us.",
)
