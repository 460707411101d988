"""Documents of a base that show who worked with a client: `crm_interactions`.

Grain: a document, by its reference. It stands on the business day of its date, which people may alter; a document no
longer there is marked `gone_at`. Read by whole business days, or as an exchange plan tells of them.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from assets.contacts.crm.base import FEW, PACKAGE, CrmBase, in_time, prepare_staging, stage_interactions, stage_versions
from assets.contacts.errors import ContactsShrankError
from assets.contacts.load import Changes
from assets.contacts.numbers import remember_numbers
from assets.contacts.rules import ContactRules
from resources.onec.source import OnecSource
from resources.warehouse import Warehouse
from resources.warehouse.statements import run

RECENT_DAYS = 2
"""Business days, today's included, whose documents are compared where no exchange plan tells of changes."""

_WAIT_SECONDS = 600


@dataclass(frozen=True)
class InteractionsReport:
    """What storing documents did.

    Attributes:
        documents: rows of `crm_interactions`.
        days: documents written by the business day they stand on or stood on.
    """

    documents: Changes = field(default_factory=Changes)
    days: dict[date, int] = field(default_factory=dict)


def read_interactions(
    warehouse: Warehouse, name: str, source: OnecSource, first_day: date, last_day: date, rules: ContactRules
) -> dict[date, int]:
    """Read business days again, both included: they become what the base says.

    A document that now stands on a day outside of these is marked gone until that day is read.

    Args:
        warehouse: where the tables are.
        name: the source's name in the settings.
        source: the base.
        first_day: business day, in `rules.business_zone`.
        last_day: as `first_day`.
        rules: see there.

    Returns:
        Documents that each of the days holds now.

    Raises:
        ContactsShrankError: the base shows nothing for a day of which documents are held; nothing was changed.
        OnecError: see the classes in `resources.onec.errors`.
        WarehouseBusyError: somebody else has been reading this base for minutes.
    """
    base = CrmBase(name, source, rules)
    values = base.values | {"first_day": first_day, "last_day": last_day}
    with warehouse.locked(base.lock, _WAIT_SECONDS) as connection:
        prepare_staging(connection)
        stage_days(connection, base, first_day, last_day)
        store_interactions(connection, base)
        held = {row.interaction_day: row.documents for row in run(connection, PACKAGE, "count_interactions", values)}
        connection.commit()
    days = (first_day + timedelta(days=count) for count in range((last_day - first_day).days + 1))
    return {day: held.get(day, 0) for day in days}


def stage_days(connection: Connection, base: CrmBase, first_day: date, last_day: date) -> None:
    """Read the documents of business days, both included, and note those that are no longer there.

    Raises:
        ContactsShrankError: the base shows nothing for a day of which documents are held.
        OnecError: see the classes in `resources.onec.errors`.
    """
    for page in base.source.interactions(*_span(base, first_day, last_day)):
        stage_interactions(connection, page)
        connection.commit()
    values = base.values | {"first_day": first_day, "last_day": last_day}
    connection.exec_driver_sql("ANALYZE staged_interactions")
    for day, missing in run(connection, PACKAGE, "count_missing_interactions", values):
        if missing > FEW and base.rules.largest_loss < 1:
            raise ContactsShrankError(
                f"Source {base.name} has no document of {day}, but {missing} of that day are stored. Nothing was "
                "changed. Check that the base answers truly and what its OData user may see; if they are meant to "
                "be gone, allow a largest loss of 1 for one load."
            )
    run(connection, PACKAGE, "stage_missing_interactions", values)
    connection.commit()


def recent_days(base: CrmBase) -> tuple[date, date]:
    """Return the first and the last of the business days that are compared, both included."""
    today = datetime.now(ZoneInfo(base.rules.business_zone)).date()
    return today - timedelta(days=RECENT_DAYS - 1), today


def changed_interactions(
    connection: Connection, base: CrmBase, first_day: date, last_day: date, deadline: float = math.inf
) -> int:
    """Compare versions of the documents of these days with those held; return how many differ.

    Args:
        connection: the one with the staging tables.
        base: see there.
        first_day: business day.
        last_day: as `first_day`, included.
        deadline: of the monotonic clock, looked at between pages.

    Raises:
        TimeoutError: the deadline has passed.
        OnecError: see the classes in `resources.onec.errors`.
    """
    for page in in_time(base.source.interaction_versions(*_span(base, first_day, last_day)), deadline):
        stage_versions(connection, page)
        connection.commit()
    values = base.values | {"first_day": first_day, "last_day": last_day}
    changed = run(connection, PACKAGE, "count_changed_interactions", values).scalar_one()
    connection.commit()
    return int(changed)


def store_interactions(connection: Connection, base: CrmBase) -> InteractionsReport:
    """Bring `crm_interactions` in line with the documents read.

    Args:
        connection: inside a transaction; the caller commits.
        base: see there.
    """
    values = base.values
    unknown = run(connection, PACKAGE, "select_new_interaction_phones", values).scalars()
    remember_numbers(connection, unknown, base.rules.region, base.rules.internal_digits)
    outcomes: Counter[str] = Counter()
    days: Counter[date] = Counter()
    for outcome, day, documents in run(connection, PACKAGE, "store_interactions", values):
        outcomes[outcome] += documents
        if outcome != "unchanged":
            days[day] += documents
    changes = Changes(outcomes["new"], outcomes["changed"], outcomes["gone"], outcomes["unchanged"])
    return InteractionsReport(changes, dict(days))


def _span(base: CrmBase, first_day: date, last_day: date) -> tuple[datetime, datetime]:
    zone = ZoneInfo(base.rules.business_zone)
    return (
        datetime.combine(first_day, time.min, zone),
        datetime.combine(last_day + timedelta(days=1), time.min, zone),
    )
