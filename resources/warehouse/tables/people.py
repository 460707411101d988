"""Who may open the gateway's pages: employees' log-ins, links and sessions."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, Table, Text, text

from resources.warehouse.tables.base import Instant, metadata, now

employee_logins = Table(
    "employee_logins",
    metadata,
    Column("employee_id", Text, primary_key=True),
    Column("password_hash", Text, comment="argon2id; NULL where they come by link only"),
    Column("is_supervisor", Boolean, nullable=False, server_default=text("false"), comment="sees everybody's calls"),
    Column("opens_card_on", Text, nullable=False, server_default="ringing"),
    Column("failures", Integer, nullable=False, server_default=text("0"), comment="wrong passwords in a row"),
    Column("locked_until", Instant),
    now("created_at"),
    CheckConstraint("opens_card_on IN ('ringing', 'answered', 'never')", name="opens_card_on"),
    comment="An employee who may open the gateway's pages.",
)

login_links = Table(
    "login_links",
    metadata,
    Column("token_hash", Text, primary_key=True, comment="SHA-256; the token itself is in the link only"),
    Column("employee_id", Text, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant, comment="a link opens one session"),
    comment="Links that log an employee in.",
)

login_sessions = Table(
    "login_sessions",
    metadata,
    Column("token_hash", Text, primary_key=True, comment="SHA-256 of the cookie"),
    Column("employee_id", Text, nullable=False),
    now("created_at"),
    Column("expires_at", Instant, nullable=False),
    Index(None, "employee_id"),
    comment="Browsers that are logged in.",
)
