"""Calls as the servers tell of them: legs, and the calls they make."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from resources.warehouse.tables.base import Instant, metadata

call_legs = Table(
    "call_legs",
    metadata,
    Column("pbx_id", Text, nullable=False, comment="the telephony server, by its name in the settings"),
    Column("leg_id", Text, nullable=False, comment="the server's own key of the leg"),
    Column("linkedid", Text, nullable=False, comment="the call this leg belongs to"),
    Column("call_day", Date, nullable=False, comment="business day on which the call's earliest leg began"),
    Column("source_row_id", BigInteger, comment="the server's row id, or the position in its file"),
    Column("started_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("ended_at", Instant, nullable=False),
    Column("src_number", Text, comment="as the server wrote it"),
    Column("dst_number", Text, comment="as the server wrote it"),
    Column("src_extension", Text, comment="internal number of the calling side, NULL for an outsider"),
    Column("dst_extension", Text, comment="internal number of the called side, NULL for an outsider"),
    Column("did", Text, comment="our number that was called"),
    Column("disposition", Text, nullable=False, comment="ANSWERED, NOANSWER, BUSY, CANCEL, FAILED, ..."),
    Column("duration_seconds", Integer, nullable=False),
    Column("talk_seconds", Integer, nullable=False, comment="billsec of a person's leg, 0 for machines"),
    Column("is_app", Boolean, nullable=False, comment="menu, queue, voicemail or plumbing, not a person"),
    Column("recording", Text),
    Column("raw", JSONB, nullable=False, comment="the row in the server's own words"),
    Column("gone_at", Instant, comment="when a re-read found it missing at the server"),
    PrimaryKeyConstraint("pbx_id", "leg_id"),
    Index(None, "pbx_id", "linkedid"),
    Index(None, "call_day"),
    comment="A leg of a call: one party rung or spoken to by another.",
)

call_history = Table(
    "call_history",
    metadata,
    Column("pbx_id", Text, nullable=False),
    Column("linkedid", Text, nullable=False),
    Column("call_day", Date, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("answered_at", Instant, comment="first answer by a person"),
    Column("ended_at", Instant, nullable=False),
    Column("direction", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("client_number", Text, comment="the outside party, as the server wrote the number"),
    Column(
        "client_key",
        Text,
        Computed("switchboard.number_key(client_number)", persisted=True),
        comment="last ten digits of client_number: same caller, whatever the notation",
    ),
    Column("did", Text),
    Column("duration_seconds", Integer, nullable=False),
    Column("talk_seconds", Integer, nullable=False, comment="with the client, consultations left out"),
    Column("wait_seconds", Integer, nullable=False, comment="until the first answer, or until the end"),
    Column("legs", Integer, nullable=False),
    Column("extensions", ARRAY(Text), nullable=False, comment="internal numbers involved, most talk first"),
    Column("employees", ARRAY(Text), nullable=False, comment="who held them that day, most talk first"),
    Column("first_contact", Boolean, nullable=False, server_default=text("false")),
    Column("needs_attention", Boolean, nullable=False, server_default=text("false")),
    Column("gone_at", Instant),
    PrimaryKeyConstraint("pbx_id", "linkedid"),
    CheckConstraint("direction IN ('in', 'out', 'internal')", name="direction"),
    CheckConstraint(
        "status IN ('accepted', 'reached', 'no_answer', 'lost', 'cancelled', 'busy', 'failed')", name="status"
    ),
    Index(None, "call_day"),
    Index(None, "client_key", "call_day", "started_at"),
    Index("call_history_first_contact_idx", "client_key", postgresql_where=text("first_contact")),
    Index("call_history_attention_idx", "call_day", postgresql_where=text("needs_attention")),
    comment="A call: all legs with one linkedid.",
)
