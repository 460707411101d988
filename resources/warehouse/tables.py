"""The tables of the warehouse, schema `switchboard`: their grain, keys and constraints.

One table per asset, named as the asset, plus the few tables the work itself needs (cursors,
quarantine, queues). Only definitions belong here; Alembic's migrations are made from them and a
test holds the two together. Open ends of a validity are NULL: `valid_from` NULL is "from the
beginning of time", `valid_to` NULL is "still".
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, ExcludeConstraint

SCHEMA = "switchboard"

metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    },
)

Instant = DateTime(timezone=True)


def _now(name: str) -> Column[object]:
    return Column(name, Instant, nullable=False, server_default=func.now())


# --- call history ---------------------------------------------------------------------------------

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
    comment="A call: all legs with one linkedid.",
)

# --- numbers, contacts, owners --------------------------------------------------------------------

number_forms = Table(
    "number_forms",
    metadata,
    Column("raw", Text, nullable=False, comment="a number as somebody wrote it"),
    Column("region", Text, nullable=False, comment="country assumed for numbers without a country code"),
    Column("number", Text, comment="E.164, NULL where it is none"),
    Column("national_number", Text, comment="national significant number, or the bare digits"),
    Column("extension", Text, comment="what followed доб. or ext."),
    Column("kind", Text, nullable=False),
    PrimaryKeyConstraint("raw", "region"),
    CheckConstraint("kind IN ('external', 'internal', 'short', 'hidden', 'invalid')", name="kind"),
    comment="Each distinct number string, parsed once by libphonenumber.",
)

crm_parties = Table(
    "crm_parties",
    metadata,
    Column("party_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="company or person"),
    Column("responsible_id", Text, comment="the employee the CRM names as responsible"),
    Column("gone_at", Instant),
    comment="A client: a company or a private person.",
)

crm_phones = Table(
    "crm_phones",
    metadata,
    Column("source", Text, nullable=False),
    Column("party_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False, comment="'' where the number is the party's own"),
    Column("raw", Text, nullable=False, comment="one number as the card shows it"),
    Column("contact_name", Text, nullable=False),
    Column("number", Text, comment="E.164, NULL where it is none"),
    Column("national_number", Text),
    Column("kind", Text, nullable=False),
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    Column("gone_at", Instant),
    PrimaryKeyConstraint("source", "party_id", "contact_id", "raw"),
    Index(None, "number"),
    comment="A number on a client's card.",
)

crm_employees = Table(
    "crm_employees",
    metadata,
    Column("employee_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("department", Text, nullable=False, server_default=""),
    Column("mobile", Text),
    Column("employed_from", Date),
    Column("employed_until", Date, comment="last day at work"),
    Column("gone_at", Instant),
    comment="An employee.",
)

employee_extensions = Table(
    "employee_extensions",
    metadata,
    Column("employee_id", Text, nullable=False),
    Column("extension", Text, nullable=False),
    Column("valid_from", Date, comment="first day"),
    Column("valid_to", Date, comment="first day no longer"),
    ExcludeConstraint(
        ("extension", "="),
        (text("daterange(valid_from, valid_to)"), "&&"),
        name="employee_extensions_one_holder",
        using="gist",
    ),
    Index(None, "employee_id"),
    comment="Who held an internal number, when: one holder at a time.",
)

contact_ownership = Table(
    "contact_ownership",
    metadata,
    Column("fact_id", BigInteger, Identity(always=True), primary_key=True),
    Column("number", Text, nullable=False, comment="E.164"),
    Column("party_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("rung", Text, nullable=False, comment="how sure the number is: exact, national"),
    Column("valid_from", Instant),
    Column("valid_to", Instant),
    _now("recorded_at"),
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
    Index(None, "number", postgresql_where=text("superseded_at IS NULL")),
    comment="A dated fact: a number belongs to a contact of a party.",
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
    Column("rung", Text, comment="exact or national; NULL where nobody is known"),
    Column("candidates", ARRAY(Text), nullable=False, comment="the parties an ambiguous number may be"),
    Column("responsible_id", Text, comment="the employee the CRM names for the party"),
    PrimaryKeyConstraint("pbx_id", "linkedid"),
    Index(None, "call_day"),
    Index(None, "number"),
    comment="A call with its owner as of its start.",
)

# --- who should answer ----------------------------------------------------------------------------

tracked_interactions = Table(
    "tracked_interactions",
    metadata,
    Column("kind", Text, nullable=False, comment="call; other kinds are configuration"),
    Column("source", Text, nullable=False, comment="for a call its pbx_id"),
    Column("source_key", Text, nullable=False, comment="for a call its linkedid"),
    Column("employee_id", Text, nullable=False),
    Column("interaction_day", Date, nullable=False),
    Column("at", Instant, nullable=False),
    Column("client_id", Text, nullable=False, comment="the party, or tel:<number> of an unknown caller"),
    Column("party_id", Text),
    Column("number", Text),
    Column("direction", Text, nullable=False),
    Column("role", Text, nullable=False, comment="talker or transferrer"),
    Column("talk_seconds", Integer, nullable=False),
    Column("weight", Double, nullable=False, comment="what it counts on its day, before decay"),
    PrimaryKeyConstraint("kind", "source", "source_key", "employee_id"),
    Index(None, "client_id"),
    Index(None, "interaction_day"),
    comment="Evidence that an employee worked with a client.",
)

participation = Table(
    "participation",
    metadata,
    Column("client_id", Text, nullable=False),
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
    PrimaryKeyConstraint("client_id", "employee_id"),
    Index(None, "employee_id"),
    comment="An employee's part in the work with a client.",
)

routing_versions = Table(
    "routing_versions",
    metadata,
    Column("version", BigInteger, Identity(always=True), primary_key=True),
    _now("built_at"),
    _now("verified_at"),
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
    Column("score", Double, nullable=False, comment="decayed to the client's latest interaction"),
    Column("share", Double, nullable=False, comment="of all the work with this client, 0..1"),
    Column("is_responsible", Boolean, nullable=False),
    Column("reason", Text, nullable=False, comment="crm_owner, rank, or why rank 1 is not responsible"),
    PrimaryKeyConstraint("number", "rank", "version"),
    CheckConstraint("rank >= 1", name="rank"),
    Index(
        "routing_table_current_idx",
        "number",
        "rank",
        unique=True,
        postgresql_where=text("until_version IS NULL"),
    ),
    Index(None, "client_id", postgresql_where=text("until_version IS NULL")),
    Index(None, "employee_id", postgresql_where=text("until_version IS NULL")),
    comment="Who should answer a number, best first. A row holds from `version` until `until_version`.",
)

# --- what the work itself needs -------------------------------------------------------------------

load_cursors = Table(
    "load_cursors",
    metadata,
    Column("source", Text, primary_key=True),
    Column("cursor", JSONB, nullable=False),
    _now("updated_at"),
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
    _now("seen_at"),
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

changed_clients = Table(
    "changed_clients",
    metadata,
    Column("client_id", Text, nullable=False),
    comment="Queue: clients whose ranking must be looked at again. Append-only, so a client may stand twice.",
)
