"""Routing that is published: eligibility, contacts in the evidence, the live version, and the look-up itself."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Routing that is published."""
    op.create_table(
        "employee_absences",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("absent_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "absent_to",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the first instant no longer; NULL is until further notice",
        ),
        sa.Column(
            "kind", sa.Text(), server_default="", nullable=False, comment="vacation, sick leave, as the source calls it"
        ),
        sa.CheckConstraint("absent_to > absent_from", name=op.f("employee_absences_period_check")),
        sa.PrimaryKeyConstraint("source", "employee_id", "absent_from", name=op.f("employee_absences_pkey")),
        schema="switchboard",
        comment="When an employee is away.",
    )
    op.create_index(
        op.f("employee_absences_employee_id_idx"),
        "employee_absences",
        ["employee_id"],
        unique=False,
        schema="switchboard",
    )
    op.create_table(
        "employee_deputies",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("deputy_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="1", nullable=False, comment="who stands in first"),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("employee_id <> deputy_id", name=op.f("employee_deputies_another_check")),
        schema="switchboard",
        comment="Who answers for an employee who cannot.",
    )
    op.create_index(
        op.f("employee_deputies_employee_id_idx"),
        "employee_deputies",
        ["employee_id"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(
        "employee_deputies_once_idx",
        "employee_deputies",
        ["source", "employee_id", "deputy_id", "valid_from"],
        unique=True,
        schema="switchboard",
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "holidays",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "works_as",
            sa.Integer(),
            nullable=True,
            comment="a day off that is worked, or the other way round: with that weekday's hours",
        ),
        sa.CheckConstraint("works_as BETWEEN 1 AND 7", name=op.f("holidays_works_as_check")),
        sa.PrimaryKeyConstraint("day", name=op.f("holidays_pkey")),
        schema="switchboard",
        comment="Days whose hours are not those of their weekday.",
    )
    op.create_table(
        "published_routing",
        sa.Column("name", sa.Text(), server_default="live", nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, comment="the routing table that answers"),
        sa.Column(
            "previous_version",
            sa.BigInteger(),
            nullable=True,
            comment="the one that answered before: where a rollback goes",
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "verified_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was last seen to be what should be live",
        ),
        sa.Column(
            "stale_at", sa.DateTime(timezone=True), nullable=False, comment="from when answers say that they are stale"
        ),
        sa.Column(
            "held_since",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="since when nothing is published by itself; NULL is not held",
        ),
        sa.Column("held_reason", sa.Text(), nullable=True, comment="why, for people"),
        sa.Column(
            "policy",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the settings that answers are given by",
        ),
        sa.CheckConstraint("name = 'live'", name=op.f("published_routing_one_check")),
        sa.PrimaryKeyConstraint("name", name=op.f("published_routing_pkey")),
        schema="switchboard",
        comment="Which version of the routing table answers: one row.",
    )
    op.create_table(
        "routing_exclusions",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column(
            "excluded_from", sa.DateTime(timezone=True), nullable=True, comment="NULL is from the beginning of time"
        ),
        sa.Column("excluded_to", sa.DateTime(timezone=True), nullable=True, comment="the first instant no longer"),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        schema="switchboard",
        comment="Employees who are never offered to a caller, though they are at work.",
    )
    op.create_index(
        op.f("routing_exclusions_employee_id_idx"),
        "routing_exclusions",
        ["employee_id"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(
        "routing_exclusions_once_idx",
        "routing_exclusions",
        ["source", "employee_id", "excluded_from"],
        unique=True,
        schema="switchboard",
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "routing_pins",
        sa.Column("pin_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False, comment="the party, or tel:<number>"),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("pinned_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "pinned_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the first instant no longer; NULL is for good",
        ),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("pin_id", name=op.f("routing_pins_pkey")),
        schema="switchboard",
        comment="A client's employee set by hand: goes before every other rule.",
    )
    op.create_index(
        op.f("routing_pins_client_id_idx"),
        "routing_pins",
        ["client_id"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "routing_publications",
        sa.Column("publication_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("from_version", sa.BigInteger(), nullable=True, comment="the live one then; NULL for the first"),
        sa.Column("decided_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "decision", sa.Text(), nullable=False, comment="published, approved, stopped, rolled_back or released"
        ),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "diff",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="{}",
            nullable=False,
            comment="who changes, and what each employee gains",
        ),
        sa.CheckConstraint(
            "decision IN ('published', 'approved', 'stopped', 'rolled_back', 'released')",
            name=op.f("routing_publications_decision_check"),
        ),
        sa.PrimaryKeyConstraint("publication_id", name=op.f("routing_publications_pkey")),
        schema="switchboard",
        comment="Every decision about what goes live, newest last.",
    )
    op.create_table(
        "working_hours",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "employee_id", sa.Text(), server_default="", nullable=False, comment="'' for a whole department, or for all"
        ),
        sa.Column(
            "department", sa.Text(), server_default="", nullable=False, comment="'' for one employee, or for all"
        ),
        sa.Column("weekday", sa.Integer(), nullable=False, comment="1 is Monday, 7 Sunday, 0 a holiday"),
        sa.Column("starts_at", sa.Time(), nullable=False, comment="in the business zone"),
        sa.Column("ends_at", sa.Time(), nullable=False, comment="not after starts_at: on the next day"),
        sa.Column("valid_from", sa.Date(), nullable=True, comment="first day"),
        sa.Column("valid_to", sa.Date(), nullable=True, comment="first day no longer"),
        sa.CheckConstraint("employee_id = '' OR department = ''", name=op.f("working_hours_whose_check")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 7", name=op.f("working_hours_weekday_check")),
        schema="switchboard",
        comment="Weekly hours: an employee's own go before the department's, those before everybody's. Whoever has none is there at any hour.",
    )
    op.create_index(
        op.f("working_hours_employee_id_idx"), "working_hours", ["employee_id"], unique=False, schema="switchboard"
    )
    op.create_index(
        "working_hours_once_idx",
        "working_hours",
        ["source", "employee_id", "department", "weekday", "starts_at", "valid_from"],
        unique=True,
        schema="switchboard",
        postgresql_nulls_not_distinct=True,
    )
    op.add_column(
        "participation",
        sa.Column(
            "contact_id", sa.Text(), server_default="", nullable=False, comment="'' where it is the party's own number"
        ),
        schema="switchboard",
    )
    op.create_table_comment(
        "participation",
        "An employee's part in the work with a client's contact.",
        existing_comment="An employee's part in the work with a client.",
        schema="switchboard",
    )
    op.add_column(
        "routing_table",
        sa.Column(
            "contact_id", sa.Text(), server_default="", nullable=False, comment="whose number it is, of the client"
        ),
        schema="switchboard",
    )
    op.alter_column(
        "routing_table",
        "share",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="of all the work with this contact and client, 0..1",
        existing_comment="of all the work with this client, 0..1",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "routing_table",
        "reason",
        existing_type=sa.TEXT(),
        comment="crm_owner; rank; kept: another leads by too little; share_too_small and too_little_evidence: nobody is responsible by rank",
        existing_comment="crm_owner, rank, or why rank 1 is not responsible",
        existing_nullable=False,
        schema="switchboard",
    )
    op.add_column(
        "tracked_interactions",
        sa.Column(
            "contact_id", sa.Text(), server_default="", nullable=False, comment="'' where it is the party's own number"
        ),
        schema="switchboard",
    )
    op.add_column(
        "tracked_interactions",
        sa.Column(
            "valid_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="from when it counts nothing; NULL is never",
        ),
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "kind",
        existing_type=sa.TEXT(),
        comment="call, or as the configuration of tracked interactions names it",
        existing_comment="call; other kinds are configuration",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "source",
        existing_type=sa.TEXT(),
        comment="for a call its pbx_id, for a document its CRM",
        existing_comment="for a call its pbx_id",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "source_key",
        existing_type=sa.TEXT(),
        comment="for a call its linkedid, for a document its reference",
        existing_comment="for a call its linkedid",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "direction",
        existing_type=sa.TEXT(),
        comment="in, out, or '' where there is none",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "role",
        existing_type=sa.TEXT(),
        comment="talker, transferrer, or author of a document",
        existing_comment="talker or transferrer",
        existing_nullable=False,
        schema="switchboard",
    )
    op.drop_index(op.f("tracked_interactions_client_id_idx"), table_name="tracked_interactions", schema="switchboard")
    op.create_index(
        op.f("tracked_interactions_client_id_at_idx"),
        "tracked_interactions",
        ["client_id", "at"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(
        op.f("tracked_interactions_valid_until_idx"),
        "tracked_interactions",
        ["valid_until"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("valid_until IS NOT NULL"),
    )
    op.drop_constraint(op.f("participation_pkey"), "participation", schema="switchboard")
    op.create_primary_key(
        op.f("participation_pkey"), "participation", ["client_id", "contact_id", "employee_id"], schema="switchboard"
    )
    # Evidence learns whose number it came from; the clients concerned are weighed anew.
    op.execute(
        "UPDATE switchboard.tracked_interactions AS i SET contact_id = e.contact_id "
        "FROM switchboard.enriched_calls AS e "
        "WHERE i.kind = 'call' AND e.pbx_id = i.source AND e.linkedid = i.source_key AND e.contact_id <> ''"
    )
    op.execute(
        "INSERT INTO switchboard.changed_clients (client_id) "
        "SELECT DISTINCT client_id FROM switchboard.tracked_interactions WHERE contact_id <> ''"
    )
    op.create_table(
        "changed_documents",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("entity_set", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        schema="switchboard",
        comment="Queue: a CRM's documents whose evidence the routing has not yet taken in. Append-only, as the others.",
    )
    op.alter_column(
        "crm_interactions",
        "kind",
        existing_type=sa.TEXT(),
        comment="call, order, email, meeting, sms, or as a query of ours is named",
        existing_nullable=False,
        schema="switchboard",
    )
    op.create_index(
        op.f("crm_interactions_number_idx"),
        "crm_interactions",
        ["number"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index(
        op.f("routing_table_until_version_idx"),
        "routing_table",
        ["until_version"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("until_version IS NOT NULL"),
    )
    op.create_index(op.f("routing_table_version_idx"), "routing_table", ["version"], unique=False, schema="switchboard")
    op.drop_constraint(op.f("crm_interactions_kind_check"), "crm_interactions", schema="switchboard")
    op.create_check_constraint(
        op.f("crm_interactions_kind_check"), "crm_interactions", "kind <> ''", schema="switchboard"
    )
    op.create_table(
        "callback_numbers",
        sa.Column("source", sa.Text(), nullable=False, comment="the address it was told from"),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("callback_numbers_pkey")),
        schema="switchboard",
        comment="The number at which a PBX's voice menu is reached, as it told us.",
    )
    op.create_table(
        "received_events",
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="the door it came through"),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("data_hash", sa.Text(), sa.Computed("md5(data::text)", persisted=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("times_seen", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("received_events_pkey")),
        schema="switchboard",
        comment="Call events as a PBX sent them, each once however often it came.",
    )
    op.create_index(
        "received_events_once_idx",
        "received_events",
        ["source", "subject", "data_hash"],
        unique=True,
        schema="switchboard",
    )
    op.create_table(
        "pushed_routes",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("phone_id", sa.Text(), nullable=False, comment="the last ten digits: by what the PBX keeps a number"),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("client_name", sa.Text(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("pushed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("pbx_id", "phone_id", name=op.f("pushed_routes_pkey")),
        schema="switchboard",
        comment="Responsibles that a PBX has taken from us.",
    )
    op.create_index(
        op.f("pushed_routes_pbx_id_client_id_idx"),
        "pushed_routes",
        ["pbx_id", "client_id"],
        unique=False,
        schema="switchboard",
    )
    op.create_table(
        "pushed_users",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("pushed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("pbx_id", "employee_id", name=op.f("pushed_users_pkey")),
        schema="switchboard",
        comment="Employees that a PBX has taken from us.",
    )
    op.create_table(
        "routing_backtest",
        sa.Column("call_day", sa.Date(), nullable=False),
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("linkedid", sa.Text(), nullable=False),
        sa.Column(
            "at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the call began; only what was known before is used",
        ),
        sa.Column("client_id", sa.Text(), nullable=False, comment="the party, or tel:<number> of an unknown caller"),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="who talked longest"),
        sa.Column("team", sa.Text(), server_default="", nullable=False, comment="their department"),
        sa.Column(
            "predicted_id", sa.Text(), nullable=True, comment="who would have been responsible by rank; NULL is nobody"
        ),
        sa.Column(
            "share",
            sa.Double(),
            nullable=True,
            comment="of the work, that of the first of the ranking, 0..1; NULL without a ranking",
        ),
        sa.Column(
            "predicted_rank", sa.Integer(), nullable=True, comment="of employee_id in the ranking; NULL where not in it"
        ),
        sa.Column("last_id", sa.Text(), nullable=True, comment="who took the client's latest call before"),
        sa.Column("frequent_id", sa.Text(), nullable=True, comment="who took most of the client's calls before"),
        sa.Column("owner_id", sa.Text(), nullable=True, comment="whom the CRM names for the client"),
        sa.CheckConstraint("predicted_rank >= 1", name=op.f("routing_backtest_predicted_rank_check")),
        sa.PrimaryKeyConstraint("pbx_id", "linkedid", name=op.f("routing_backtest_pkey")),
        schema="switchboard",
        comment="A backtested call: an answered external inbound call with what was predicted before it.",
    )
    op.create_index(
        op.f("routing_backtest_call_day_idx"), "routing_backtest", ["call_day"], unique=False, schema="switchboard"
    )
    for name in ("availability", "route_candidates", "route", "views"):
        op.execute(files("migrations").joinpath("sql", f"0004_{name}.sql").read_text("utf-8"))


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP VIEW switchboard.voice_menus, switchboard.routing_answers")
    op.execute("DROP FUNCTION switchboard.route(text, timestamptz)")
    op.execute("DROP FUNCTION switchboard.route_candidates(text, text, timestamptz, bigint, boolean, double precision)")
    op.execute("DROP FUNCTION switchboard.availability(timestamptz, text)")
    op.drop_index(op.f("routing_table_version_idx"), table_name="routing_table", schema="switchboard")
    op.drop_index(
        op.f("routing_table_until_version_idx"),
        table_name="routing_table",
        schema="switchboard",
        postgresql_where=sa.text("until_version IS NOT NULL"),
    )
    op.drop_index(
        op.f("crm_interactions_number_idx"),
        table_name="crm_interactions",
        schema="switchboard",
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.alter_column(
        "crm_interactions",
        "kind",
        existing_type=sa.TEXT(),
        comment=None,
        existing_comment="call, order, email, meeting, sms, or as a query of ours is named",
        existing_nullable=False,
        schema="switchboard",
    )
    op.drop_table("changed_documents", schema="switchboard")
    op.drop_index("received_events_once_idx", table_name="received_events", schema="switchboard")
    op.drop_table("received_events", schema="switchboard")
    op.drop_table("callback_numbers", schema="switchboard")
    op.drop_index(op.f("routing_backtest_call_day_idx"), table_name="routing_backtest", schema="switchboard")
    op.drop_table("routing_backtest", schema="switchboard")
    op.drop_table("pushed_users", schema="switchboard")
    op.drop_index(op.f("pushed_routes_pbx_id_client_id_idx"), table_name="pushed_routes", schema="switchboard")
    op.drop_table("pushed_routes", schema="switchboard")
    op.drop_constraint(op.f("participation_pkey"), "participation", schema="switchboard")
    op.execute(
        "DELETE FROM switchboard.crm_interactions WHERE kind NOT IN ('call', 'order', 'email', 'meeting', 'sms')"
    )
    op.drop_constraint(op.f("crm_interactions_kind_check"), "crm_interactions", schema="switchboard")
    op.create_check_constraint(
        op.f("crm_interactions_kind_check"),
        "crm_interactions",
        "kind IN ('call', 'order', 'email', 'meeting', 'sms')",
        schema="switchboard",
    )
    # What was kept by contact is weighed anew by client.
    op.execute(
        "INSERT INTO switchboard.changed_clients (client_id) SELECT DISTINCT client_id FROM switchboard.participation"
    )
    op.execute("DELETE FROM switchboard.participation")
    op.drop_index(
        op.f("tracked_interactions_valid_until_idx"),
        table_name="tracked_interactions",
        schema="switchboard",
        postgresql_where=sa.text("valid_until IS NOT NULL"),
    )
    op.drop_index(
        op.f("tracked_interactions_client_id_at_idx"), table_name="tracked_interactions", schema="switchboard"
    )
    op.create_index(
        op.f("tracked_interactions_client_id_idx"),
        "tracked_interactions",
        ["client_id"],
        unique=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "role",
        existing_type=sa.TEXT(),
        comment="talker or transferrer",
        existing_comment="talker, transferrer, or author of a document",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "direction",
        existing_type=sa.TEXT(),
        comment=None,
        existing_comment="in, out, or '' where there is none",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "source_key",
        existing_type=sa.TEXT(),
        comment="for a call its linkedid",
        existing_comment="for a call its linkedid, for a document its reference",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "source",
        existing_type=sa.TEXT(),
        comment="for a call its pbx_id",
        existing_comment="for a call its pbx_id, for a document its CRM",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "tracked_interactions",
        "kind",
        existing_type=sa.TEXT(),
        comment="call; other kinds are configuration",
        existing_comment="call, or as the configuration of tracked interactions names it",
        existing_nullable=False,
        schema="switchboard",
    )
    op.drop_column("tracked_interactions", "valid_until", schema="switchboard")
    op.drop_column("tracked_interactions", "contact_id", schema="switchboard")
    op.alter_column(
        "routing_table",
        "reason",
        existing_type=sa.TEXT(),
        comment="crm_owner, rank, or why rank 1 is not responsible",
        existing_comment="crm_owner; rank; kept: another leads by too little; share_too_small and too_little_evidence: nobody is responsible by rank",
        existing_nullable=False,
        schema="switchboard",
    )
    op.alter_column(
        "routing_table",
        "share",
        existing_type=sa.DOUBLE_PRECISION(precision=53),
        comment="of all the work with this client, 0..1",
        existing_comment="of all the work with this contact and client, 0..1",
        existing_nullable=False,
        schema="switchboard",
    )
    op.drop_column("routing_table", "contact_id", schema="switchboard")
    op.create_table_comment(
        "participation",
        "An employee's part in the work with a client.",
        existing_comment="An employee's part in the work with a client's contact.",
        schema="switchboard",
    )
    op.drop_column("participation", "contact_id", schema="switchboard")
    op.create_primary_key(
        op.f("participation_pkey"), "participation", ["client_id", "employee_id"], schema="switchboard"
    )
    op.drop_index(
        "working_hours_once_idx", table_name="working_hours", schema="switchboard", postgresql_nulls_not_distinct=True
    )
    op.drop_index(op.f("working_hours_employee_id_idx"), table_name="working_hours", schema="switchboard")
    op.drop_table("working_hours", schema="switchboard")
    op.drop_table("routing_publications", schema="switchboard")
    op.drop_index(
        op.f("routing_pins_client_id_idx"),
        table_name="routing_pins",
        schema="switchboard",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.drop_table("routing_pins", schema="switchboard")
    op.drop_index(
        "routing_exclusions_once_idx",
        table_name="routing_exclusions",
        schema="switchboard",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index(op.f("routing_exclusions_employee_id_idx"), table_name="routing_exclusions", schema="switchboard")
    op.drop_table("routing_exclusions", schema="switchboard")
    op.drop_table("published_routing", schema="switchboard")
    op.drop_table("holidays", schema="switchboard")
    op.drop_index(
        "employee_deputies_once_idx",
        table_name="employee_deputies",
        schema="switchboard",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index(op.f("employee_deputies_employee_id_idx"), table_name="employee_deputies", schema="switchboard")
    op.drop_table("employee_deputies", schema="switchboard")
    op.drop_index(op.f("employee_absences_employee_id_idx"), table_name="employee_absences", schema="switchboard")
    op.drop_table("employee_absences", schema="switchboard")
