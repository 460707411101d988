"""What the work itself needs: cursors, quarantine, queues."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Computed, Identity, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from resources.warehouse.tables.base import Instant, metadata, now

load_cursors = Table(
    "load_cursors",
    metadata,
    Column("source", Text, primary_key=True),
    Column("cursor", JSONB, nullable=False),
    now("updated_at"),
    Column("reset_at", Instant, comment="when the source was last seen to begin its ids anew"),
    comment="Where each source stands; committed together with the rows it stands for.",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("quarantine_id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("raw", Text, nullable=False),
    Column("raw_hash", Text, Computed("md5(raw)", persisted=True), nullable=False),
    now("seen_at"),
    Column("times_seen", Integer, nullable=False, server_default=text("1")),
    Index("quarantine_once_idx", "source", "raw_hash", "reason", unique=True),
    comment="Rows that could not be taken, with the reason and their raw text.",
)

changed_calls = Table(
    "changed_calls",
    metadata,
    Column("pbx_id", Text, nullable=False),
    Column("linkedid", Text, nullable=False),
    comment="Queue: calls whose evidence the routing has not yet taken in. Append-only, so a call may stand twice.",
)
# No key: skipping a row that is there would lose a change, if the routing takes that row before the change
# is committed.

changed_documents = Table(
    "changed_documents",
    metadata,
    Column("source", Text, nullable=False),
    Column("entity_set", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    comment="Queue: a CRM's documents whose evidence the routing has not yet taken in. Append-only, as the others.",
)

changed_clients = Table(
    "changed_clients",
    metadata,
    Column("client_id", Text, nullable=False),
    comment="Queue: clients whose ranking must be looked at again. Append-only, so a client may stand twice.",
)

numbers_to_decide = Table(
    "numbers_to_decide",
    metadata,
    Column("number", Text, nullable=False),
    comment="Queue: numbers whose cards or overrides changed. Append-only, so a number may stand twice.",
)

numbers_to_relink = Table(
    "numbers_to_relink",
    metadata,
    Column("number", Text, nullable=False),
    Column("national_number", Text),
    comment="Queue: numbers whose calls must be looked at again. Append-only, so a number may stand twice.",
)
