"""Takes the configured contact files in, and remembers which state of each was taken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from assets.platform import ContactFiles, Platform
from resources.warehouse.tables import load_cursors

if TYPE_CHECKING:
    from assets.contacts.load import ContactRules, ContactsReport, EmployeesReport

# Readers bring pandas along and are imported where a file is read: a look at a file's time needs none.


def changed_files(connection: Connection, files: ContactFiles) -> list[Path]:
    """Return the files that are not as they were when last taken in; a look at their size and time only."""
    names = [name for name, _ in _configured(files)]
    query = select(load_cursors.c.source, load_cursors.c.cursor).where(load_cursors.c.source.in_(names))
    taken = {row.source: row.cursor for row in connection.execute(query)}
    return [path for name, path in _configured(files) if taken.get(name) != _state(path)]


def refresh_clients(connection: Connection, platform: Platform) -> dict[str, ContactsReport]:
    """Make clients and their numbers what the configured files say; return what each file changed.

    Raises:
        ContactFileError: a file cannot be used.
        ContactsShrankError: a file suddenly lacks too much.
    """
    from assets.contacts.load import store_contacts
    from resources.contacts.csv_files import read_contacts_csv
    from resources.contacts.vcard_files import read_vcards

    readers = {"contacts_csv": read_contacts_csv, "contacts_vcard": read_vcards}
    reports = {}
    for name, path in _configured(platform.contact_files):
        if name in readers:
            state = _state(path)
            reports[name] = store_contacts(connection, name, readers[name](path), _rules(platform))
            _remember(connection, name, state)
    return reports


def refresh_employees(connection: Connection, platform: Platform) -> EmployeesReport | None:
    """Make employees and their extensions what the configured file says; None where there is no file."""
    from assets.contacts.load import store_employees
    from resources.contacts.csv_files import read_employees_csv

    path = platform.contact_files.employees_csv
    if path is None:
        return None
    state = _state(path)
    report = store_employees(connection, "employees_csv", read_employees_csv(path), _rules(platform))
    _remember(connection, "employees_csv", state)
    return report


def _configured(files: ContactFiles) -> Iterator[tuple[str, Path]]:
    for name in ("contacts_csv", "contacts_vcard", "employees_csv"):
        path = getattr(files, name)
        if path is not None:
            yield name, path


def _state(path: Path) -> dict[str, Any]:
    """What tells whether a file changed, taken before it is read: a change while reading is seen next time."""
    if not path.exists():
        return {"path": str(path), "is_missing": True}
    found = path.stat()
    return {"path": str(path), "bytes": found.st_size, "modified_ns": found.st_mtime_ns}


def _remember(connection: Connection, name: str, state: dict[str, Any]) -> None:
    values = {"cursor": state, "updated_at": func.now()}
    connection.execute(
        insert(load_cursors).values(source=name, **values).on_conflict_do_update(index_elements=["source"], set_=values)
    )


def _rules(platform: Platform) -> ContactRules:
    from assets.contacts.load import ContactRules

    return ContactRules(
        business_zone=platform.business_zone,
        region=platform.region,
        internal_digits=platform.internal_digits,
        largest_loss=platform.contact_files.largest_loss,
    )
