"""Absences out of a 1C base: a set of objects whose attributes the settings name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assets.contacts.sources import Refreshed, SourceLook, remember_state, state_taken
from resources.warehouse import Warehouse

if TYPE_CHECKING:
    import pandas as pd

    from assets.contacts.rules import ContactRules
    from resources.onec.source import OnecSource

NO_DATE = "0001-01-01T00:00:00"
"""1C's empty date."""


@dataclass(frozen=True)
class AbsenceSet:
    """Where a configuration keeps absences; their objects differ from one to another.

    Attributes:
        entity_set: the published set, such as `Document_Отсутствие`.
        employee: attribute with the employee's reference.
        starts: attribute with the first moment.
        ends: attribute with the last one; midnight is the whole of that day.
        kind: attribute with the kind; empty is none.
    """

    entity_set: str
    employee: str
    starts: str
    ends: str
    kind: str = ""


@dataclass(frozen=True)
class CrmAbsences:
    """The absences of one base, read whole: there are few.

    Attributes:
        crm: the base's name in the settings.
        open: makes its client.
        objects: where they stand.
    """

    crm: str
    open: Callable[[], OnecSource]
    objects: AbsenceSet
    is_cheap: bool = False

    @property
    def name(self) -> str:
        """What it is called among the contact sources."""
        return f"{self.crm} absences"

    def look(self, warehouse: Warehouse) -> SourceLook:
        """Compare all absences with those that were taken in.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        with warehouse.transaction() as connection:
            taken = state_taken(connection, self.name)
        has_news = _state_of(self._rows()) != taken
        return SourceLook(has_news, f"{self.name}: {'changed' if has_news else 'unchanged'}")

    def refresh(self, warehouse: Warehouse, rules: ContactRules, *, is_whole: bool = False) -> Refreshed:
        """Make the base's absences what it says now; one that makes no sense is quarantined.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        from assets.eligibility.store import store_eligibility
        from resources.contacts.eligibility_files import checked_eligibility

        rows = self._rows()
        raws = [json.dumps(row, ensure_ascii=False) for row in rows]
        portion = checked_eligibility("absences_csv", _frame(rows), raws)
        with warehouse.transaction() as connection:
            done = store_eligibility(connection, "absences_csv", [portion], rules, self.name)
            remember_state(connection, self.name, _state_of(rows))
        return Refreshed(eligibility=done.written, refused=done.refused)

    def _rows(self) -> list[dict[str, str]]:
        names = {"employee_id": self.objects.employee, "from": self.objects.starts, "to": self.objects.ends}
        if self.objects.kind:
            names["kind"] = self.objects.kind
        base = self.open()
        try:
            pages = base.rows(self.objects.entity_set, list(names.values()))
            return [
                {ours: str(row.get(theirs) or "") for ours, theirs in names.items()} for page in pages for row in page
            ]
        finally:
            base.close()


def _state_of(rows: list[dict[str, str]]) -> dict[str, Any]:
    lines = sorted(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    return {"fingerprint": hashlib.sha256("\n".join(lines).encode()).hexdigest()}


def _frame(rows: list[dict[str, str]]) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["employee_id", "from", "to", "kind"], dtype=str).fillna("")
    for name in ("from", "to"):
        frame[name] = frame[name].replace(NO_DATE, "")
    # Midnight at the end is the day, and so the whole of it.
    frame["to"] = frame["to"].str.removesuffix("T00:00:00")
    return frame
