"""What waits to be sent by a messenger, each attempt to send it, and how fast may be sent."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from resources.warehouse.tables.base import Instant, metadata, now
from resources.warehouse.tables.messenger import chats

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", BigInteger, Identity(always=True), primary_key=True),
    Column("client_key", Uuid, nullable=False, comment="made by whoever writes: the same key is the same message"),
    Column("account", Text, nullable=False),
    Column("chat_id", BigInteger, nullable=False),
    Column("employee_id", Text, nullable=False, comment="who wrote it; '' is no employee"),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("template_name", Text, nullable=False, server_default=""),
    Column("template_language", Text, nullable=False, server_default=""),
    Column("template_values", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("sha256", Text, nullable=False, server_default="", comment="of a file of ours, kept under this name"),
    Column("mime_type", Text, nullable=False, server_default=""),
    Column("media_id", Text, nullable=False, server_default="", comment="of that file, when the provider was given it"),
    Column("file_name", Text, nullable=False, server_default=""),
    Column("reply_to_id", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("written_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column("next_try_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column("leased_until", Instant, comment="by a sender; one that died loses it"),
    Column("tries", Integer, nullable=False, server_default=text("0"), comment="refusals of this message itself"),
    Column("first_tried_at", Instant, comment="for a minute from then the chat's later messages wait for this one"),
    Column("message_id", Text, comment="the provider's"),
    Column("error_code", Integer, comment="the provider's, of the last refusal"),
    Column("error", Text, comment="why it is not sent, for people"),
    Column("settled_at", Instant, comment="when it came to its state"),
    ForeignKeyConstraint(["chat_id"], [chats.c.chat_id]),
    CheckConstraint(
        "state IN ('queued', 'sending', 'accepted', 'unknown', 'needs_template', 'failed', 'cancelled')", name="state"
    ),
    Index("outbox_once_idx", "client_key", unique=True),
    Index("outbox_waiting_idx", "account", "outbox_id", postgresql_where=text("state IN ('queued', 'sending')")),
    Index("outbox_unknown_idx", "account", "settled_at", postgresql_where=text("state = 'unknown'")),
    Index(None, "chat_id", "outbox_id"),
    comment="What somebody wrote to be sent. Its attempts are written before each request.",
)

send_attempts = Table(
    "send_attempts",
    metadata,
    Column("attempt_id", Uuid, primary_key=True, comment="goes with the request and comes back with its statuses"),
    Column("outbox_id", BigInteger, nullable=False),
    Column("begun_at", Instant, nullable=False, server_default=func.clock_timestamp()),
    Column("ended_at", Instant),
    Column("outcome", Text, comment="NULL while nobody knows"),
    Column("message_id", Text, comment="the provider's, where it took it"),
    Column("error_code", Integer),
    Column("error", Text),
    Column("asked_at", Instant, comment="when the provider's list was last looked at for it"),
    Column("settled_by", Text, comment="answer, webhook, history, or the employee who decided"),
    ForeignKeyConstraint(["outbox_id"], [outbox.c.outbox_id]),
    CheckConstraint("outcome IN ('accepted', 'refused', 'not_sent', 'unknown', 'not_accepted')", name="outcome"),
    Index(None, "outbox_id"),
    comment="Each request that was to send a message, written and committed before it left.",
)

send_limits = Table(
    "send_limits",
    metadata,
    Column("account", Text, nullable=False),
    Column("chat_id", BigInteger, nullable=False, comment="0 is the account as a whole"),
    Column("tokens", Double, nullable=False, comment="how many may be sent at once, at `refilled_at`"),
    Column("refilled_at", Instant, nullable=False),
    Column("blocked_until", Instant, comment="the provider asked us to slow down, or somebody must mend something"),
    Column("blocked_because", Text),
    Column("is_stopped", Boolean, nullable=False, server_default=text("false"), comment="somebody must mend something"),
    Column("slowed", Integer, nullable=False, server_default=text("0"), comment="times in a row"),
    PrimaryKeyConstraint("account", "chat_id"),
    comment="Token buckets of sending: for an account, and for each person.",
)

messenger_templates = Table(
    "messenger_templates",
    metadata,
    Column("account", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("body", Text, nullable=False, comment="with its variables as {{1}}"),
    Column("variables", Integer, nullable=False),
    Column("status", Text, nullable=False),
    now("seen_at"),
    PrimaryKeyConstraint("account", "name", "language"),
    comment="Templates as the provider last listed them.",
)
