"""Ownership by more than cards: overrides, lists, our own numbers, a CRM's objects, and queues of numbers."""

from __future__ import annotations

from importlib.resources import files

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Ownership by more than cards."""
    op.create_table(
        "crm_cards",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("entity_set", sa.Text(), nullable=False, comment="the CRM's name of its set of objects"),
        sa.Column("ref", sa.Text(), nullable=False, comment="the CRM's reference of the object"),
        sa.Column(
            "version", sa.Text(), nullable=False, comment="as the CRM counts: equal or not, never before or after"
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=False, comment="whose card it is; '' for an employee"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_person", sa.Boolean(), nullable=False),
        sa.Column("responsible_id", sa.Text(), server_default="", nullable=False),
        sa.Column("phones", postgresql.ARRAY(sa.Text()), nullable=False, comment="as they were written"),
        sa.Column("phones_since", postgresql.ARRAY(sa.Date()), nullable=False, comment="from which day each is valid"),
        sa.Column("is_deleted", sa.Boolean(), nullable=False, comment="marked for deletion"),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="when it was found to be gone without a mark"
        ),
        sa.CheckConstraint("kind IN ('party', 'contact', 'employee')", name=op.f("crm_cards_kind_check")),
        sa.PrimaryKeyConstraint("source", "entity_set", "ref", name=op.f("crm_cards_pkey")),
        schema="switchboard",
        comment="A CRM's objects as last read, with their versions: what changed is found by comparing with these.",
    )
    op.create_index(
        op.f("crm_cards_source_party_id_idx"), "crm_cards", ["source", "party_id"], unique=False, schema="switchboard"
    )
    op.create_table(
        "crm_interactions",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("entity_set", sa.Text(), nullable=False, comment="the CRM's name of its set of documents"),
        sa.Column("document_id", sa.Text(), nullable=False, comment="the CRM's reference of the document"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "version", sa.Text(), nullable=False, comment="as the CRM counts: equal or not, never before or after"
        ),
        sa.Column("interaction_day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, comment="the document's date"),
        sa.Column("party_id", sa.Text(), nullable=False, comment="'' where it names no client"),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("employee_id", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False, comment="as the document shows it"),
        sa.Column("number", sa.Text(), nullable=True, comment="E.164, NULL where it is none"),
        sa.Column("is_deleted", sa.Boolean(), nullable=False, comment="marked for deletion"),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="when it was found to be gone without a mark"
        ),
        sa.CheckConstraint(
            "kind IN ('call', 'order', 'email', 'meeting', 'sms')", name=op.f("crm_interactions_kind_check")
        ),
        sa.PrimaryKeyConstraint("source", "entity_set", "document_id", name=op.f("crm_interactions_pkey")),
        schema="switchboard",
        comment="A document of the CRM that shows who worked with a client.",
    )
    op.create_index(
        op.f("crm_interactions_interaction_day_idx"),
        "crm_interactions",
        ["interaction_day"],
        unique=False,
        schema="switchboard",
    )
    op.create_table(
        "listed_numbers",
        sa.Column("source", sa.Text(), nullable=False, comment="the list"),
        sa.Column("number", sa.Text(), nullable=False, comment="E.164"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True, comment="calls from then on are not marked"),
        sa.Column("listed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "gone_at", sa.DateTime(timezone=True), nullable=True, comment="when it was found missing from the list"
        ),
        sa.CheckConstraint("kind IN ('spam', 'unknown')", name=op.f("listed_numbers_kind_check")),
        sa.PrimaryKeyConstraint("source", "number", name=op.f("listed_numbers_pkey")),
        schema="switchboard",
        comment="Numbers known to be nobody's client: spam, or asked and not found.",
    )
    op.create_index(op.f("listed_numbers_number_idx"), "listed_numbers", ["number"], unique=False, schema="switchboard")
    op.create_table(
        "number_overrides",
        sa.Column("override_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="assign for the command, else the file's name in the settings"
        ),
        sa.Column("number", sa.Text(), nullable=False, comment="E.164"),
        sa.Column("national_number", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Text(), nullable=True, comment="NULL says that the number is nobody's"),
        sa.Column("contact_id", sa.Text(), nullable=True, comment="NULL where the number is the party's own"),
        sa.Column(
            "valid_from",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="NULL is from the beginning of time: a retroactive one",
        ),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "superseded_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="when we learned better; NULL is what we believe now",
        ),
        postgresql.ExcludeConstraint(
            (sa.text("CAST(substr(number, 2) AS bigint)"), "="),
            (sa.text("tstzrange(valid_from, valid_to)"), "&&"),
            where=sa.text("superseded_at IS NULL"),
            using="gist",
            name="number_overrides_no_overlap",
        ),
        sa.PrimaryKeyConstraint("override_id", name=op.f("number_overrides_pkey")),
        schema="switchboard",
        comment="A dated fact set by hand: whose a number is, or that it is nobody's. It wins over every card.",
    )
    op.create_index(
        op.f("number_overrides_number_idx"), "number_overrides", ["number"], unique=False, schema="switchboard"
    )
    op.create_table(
        "numbers_to_decide",
        sa.Column("number", sa.Text(), nullable=False),
        schema="switchboard",
        comment="Queue: numbers whose cards or overrides changed. Append-only, so a number may stand twice.",
    )
    op.create_table(
        "numbers_to_relink",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("national_number", sa.Text(), nullable=True),
        schema="switchboard",
        comment="Queue: numbers whose calls must be looked at again. Append-only, so a number may stand twice.",
    )
    op.create_table(
        "own_numbers",
        sa.Column("number", sa.Text(), nullable=False, comment="E.164"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="settings, the server that was called at it, or the CRM"
        ),
        sa.Column("employee_id", sa.Text(), nullable=True, comment="whose mobile it is"),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True, comment="since when it is ours no longer"),
        sa.CheckConstraint("kind IN ('own_did', 'own_mobile')", name=op.f("own_numbers_kind_check")),
        sa.PrimaryKeyConstraint("number", name=op.f("own_numbers_pkey")),
        schema="switchboard",
        comment="Numbers of our own: lines that are called, and employees' mobiles.",
    )
    op.create_table(
        "written_links",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("contact_set", sa.Text(), nullable=False),
        sa.Column("contact_ref", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("source", "document_id", name=op.f("written_links_pkey")),
        schema="switchboard",
        comment="Contacts that Switchboard wrote into a CRM's documents; an empty one is somebody's choice.",
    )
    op.alter_column(
        "contact_ownership",
        "rung",
        existing_type=sa.TEXT(),
        comment="how the number was recognised: exact",
        existing_comment="how sure the number is: exact, national",
        existing_nullable=False,
        schema="switchboard",
    )
    op.add_column(
        "enriched_calls",
        sa.Column(
            "number_kind",
            sa.Text(),
            nullable=True,
            comment="external, internal, own_did, own_mobile, short, hidden or invalid; NULL in rows of an earlier version",
        ),
        schema="switchboard",
    )
    op.add_column(
        "enriched_calls",
        sa.Column(
            "outcome",
            sa.Text(),
            nullable=True,
            comment="what came of the look for an owner; NULL in rows of an earlier version",
        ),
        schema="switchboard",
    )
    op.add_column(
        "enriched_calls",
        sa.Column("listed_as", sa.Text(), nullable=True, comment="spam or unknown, where a list has the number"),
        schema="switchboard",
    )
    op.alter_column(
        "enriched_calls",
        "rung",
        existing_type=sa.TEXT(),
        comment="how it was found: manual, exact, national, tail; NULL where nobody is known",
        existing_comment="exact or national; NULL where nobody is known",
        existing_nullable=True,
        schema="switchboard",
    )
    op.drop_index(op.f("enriched_calls_number_idx"), table_name="enriched_calls", schema="switchboard")
    op.create_index(
        op.f("enriched_calls_number_call_day_idx"),
        "enriched_calls",
        ["number", "call_day"],
        unique=False,
        schema="switchboard",
    )
    op.add_column(
        "number_forms",
        sa.Column(
            "is_international",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="the country code was written, so no other country may be assumed",
        ),
        schema="switchboard",
    )
    op.add_column(
        "number_forms",
        sa.Column(
            "digits",
            sa.Text(),
            sa.Computed("coalesce(substr(number, 2), national_number)", persisted=True),
            nullable=True,
            comment="of the E.164 form, else as written",
        ),
        schema="switchboard",
    )
    op.create_index(
        op.f("number_forms_national_number_idx"),
        "number_forms",
        ["national_number"],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("NOT is_international"),
    )
    op.create_index(
        "number_forms_tail_idx",
        "number_forms",
        [sa.literal_column('reverse(digits COLLATE "C")')],
        unique=False,
        schema="switchboard",
        postgresql_where=sa.text("NOT is_international"),
    )
    op.add_column(
        "number_owners",
        sa.Column(
            "is_shared",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="so many parties have it that it tells nothing: a reception, a call centre",
        ),
        schema="switchboard",
    )
    op.create_index(
        "number_owners_tail_idx",
        "number_owners",
        [sa.literal_column('reverse(number COLLATE "C")')],
        unique=False,
        schema="switchboard",
    )
    op.create_check_constraint(
        op.f("enriched_calls_outcome_check"),
        "enriched_calls",
        "outcome IN ('owned', 'ambiguous', 'shared', 'unknown', 'listed', 'own', 'internal', 'short', 'hidden', "
        "'invalid')",
        schema="switchboard",
    )
    # Facts superseded count too where it is asked what was believed at a moment.
    op.drop_index("contact_ownership_number_idx", table_name="contact_ownership", schema="switchboard")
    op.create_index(op.f("contact_ownership_number_idx"), "contact_ownership", ["number"], schema="switchboard")
    op.execute(
        "UPDATE switchboard.number_forms SET is_international = true WHERE number IS NOT NULL AND ("
        # With a plus sign, but for the slip of one before the 8; with 00; as Russia dials abroad.
        r"(raw ~ '\+[0-9]' AND raw !~ '^\W*\+8[ (-]') OR raw ~ '^\W*00[1-9]' "
        r"OR (region IN ('RU', 'KZ') AND raw ~ '^\W*8\W{0,2}10\W*[1-9]' AND length(digits) > 10 AND number !~ '^.7'))"
    )
    op.execute("DROP FUNCTION switchboard.call_owners(jsonb)")
    op.execute(files("migrations").joinpath("sql", "0003_call_owners.sql").read_text("utf-8"))


def downgrade() -> None:
    """Take it back."""
    op.execute("DROP FUNCTION switchboard.call_owners(jsonb, integer, timestamptz)")
    op.execute(files("migrations").joinpath("sql", "0001_call_owners.sql").read_text("utf-8"))
    op.drop_index("contact_ownership_number_idx", table_name="contact_ownership", schema="switchboard")
    op.create_index(
        "contact_ownership_number_idx",
        "contact_ownership",
        ["number"],
        schema="switchboard",
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.drop_constraint("enriched_calls_outcome_check", "enriched_calls", schema="switchboard")
    op.drop_index("number_owners_tail_idx", table_name="number_owners", schema="switchboard")
    op.drop_column("number_owners", "is_shared", schema="switchboard")
    op.drop_index(
        "number_forms_tail_idx",
        table_name="number_forms",
        schema="switchboard",
        postgresql_where=sa.text("NOT is_international"),
    )
    op.drop_index(
        op.f("number_forms_national_number_idx"),
        table_name="number_forms",
        schema="switchboard",
        postgresql_where=sa.text("NOT is_international"),
    )
    op.drop_column("number_forms", "digits", schema="switchboard")
    op.drop_column("number_forms", "is_international", schema="switchboard")
    op.drop_index(op.f("enriched_calls_number_call_day_idx"), table_name="enriched_calls", schema="switchboard")
    op.create_index(op.f("enriched_calls_number_idx"), "enriched_calls", ["number"], unique=False, schema="switchboard")
    op.alter_column(
        "enriched_calls",
        "rung",
        existing_type=sa.TEXT(),
        comment="exact or national; NULL where nobody is known",
        existing_comment="how it was found: manual, exact, national, tail; NULL where nobody is known",
        existing_nullable=True,
        schema="switchboard",
    )
    op.drop_column("enriched_calls", "listed_as", schema="switchboard")
    op.drop_column("enriched_calls", "outcome", schema="switchboard")
    op.drop_column("enriched_calls", "number_kind", schema="switchboard")
    op.alter_column(
        "contact_ownership",
        "rung",
        existing_type=sa.TEXT(),
        comment="how sure the number is: exact, national",
        existing_comment="how the number was recognised: exact",
        existing_nullable=False,
        schema="switchboard",
    )
    op.drop_table("written_links", schema="switchboard")
    op.drop_table("own_numbers", schema="switchboard")
    op.drop_table("numbers_to_relink", schema="switchboard")
    op.drop_table("numbers_to_decide", schema="switchboard")
    op.drop_index(op.f("number_overrides_number_idx"), table_name="number_overrides", schema="switchboard")
    op.drop_table("number_overrides", schema="switchboard")
    op.drop_index(op.f("listed_numbers_number_idx"), table_name="listed_numbers", schema="switchboard")
    op.drop_table("listed_numbers", schema="switchboard")
    op.drop_index(op.f("crm_interactions_interaction_day_idx"), table_name="crm_interactions", schema="switchboard")
    op.drop_table("crm_interactions", schema="switchboard")
    op.drop_index(op.f("crm_cards_source_party_id_idx"), table_name="crm_cards", schema="switchboard")
    op.drop_table("crm_cards", schema="switchboard")
