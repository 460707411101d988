"""Live calls."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Live calls."""
    op.create_table(
        "call_events",
        sa.Column(
            "event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False, comment="in the order of storing"
        ),
        sa.Column("pbx_id", sa.Text(), nullable=False, comment="the telephony server, by its name in the settings"),
        sa.Column(
            "event_key",
            sa.Text(),
            nullable=False,
            comment="kind and leg, with the call or the time where it happens again",
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("linkedid", sa.Text(), nullable=False, comment="the call"),
        sa.Column("leg_id", sa.Text(), nullable=False, comment="the party's channel, as the server names it"),
        sa.Column(
            "extension", sa.Text(), nullable=True, comment="whose telephone the leg is; NULL is the outside party"
        ),
        sa.Column("employee_id", sa.Text(), nullable=True, comment="who held that extension that day"),
        sa.Column("direction", sa.Text(), nullable=True, comment="in, out, internal; NULL where not known yet"),
        sa.Column("number", sa.Text(), nullable=True, comment="the outside party, E.164 where it is one"),
        sa.Column(
            "client_number", sa.Text(), nullable=True, comment="the outside party, as the server wrote the number"
        ),
        sa.Column("src_number", sa.Text(), nullable=True, comment="as the server wrote it"),
        sa.Column("dst_number", sa.Text(), nullable=True, comment="as the server wrote it"),
        sa.Column("did", sa.Text(), nullable=True, comment="our number that was called"),
        sa.Column("to_number", sa.Text(), nullable=True, comment="to whom the call was transferred"),
        sa.Column(
            "channel", sa.Text(), nullable=False, comment="how we were told: long_polling, ami, polling, webhook"
        ),
        sa.Column("source_at", sa.DateTime(timezone=True), nullable=True, comment="by the server's clock"),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, comment="when it arrived here"),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "is_inferred",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="an end nobody told of: the leg was gone when the server was asked after a break",
        ),
        sa.Column("times_seen", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "raw",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the message in the server's own words",
        ),
        sa.CheckConstraint("direction IN ('in', 'out', 'internal')", name=op.f("call_events_direction_check")),
        sa.CheckConstraint(
            "kind IN ('ringing', 'answered', 'held', 'resumed', 'transferred', 'ended')",
            name=op.f("call_events_kind_check"),
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("call_events_pkey")),
        schema="switchboard",
        comment="What happened to a leg of a call, as it happened: each event once, however often it came.",
    )
    op.create_index("call_events_once_idx", "call_events", ["pbx_id", "event_key"], unique=True, schema="switchboard")
    op.create_index(
        op.f("call_events_pbx_id_linkedid_idx"),
        "call_events",
        ["pbx_id", "linkedid"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(
        op.f("call_events_received_at_idx"), "call_events", ["received_at"], unique=False, schema="switchboard"
    )
    op.create_table(
        "call_events_reconciliation",
        sa.Column("call_day", sa.Date(), nullable=False),
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("linkedid", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=False, comment="'' where there is none"),
        sa.CheckConstraint(
            "finding IN ('call_without_events', 'events_without_call', 'end_missing')",
            name=op.f("call_events_reconciliation_finding_check"),
        ),
        sa.PrimaryKeyConstraint(
            "call_day", "pbx_id", "linkedid", "finding", name=op.f("call_events_reconciliation_pkey")
        ),
        schema="switchboard",
        comment="Calls of which history and events disagree.",
    )
    op.create_table(
        "employee_logins",
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True, comment="argon2id; NULL where they come by link only"),
        sa.Column(
            "is_supervisor",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="sees everybody's calls",
        ),
        sa.Column("opens_card_on", sa.Text(), server_default="ringing", nullable=False),
        sa.Column(
            "failures", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="wrong passwords in a row"
        ),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "opens_card_on IN ('ringing', 'answered', 'never')", name=op.f("employee_logins_opens_card_on_check")
        ),
        sa.PrimaryKeyConstraint("employee_id", name=op.f("employee_logins_pkey")),
        schema="switchboard",
        comment="An employee who may open the gateway's pages.",
    )
    op.create_table(
        "event_gaps",
        sa.Column("gap_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False, comment="when the server was last heard"),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("legs_closed", sa.Integer(), nullable=False, comment="ends nobody told of"),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("event_gaps_period_check")),
        sa.PrimaryKeyConstraint("gap_id", name=op.f("event_gaps_pkey")),
        schema="switchboard",
        comment="When nobody listened: calls of these times may lack events.",
    )
    op.create_index(
        op.f("event_gaps_pbx_id_ended_at_idx"), "event_gaps", ["pbx_id", "ended_at"], unique=False, schema="switchboard"
    )
    op.create_table(
        "event_listeners",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("is_connected", sa.Boolean(), nullable=False),
        sa.Column("connected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "heard_at", sa.DateTime(timezone=True), nullable=True, comment="when the server last gave a sign of life"
        ),
        sa.Column(
            "events",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="stored since it was connected",
        ),
        sa.Column("last_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_because", sa.Text(), nullable=True, comment="why it does not listen, where that is meant"),
        sa.PrimaryKeyConstraint("pbx_id", name=op.f("event_listeners_pkey")),
        schema="switchboard",
        comment="How listening to each server stands.",
    )
    op.create_table(
        "live_legs",
        sa.Column("pbx_id", sa.Text(), nullable=False),
        sa.Column("leg_id", sa.Text(), nullable=False),
        sa.Column("linkedid", sa.Text(), nullable=False, comment="the call; a transfer may move a leg to another"),
        sa.Column(
            "linkedid_at", sa.DateTime(timezone=True), nullable=False, comment="of the event that named the call"
        ),
        sa.Column("extension", sa.Text(), nullable=True),
        sa.Column("employee_id", sa.Text(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True, comment="the outside party, E.164 where it is one"),
        sa.Column("client_number", sa.Text(), nullable=True, comment="as the server wrote it"),
        sa.Column("did", sa.Text(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_is_inferred", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_event_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pbx_id", "leg_id", name=op.f("live_legs_pkey")),
        schema="switchboard",
        comment="A leg of a call as its events tell it, in whatever order they came: its state only moves forward.",
    )
    op.create_index(op.f("live_legs_began_at_idx"), "live_legs", ["began_at"], unique=False, schema="switchboard")
    op.create_index(
        "live_legs_now_idx",
        "live_legs",
        ["number"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        op.f("live_legs_pbx_id_linkedid_idx"), "live_legs", ["pbx_id", "linkedid"], unique=False, schema="switchboard"
    )
    op.create_table(
        "login_links",
        sa.Column("token_hash", sa.Text(), nullable=False, comment="SHA-256; the token itself is in the link only"),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True, comment="a link opens one session"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("login_links_pkey")),
        schema="switchboard",
        comment="Links that log an employee in.",
    )
    op.create_table(
        "login_sessions",
        sa.Column("token_hash", sa.Text(), nullable=False, comment="SHA-256 of the cookie"),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("login_sessions_pkey")),
        schema="switchboard",
        comment="Browsers that are logged in.",
    )
    op.create_index(
        op.f("login_sessions_employee_id_idx"), "login_sessions", ["employee_id"], unique=False, schema="switchboard"
    )
    op.create_table(
        "shown_cards",
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column(
            "sent_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when the gateway sent the event to the first of their pages",
        ),
        sa.Column(
            "shown_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the first page said that the card is there",
        ),
        sa.PrimaryKeyConstraint("event_id", "employee_id", name=op.f("shown_cards_pkey")),
        schema="switchboard",
        comment="Which event opened a card for whom, and when.",
    )
    op.create_table(
        "switches",
        sa.Column("name", sa.Text(), nullable=False, comment="the sensor's"),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it is on or off, for people"),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("switches_pkey")),
        schema="switchboard",
        comment="What the switches in the Dagster UI and the working window say, for those that do not ask Dagster.",
    )
    op.create_index(
        op.f("crm_interactions_party_id_at_idx"), "crm_interactions", ["party_id", "at"], schema="switchboard"
    )
    op.create_index(
        "enriched_calls_of_party_idx",
        "enriched_calls",
        ["party_id", "started_at"],
        schema="switchboard",
        postgresql_where=sa.text("party_id IS NOT NULL"),
    )
    for table, column in (("crm_parties", "name"), ("crm_phones", "contact_name")):
        op.create_index(
            f"{table}_{column}_trigram_idx",
            table,
            [column],
            schema="switchboard",
            postgresql_using="gin",
            postgresql_ops={column: "gin_trgm_ops"},
        )
    for name in ("store_call_events", "close_missing_legs", "live_calls", "call_members", "owner_shown"):
        op.execute(files("migrations").joinpath("sql", f"0005_{name}.sql").read_text("utf-8"))


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP FUNCTION switchboard.owner_shown(text)")
    op.execute("DROP VIEW switchboard.call_members")
    op.execute("DROP VIEW switchboard.live_calls")
    op.execute("DROP FUNCTION switchboard.close_missing_legs(text, text, text, text[], text[], timestamptz)")
    op.execute("DROP FUNCTION switchboard.store_call_events(text, text, text, jsonb)")
    op.drop_index("crm_phones_contact_name_trigram_idx", table_name="crm_phones", schema="switchboard")
    op.drop_index("crm_parties_name_trigram_idx", table_name="crm_parties", schema="switchboard")
    op.drop_index("enriched_calls_of_party_idx", table_name="enriched_calls", schema="switchboard")
    op.drop_index(op.f("crm_interactions_party_id_at_idx"), table_name="crm_interactions", schema="switchboard")
    op.drop_table("switches", schema="switchboard")
    op.drop_table("shown_cards", schema="switchboard")
    op.drop_index(op.f("login_sessions_employee_id_idx"), table_name="login_sessions", schema="switchboard")
    op.drop_table("login_sessions", schema="switchboard")
    op.drop_table("login_links", schema="switchboard")
    op.drop_index(op.f("live_legs_pbx_id_linkedid_idx"), table_name="live_legs", schema="switchboard")
    op.drop_index(
        "live_legs_now_idx", table_name="live_legs", schema="switchboard", postgresql_where=sa.text("ended_at IS NULL")
    )
    op.drop_index(op.f("live_legs_began_at_idx"), table_name="live_legs", schema="switchboard")
    op.drop_table("live_legs", schema="switchboard")
    op.drop_table("event_listeners", schema="switchboard")
    op.drop_index(op.f("event_gaps_pbx_id_ended_at_idx"), table_name="event_gaps", schema="switchboard")
    op.drop_table("event_gaps", schema="switchboard")
    op.drop_table("employee_logins", schema="switchboard")
    op.drop_table("call_events_reconciliation", schema="switchboard")
    op.drop_index(op.f("call_events_received_at_idx"), table_name="call_events", schema="switchboard")
    op.drop_index(op.f("call_events_pbx_id_linkedid_idx"), table_name="call_events", schema="switchboard")
    op.drop_index("call_events_once_idx", table_name="call_events", schema="switchboard")
    op.drop_table("call_events", schema="switchboard")
