"""What a PBX was handed and confirmed: responsibles and employees of its interception module."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table, Text

from resources.warehouse.tables.base import metadata, now

pushed_routes = Table(
    "pushed_routes",
    metadata,
    Column("pbx_id", Text, nullable=False),
    Column("phone_id", Text, nullable=False, comment="the last ten digits: by what the PBX keeps a number"),
    Column("number", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("client_name", Text, nullable=False),
    Column("employee_id", Text, nullable=False),
    now("pushed_at"),
    PrimaryKeyConstraint("pbx_id", "phone_id"),
    Index(None, "pbx_id", "client_id"),
    comment="Responsibles that a PBX has taken from us.",
)

pushed_users = Table(
    "pushed_users",
    metadata,
    Column("pbx_id", Text, nullable=False),
    Column("employee_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("extension", Text, nullable=False),
    now("pushed_at"),
    PrimaryKeyConstraint("pbx_id", "employee_id"),
    comment="Employees that a PBX has taken from us.",
)
