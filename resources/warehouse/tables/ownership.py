"""Whose a number is: forms, facts, decisions, and the calls they decide about."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint

from resources.warehouse.tables.base import Instant, metadata, now

number_forms = Table(
    "number_forms",
    metadata,
    Column("raw", Text, nullable=False, comment="a number as somebody wrote it"),
    Column("region", Text, nullable=False, comment="country assumed for numbers without a country code"),
    Column("number", Text, comment="E.164, NULL where it is none"),
    Column("national_number", Text, comment="national significant number, or the bare digits"),
    Column("extension", Text, comment="what followed доб. or ext."),
    Column("kind", Text, nullable=False),
    Column(
        "is_international",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="the country code was written, so no other country may be assumed",
    ),
    Column(
        "digits",
        Text,
        Computed("coalesce(substr(number, 2), national_number)", persisted=True),
        comment="of the E.164 form, else as written",
    ),
    PrimaryKeyConstraint("raw", "region"),
    CheckConstraint("kind IN ('external', 'internal', 'short', 'hidden', 'invalid')", name="kind"),
    # Looked up from the end: which strings could be a number that is written with less, or more, before it.
    Index(None, "national_number", postgresql_where=text("NOT is_international")),
    Index(
        "number_forms_tail_idx",
        text('reverse(digits COLLATE "C")'),
        postgresql_where=text("NOT is_international"),
    ),
    # The journal's search: any part of a number, as it is typed.
    Index(
        "number_forms_digits_trigram_idx",
        "digits",
        postgresql_using="gin",
        postgresql_ops={"digits": "gin_trgm_ops"},
    ),
    comment="Each distinct number string, parsed once by libphonenumber.",
)

contact_ownership = Table(
    "contact_ownership",
    metadata,
    Column("fact_id", BigInteger, Identity(always=True), primary_key=True),
    Column("number", Text, nullable=False, comment="E.164"),
    Column("party_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("rung", Text, nullable=False, comment="how the number was recognised: exact"),
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    now("recorded_at"),
    Column("superseded_at", Instant, comment="when we learned better; NULL is what we believe now"),
    ExcludeConstraint(
        # As a number: comparing text in such an index is several times slower, and E.164 fits exactly.
        (text("CAST(substr(number, 2) AS bigint)"), "="),
        ("party_id", "="),
        ("contact_id", "="),
        (text("tstzrange(valid_from, valid_to)"), "&&"),
        name="contact_ownership_no_overlap",
        using="gist",
        where=text("superseded_at IS NULL"),
    ),
    Index(None, "number"),
    comment="A dated fact: a number belongs to a contact of a party.",
)

number_overrides = Table(
    "number_overrides",
    metadata,
    Column("override_id", BigInteger, Identity(always=True), primary_key=True),
    Column("source", Text, nullable=False, comment="assign for the command, else the file's name in the settings"),
    Column("number", Text, nullable=False, comment="E.164"),
    Column("national_number", Text, nullable=False),
    Column("party_id", Text, comment="NULL says that the number is nobody's"),
    Column("contact_id", Text, comment="NULL where the number is the party's own"),
    Column("valid_from", Instant, comment="NULL is from the beginning of time: a retroactive one"),
    Column("valid_to", Instant),
    Column("note", Text, nullable=False, server_default=""),
    now("recorded_at"),
    Column("superseded_at", Instant, comment="when we learned better; NULL is what we believe now"),
    ExcludeConstraint(
        (text("CAST(substr(number, 2) AS bigint)"), "="),
        (text("tstzrange(valid_from, valid_to)"), "&&"),
        name="number_overrides_no_overlap",
        using="gist",
        where=text("superseded_at IS NULL"),
    ),
    Index(None, "number"),
    comment="A dated fact set by hand: whose a number is, or that it is nobody's. It wins over every card.",
)

own_numbers = Table(
    "own_numbers",
    metadata,
    Column("number", Text, primary_key=True, comment="E.164"),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False, comment="settings, the server that was called at it, or the CRM"),
    Column("employee_id", Text, comment="whose mobile it is"),
    Column("valid_to", Instant, comment="since when it is ours no longer"),
    CheckConstraint("kind IN ('own_did', 'own_mobile')", name="kind"),
    comment="Numbers of our own: lines that are called, and employees' mobiles.",
)

listed_numbers = Table(
    "listed_numbers",
    metadata,
    Column("source", Text, nullable=False, comment="the list"),
    Column("number", Text, nullable=False, comment="E.164"),
    Column("kind", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("expires_at", Instant, comment="calls from then on are not marked"),
    now("listed_at"),
    Column("gone_at", Instant, comment="when it was found missing from the list"),
    PrimaryKeyConstraint("source", "number"),
    CheckConstraint("kind IN ('spam', 'unknown')", name="kind"),
    Index(None, "number"),
    comment="Numbers known to be nobody's client: spam, or asked and not found.",
)

number_owners = Table(
    "number_owners",
    metadata,
    Column("number", Text, nullable=False, comment="E.164"),
    Column("national_number", Text, nullable=False),
    Column("party_id", Text, comment="NULL where ambiguous"),
    Column("contact_id", Text, comment="NULL where several contacts of one party share the number"),
    Column("rung", Text, nullable=False),
    Column("ambiguous", Boolean, nullable=False),
    Column(
        "is_shared",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="so many parties have it that it tells nothing: a reception, a call centre",
    ),
    Column("candidates", ARRAY(Text), nullable=False, comment="every party that owns the number"),
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    ExcludeConstraint(
        (text("CAST(substr(number, 2) AS bigint)"), "="),
        (text("tstzrange(valid_from, valid_to)"), "&&"),
        name="number_owners_no_overlap",
        using="gist",
    ),
    Index(None, "number"),
    Index(None, "national_number"),
    Index("number_owners_tail_idx", text('reverse(number COLLATE "C")')),
    Index(None, "party_id"),
    comment="The decision per number, dated: whose calls these are.",
)

enriched_calls = Table(
    "enriched_calls",
    metadata,
    Column("pbx_id", Text, nullable=False),
    Column("linkedid", Text, nullable=False),
    Column("call_day", Date, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("number", Text, comment="the client's number, E.164 where it has one"),
    Column("party_id", Text),
    Column("contact_id", Text),
    Column("rung", Text, comment="how it was found: manual, exact, national, tail; NULL where nobody is known"),
    Column("candidates", ARRAY(Text), nullable=False, comment="the parties an ambiguous number may be"),
    Column("responsible_id", Text, comment="the employee the CRM names for the party"),
    Column(
        "number_kind",
        Text,
        comment="external, internal, own_did, own_mobile, short, hidden or invalid; NULL in rows of an earlier version",
    ),
    Column("outcome", Text, comment="what came of the look for an owner; NULL in rows of an earlier version"),
    Column("listed_as", Text, comment="spam or unknown, where a list has the number"),
    PrimaryKeyConstraint("pbx_id", "linkedid"),
    CheckConstraint(
        "outcome IN ('owned', 'ambiguous', 'shared', 'unknown', 'listed', 'own', 'internal', 'short', 'hidden', "
        "'invalid')",
        name="outcome",
    ),
    Index(None, "call_day"),
    Index(None, "number", "call_day"),
    Index("enriched_calls_of_party_idx", "party_id", "started_at", postgresql_where=text("party_id IS NOT NULL")),
    comment="A call with its owner as of its start.",
)
