"""The command line, as people type it: against a real database and a simulated PBX."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pipelines.cli import COMMANDS, make_app
from resources.warehouse import Warehouse
from resources.warehouse.migrate import is_current
from simulators.asterisk.manager import SimulatedManager
from tests.fix_simulators import ServedPbx
from tests.rows import CLIENT, at, leg, load, select

SAMPLES = Path(__file__).parents[1] / "data" / "asterisk"


@pytest.fixture
def run(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A function that runs a command on the test's warehouse."""
    monkeypatch.setenv("SWITCHBOARD_CONFIG", str(tmp_path / "switchboard.toml"))
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", warehouse.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "200")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(make_app(), list(words))

    return invoke


def test_sql_answers_as_table_csv_and_json(warehouse: Warehouse, run: Callable[..., Result]) -> None:
    """The same rows in three forms."""
    load(warehouse, [leg("c1", at("2026-03-02 10:00:00"), CLIENT, "201", talk=20)])
    query = "SELECT linkedid, talk_seconds FROM call_history"
    assert "c1" in run("sql", query).stdout
    assert list(csv.reader(io.StringIO(run("sql", query, "-f", "csv").stdout))) == [
        ["linkedid", "talk_seconds"],
        ["c1", "20"],
    ]
    assert json.loads(run("sql", query, "-f", "json").stdout) == {"linkedid": "c1", "talk_seconds": 20}


def test_sql_changes_nothing_unless_told_to(warehouse: Warehouse, run: Callable[..., Result]) -> None:
    """Read-only by default; the refusal is the server's, so no wording of the query gets around it."""
    load(warehouse, [leg("c1", at("2026-03-02 10:00:00"), CLIENT, "201")])
    refused = run("sql", "DELETE FROM call_legs")
    assert refused.exit_code == 1
    assert "read-only" in refused.output
    assert select(warehouse, "SELECT count(*) FROM call_legs") == [(1,)]
    assert run("sql", "--write", "DELETE FROM call_legs").exit_code == 0
    assert select(warehouse, "SELECT count(*) FROM call_legs") == [(0,)]


def test_a_wrong_query_says_what_the_server_said_and_shows_no_traceback(run: Callable[..., Result]) -> None:
    """People read the reason, not our code."""
    wrong = run("sql", "SELECT nonsense")
    assert wrong.exit_code == 1
    assert "nonsense" in wrong.output
    assert "Traceback" not in wrong.output


def test_importing_a_cdr_file_twice_takes_each_leg_once(warehouse: Warehouse, run: Callable[..., Result]) -> None:
    """The summary tells new, repeated and quarantined rows apart."""
    words = ("import-cdr", str(SAMPLES / "Master.csv"), "--source", "old", "--timezone", "UTC")
    first = run(*words)
    assert first.exit_code == 0, first.output
    assert "426" in first.stdout
    again = run(*words)
    assert again.exit_code == 0, again.output
    assert select(warehouse, "SELECT pbx_id, count(*) FROM call_legs GROUP BY 1") == [("old", 426)]
    figures = [line for line in again.stdout.splitlines() if "repeated" in line]
    assert "426" in figures[0]


def test_migrate_makes_an_empty_database_a_warehouse(
    make_database: Callable[[str | None], str], run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And once more is harmless."""
    url = make_database(None)
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", url)
    for _ in range(2):
        assert run("migrate").exit_code == 0
    assert is_current(Warehouse(url))


def test_doctor_finds_nothing_wrong_with_a_sound_installation(
    run: Callable[..., Result], simulated_pbx: Callable[..., ServedPbx], tmp_path: Path
) -> None:
    """Exit 0; every connection is named with what was seen there."""
    served = simulated_pbx()
    served.pbx.store.finalise([leg("c1", at("2026-03-02 10:00:00"), CLIENT, "201")])
    (tmp_path / "switchboard.toml").write_text(
        f"[sources.office]\nkind = 'mikopbx_rest'\nurl = '{served.url}'\napi_key = '{served.pbx.api_key}'\n"
        "write_enabled = true\n"
    )
    (tmp_path / "switchboard.toml").chmod(0o600)
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "telephony office" in result.stdout
    assert "its interception module answers" in " ".join(result.stdout.split())
    assert served.pbx.api_key not in result.output


def test_doctor_says_what_is_wrong_and_how_to_mend_it(
    run: Callable[..., Result], simulated_pbx: Callable[..., ServedPbx], tmp_path: Path
) -> None:
    """A refused key, a missing file and a database without tables are each told, exit 1."""
    served = simulated_pbx()
    (tmp_path / "switchboard.toml").write_text(
        f"[sources.office]\nkind = 'mikopbx_rest'\nurl = '{served.url}'\napi_key = 'wrong'\n"
        f"[contacts]\nemployees_csv = '/absent/employees.csv'\n"
        f"[routing]\ntracked_interactions_file = '{tmp_path / 'tracked.yaml'}'\n"
    )
    (tmp_path / "tracked.yaml").write_text("interactions:\n  - source: calls\n    wieght: 2\n")
    (tmp_path / "switchboard.toml").chmod(0o600)
    result = run("doctor")
    assert result.exit_code == 1
    assert "telephony office" in result.stdout
    assert "/absent/employees.csv cannot be read" in result.stdout
    assert "line 3: interactions.0.calls.wieght" in result.stdout


def test_doctor_tries_each_event_channel(
    run: Callable[..., Result],
    simulated_pbx: Callable[..., ServedPbx],
    asterisk_manager: SimulatedManager,
    tmp_path: Path,
) -> None:
    """It logs in, asks what lives, and says which sensor is the switch; a wrong password is told and not shown."""
    served = simulated_pbx()
    asterisk_manager.ring("+79161234567", "201")
    source = f"kind = 'mikopbx_rest'\nurl = '{served.url}'\napi_key = '{served.pbx.api_key}'\n"
    manager = f"url = '{asterisk_manager.ajam_url}'\nlogin = '{asterisk_manager.username}'\n"
    (tmp_path / "switchboard.toml").write_text(
        f"[sources.a]\n{source}[sources.a.event_channel]\nkind = 'long_polling'\n{manager}"
        f"secret = '{asterisk_manager.secret}'\n"
        f"[sources.b]\n{source}[sources.b.event_channel]\nkind = 'polling'\n"
        f"[sources.c]\n{source}[sources.c.event_channel]\nkind = 'ami'\nhost = '127.0.0.1'\n"
        f"port = {asterisk_manager.ami_port}\nlogin = 'listener'\nsecret = 'not this one'\n"
    )
    (tmp_path / "switchboard.toml").chmod(0o600)
    result = run("doctor")
    said = " ".join(result.stdout.replace("│", " ").split())
    assert result.exit_code == 1
    assert "long_polling, switched by sensor call_events: it can be listened to; calls going on: 1" in said
    assert "polling, switched by sensor call_events_other: it can be listened to; calls going on: 0" in said
    assert "refused the log-in" in said
    assert "not this one" not in result.output
    assert asterisk_manager.secret not in result.output


def test_doctor_without_a_database_names_the_setting(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens there."""
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", "postgresql://nobody:secret@127.0.0.1:1/none")
    result = run("doctor")
    assert result.exit_code == 1
    assert "SWITCHBOARD_DATABASE_URL" in result.stdout
    assert "secret" not in result.output


def test_every_command_is_described(run: Callable[..., Result]) -> None:
    """`--help` is the first thing a newcomer reads."""
    shown = run("--help").stdout
    for command in COMMANDS:
        assert command in shown
        assert run(command, "--help").exit_code == 0
