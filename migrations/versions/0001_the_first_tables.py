"""The first tables."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The first tables."""
    for extension in ("btree_gist", "pg_trgm"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    op.execute(files("migrations").joinpath("sql", "0001_number_key.sql").read_text("utf-8"))
    op.create_table(
        "call_history",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("linkedid", sa.Text(), nullable=False),
        sa.Column("call_day", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True, comment="first answer by a person"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "client_number", sa.Text(), nullable=True, comment="the outside party, as the server wrote the number"
        ),
        sa.Column(
            "client_key",
            sa.Text(),
            sa.Computed("switchboard.number_key(client_number)", persisted=True),
            nullable=True,
            comment="last ten digits of client_number: same caller, whatever the notation",
        ),
        sa.Column("did", sa.Text(), nullable=True),
        sa.Column("duration_seconds", sa.Integer(), nullable=False),
        sa.Column("talk_seconds", sa.Integer(), nullable=False, comment="with the client, consultations left out"),
        sa.Column("wait_seconds", sa.Integer(), nullable=False, comment="until the first answer, or until the end"),
        sa.Column("legs", sa.Integer(), nullable=False),
        sa.Column(
            "extensions",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="internal numbers involved, most talk first",
        ),
        sa.Column(
            "employees", postgresql.ARRAY(sa.Text()), nullable=False, comment="who held them that day, most talk first"
        ),
        sa.Column("first_contact", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("needs_attention", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("direction IN ('in', 'out', 'internal')", name=op.f("call_history_direction_check")),
        sa.CheckConstraint(
            "status IN ('accepted', 'reached', 'no_answer', 'lost', 'cancelled', 'busy', 'failed')",
            name=op.f("call_history_status_check"),
        ),
        sa.PrimaryKeyConstraint("pbx_id", "linkedid", name=op.f("call_history_pkey")),
        schema="switchboard",
        comment="A call: all legs with one linkedid.",
    )
    op.create_index(op.f("call_history_call_day_idx"), "call_history", ["call_day"], unique=False, schema="switchboard")
    op.create_index(
        op.f("call_history_client_key_call_day_started_at_idx"),
        "call_history",
        ["client_key", "call_day", "started_at"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(
        "call_history_first_contact_idx",
        "call_history",
        ["client_key"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("first_contact"),
    )
    op.create_table(
        "call_legs",
        sa.Column("pbx_id", sa.Text(), nullable=False, comment="the telephony server, by its name in the settings"),
        sa.Column("leg_id", sa.Text(), nullable=False, comment="the server's own key of the leg"),
        sa.Column("linkedid", sa.Text(), nullable=False, comment="the call this leg belongs to"),
        sa.Column("call_day", sa.Date(), nullable=False, comment="business day on which the call's earliest leg began"),
        sa.Column(
            "source_row_id", sa.BigInteger(), nullable=True, comment="the server's row id, or the position in its file"
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("src_number", sa.Text(), nullable=True, comment="as the server wrote it"),
        sa.Column("dst_number", sa.Text(), nullable=True, comment="as the server wrote it"),
        sa.Column(
            "src_extension",
            sa.Text(),
            nullable=True,
            comment="internal number of the calling side, NULL for an outsider",
        ),
        sa.Column(
            "dst_extension",
            sa.Text(),
            nullable=True,
            comment="internal number of the called side, NULL for an outsider",
        ),
        sa.Column("did", sa.Text(), nullable=True, comment="our number that was called"),
        sa.Column("disposition", sa.Text(), nullable=False, comment="ANSWERED, NOANSWER, BUSY, CANCEL, FAILED, ..."),
        sa.Column("duration_seconds", sa.Integer(), nullable=False),
        sa.Column("talk_seconds", sa.Integer(), nullable=False, comment="billsec of a person's leg, 0 for machines"),
        sa.Column("is_app", sa.Boolean(), nullable=False, comment="menu, queue, voicemail or plumbing, not a person"),
        sa.Column("recording", sa.Text(), nullable=True),
        sa.Column(
            "raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="the row in the server's own words"
        ),
        sa.Column(
            "gone_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when a re-read found it missing at the server",
        ),
        sa.PrimaryKeyConstraint("pbx_id", "leg_id", name=op.f("call_legs_pkey")),
        schema="switchboard",
        comment="A leg of a call: one party rung or spoken to by another.",
    )
    op.create_index(op.f("call_legs_call_day_idx"), "call_legs", ["call_day"], unique=False, schema="switchboard")
    op.create_index(
        op.f("call_legs_pbx_id_linkedid_idx"), "call_legs", ["pbx_id", "linkedid"], unique=False, schema="switchboard"
    )
    op.create_table(
        "changed_calls",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("linkedid", sa.Text(), nullable=False),
        schema="switchboard",
        comment="Queue: calls whose evidence the routing has not yet taken in. Append-only, so a call may stand twice.",
    )
    op.create_table(
        "changed_clients",
        sa.Column("client_id", sa.Text(), nullable=False),
        schema="switchboard",
        comment="Queue: clients whose ranking must be looked at again. Append-only, so a client may stand twice.",
    )
    op.create_table(
        "contact_ownership",
        sa.Column("fact_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="E.164"),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("rung", sa.Text(), nullable=False, comment="how sure the number is: exact, national"),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "superseded_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when we learned better; NULL is what we believe now",
        ),
        postgresql.ExcludeConstraint(
            (sa.text("CAST(substr(number, 2) AS bigint)"), "="),
            (sa.column("party_id"), "="),
            (sa.column("contact_id"), "="),
            (sa.text("tstzrange(valid_from, valid_to)"), "&&"),
            where=sa.text("superseded_at IS NULL"),
            using="gist",
            name="contact_ownership_no_overlap",
        ),
        sa.PrimaryKeyConstraint("fact_id", name=op.f("contact_ownership_pkey")),
        schema="switchboard",
        comment="A dated fact: a number belongs to a contact of a party.",
    )
    op.create_index(
        op.f("contact_ownership_number_idx"),
        "contact_ownership",
        ["number"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "crm_employees",
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), server_default="", nullable=False),
        sa.Column("mobile", sa.Text(), nullable=True),
        sa.Column("employed_from", sa.Date(), nullable=True),
        sa.Column("employed_until", sa.Date(), nullable=True, comment="last day at work"),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("employee_id", name=op.f("crm_employees_pkey")),
        schema="switchboard",
        comment="An employee.",
    )
    op.create_table(
        "crm_parties",
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="company or person"),
        sa.Column("responsible_id", sa.Text(), nullable=True, comment="the employee the CRM names as responsible"),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("party_id", name=op.f("crm_parties_pkey")),
        schema="switchboard",
        comment="A client: a company or a private person.",
    )
    op.create_table(
        "crm_phones",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False, comment="'' where the number is the party's own"),
        sa.Column("raw", sa.Text(), nullable=False, comment="one number as the card shows it"),
        sa.Column("contact_name", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True, comment="E.164, NULL where it is none"),
        sa.Column("national_number", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("source", "party_id", "contact_id", "raw", name=op.f("crm_phones_pkey")),
        schema="switchboard",
        comment="A number on a client's card.",
    )
    op.create_index(op.f("crm_phones_number_idx"), "crm_phones", ["number"], unique=False, schema="switchboard")
    op.create_table(
        "employee_extensions",
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True, comment="first day"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="first day no longer"),
        postgresql.ExcludeConstraint(
            (sa.column("extension"), "="),
            (sa.text("daterange(valid_from, valid_to)"), "&&"),
            using="gist",
            name="employee_extensions_one_holder",
        ),
        schema="switchboard",
        comment="Who held an internal number, when: one holder at a time.",
    )
    op.create_index(
        op.f("employee_extensions_employee_id_idx"),
        "employee_extensions",
        ["employee_id"],
        unique=False,
        schema="switchboard",
    )
    op.create_table(
        "enriched_calls",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("linkedid", sa.Text(), nullable=False),
        sa.Column("call_day", sa.Date(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Text(), nullable=True, comment="the client's number, E.164 where it has one"),
        sa.Column("party_id", sa.Text(), nullable=True),
        sa.Column("contact_id", sa.Text(), nullable=True),
        sa.Column("rung", sa.Text(), nullable=True, comment="exact or national; NULL where nobody is known"),
        sa.Column(
            "candidates", postgresql.ARRAY(sa.Text()), nullable=False, comment="the parties an ambiguous number may be"
        ),
        sa.Column("responsible_id", sa.Text(), nullable=True, comment="the employee the CRM names for the party"),
        sa.PrimaryKeyConstraint("pbx_id", "linkedid", name=op.f("enriched_calls_pkey")),
        schema="switchboard",
        comment="A call with its owner as of its start.",
    )
    op.create_index(
        op.f("enriched_calls_call_day_idx"), "enriched_calls", ["call_day"], unique=False, schema="switchboard"
    )
    op.create_index(op.f("enriched_calls_number_idx"), "enriched_calls", ["number"], unique=False, schema="switchboard")
    op.create_table(
        "load_cursors",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cursor", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "reset_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the source was last seen to begin its ids anew",
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("load_cursors_pkey")),
        schema="switchboard",
        comment="Where each source stands; committed together with the rows it stands for.",
    )
    op.create_table(
        "number_forms",
        sa.Column("raw", sa.Text(), nullable=False, comment="a number as somebody wrote it"),
        sa.Column("region", sa.Text(), nullable=False, comment="country assumed for numbers without a country code"),
        sa.Column("number", sa.Text(), nullable=True, comment="E.164, NULL where it is none"),
        sa.Column(
            "national_number", sa.Text(), nullable=True, comment="national significant number, or the bare digits"
        ),
        sa.Column("extension", sa.Text(), nullable=True, comment="what followed доб. or ext."),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('external', 'internal', 'short', 'hidden', 'invalid')", name=op.f("number_forms_kind_check")
        ),
        sa.PrimaryKeyConstraint("raw", "region", name=op.f("number_forms_pkey")),
        schema="switchboard",
        comment="Each distinct number string, parsed once by libphonenumber.",
    )
    op.create_table(
        "number_owners",
        sa.Column("number", sa.Text(), nullable=False, comment="E.164"),
        sa.Column("national_number", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=True, comment="NULL where ambiguous"),
        sa.Column(
            "contact_id", sa.Text(), nullable=True, comment="NULL where several contacts of one party share the number"
        ),
        sa.Column("rung", sa.Text(), nullable=False),
        sa.Column("ambiguous", sa.Boolean(), nullable=False),
        sa.Column(
            "candidates", postgresql.ARRAY(sa.Text()), nullable=False, comment="every party that owns the number"
        ),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.text("CAST(substr(number, 2) AS bigint)"), "="),
            (sa.text("tstzrange(valid_from, valid_to)"), "&&"),
            using="gist",
            name="number_owners_no_overlap",
        ),
        schema="switchboard",
        comment="The decision per number, dated: whose calls these are.",
    )
    op.create_index(
        op.f("number_owners_national_number_idx"),
        "number_owners",
        ["national_number"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(op.f("number_owners_number_idx"), "number_owners", ["number"], unique=False, schema="switchboard")
    op.create_index(
        op.f("number_owners_party_id_idx"), "number_owners", ["party_id"], unique=False, schema="switchboard"
    )
    op.create_table(
        "participation",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True, comment="filled for unknown callers"),
        sa.Column(
            "log_score",
            sa.Double(),
            nullable=False,
            comment="log2 of the decayed sum, as of 2020-01-01: time alone never changes it",
        ),
        sa.Column("interactions", sa.Integer(), nullable=False),
        sa.Column("talk_seconds", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "employee_id", name=op.f("participation_pkey")),
        schema="switchboard",
        comment="An employee's part in the work with a client.",
    )
    op.create_index(
        op.f("participation_employee_id_idx"), "participation", ["employee_id"], unique=False, schema="switchboard"
    )
    op.create_table(
        "quarantine",
        sa.Column("quarantine_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("raw_hash", sa.Text(), sa.Computed("md5(raw)", persisted=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("times_seen", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("quarantine_id", name=op.f("quarantine_pkey")),
        schema="switchboard",
        comment="Rows that could not be taken, with the reason and their raw text.",
    )
    op.create_index(
        "quarantine_once_idx", "quarantine", ["source", "raw_hash", "reason"], unique=True, schema="switchboard"
    )
    op.create_table(
        "routing_table",
        sa.Column("version", sa.BigInteger(), nullable=False, comment="first version that holds this row"),
        sa.Column(
            "until_version",
            sa.BigInteger(),
            nullable=True,
            comment="first version that no longer does; NULL is current",
        ),
        sa.Column("number", sa.Text(), nullable=False, comment="E.164, or as dialled where it is none"),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=True),
        sa.Column("party_name", sa.Text(), nullable=True),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("employee_name", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=True, comment="the one held at build time"),
        sa.Column("score", sa.Double(), nullable=False, comment="decayed to the client's latest interaction"),
        sa.Column("share", sa.Double(), nullable=False, comment="of all the work with this client, 0..1"),
        sa.Column("is_responsible", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="crm_owner, rank, or why rank 1 is not responsible"),
        sa.CheckConstraint("rank >= 1", name=op.f("routing_table_rank_check")),
        sa.PrimaryKeyConstraint("number", "rank", "version", name=op.f("routing_table_pkey")),
        schema="switchboard",
        comment="Who should answer a number, best first. A row holds from `version` until `until_version`.",
    )
    op.create_index(
        op.f("routing_table_client_id_idx"),
        "routing_table",
        ["client_id"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("until_version IS NULL"),
    )
    op.create_index(
        "routing_table_current_idx",
        "routing_table",
        ["number", "rank"],
        unique=True,
        schema="switchboard",
        postgresql_where=sa.text("until_version IS NULL"),
    )
    op.create_index(
        op.f("routing_table_employee_id_idx"),
        "routing_table",
        ["employee_id"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("until_version IS NULL"),
    )
    op.create_table(
        "routing_versions",
        sa.Column("version", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("built_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="the settings it was ranked by"
        ),
        sa.Column("clients", sa.Integer(), nullable=False),
        sa.Column("rows_opened", sa.Integer(), nullable=False),
        sa.Column("rows_closed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("routing_versions_pkey")),
        schema="switchboard",
        comment="Every routing table built: when, by which rules, what it changed.",
    )
    op.create_table(
        "tracked_interactions",
        sa.Column("kind", sa.Text(), nullable=False, comment="call; other kinds are configuration"),
        sa.Column("source", sa.Text(), nullable=False, comment="for a call its pbx_id"),
        sa.Column("source_key", sa.Text(), nullable=False, comment="for a call its linkedid"),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("interaction_day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False, comment="the party, or tel:<number> of an unknown caller"),
        sa.Column("party_id", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False, comment="talker or transferrer"),
        sa.Column("talk_seconds", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False, comment="what it counts on its day, before decay"),
        sa.PrimaryKeyConstraint("kind", "source", "source_key", "employee_id", name=op.f("tracked_interactions_pkey")),
        schema="switchboard",
        comment="Evidence that an employee worked with a client.",
    )
    op.create_index(
        op.f("tracked_interactions_client_id_idx"),
        "tracked_interactions",
        ["client_id"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(
        op.f("tracked_interactions_interaction_day_idx"),
        "tracked_interactions",
        ["interaction_day"],
        unique=False,
        schema="switchboard",
    )
    for function in ("instant_of", "call_owners"):
        op.execute(files("migrations").joinpath("sql", f"0001_{function}.sql").read_text("utf-8"))


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP FUNCTION switchboard.call_owners(jsonb)")
    op.execute("DROP FUNCTION switchboard.instant_of(timestamp, text, timestamptz)")
    op.drop_index(
        op.f("tracked_interactions_interaction_day_idx"), table_name="tracked_interactions", schema="switchboard"
    )
    op.drop_index(op.f("tracked_interactions_client_id_idx"), table_name="tracked_interactions", schema="switchboard")
    op.drop_table("tracked_interactions", schema="switchboard")
    op.drop_table("routing_versions", schema="switchboard")
    op.drop_index(
        op.f("routing_table_employee_id_idx"),
        table_name="routing_table",
        schema="switchboard",
        postgresql_where=sa.text("until_version IS NULL"),
    )
    op.drop_index(
        "routing_table_current_idx",
        table_name="routing_table",
        schema="switchboard",
        postgresql_where=sa.text("until_version IS NULL"),
    )
    op.drop_index(
        op.f("routing_table_client_id_idx"),
        table_name="routing_table",
        schema="switchboard",
        postgresql_where=sa.text("until_version IS NULL"),
    )
    op.drop_table("routing_table", schema="switchboard")
    op.drop_index("quarantine_once_idx", table_name="quarantine", schema="switchboard")
    op.drop_table("quarantine", schema="switchboard")
    op.drop_index(op.f("participation_employee_id_idx"), table_name="participation", schema="switchboard")
    op.drop_table("participation", schema="switchboard")
    op.drop_index(op.f("number_owners_party_id_idx"), table_name="number_owners", schema="switchboard")
    op.drop_index(op.f("number_owners_number_idx"), table_name="number_owners", schema="switchboard")
    op.drop_index(op.f("number_owners_national_number_idx"), table_name="number_owners", schema="switchboard")
    op.drop_table("number_owners", schema="switchboard")
    op.drop_table("number_forms", schema="switchboard")
    op.drop_table("load_cursors", schema="switchboard")
    op.drop_index(op.f("enriched_calls_number_idx"), table_name="enriched_calls", schema="switchboard")
    op.drop_index(op.f("enriched_calls_call_day_idx"), table_name="enriched_calls", schema="switchboard")
    op.drop_table("enriched_calls", schema="switchboard")
    op.drop_index(op.f("employee_extensions_employee_id_idx"), table_name="employee_extensions", schema="switchboard")
    op.drop_table("employee_extensions", schema="switchboard")
    op.drop_index(op.f("crm_phones_number_idx"), table_name="crm_phones", schema="switchboard")
    op.drop_table("crm_phones", schema="switchboard")
    op.drop_table("crm_parties", schema="switchboard")
    op.drop_table("crm_employees", schema="switchboard")
    op.drop_index(
        op.f("contact_ownership_number_idx"),
        table_name="contact_ownership",
        schema="switchboard",
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_table("contact_ownership", schema="switchboard")
    op.drop_table("changed_clients", schema="switchboard")
    op.drop_table("changed_calls", schema="switchboard")
    op.drop_index(op.f("call_legs_pbx_id_linkedid_idx"), table_name="call_legs", schema="switchboard")
    op.drop_index(op.f("call_legs_call_day_idx"), table_name="call_legs", schema="switchboard")
    op.drop_table("call_legs", schema="switchboard")
    op.drop_index(
        "call_history_first_contact_idx",
        table_name="call_history",
        schema="switchboard",
        postgresql_where=sa.text("first_contact"),
    )
    op.drop_index(
        op.f("call_history_client_key_call_day_started_at_idx"), table_name="call_history", schema="switchboard"
    )
    op.drop_index(op.f("call_history_call_day_idx"), table_name="call_history", schema="switchboard")
    op.drop_table("call_history", schema="switchboard")
    op.execute("DROP FUNCTION switchboard.number_key(text)")
