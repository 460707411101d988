"""Calls while they happen: events, the legs they tell of, listening and its gaps, and what was shown to whom."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.warehouse.tables.base import Instant, metadata, now

call_events = Table(
    "call_events",
    metadata,
    Column("event_id", BigInteger, Identity(always=True), primary_key=True, comment="in the order of storing"),
    Column("pbx_id", Text, nullable=False, comment="the telephony server, by its name in the settings"),
    Column("event_key", Text, nullable=False, comment="kind and leg, with the call or the time where it happens again"),
    Column("kind", Text, nullable=False),
    Column("linkedid", Text, nullable=False, comment="the call"),
    Column("leg_id", Text, nullable=False, comment="the party's channel, as the server names it"),
    Column("extension", Text, comment="whose telephone the leg is; NULL is the outside party"),
    Column("employee_id", Text, comment="who held that extension that day"),
    Column("direction", Text, comment="in, out, internal; NULL where not known yet"),
    Column("number", Text, comment="the outside party, E.164 where it is one"),
    Column("client_number", Text, comment="the outside party, as the server wrote the number"),
    Column("src_number", Text, comment="as the server wrote it"),
    Column("dst_number", Text, comment="as the server wrote it"),
    Column("did", Text, comment="our number that was called"),
    Column("to_number", Text, comment="to whom the call was transferred"),
    Column("channel", Text, nullable=False, comment="how we were told: long_polling, ami, polling, webhook"),
    Column("source_at", Instant, comment="by the server's clock"),
    Column("received_at", Instant, nullable=False, comment="when it arrived here"),
    Column("stored_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column(
        "is_inferred",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="an end nobody told of: the leg was gone when the server was asked after a break",
    ),
    Column("times_seen", Integer, nullable=False, server_default=text("1")),
    Column("raw", JSONB, nullable=False, comment="the message in the server's own words"),
    CheckConstraint("kind IN ('ringing', 'answered', 'held', 'resumed', 'transferred', 'ended')", name="kind"),
    CheckConstraint("direction IN ('in', 'out', 'internal')", name="direction"),
    Index("call_events_once_idx", "pbx_id", "event_key", unique=True),
    Index(None, "pbx_id", "linkedid"),
    Index(None, "received_at"),
    comment="What happened to a leg of a call, as it happened: each event once, however often it came.",
)

live_legs = Table(
    "live_legs",
    metadata,
    Column("pbx_id", Text, nullable=False),
    Column("leg_id", Text, nullable=False),
    Column("linkedid", Text, nullable=False, comment="the call; a transfer may move a leg to another"),
    Column("linkedid_at", Instant, nullable=False, comment="of the event that named the call"),
    Column("extension", Text),
    Column("employee_id", Text),
    Column("direction", Text),
    Column("number", Text, comment="the outside party, E.164 where it is one"),
    Column("client_number", Text, comment="as the server wrote it"),
    Column("did", Text),
    Column("began_at", Instant, nullable=False),
    Column("ringing_at", Instant),
    Column("answered_at", Instant),
    Column("held_at", Instant),
    Column("resumed_at", Instant),
    Column("ended_at", Instant),
    Column("end_is_inferred", Boolean, nullable=False, server_default=text("false")),
    Column("last_event_id", BigInteger, nullable=False),
    PrimaryKeyConstraint("pbx_id", "leg_id"),
    Index(None, "pbx_id", "linkedid"),
    Index("live_legs_now_idx", "number", postgresql_where=text("ended_at IS NULL")),
    Index(None, "began_at"),
    comment="A leg of a call as its events tell it, in whatever order they came: its state only moves forward.",
)

event_listeners = Table(
    "event_listeners",
    metadata,
    Column("pbx_id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("is_connected", Boolean, nullable=False),
    Column("connected_at", Instant),
    Column("heard_at", Instant, comment="when the server last gave a sign of life"),
    Column("events", BigInteger, nullable=False, server_default=text("0"), comment="stored since it was connected"),
    Column("last_event_at", Instant),
    Column("last_error", Text),
    Column("failed_at", Instant),
    Column("stopped_because", Text, comment="why it does not listen, where that is meant"),
    comment="How listening to each server stands.",
)

event_gaps = Table(
    "event_gaps",
    metadata,
    Column("gap_id", BigInteger, Identity(always=True), primary_key=True),
    Column("pbx_id", Text, nullable=False),
    Column("began_at", Instant, nullable=False, comment="when the server was last heard"),
    Column("ended_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("legs_closed", Integer, nullable=False, comment="ends nobody told of"),
    Index(None, "pbx_id", "ended_at"),
    CheckConstraint("ended_at >= began_at", name="period"),
    comment="When nobody listened: calls of these times may lack events.",
)

switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True, comment="the sensor's"),
    Column("is_on", Boolean, nullable=False),
    Column("reason", Text, nullable=False, comment="why it is on or off, for people"),
    now("read_at"),
    comment="What the switches in the Dagster UI and the working window say, for those that do not ask Dagster.",
)

shown_cards = Table(
    "shown_cards",
    metadata,
    Column("event_id", BigInteger, nullable=False),
    Column("employee_id", Text, nullable=False),
    Column("sent_at", Instant, nullable=False, comment="when the gateway sent the event to the first of their pages"),
    Column("shown_at", Instant, comment="when the first page said that the card is there"),
    PrimaryKeyConstraint("event_id", "employee_id"),
    comment="Which event opened a card for whom, and when.",
)

call_events_reconciliation = Table(
    "call_events_reconciliation",
    metadata,
    Column("call_day", Date, nullable=False),
    Column("pbx_id", Text, nullable=False),
    Column("linkedid", Text, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("finding", Text, nullable=False),
    Column("explanation", Text, nullable=False, comment="'' where there is none"),
    PrimaryKeyConstraint("call_day", "pbx_id", "linkedid", "finding"),
    CheckConstraint("finding IN ('call_without_events', 'events_without_call', 'end_missing')", name="finding"),
    comment="Calls of which history and events disagree.",
)
