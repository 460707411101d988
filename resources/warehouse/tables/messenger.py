"""Messengers: what providers told, whose ids are whose, messages with all that became of them, and chats.

`account` is one of our numbers at a provider, by its name in the settings. Nothing refers to a message by a foreign
key: a status, an edit or a reaction may come before it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from resources.warehouse.tables.base import Instant, metadata, now

received_webhooks = Table(
    "received_webhooks",
    metadata,
    Column("webhook_id", BigInteger, Identity(always=True), primary_key=True),
    Column("account", Text, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="as it was signed"),
    Column("received_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column("taken_at", Instant, comment="when its parts went into the tables"),
    Index("received_webhooks_waiting_idx", "account", "webhook_id", postgresql_where=text("taken_at IS NULL")),
    Index(None, "taken_at"),
    comment="Webhooks of messengers as they came: stored before they are answered, worked on afterwards.",
)

messenger_people = Table(
    "messenger_people",
    metadata,
    Column("person_id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, server_default="", comment="as they call themselves"),
    Column("number", Text, comment="E.164, canonical; NULL where they show none"),
    now("first_seen_at"),
    Index(None, "number", postgresql_where=text("number IS NOT NULL")),
    comment="Somebody who writes to us, or is written to, by a messenger.",
)

messenger_identities = Table(
    "messenger_identities",
    metadata,
    Column("identity_id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("valid_from", Instant, nullable=False, comment="of the provider's message that first showed it"),
    Column("valid_to", Instant, comment="NULL is still"),
    Column("ended_because", Text, comment="number_changed, another_person, replaced"),
    ForeignKeyConstraint(["person_id"], [messenger_people.c.person_id]),
    CheckConstraint("kind IN ('user_id', 'wa_id', 'lid', 'username')", name="kind"),
    Index("messenger_identities_current_idx", "kind", "value", unique=True, postgresql_where=text("valid_to IS NULL")),
    Index(None, "person_id"),
    comment="By which ids a messenger knows somebody, and since when.",
)

person_contacts = Table(
    "person_contacts",
    metadata,
    Column("person_id", BigInteger, nullable=False),
    Column("party_id", Text, nullable=False, comment="'' is: nobody's"),
    Column("contact_id", Text, nullable=False, server_default=""),
    Column("assigned_by", Text, nullable=False, comment="the employee"),
    Column("valid_from", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column("valid_to", Instant),
    PrimaryKeyConstraint("person_id", "valid_from"),
    ForeignKeyConstraint(["person_id"], [messenger_people.c.person_id]),
    Index("person_contacts_current_idx", "person_id", unique=True, postgresql_where=text("valid_to IS NULL")),
    comment="Whose contact somebody is, set by hand; without it their number says.",
)

chats = Table(
    "chats",
    metadata,
    Column("chat_id", BigInteger, Identity(always=True), primary_key=True),
    Column("account", Text, nullable=False),
    Column("person_id", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("owner_id", Text, comment="the employee who answers it, or answered it last"),
    Column("rule", Text, nullable=False, server_default="", comment="of the settings, by which it is offered"),
    Column("offered_to", ARRAY(Text), comment="employees; NULL is everybody"),
    Column("opened_at", Instant, nullable=False),
    Column("taken_at", Instant),
    Column("closed_at", Instant),
    Column("last_message_at", Instant, nullable=False),
    Column("last_in_at", Instant, comment="by the provider's clock: 24 hours from then free text may be sent"),
    Column("unread", Integer, nullable=False, server_default=text("0")),
    Column("changed_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    ForeignKeyConstraint(["person_id"], [messenger_people.c.person_id]),
    CheckConstraint("state IN ('queue', 'in_work', 'closed')", name="state"),
    CheckConstraint("state <> 'in_work' OR owner_id IS NOT NULL", name="owner"),
    Index("chats_once_idx", "account", "person_id", unique=True),
    Index(None, "person_id"),
    Index("chats_open_idx", "last_message_at", postgresql_where=text("state <> 'closed'")),
    Index(None, "owner_id", "last_message_at"),
    comment="The conversation of an account with somebody: one, however often it is closed and opened again.",
)

chat_events = Table(
    "chat_events",
    metadata,
    Column("event_id", BigInteger, Identity(always=True), primary_key=True),
    Column("chat_id", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("employee_id", Text, nullable=False, server_default="", comment="who did it; '' is the rules"),
    Column("to_employee_id", Text, comment="to whom it was given"),
    Column("note", Text, nullable=False, server_default="", comment="a hidden comment, or why; never sent"),
    Column("at", Instant, nullable=False, server_default=func.clock_timestamp()),
    ForeignKeyConstraint(["chat_id"], [chats.c.chat_id]),
    CheckConstraint(
        "what IN ('queued', 'taken', 'handed_over', 'returned', 'closed', 'reopened', 'noted', 'merged')", name="what"
    ),
    Index(None, "chat_id", "at"),
    comment="What was done with a chat, and hidden comments.",
)

messages = Table(
    "messages",
    metadata,
    Column("account", Text, nullable=False),
    Column("message_id", Text, nullable=False, comment="the provider's"),
    Column("chat_id", BigInteger, nullable=False),
    Column("direction", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("sent_at", Instant, nullable=False, comment="by the provider's clock; of what we sent, when it was taken"),
    Column("employee_id", Text, comment="who wrote it; NULL for the client and the telephone's own app"),
    Column("reply_to_id", Text),
    Column("is_forwarded", Boolean, nullable=False, server_default=text("false")),
    Column("details", JSONB, nullable=False, server_default=text("'{}'")),
    Column("raw", JSONB, nullable=False, comment="the provider's own words; of what we sent, ours"),
    Column("outbox_id", BigInteger, comment="of what we sent"),
    Column("stored_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    PrimaryKeyConstraint("account", "message_id"),
    ForeignKeyConstraint(["chat_id"], [chats.c.chat_id]),
    CheckConstraint("direction IN ('in', 'out')", name="direction"),
    Index(None, "chat_id", "sent_at"),
    Index(None, "sent_at"),
    Index("messages_outbox_idx", "outbox_id", unique=True, postgresql_where=text("outbox_id IS NOT NULL")),
    comment="A message of a messenger: one row for each id of the provider, as it was first written.",
)

message_versions = Table(
    "message_versions",
    metadata,
    Column("account", Text, nullable=False),
    Column("change_id", Text, nullable=False, comment="the provider's"),
    Column("message_id", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("raw", JSONB, nullable=False),
    now("stored_at"),
    PrimaryKeyConstraint("account", "change_id"),
    CheckConstraint("what IN ('edited', 'revoked')", name="what"),
    Index(None, "account", "message_id", "changed_at"),
    comment="How a message was edited or taken back; what it was before stays.",
)

message_reactions = Table(
    "message_reactions",
    metadata,
    Column("account", Text, nullable=False),
    Column("reaction_id", Text, nullable=False, comment="the provider's"),
    Column("message_id", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("emoji", Text, nullable=False, comment="'' takes the former away"),
    Column("reacted_at", Instant, nullable=False),
    Column("raw", JSONB, nullable=False),
    now("stored_at"),
    PrimaryKeyConstraint("account", "reaction_id"),
    CheckConstraint("direction IN ('in', 'out')", name="direction"),
    Index(None, "account", "message_id", "reacted_at"),
    comment="Signs set at a message, each as a version: the latest of a side counts.",
)

message_statuses = Table(
    "message_statuses",
    metadata,
    Column("account", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("occurred_at", Instant, nullable=False, comment="by the provider's clock"),
    Column("attempt_id", Uuid, comment="of ours, where the provider gave it back"),
    Column("error_code", Integer),
    Column("error_text", Text, nullable=False, server_default=""),
    Column("raw", JSONB, nullable=False),
    Column("told_by", Text, nullable=False, comment="webhook, or history where the provider was asked"),
    now("stored_at"),
    PrimaryKeyConstraint("account", "message_id", "status"),
    Index(None, "attempt_id", postgresql_where=text("attempt_id IS NOT NULL")),
    comment="What became of a message we sent, each status once; the furthest one counts.",
)

message_media = Table(
    "message_media",
    metadata,
    Column("account", Text, nullable=False),
    Column("media_id", Text, nullable=False, comment="the provider's"),
    Column("message_id", Text, nullable=False),
    Column("mime_type", Text, nullable=False),
    Column("file_name", Text, nullable=False, comment="as the sender named it"),
    Column("told_sha256", Text, nullable=False, comment="hexadecimal; '' where the provider did not say"),
    Column("is_voice", Boolean, nullable=False, server_default=text("false")),
    Column("is_animated", Boolean, nullable=False, server_default=text("false")),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("next_try_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column("expires_at", Instant, nullable=False, comment="when the provider forgets it"),
    Column("sha256", Text, comment="of the bytes; the file is kept under this name"),
    Column("size_bytes", BigInteger),
    Column("fetched_at", Instant),
    Column("error", Text, comment="why the last try failed"),
    PrimaryKeyConstraint("account", "media_id", "message_id"),
    CheckConstraint("state IN ('waiting', 'kept', 'gone', 'forgotten')", name="state"),
    Index(None, "account", "message_id"),
    Index("message_media_waiting_idx", "next_try_at", postgresql_where=text("state = 'waiting'")),
    Index("message_media_kept_idx", "sha256", postgresql_where=text("state = 'kept'")),
    comment="Files of messages: waiting to be fetched, kept, gone at the provider, or forgotten after their time here.",
)

message_contacts = Table(
    "message_contacts",
    metadata,
    Column("account", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("organization", Text, nullable=False),
    Column("phones", ARRAY(Text), nullable=False, comment="as written"),
    Column("emails", ARRAY(Text), nullable=False),
    PrimaryKeyConstraint("account", "message_id", "position"),
    comment="Visiting cards in a message.",
)

message_products = Table(
    "message_products",
    metadata,
    Column("account", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("product_id", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("price", Text, nullable=False),
    Column("currency", Text, nullable=False),
    PrimaryKeyConstraint("account", "message_id", "position"),
    comment="Lines of an order in a message.",
)
