"""A 1C base as a source: opened where it is asked, and let go of again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from assets.contacts.rules import ContactRules
from assets.contacts.sources import Refreshed, SourceLook, remember_state, state_taken
from resources.warehouse.connection import Warehouse

if TYPE_CHECKING:
    from assets.contacts.crm.links import LinkReport
    from resources.onec.configuration import Configuration
    from resources.onec.source import OnecSource

CONFIGURATION_KEPT = timedelta(days=1)
"""What was published since is read after a day at the latest."""

_CHANGED = (400, 404, 501)
"""Statuses by which 1C answers for an object or a property that is not there."""

LOOK_SECONDS = 25
"""A look that takes longer is given up and a run does it: a sensor's tick must end within a minute."""


@dataclass(frozen=True)
class CrmSource:
    """A configured 1C base.

    Attributes:
        name: in the settings.
        open: makes its client.
        country: ISO country of its numbers without a country code; None is that of the rules.
        rules: what a look must know besides.
        has_plan: whether an exchange plan tells of changes.
        write_enabled: whether contacts may be written into its phone calls.
    """

    name: str
    open: Callable[[], OnecSource]
    country: str | None = None
    rules: ContactRules = field(default_factory=ContactRules)
    has_plan: bool = False
    write_enabled: bool = False

    @property
    def is_cheap(self) -> bool:
        """Whether the base can say that something changed."""
        return self.has_plan

    def look(self, warehouse: Warehouse) -> SourceLook:
        """Ask the exchange plan, or compare versions with those that were taken in.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        from assets.contacts.crm.look import look_at_crm

        with self._opened(warehouse) as base:
            look = look_at_crm(warehouse, self.name, base, self.rules.of_country(self.country), seconds=LOOK_SECONDS)
        return SourceLook(look.changed != 0, f"{self.name}: {look.seen}")

    def refresh(self, warehouse: Warehouse, rules: ContactRules, *, is_whole: bool = False) -> Refreshed:
        """Take in what changed in the base, or all of it.

        Raises:
            ContactsShrankError: too much is missing.
            OnecError: see the classes in `resources.onec.errors`.
        """
        from assets.contacts.crm.refresh import refresh_crm

        with self._opened(warehouse, is_fresh=is_whole) as base:
            report = refresh_crm(warehouse, self.name, base, rules.of_country(self.country), whole=is_whole)
        return Refreshed(
            parties=report.parties.written,
            phones=report.phones.written,
            employees=report.employees.written,
            extensions=report.extensions.written,
            calls_regrouped=report.regrouped,
            refused=report.refused,
            interactions=report.days,
        )

    def read_interactions(
        self, warehouse: Warehouse, rules: ContactRules, first_day: date, last_day: date
    ) -> dict[date, int]:
        """Read the documents of these business days again; return rows per day.

        Raises:
            ContactsShrankError: days of which documents are held have none any more.
            OnecError: see the classes in `resources.onec.errors`.
        """
        from assets.contacts.crm.interactions import read_interactions

        with self._opened(warehouse) as base:
            own = rules.of_country(self.country)
            return read_interactions(warehouse, self.name, base, first_day, last_day, own)

    def write_links(self, warehouse: Warehouse, first_day: date) -> LinkReport | None:
        """Write the contacts of known numbers into the base's phone calls, where the settings let us."""
        if not self.write_enabled:
            return None
        from assets.contacts.crm.links import write_links

        with self._opened(warehouse) as base:
            return write_links(warehouse, self.name, base, first_day)

    @contextmanager
    def _opened(self, warehouse: Warehouse, *, is_fresh: bool = False) -> Iterator[OnecSource]:
        """Open the base, with its configuration as last read where that was of late.

        A base that refuses what is asked of it by that configuration may have been changed: it is read again next time.
        """
        from resources.onec.errors import OnecRefusedError

        known = None if is_fresh else self._known_configuration(warehouse)
        base = self.open()
        if known:
            base.assume(known)
        try:
            yield base
            if not known and base.known_configuration:
                self._remember(warehouse, base.known_configuration)
        except OnecRefusedError as error:
            if known and error.status in _CHANGED:
                self._remember(warehouse, None)
            raise
        finally:
            base.close()

    def _known_configuration(self, warehouse: Warehouse) -> Configuration | None:
        from resources.onec.configuration import Configuration

        with warehouse.transaction() as connection:
            state = state_taken(connection, self._state_name)
        if not state or datetime.fromisoformat(state["read_at"]) < datetime.now(UTC) - CONFIGURATION_KEPT:
            return None
        return TypeAdapter(Configuration).validate_python(state["configuration"])

    def _remember(self, warehouse: Warehouse, configuration: Configuration | None) -> None:
        state = {}
        if configuration:
            held = TypeAdapter(type(configuration)).dump_python(configuration, mode="json")
            state = {"read_at": datetime.now(UTC).isoformat(), "configuration": held}
        with warehouse.transaction() as connection:
            remember_state(connection, self._state_name, state)

    @property
    def _state_name(self) -> str:
        return f"{self.name} configuration"
