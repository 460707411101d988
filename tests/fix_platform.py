"""A small company on an empty warehouse, and a Dagster instance whose storage is PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import make_url

from assets.contacts.sources import FileSource
from assets.platform import Platform
from resources.warehouse import Warehouse

CHECKOUT = Path(__file__).parents[1]

CONTACTS = """\
party_id,party_name,party_kind,contact_id,contact_name,phones,responsible_id,valid_from,valid_to
romashka,ООО «Ромашка»,company,ivan,Иван Петров,"8 (495) 123-45-67, доб. 12; +7 916 123-45-67",anna,,
vasilek,ООО «Василёк»,company,olga,Ольга Орлова,+7 495 765-43-21,,,
sirius,АО «Сириус»,company,,,+7 495 000-11-22,,,
orion,АО «Орион»,company,,,+7 495 000-11-22,,,
"""

EMPLOYEES = """\
employee_id,name,department,extension,valid_from,valid_to,mobile,employed_from,employed_until
anna,Анна Смирнова,Продажи,201,,,,,
boris,Борис Кузнецов,Продажи,202,,2026-03-10,,,
vera,Вера Белова,Продажи,202,2026-03-10,,,,
gleb,Глеб Чернов,Поддержка,203,,,,,2026-01-31
"""


@pytest.fixture
def platform(warehouse: Warehouse, tmp_path: Path) -> Platform:
    """Return a platform with contact files and no telephony server."""
    contacts, employees = tmp_path / "contacts.csv", tmp_path / "employees.csv"
    contacts.write_text(CONTACTS, "utf-8")
    employees.write_text(EMPLOYEES, "utf-8")
    files = (FileSource("contacts_csv", contacts), FileSource("employees_csv", employees))
    return Platform(warehouse=warehouse, contacts=files)


@pytest.fixture
def dagster_instance(
    make_database: Callable[[str | None], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """Return an instance configured by our own dagster.yaml, on a database of its own."""
    home = tmp_path / "dagster"
    home.mkdir()
    shutil.copy(CHECKOUT / "dagster.yaml", home)
    url = make_url(make_database(None)).set(drivername="postgresql+psycopg2")
    monkeypatch.setenv("SWITCHBOARD_DAGSTER_URL", url.render_as_string(hide_password=False))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance
