"""Interactions out of any database that SQLAlchemy reaches: rows of `crm_interactions` beside the CRMs' documents."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from assets.contacts.errors import ContactsShrankError
from assets.contacts.sources import Refreshed, SourceLook, remember_state, state_taken
from resources.warehouse.connection import Warehouse, copy_rows
from resources.warehouse.statements import run, statement

if TYPE_CHECKING:
    import pandas as pd

    from assets.contacts.rules import ContactRules

LOOK_SECONDS = 20
SET = "query"
"""What stands for a CRM's set of documents."""

_CRM = "assets.contacts.crm"
_ALL_DAYS = {"first_day": date.min, "last_day": date.max}
_COLUMNS = ("entity_set", "document_id", "is_gone", "version", "kind", "at", "client_id", "contact_id", "employee_id",
            "phone", "is_deleted")  # fmt: skip


@dataclass(frozen=True)
class InteractionQuery:
    """A query that gives all there is of one kind of interaction.

    Attributes:
        kind: what its rows are called.
        url: of the database, with user and password.
        text: the query.
        columns: our columns to the query's.
    """

    kind: str
    url: str = field(repr=False)
    text: str
    columns: Mapping[str, str] = field(default_factory=dict)
    is_cheap: bool = False

    @property
    def name(self) -> str:
        """What it is called among the contact sources."""
        return f"tracked {self.kind}"

    def look(self, warehouse: Warehouse) -> SourceLook:
        """Compare everything the query gives with what was last taken in.

        Raises:
            ContactQueryError: the database cannot be asked.
        """
        with warehouse.transaction() as connection:
            taken = state_taken(connection, self.name)
        state = self._state(time.monotonic() + LOOK_SECONDS)
        if state is None:
            return SourceLook(True, f"{self.name}: too much to compare in a look")
        return SourceLook(state != taken, f"{self.name}: {'unchanged' if state == taken else 'changed'}")

    def refresh(self, warehouse: Warehouse, rules: ContactRules, *, is_whole: bool = False) -> Refreshed:
        """Make the interactions of this kind what the query gives now.

        Raises:
            ContactQueryError: the database cannot be asked, or the query lacks a column.
            ContactsShrankError: it suddenly lacks too much.
        """
        from assets.contacts.load import begin_load, quarantine_refused
        from assets.contacts.numbers import remember_numbers

        state = self._state(None)
        with warehouse.transaction() as connection:
            values = begin_load(connection, self.name, rules) | {
                "party_sets": [],
                "contact_sets": [],
                "interaction_sets": [SET],
            }
            connection.exec_driver_sql(statement(_CRM, "create_staging").text)
            connection.exec_driver_sql("TRUNCATE staged_cards, staged_interactions, staged_versions, touched_parties")
            given = self._stage(connection, ZoneInfo(rules.business_zone))
            lost = run(connection, _CRM, "stage_missing_interactions", values | _ALL_DAYS).rowcount
            if given + lost >= rules.guarded_from and lost > (given + lost) * rules.largest_loss:
                raise ContactsShrankError(
                    f"Source {self.name} has lost {lost} of {given + lost} interactions. At most "
                    f"{rules.largest_loss:.0%} may go at once. Nothing was changed. Check the query; if the loss is "
                    "meant, allow a larger share for one load."
                )
            unknown = run(connection, _CRM, "select_new_interaction_phones", values).scalars()
            remember_numbers(connection, unknown, rules.region, rules.internal_digits)
            done = Refreshed(refused=quarantine_refused(connection, self.name))
            for outcome, day, rows in run(connection, _CRM, "store_interactions", values):
                if outcome != "unchanged":
                    done.interactions[day] = done.interactions.get(day, 0) + rows
            if state is not None:
                remember_state(connection, self.name, state)
        return done

    def _stage(self, connection: Connection, zone: ZoneInfo) -> int:
        from assets.contacts.load import refuse
        from resources.contacts.sql_query import read_interactions_query

        given = 0
        for portion in read_interactions_query(self.url, self.text, self.columns):
            refuse(connection, ((row.reason, row.raw, row.key) for row in portion.refused))
            copy_rows(connection, "staged_interactions", _COLUMNS, self._rows(portion.rows, zone))
            given += len(portion.rows)
        return given

    def _rows(self, rows: pd.DataFrame, zone: ZoneInfo) -> Iterator[tuple[Any, ...]]:
        names = ["document_id", "at", "employee_id", "party_id", "contact_id", "number"]
        for row in rows[names].itertuples(index=False, name=None):
            document_id, moment, employee_id, party_id, contact_id, number = row
            at = datetime.fromisoformat(moment)
            # A wall clock without an offset is the business zone's.
            at = at if at.tzinfo else at.replace(tzinfo=zone)
            version = hashlib.sha256("\t".join(row).encode()).hexdigest()
            yield SET, document_id, False, version, self.kind, at, party_id, contact_id, employee_id, number, False

    def _state(self, deadline: float | None) -> dict[str, Any] | None:
        from resources.contacts.sql_query import fingerprint

        seen = fingerprint(self.url, self.text, self.columns, deadline)
        return None if seen is None else {"fingerprint": seen}
