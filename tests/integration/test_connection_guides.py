"""The guides under docs/connect work as they stand: by their settings `doctor` says what they quote, of stand-ins."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import make_app
from resources.warehouse import Warehouse
from simulators.asterisk.manager import SimulatedManager
from simulators.whatsapp.whatsapp import SimulatedWhatsApp
from tests.fix_asterisk import (
    ASTERISK_DATA,
    cdr_mariadb_fixture,  # noqa: F401 - a fixture
    cdr_postgres_fixture,  # noqa: F401 - a fixture
    mariadb_socket_fixture,  # noqa: F401 - a fixture
)
from tests.fix_onec import ServedOnec
from tests.fix_simulators import ServedPbx
from tests.rows import CLIENT, at, leg

GUIDES = Path(__file__).parents[2] / "docs" / "connect"


def findings(shown: str) -> dict[str, str]:
    """Return what tables of `doctor` say of each thing, its mark first, lines joined; a number is #."""
    found: dict[str, str] = {}
    what = ""
    for row in re.findall(r"^│(.*)│\s*$", shown, re.MULTILINE):
        mark, name, seen = (cell.strip() for cell in row.split("│"))
        what = name or what
        found[what] = f"{found.get(what, '')} {mark} {seen}".strip()
    return {what: re.sub(r"\d+", "#", " ".join(said.split())) for what, said in found.items()}


def settings_of(guide: str, number: int = 0) -> str:
    """Return one of a guide's snippets."""
    text = (GUIDES / f"{guide}.md").read_text("utf-8")
    snippets: list[str] = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    return snippets[number]


def put(text: str, **places: str) -> str:
    """Return settings with values of keys replaced; each key must be there."""
    for key, value in places.items():
        text, count = re.subn(rf'(?m)^{key} = ".*?"', f'{key} = "{value}"', text)
        assert count == 1, key
    return text


@pytest.fixture
def doctor(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """A function that tells what `doctor` finds with these settings."""
    config = tmp_path / "switchboard.toml"
    monkeypatch.setenv("SWITCHBOARD_CONFIG", str(config))
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", warehouse.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "100")

    def examine(toml: str) -> dict[str, str]:
        config.write_text(toml, "utf-8")
        return findings(CliRunner().invoke(make_app(), ["doctor"]).stdout)

    return examine


def assert_quoted(guide: str, seen: dict[str, str]) -> None:
    """See that everything a guide quotes was said, and that it says all is well."""
    quoted = findings((GUIDES / f"{guide}.md").read_text("utf-8"))
    assert quoted
    assert all(said.startswith("ok ") for said in quoted.values())
    assert {what: seen.get(what) for what in quoted} == quoted


def test_mikopbx(
    doctor: Callable[[str], dict[str, str]],
    simulated_pbx: Callable[..., ServedPbx],
    asterisk_manager: SimulatedManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """REST key and HTTP manager."""
    served = simulated_pbx()
    served.pbx.store.finalise([leg("c1", at("2026-03-02 10:00:00"), CLIENT, "201")])
    monkeypatch.setenv("SWITCHBOARD_SOURCES__OFFICE__API_KEY", served.pbx.api_key)
    monkeypatch.setenv("SWITCHBOARD_SOURCES__OFFICE__EVENT_CHANNEL__SECRET", asterisk_manager.secret)
    toml = re.sub(r"(?m)^ca_file.*\n", "", settings_of("mikopbx"))
    toml = toml.replace("https://pbx.example.com:8089/asterisk", asterisk_manager.ajam_url)
    toml = toml.replace("https://pbx.example.com", served.url)
    assert_quoted("mikopbx", doctor(put(toml, login=asterisk_manager.username)))


def test_asterisk(
    doctor: Callable[[str], dict[str, str]],
    cdr_postgres_url: str,
    asterisk_manager: SimulatedManager,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """A table by SQL with AMI, and `Master.csv`."""
    monkeypatch.setenv("SWITCHBOARD_SOURCES__MAIN__URL", cdr_postgres_url)
    monkeypatch.setenv("SWITCHBOARD_SOURCES__MAIN__EVENT_CHANNEL__SECRET", asterisk_manager.secret)
    table = put(settings_of("asterisk"), host="127.0.0.1", login=asterisk_manager.username)
    table = re.sub(r'(?m)^host = ".*"', rf"\g<0>\nport = {asterisk_manager.ami_port}", table)
    shutil.copy(ASTERISK_DATA / "Master.csv", tmp_path)
    files = settings_of("asterisk", 1).replace("/var/log/asterisk/cdr-csv", str(tmp_path))
    assert_quoted("asterisk", doctor(table + files.partition("[sources.custom]")[0]))


def test_freepbx(
    doctor: Callable[[str], dict[str, str]],
    cdr_mariadb_url: str,
    asterisk_manager: SimulatedManager,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The table in MariaDB, by AMI."""
    monkeypatch.setenv("SWITCHBOARD_SOURCES__BRANCH__URL", cdr_mariadb_url)
    monkeypatch.setenv("SWITCHBOARD_SOURCES__BRANCH__EVENT_CHANNEL__SECRET", asterisk_manager.secret)
    toml = put(settings_of("freepbx"), host="127.0.0.1", login=asterisk_manager.username)
    toml = re.sub(r'(?m)^host = ".*"', rf"\g<0>\nport = {asterisk_manager.ami_port}", toml)
    assert_quoted("freepbx", doctor(toml))


def test_onec(
    doctor: Callable[[str], dict[str, str]],
    simulated_onec: Callable[..., ServedOnec],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """OData with an exchange plan."""
    served = simulated_onec()
    node = served.store.node("ExchangePlan_Телефония", "Switchboard")
    monkeypatch.setenv("SWITCHBOARD_CRM__TRADE__PASSWORD", "пароль")
    (tmp_path / "employees.csv").touch()
    toml = put(settings_of("onec"), url=served.url, exchange_node=node)
    toml = put(toml, employees_csv=str(tmp_path / "employees.csv"))
    assert_quoted("onec", doctor(toml))


def test_whatsapp(doctor: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Meta's Cloud API."""
    with SimulatedWhatsApp(token="token", app_secret="app secret", verify_token="word") as whatsapp:
        for name in ("token", "app_secret", "verify_token"):
            monkeypatch.setenv(f"SWITCHBOARD_MESSENGERS__SALES__{name}".upper(), name)
        toml = settings_of("whatsapp").replace('kind = "whatsapp"', f'kind = "whatsapp"\nurl = "{whatsapp.url}"')
        assert_quoted("whatsapp", doctor(toml))
