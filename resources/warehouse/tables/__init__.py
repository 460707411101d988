"""The tables of the warehouse, schema `switchboard`: their grain, keys and constraints.

One table per asset, named as the asset, plus the few tables the work itself needs (cursors,
quarantine, queues). Only definitions belong here; Alembic's migrations are made from them and a
test holds the two together. Open ends of a validity are NULL: `valid_from` NULL is "from the
beginning of time", `valid_to` NULL is "still".
"""

from __future__ import annotations

from resources.warehouse.tables.audit import history_gaps, recordings
from resources.warehouse.tables.backtest import routing_backtest
from resources.warehouse.tables.base import SCHEMA, metadata
from resources.warehouse.tables.crm import (
    crm_cards,
    crm_employees,
    crm_interactions,
    crm_parties,
    crm_phones,
    employee_extensions,
    written_links,
)
from resources.warehouse.tables.eligibility import (
    employee_absences,
    employee_deputies,
    holidays,
    routing_exclusions,
    routing_pins,
    working_hours,
)
from resources.warehouse.tables.gateway import callback_numbers, received_events
from resources.warehouse.tables.history import call_history, call_legs
from resources.warehouse.tables.live import (
    call_events,
    call_events_reconciliation,
    event_gaps,
    event_listeners,
    live_legs,
    shown_cards,
    switches,
)
from resources.warehouse.tables.messenger import (
    chat_events,
    chats,
    message_contacts,
    message_media,
    message_products,
    message_reactions,
    message_statuses,
    message_versions,
    messages,
    messenger_identities,
    messenger_people,
    person_contacts,
    received_webhooks,
)
from resources.warehouse.tables.outbox import messenger_templates, outbox, send_attempts, send_limits
from resources.warehouse.tables.ownership import (
    contact_ownership,
    enriched_calls,
    listed_numbers,
    number_forms,
    number_overrides,
    number_owners,
    own_numbers,
)
from resources.warehouse.tables.people import employee_logins, login_links, login_sessions
from resources.warehouse.tables.pushed import pushed_routes, pushed_users
from resources.warehouse.tables.routing import (
    participation,
    published_routing,
    routing_publications,
    routing_table,
    routing_versions,
    tracked_interactions,
)
from resources.warehouse.tables.usage import job_health, sent_usage_metrics, told_dial_plans, usage_metrics
from resources.warehouse.tables.work import (
    changed_calls,
    changed_clients,
    changed_documents,
    load_cursors,
    numbers_to_decide,
    numbers_to_relink,
    quarantine,
)

__all__ = [
    "SCHEMA",
    "call_events",
    "call_events_reconciliation",
    "call_history",
    "call_legs",
    "callback_numbers",
    "changed_calls",
    "changed_clients",
    "changed_documents",
    "chat_events",
    "chats",
    "contact_ownership",
    "crm_cards",
    "crm_employees",
    "crm_interactions",
    "crm_parties",
    "crm_phones",
    "employee_absences",
    "employee_deputies",
    "employee_extensions",
    "employee_logins",
    "enriched_calls",
    "event_gaps",
    "event_listeners",
    "history_gaps",
    "holidays",
    "job_health",
    "listed_numbers",
    "live_legs",
    "load_cursors",
    "login_links",
    "login_sessions",
    "message_contacts",
    "message_media",
    "message_products",
    "message_reactions",
    "message_statuses",
    "message_versions",
    "messages",
    "messenger_identities",
    "messenger_people",
    "messenger_templates",
    "metadata",
    "number_forms",
    "number_overrides",
    "number_owners",
    "numbers_to_decide",
    "numbers_to_relink",
    "outbox",
    "own_numbers",
    "participation",
    "person_contacts",
    "published_routing",
    "pushed_routes",
    "pushed_users",
    "quarantine",
    "received_events",
    "received_webhooks",
    "recordings",
    "routing_backtest",
    "routing_exclusions",
    "routing_pins",
    "routing_publications",
    "routing_table",
    "routing_versions",
    "send_attempts",
    "send_limits",
    "sent_usage_metrics",
    "shown_cards",
    "switches",
    "told_dial_plans",
    "tracked_interactions",
    "usage_metrics",
    "working_hours",
    "written_links",
]
