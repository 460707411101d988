"""Who may be offered to a caller, when: absences, working hours, holidays, exclusions, deputies, pins.

Each row is a dated fact from one source, which is the whole truth about its own rows.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Time,
    text,
)

from resources.warehouse.tables.base import Instant, metadata, now

employee_absences = Table(
    "employee_absences",
    metadata,
    Column("source", Text, nullable=False),
    Column("employee_id", Text, nullable=False),
    Column("absent_from", Instant, nullable=False),
    Column("absent_to", Instant, comment="the first instant no longer; NULL is until further notice"),
    Column("kind", Text, nullable=False, server_default="", comment="vacation, sick leave, as the source calls it"),
    PrimaryKeyConstraint("source", "employee_id", "absent_from"),
    CheckConstraint("absent_to > absent_from", name="period"),
    Index(None, "employee_id"),
    comment="When an employee is away.",
)

working_hours = Table(
    "working_hours",
    metadata,
    Column("source", Text, nullable=False),
    Column("employee_id", Text, nullable=False, server_default="", comment="'' for a whole department, or for all"),
    Column("department", Text, nullable=False, server_default="", comment="'' for one employee, or for all"),
    Column("weekday", Integer, nullable=False, comment="1 is Monday, 7 Sunday, 0 a holiday"),
    Column("starts_at", Time, nullable=False, comment="in the business zone"),
    Column("ends_at", Time, nullable=False, comment="not after starts_at: on the next day"),
    Column("valid_from", Date, comment="first day"),
    Column("valid_to", Date, comment="first day no longer"),
    CheckConstraint("weekday BETWEEN 0 AND 7", name="weekday"),
    CheckConstraint("employee_id = '' OR department = ''", name="whose"),
    Index(
        "working_hours_once_idx",
        "source",
        "employee_id",
        "department",
        "weekday",
        "starts_at",
        "valid_from",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index(None, "employee_id"),
    comment="Weekly hours: an employee's own go before the department's, those before everybody's. "
    "Whoever has none is there at any hour.",
)

holidays = Table(
    "holidays",
    metadata,
    Column("source", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("works_as", Integer, comment="a day off that is worked, or the other way round: with that weekday's hours"),
    PrimaryKeyConstraint("day"),
    CheckConstraint("works_as BETWEEN 1 AND 7", name="works_as"),
    comment="Days whose hours are not those of their weekday.",
)

routing_exclusions = Table(
    "routing_exclusions",
    metadata,
    Column("source", Text, nullable=False),
    Column("employee_id", Text, nullable=False),
    Column("excluded_from", Instant, comment="NULL is from the beginning of time"),
    Column("excluded_to", Instant, comment="the first instant no longer"),
    Column("note", Text, nullable=False, server_default=""),
    Index(
        "routing_exclusions_once_idx",
        "source",
        "employee_id",
        "excluded_from",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index(None, "employee_id"),
    comment="Employees who are never offered to a caller, though they are at work.",
)

employee_deputies = Table(
    "employee_deputies",
    metadata,
    Column("source", Text, nullable=False),
    Column("employee_id", Text, nullable=False),
    Column("deputy_id", Text, nullable=False),
    Column("position", Integer, nullable=False, server_default="1", comment="who stands in first"),
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    CheckConstraint("employee_id <> deputy_id", name="another"),
    Index(
        "employee_deputies_once_idx",
        "source",
        "employee_id",
        "deputy_id",
        "valid_from",
        unique=True,
        postgresql_nulls_not_distinct=True,
    ),
    Index(None, "employee_id"),
    comment="Who answers for an employee who cannot.",
)

routing_pins = Table(
    "routing_pins",
    metadata,
    Column("pin_id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False),
    Column("client_id", Text, nullable=False, comment="the party, or tel:<number>"),
    Column("employee_id", Text, nullable=False),
    Column("pinned_from", Instant, nullable=False),
    Column("pinned_until", Instant, comment="the first instant no longer; NULL is for good"),
    Column("note", Text, nullable=False, server_default=""),
    now("recorded_at"),
    Column("revoked_at", Instant),
    Index(None, "client_id", postgresql_where=text("revoked_at IS NULL")),
    comment="A client's employee set by hand: goes before every other rule.",
)
