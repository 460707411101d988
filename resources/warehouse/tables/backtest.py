"""What the ranking would have said before each call, beside who took it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, Double, Index, Integer, PrimaryKeyConstraint, Table, Text

from resources.warehouse.tables.base import Instant, metadata

routing_backtest = Table(
    "routing_backtest",
    metadata,
    Column("call_day", Date, nullable=False),
    Column("pbx_id", Text, nullable=False),
    Column("linkedid", Text, nullable=False),
    Column("at", Instant, nullable=False, comment="when the call began; only what was known before is used"),
    Column("client_id", Text, nullable=False, comment="the party, or tel:<number> of an unknown caller"),
    Column("employee_id", Text, nullable=False, comment="who talked longest"),
    Column("team", Text, nullable=False, server_default="", comment="their department"),
    Column("predicted_id", Text, comment="who would have been responsible by rank; NULL is nobody"),
    Column("share", Double, comment="of the work, that of the first of the ranking, 0..1; NULL without a ranking"),
    Column("predicted_rank", Integer, comment="of employee_id in the ranking; NULL where not in it"),
    Column("last_id", Text, comment="who took the client's latest call before"),
    Column("frequent_id", Text, comment="who took most of the client's calls before"),
    Column("owner_id", Text, comment="whom the CRM names for the client"),
    PrimaryKeyConstraint("pbx_id", "linkedid"),
    CheckConstraint("predicted_rank >= 1", name="predicted_rank"),
    Index(None, "call_day"),
    comment="A backtested call: an answered external inbound call with what was predicted before it.",
)
