"""What CRMs, address books and people say: clients, numbers, employees, documents."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, Date, Index, PrimaryKeyConstraint, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint

from resources.warehouse.tables.base import Instant, metadata, now

crm_parties = Table(
    "crm_parties",
    metadata,
    Column("party_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False, comment="company or person"),
    Column("responsible_id", Text, comment="the employee the CRM names as responsible"),
    Column("gone_at", Instant),
    Index("crm_parties_name_trigram_idx", "name", postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"}),
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
    Index(
        "crm_phones_contact_name_trigram_idx",
        "contact_name",
        postgresql_using="gin",
        postgresql_ops={"contact_name": "gin_trgm_ops"},
    ),
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

crm_cards = Table(
    "crm_cards",
    metadata,
    Column("source", Text, nullable=False),
    Column("entity_set", Text, nullable=False, comment="the CRM's name of its set of objects"),
    Column("ref", Text, nullable=False, comment="the CRM's reference of the object"),
    Column("version", Text, nullable=False, comment="as the CRM counts: equal or not, never before or after"),
    Column("kind", Text, nullable=False),
    Column("party_id", Text, nullable=False, comment="whose card it is; '' for an employee"),
    Column("name", Text, nullable=False),
    Column("is_person", Boolean, nullable=False),
    Column("responsible_id", Text, nullable=False, server_default=""),
    Column("phones", ARRAY(Text), nullable=False, comment="as they were written"),
    Column("phones_since", ARRAY(Date), nullable=False, comment="from which day each is valid"),
    Column("is_deleted", Boolean, nullable=False, comment="marked for deletion"),
    Column("gone_at", Instant, comment="when it was found to be gone without a mark"),
    PrimaryKeyConstraint("source", "entity_set", "ref"),
    CheckConstraint("kind IN ('party', 'contact', 'employee')", name="kind"),
    Index(None, "source", "party_id"),
    comment="A CRM's objects as last read, with their versions: what changed is found by comparing with these.",
)

crm_interactions = Table(
    "crm_interactions",
    metadata,
    Column("source", Text, nullable=False),
    Column("entity_set", Text, nullable=False, comment="the CRM's name of its set of documents"),
    Column("document_id", Text, nullable=False, comment="the CRM's reference of the document"),
    Column("kind", Text, nullable=False, comment="call, order, email, meeting, sms, or as a query of ours is named"),
    Column("version", Text, nullable=False, comment="as the CRM counts: equal or not, never before or after"),
    Column("interaction_day", Date, nullable=False),
    Column("at", Instant, nullable=False, comment="the document's date"),
    Column("party_id", Text, nullable=False, comment="'' where it names no client"),
    Column("contact_id", Text, nullable=False),
    Column("employee_id", Text, nullable=False),
    Column("phone", Text, nullable=False, comment="as the document shows it"),
    Column("number", Text, comment="E.164, NULL where it is none"),
    Column("is_deleted", Boolean, nullable=False, comment="marked for deletion"),
    Column("gone_at", Instant, comment="when it was found to be gone without a mark"),
    PrimaryKeyConstraint("source", "entity_set", "document_id"),
    CheckConstraint("kind <> ''", name="kind"),
    Index(None, "interaction_day"),
    Index(None, "number", postgresql_where=text("number IS NOT NULL")),
    Index(None, "party_id", "at"),
    comment="A document of the CRM that shows who worked with a client.",
)

written_links = Table(
    "written_links",
    metadata,
    Column("source", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("contact_set", Text, nullable=False),
    Column("contact_ref", Text, nullable=False),
    now("written_at"),
    PrimaryKeyConstraint("source", "document_id"),
    comment="Contacts that Switchboard wrote into a CRM's documents; an empty one is somebody's choice.",
)
