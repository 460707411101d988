"""Messengers."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Messengers."""
    op.create_table(
        "message_contacts",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organization", sa.Text(), nullable=False),
        sa.Column("phones", postgresql.ARRAY(sa.Text()), nullable=False, comment="as written"),
        sa.Column("emails", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("account", "message_id", "position", name=op.f("message_contacts_pkey")),
        schema="switchboard",
        comment="Visiting cards in a message.",
    )
    op.create_table(
        "message_media",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("media_id", sa.Text(), nullable=False, comment="the provider's"),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("mime_type", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False, comment="as the sender named it"),
        sa.Column("told_sha256", sa.Text(), nullable=False, comment="hexadecimal; '' where the provider did not say"),
        sa.Column("is_voice", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_animated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "next_try_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False, comment="when the provider forgets it"),
        sa.Column("sha256", sa.Text(), nullable=True, comment="of the bytes; the file is kept under this name"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True, comment="why the last try failed"),
        sa.CheckConstraint("state IN ('waiting', 'kept', 'gone', 'forgotten')", name=op.f("message_media_state_check")),
        sa.PrimaryKeyConstraint("account", "media_id", "message_id", name=op.f("message_media_pkey")),
        schema="switchboard",
        comment="Files of messages: waiting to be fetched, kept, gone at the provider, or forgotten after their time here.",
    )
    op.create_index(
        op.f("message_media_account_message_id_idx"),
        "message_media",
        ["account", "message_id"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(
        "message_media_kept_idx",
        "message_media",
        ["sha256"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("state = 'kept'"),
    )
    op.create_index(
        "message_media_waiting_idx",
        "message_media",
        ["next_try_at"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "message_products",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("price", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account", "message_id", "position", name=op.f("message_products_pkey")),
        schema="switchboard",
        comment="Lines of an order in a message.",
    )
    op.create_table(
        "message_reactions",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("reaction_id", sa.Text(), nullable=False, comment="the provider's"),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("emoji", sa.Text(), nullable=False, comment="'' takes the former away"),
        sa.Column("reacted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("message_reactions_direction_check")),
        sa.PrimaryKeyConstraint("account", "reaction_id", name=op.f("message_reactions_pkey")),
        schema="switchboard",
        comment="Signs set at a message, each as a version: the latest of a side counts.",
    )
    op.create_index(
        op.f("message_reactions_account_message_id_reacted_at_idx"),
        "message_reactions",
        ["account", "message_id", "reacted_at"],
        unique=False,
        schema="switchboard",
    )
    op.create_table(
        "message_statuses",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False, comment="by the provider's clock"),
        sa.Column("attempt_id", sa.Uuid(), nullable=True, comment="of ours, where the provider gave it back"),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("error_text", sa.Text(), server_default="", nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("told_by", sa.Text(), nullable=False, comment="webhook, or history where the provider was asked"),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("account", "message_id", "status", name=op.f("message_statuses_pkey")),
        schema="switchboard",
        comment="What became of a message we sent, each status once; the furthest one counts.",
    )
    op.create_index(
        op.f("message_statuses_attempt_id_idx"),
        "message_statuses",
        ["attempt_id"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("attempt_id IS NOT NULL"),
    )
    op.create_table(
        "message_versions",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("change_id", sa.Text(), nullable=False, comment="the provider's"),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("what IN ('edited', 'revoked')", name=op.f("message_versions_what_check")),
        sa.PrimaryKeyConstraint("account", "change_id", name=op.f("message_versions_pkey")),
        schema="switchboard",
        comment="How a message was edited or taken back; what it was before stays.",
    )
    op.create_index(
        op.f("message_versions_account_message_id_changed_at_idx"),
        "message_versions",
        ["account", "message_id", "changed_at"],
        unique=False,
        schema="switchboard",
    )
    op.create_table(
        "messenger_people",
        sa.Column("person_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False, comment="as they call themselves"),
        sa.Column("number", sa.Text(), nullable=True, comment="E.164, canonical; NULL where they show none"),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("messenger_people_pkey")),
        schema="switchboard",
        comment="Somebody who writes to us, or is written to, by a messenger.",
    )
    op.create_index(
        op.f("messenger_people_number_idx"),
        "messenger_people",
        ["number"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_table(
        "messenger_templates",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False, comment="with its variables as {{1}}"),
        sa.Column("variables", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("account", "name", "language", name=op.f("messenger_templates_pkey")),
        schema="switchboard",
        comment="Templates as the provider last listed them.",
    )
    op.create_table(
        "received_webhooks",
        sa.Column("webhook_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="as it was signed"),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True, comment="when its parts went into the tables"),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("received_webhooks_pkey")),
        schema="switchboard",
        comment="Webhooks of messengers as they came: stored before they are answered, worked on afterwards.",
    )
    op.create_index(
        op.f("received_webhooks_taken_at_idx"), "received_webhooks", ["taken_at"], unique=False, schema="switchboard"
    )
    op.create_index(
        "received_webhooks_waiting_idx",
        "received_webhooks",
        ["account", "webhook_id"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("taken_at IS NULL"),
    )
    op.create_table(
        "send_limits",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False, comment="0 is the account as a whole"),
        sa.Column("tokens", sa.Double(), nullable=False, comment="how many may be sent at once, at `refilled_at`"),
        sa.Column("refilled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "blocked_until",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="the provider asked us to slow down, or somebody must mend something",
        ),
        sa.Column("blocked_because", sa.Text(), nullable=True),
        sa.Column(
            "is_stopped",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="somebody must mend something",
        ),
        sa.Column("slowed", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="times in a row"),
        sa.PrimaryKeyConstraint("account", "chat_id", name=op.f("send_limits_pkey")),
        schema="switchboard",
        comment="Token buckets of sending: for an account, and for each person.",
    )
    op.create_table(
        "chats",
        sa.Column("chat_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=True, comment="the employee who answers it, or answered it last"),
        sa.Column(
            "rule", sa.Text(), server_default="", nullable=False, comment="of the settings, by which it is offered"
        ),
        sa.Column("offered_to", postgresql.ARRAY(sa.Text()), nullable=True, comment="employees; NULL is everybody"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "last_in_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="by the provider's clock: 24 hours from then free text may be sent",
        ),
        sa.Column("unread", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("state <> 'in_work' OR owner_id IS NOT NULL", name=op.f("chats_owner_check")),
        sa.CheckConstraint("state IN ('queue', 'in_work', 'closed')", name=op.f("chats_state_check")),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["switchboard.messenger_people.person_id"],
        ),
        sa.PrimaryKeyConstraint("chat_id", name=op.f("chats_pkey")),
        schema="switchboard",
        comment="The conversation of an account with somebody: one, however often it is closed and opened again.",
    )
    op.create_index("chats_once_idx", "chats", ["account", "person_id"], unique=True, schema="switchboard")
    op.create_index(
        "chats_open_idx",
        "chats",
        ["last_message_at"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index(
        op.f("chats_owner_id_last_message_at_idx"),
        "chats",
        ["owner_id", "last_message_at"],
        unique=False,
        schema="switchboard",
    )
    op.create_index(op.f("chats_person_id_idx"), "chats", ["person_id"], unique=False, schema="switchboard")
    op.create_table(
        "messenger_identities",
        sa.Column("identity_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "valid_from",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="of the provider's message that first showed it",
        ),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True, comment="NULL is still"),
        sa.Column("ended_because", sa.Text(), nullable=True, comment="number_changed, another_person, replaced"),
        sa.CheckConstraint(
            "kind IN ('user_id', 'wa_id', 'lid', 'username')", name=op.f("messenger_identities_kind_check")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["switchboard.messenger_people.person_id"],
        ),
        sa.PrimaryKeyConstraint("identity_id", name=op.f("messenger_identities_pkey")),
        schema="switchboard",
        comment="By which ids a messenger knows somebody, and since when.",
    )
    op.create_index(
        "messenger_identities_current_idx",
        "messenger_identities",
        ["kind", "value"],
        unique=True,
        schema="switchboard",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(
        op.f("messenger_identities_person_id_idx"),
        "messenger_identities",
        ["person_id"],
        unique=False,
        schema="switchboard",
    )
    op.create_table(
        "person_contacts",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False, comment="'' is: nobody's"),
        sa.Column("contact_id", sa.Text(), server_default="", nullable=False),
        sa.Column("assigned_by", sa.Text(), nullable=False, comment="the employee"),
        sa.Column(
            "valid_from", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["switchboard.messenger_people.person_id"],
        ),
        sa.PrimaryKeyConstraint("person_id", "valid_from", name=op.f("person_contacts_pkey")),
        schema="switchboard",
        comment="Whose contact somebody is, set by hand; without it their number says.",
    )
    op.create_index(
        "person_contacts_current_idx",
        "person_contacts",
        ["person_id"],
        unique=True,
        schema="switchboard",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "chat_events",
        sa.Column("event_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("employee_id", sa.Text(), server_default="", nullable=False, comment="who did it; '' is the rules"),
        sa.Column("to_employee_id", sa.Text(), nullable=True, comment="to whom it was given"),
        sa.Column("note", sa.Text(), server_default="", nullable=False, comment="a hidden comment, or why; never sent"),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint(
            "what IN ('queued', 'taken', 'handed_over', 'returned', 'closed', 'reopened', 'noted', 'merged')",
            name=op.f("chat_events_what_check"),
        ),
        sa.ForeignKeyConstraint(
            ["chat_id"],
            ["switchboard.chats.chat_id"],
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("chat_events_pkey")),
        schema="switchboard",
        comment="What was done with a chat, and hidden comments.",
    )
    op.create_index(
        op.f("chat_events_chat_id_at_idx"), "chat_events", ["chat_id", "at"], unique=False, schema="switchboard"
    )
    op.create_table(
        "messages",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False, comment="the provider's"),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "sent_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="by the provider's clock; of what we sent, when it was taken",
        ),
        sa.Column(
            "employee_id",
            sa.Text(),
            nullable=True,
            comment="who wrote it; NULL for the client and the telephone's own app",
        ),
        sa.Column("reply_to_id", sa.Text(), nullable=True),
        sa.Column("is_forwarded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "raw",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=False,
            comment="the provider's own words; of what we sent, ours",
        ),
        sa.Column("outbox_id", sa.BigInteger(), nullable=True, comment="of what we sent"),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("messages_direction_check")),
        sa.ForeignKeyConstraint(
            ["chat_id"],
            ["switchboard.chats.chat_id"],
        ),
        sa.PrimaryKeyConstraint("account", "message_id", name=op.f("messages_pkey")),
        schema="switchboard",
        comment="A message of a messenger: one row for each id of the provider, as it was first written.",
    )
    op.create_index(
        op.f("messages_chat_id_sent_at_idx"), "messages", ["chat_id", "sent_at"], unique=False, schema="switchboard"
    )
    op.create_index(
        "messages_outbox_idx",
        "messages",
        ["outbox_id"],
        unique=True,
        schema="switchboard",
        postgresql_where=sa.text("outbox_id IS NOT NULL"),
    )
    op.create_index(op.f("messages_sent_at_idx"), "messages", ["sent_at"], unique=False, schema="switchboard")
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "client_key", sa.Uuid(), nullable=False, comment="made by whoever writes: the same key is the same message"
        ),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False, comment="who wrote it; '' is no employee"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("template_name", sa.Text(), server_default="", nullable=False),
        sa.Column("template_language", sa.Text(), server_default="", nullable=False),
        sa.Column("template_values", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "sha256", sa.Text(), server_default="", nullable=False, comment="of a file of ours, kept under this name"
        ),
        sa.Column("mime_type", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "media_id",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="of that file, when the provider was given it",
        ),
        sa.Column("file_name", sa.Text(), server_default="", nullable=False),
        sa.Column("reply_to_id", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column(
            "written_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "next_try_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "leased_until", sa.DateTime(timezone=True), nullable=True, comment="by a sender; one that died loses it"
        ),
        sa.Column(
            "tries",
            sa.Integer(),
            server_default=sa.text("0"),
            nullable=False,
            comment="refusals of this message itself",
        ),
        sa.Column(
            "first_tried_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="for a minute from then the chat's later messages wait for this one",
        ),
        sa.Column("message_id", sa.Text(), nullable=True, comment="the provider's"),
        sa.Column("error_code", sa.Integer(), nullable=True, comment="the provider's, of the last refusal"),
        sa.Column("error", sa.Text(), nullable=True, comment="why it is not sent, for people"),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True, comment="when it came to its state"),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'accepted', 'unknown', 'needs_template', 'failed', 'cancelled')",
            name=op.f("outbox_state_check"),
        ),
        sa.ForeignKeyConstraint(
            ["chat_id"],
            ["switchboard.chats.chat_id"],
        ),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("outbox_pkey")),
        schema="switchboard",
        comment="What somebody wrote to be sent. Its attempts are written before each request.",
    )
    op.create_index(
        op.f("outbox_chat_id_outbox_id_idx"), "outbox", ["chat_id", "outbox_id"], unique=False, schema="switchboard"
    )
    op.create_index("outbox_once_idx", "outbox", ["client_key"], unique=True, schema="switchboard")
    op.create_index(
        "outbox_unknown_idx",
        "outbox",
        ["account", "settled_at"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("state = 'unknown'"),
    )
    op.create_index(
        "outbox_waiting_idx",
        "outbox",
        ["account", "outbox_id"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.create_table(
        "send_attempts",
        sa.Column(
            "attempt_id", sa.Uuid(), nullable=False, comment="goes with the request and comes back with its statuses"
        ),
        sa.Column("outbox_id", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True, comment="NULL while nobody knows"),
        sa.Column("message_id", sa.Text(), nullable=True, comment="the provider's, where it took it"),
        sa.Column("error_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when the provider's list was last looked at for it",
        ),
        sa.Column(
            "settled_by", sa.Text(), nullable=True, comment="answer, webhook, history, or the employee who decided"
        ),
        sa.CheckConstraint(
            "outcome IN ('accepted', 'refused', 'not_sent', 'unknown', 'not_accepted')",
            name=op.f("send_attempts_outcome_check"),
        ),
        sa.ForeignKeyConstraint(
            ["outbox_id"],
            ["switchboard.outbox.outbox_id"],
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("send_attempts_pkey")),
        schema="switchboard",
        comment="Each request that was to send a message, written and committed before it left.",
    )
    op.create_index(
        op.f("send_attempts_outbox_id_idx"), "send_attempts", ["outbox_id"], unique=False, schema="switchboard"
    )
    for name in ("person_of", "shown_messages", "sending", "chats"):
        op.execute(files("migrations").joinpath("sql", f"0006_{name}.sql").read_text("utf-8"))


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP FUNCTION switchboard.person_shown(bigint)")
    op.execute("DROP FUNCTION switchboard.readable_chats(text, boolean, text)")
    op.execute("DROP FUNCTION switchboard.accept_attempts(jsonb)")
    op.execute(
        "DROP FUNCTION switchboard.claim_message(text, uuid, double precision, double precision, double precision, "
        "double precision, double precision)"
    )
    op.execute("DROP TRIGGER tell_of_chat ON switchboard.chats")
    op.execute("DROP FUNCTION switchboard.tell_of_chat()")
    op.execute("DROP VIEW switchboard.shown_reactions, switchboard.shown_messages")
    op.execute("DROP FUNCTION switchboard.change_number(jsonb)")
    op.execute("DROP FUNCTION switchboard.people_of(jsonb)")
    op.execute("DROP FUNCTION switchboard.person_of(jsonb)")
    op.execute("DROP FUNCTION switchboard.merge_people(bigint, bigint)")
    op.execute("DROP FUNCTION switchboard.has_identity(bigint, text, timestamptz)")
    op.execute("DROP FUNCTION switchboard.person_at(text, text, timestamptz)")
    op.drop_index(op.f("send_attempts_outbox_id_idx"), table_name="send_attempts", schema="switchboard")
    op.drop_table("send_attempts", schema="switchboard")
    op.drop_index(
        "outbox_waiting_idx",
        table_name="outbox",
        schema="switchboard",
        postgresql_where=sa.text("state IN ('queued', 'sending')"),
    )
    op.drop_index(
        "outbox_unknown_idx", table_name="outbox", schema="switchboard", postgresql_where=sa.text("state = 'unknown'")
    )
    op.drop_index("outbox_once_idx", table_name="outbox", schema="switchboard")
    op.drop_index(op.f("outbox_chat_id_outbox_id_idx"), table_name="outbox", schema="switchboard")
    op.drop_table("outbox", schema="switchboard")
    op.drop_index(op.f("messages_sent_at_idx"), table_name="messages", schema="switchboard")
    op.drop_index(
        "messages_outbox_idx",
        table_name="messages",
        schema="switchboard",
        postgresql_where=sa.text("outbox_id IS NOT NULL"),
    )
    op.drop_index(op.f("messages_chat_id_sent_at_idx"), table_name="messages", schema="switchboard")
    op.drop_table("messages", schema="switchboard")
    op.drop_index(op.f("chat_events_chat_id_at_idx"), table_name="chat_events", schema="switchboard")
    op.drop_table("chat_events", schema="switchboard")
    op.drop_index(
        "person_contacts_current_idx",
        table_name="person_contacts",
        schema="switchboard",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.drop_table("person_contacts", schema="switchboard")
    op.drop_index(op.f("messenger_identities_person_id_idx"), table_name="messenger_identities", schema="switchboard")
    op.drop_index(
        "messenger_identities_current_idx",
        table_name="messenger_identities",
        schema="switchboard",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.drop_table("messenger_identities", schema="switchboard")
    op.drop_index(op.f("chats_person_id_idx"), table_name="chats", schema="switchboard")
    op.drop_index(op.f("chats_owner_id_last_message_at_idx"), table_name="chats", schema="switchboard")
    op.drop_index(
        "chats_open_idx", table_name="chats", schema="switchboard", postgresql_where=sa.text("state <> 'closed'")
    )
    op.drop_index("chats_once_idx", table_name="chats", schema="switchboard")
    op.drop_table("chats", schema="switchboard")
    op.drop_table("send_limits", schema="switchboard")
    op.drop_index(
        "received_webhooks_waiting_idx",
        table_name="received_webhooks",
        schema="switchboard",
        postgresql_where=sa.text("taken_at IS NULL"),
    )
    op.drop_index(op.f("received_webhooks_taken_at_idx"), table_name="received_webhooks", schema="switchboard")
    op.drop_table("received_webhooks", schema="switchboard")
    op.drop_table("messenger_templates", schema="switchboard")
    op.drop_index(
        op.f("messenger_people_number_idx"),
        table_name="messenger_people",
        schema="switchboard",
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.drop_table("messenger_people", schema="switchboard")
    op.drop_index(
        op.f("message_versions_account_message_id_changed_at_idx"), table_name="message_versions", schema="switchboard"
    )
    op.drop_table("message_versions", schema="switchboard")
    op.drop_index(
        op.f("message_statuses_attempt_id_idx"),
        table_name="message_statuses",
        schema="switchboard",
        postgresql_where=sa.text("attempt_id IS NOT NULL"),
    )
    op.drop_table("message_statuses", schema="switchboard")
    op.drop_index(
        op.f("message_reactions_account_message_id_reacted_at_idx"),
        table_name="message_reactions",
        schema="switchboard",
    )
    op.drop_table("message_reactions", schema="switchboard")
    op.drop_table("message_products", schema="switchboard")
    op.drop_index(
        "message_media_waiting_idx",
        table_name="message_media",
        schema="switchboard",
        postgresql_where=sa.text("state = 'waiting'"),
    )
    op.drop_index(
        "message_media_kept_idx",
        table_name="message_media",
        schema="switchboard",
        postgresql_where=sa.text("state = 'kept'"),
    )
    op.drop_index(op.f("message_media_account_message_id_idx"), table_name="message_media", schema="switchboard")
    op.drop_table("message_media", schema="switchboard")
    op.drop_table("message_contacts", schema="switchboard")
