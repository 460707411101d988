"""What is told about this installation: reports for the developers, health of jobs, dial plans that asked."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Identity, Integer, Table, Text

from resources.warehouse.tables.base import Instant, metadata, now

usage_metrics = Table(
    "usage_metrics",
    metadata,
    Column("report_id", BigInteger, Identity(always=True), primary_key=True),
    Column("document", Text, nullable=False, comment="exactly what would be sent, or was"),
    Column("refused_because", Text, nullable=False, comment="why it must not be sent; '' where it may"),
    Column("built_at", Instant, nullable=False),
    comment="Usage reports: built as they would be sent, whether they are or not.",
)

sent_usage_metrics = Table(
    "sent_usage_metrics",
    metadata,
    Column("report_id", BigInteger, primary_key=True),
    Column("outcome", Text, nullable=False, comment="sent, or why not"),
    now("tried_at"),
    comment="What became of usage reports that were to be sent.",
)

job_health = Table(
    "job_health",
    metadata,
    Column("job", Text, primary_key=True),
    Column("succeeded", Integer, nullable=False, comment="runs of the last seven days"),
    Column("failed", Integer, nullable=False),
    Column("last_success_at", Instant),
    now("noted_at"),
    comment="How the jobs go, copied from Dagster for those that do not ask it.",
)

told_dial_plans = Table(
    "told_dial_plans",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    now("told_at"),
    comment="Versions of our sample dial plan that asked the gateway.",
)
