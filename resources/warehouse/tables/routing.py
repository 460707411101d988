"""Who should answer: evidence, participation, the routing table and its versions."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Double,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from resources.warehouse.tables.base import Instant, metadata, now

tracked_interactions = Table(
    "tracked_interactions",
    metadata,
    Column("kind", Text, nullable=False, comment="call, or as the configuration of tracked interactions names it"),
    Column("source", Text, nullable=False, comment="for a call its pbx_id, for a document its CRM"),
    Column("source_key", Text, nullable=False, comment="for a call its linkedid, for a document its reference"),
    Column("employee_id", Text, nullable=False),
    Column("interaction_day", Date, nullable=False),
    Column("at", Instant, nullable=False),
    Column("client_id", Text, nullable=False, comment="the party, or tel:<number> of an unknown caller"),
    Column("party_id", Text),
    Column("contact_id", Text, nullable=False, server_default="", comment="'' where it is the party's own number"),
    Column("number", Text),
    Column("direction", Text, nullable=False, comment="in, out, or '' where there is none"),
    Column("role", Text, nullable=False, comment="talker, transferrer, or author of a document"),
    Column("talk_seconds", Integer, nullable=False),
    Column("weight", Double, nullable=False, comment="what it counts on its day, before decay"),
    Column("valid_until", Instant, comment="from when it counts nothing; NULL is never"),
    PrimaryKeyConstraint("kind", "source", "source_key", "employee_id"),
    Index(None, "client_id", "at"),
    Index(None, "interaction_day"),
    Index(None, "valid_until", postgresql_where=text("valid_until IS NOT NULL")),
    comment="Evidence that an employee worked with a client.",
)

participation = Table(
    "participation",
    metadata,
    Column("client_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False, server_default="", comment="'' where it is the party's own number"),
    Column("employee_id", Text, nullable=False),
    Column("party_id", Text),
    Column("number", Text, comment="filled for unknown callers"),
    Column(
        "log_score",
        Double,
        nullable=False,
        comment="log2 of the decayed sum, as of 2020-01-01: time alone never changes it",
    ),
    Column("interactions", Integer, nullable=False),
    Column("talk_seconds", BigInteger, nullable=False),
    Column("first_at", Instant, nullable=False),
    Column("last_at", Instant, nullable=False),
    PrimaryKeyConstraint("client_id", "contact_id", "employee_id"),
    Index(None, "employee_id"),
    comment="An employee's part in the work with a client's contact.",
)

routing_versions = Table(
    "routing_versions",
    metadata,
    Column("version", BigInteger, Identity(always=True), primary_key=True),
    now("built_at"),
    now("verified_at"),
    Column("rules", JSONB, nullable=False, comment="the settings it was ranked by"),
    Column("clients", Integer, nullable=False),
    Column("rows_opened", Integer, nullable=False),
    Column("rows_closed", Integer, nullable=False),
    comment="Every routing table built: when, by which rules, what it changed.",
)

routing_table = Table(
    "routing_table",
    metadata,
    Column("version", BigInteger, nullable=False, comment="first version that holds this row"),
    Column("until_version", BigInteger, comment="first version that no longer does; NULL is current"),
    Column("number", Text, nullable=False, comment="E.164, or as dialled where it is none"),
    Column("rank", Integer, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("party_id", Text),
    Column("party_name", Text),
    Column("employee_id", Text, nullable=False),
    Column("employee_name", Text, nullable=False),
    Column("extension", Text, comment="the one held at build time"),
    Column("contact_id", Text, nullable=False, server_default="", comment="whose number it is, of the client"),
    Column("score", Double, nullable=False, comment="decayed to the client's latest interaction"),
    Column("share", Double, nullable=False, comment="of all the work with this contact and client, 0..1"),
    Column("is_responsible", Boolean, nullable=False),
    Column(
        "reason",
        Text,
        nullable=False,
        comment="crm_owner; rank; kept: another leads by too little; share_too_small and too_little_evidence: "
        "nobody is responsible by rank",
    ),
    PrimaryKeyConstraint("number", "rank", "version"),
    CheckConstraint("rank >= 1", name="rank"),
    Index(
        "routing_table_current_idx",
        "number",
        "rank",
        unique=True,
        postgresql_where=text("until_version IS NULL"),
    ),
    Index(None, "version"),
    Index(None, "until_version", postgresql_where=text("until_version IS NOT NULL")),
    Index(None, "client_id", postgresql_where=text("until_version IS NULL")),
    Index(None, "employee_id", postgresql_where=text("until_version IS NULL")),
    comment="Who should answer a number, best first. A row holds from `version` until `until_version`.",
)

published_routing = Table(
    "published_routing",
    metadata,
    Column("name", Text, primary_key=True, server_default="live"),
    Column("version", BigInteger, nullable=False, comment="the routing table that answers"),
    Column("previous_version", BigInteger, comment="the one that answered before: where a rollback goes"),
    now("published_at"),
    Column("verified_at", Instant, nullable=False, comment="when it was last seen to be what should be live"),
    Column("stale_at", Instant, nullable=False, comment="from when answers say that they are stale"),
    Column("held_since", Instant, comment="since when nothing is published by itself; NULL is not held"),
    Column("held_reason", Text, comment="why, for people"),
    Column("policy", JSONB, nullable=False, comment="the settings that answers are given by"),
    CheckConstraint("name = 'live'", name="one"),
    comment="Which version of the routing table answers: one row.",
)

routing_publications = Table(
    "routing_publications",
    metadata,
    Column("publication_id", BigInteger, Identity(always=True), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("from_version", BigInteger, comment="the live one then; NULL for the first"),
    now("decided_at"),
    Column("decision", Text, nullable=False, comment="published, approved, stopped, rolled_back or released"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("diff", JSONB, nullable=False, server_default="{}", comment="who changes, and what each employee gains"),
    CheckConstraint("decision IN ('published', 'approved', 'stopped', 'rolled_back', 'released')", name="decision"),
    comment="Every decision about what goes live, newest last.",
)
