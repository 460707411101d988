"""Settings: environment over file over defaults, and errors that name the setting."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipelines.settings import SettingsError, load_settings


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a settings file of this test's own, not yet there."""
    file = tmp_path / "switchboard.toml"
    monkeypatch.setenv("SWITCHBOARD_CONFIG", str(file))
    return file


def write(file: Path, text: str, mode: int = 0o600) -> None:
    file.write_text(text, "utf-8")
    file.chmod(mode)


def test_defaults_work_without_any_file(config: Path) -> None:
    """`demo` needs no settings."""
    settings = load_settings()
    assert settings.timezone == "Europe/Moscow"
    assert settings.sources == {}
    assert not config.exists()


def test_the_environment_wins_over_the_file_and_completes_it(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server stands in the file, its key in the environment."""
    write(config, "timezone = 'Europe/Berlin'\n[sources.office]\nkind = 'mikopbx_rest'\nurl = 'https://pbx'\n")
    monkeypatch.setenv("SWITCHBOARD_TIMEZONE", "Asia/Tbilisi")
    monkeypatch.setenv("SWITCHBOARD_SOURCES__OFFICE__API_KEY", "k")
    settings = load_settings()
    assert settings.timezone == "Asia/Tbilisi"
    office = settings.sources["office"]
    assert office.kind == "mikopbx_rest"
    assert office.url == "https://pbx"
    assert office.api_key.get_secret_value() == "k"


@pytest.mark.parametrize(
    ("text", "named", "why"),
    [
        ("timezone = 'Moscow'", "timezone", "no time zone"),
        ("[schedules]\nrouting_table_seconds = 700", "schedules.routing_table_seconds", "whole minutes"),
        ("[schedules]\nwindow_start = '08:30'", "schedules.window_start", "on the hour"),
        ("[sources.a]\nkind = 'fax'", "sources.a", "fax"),
        ("colour = 'red'", "colour", "Extra inputs"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_the_reason(config: Path, text: str, named: str, why: str) -> None:
    """People mend what they can find."""
    write(config, text)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert named in str(error.value)
    assert why in str(error.value)


def test_a_file_with_secrets_that_others_may_read_is_refused(config: Path) -> None:
    """Secrets come from the environment or a file of mode 600."""
    text = "[sources.office]\nkind = 'mikopbx_rest'\nurl = 'https://pbx'\napi_key = 'very-secret'\n"
    write(config, text, 0o644)
    with pytest.raises(SettingsError, match="chmod 600") as error:
        load_settings()
    assert "very-secret" not in str(error.value)
    config.chmod(0o600)
    assert load_settings().sources


def test_a_secret_in_a_bad_setting_is_not_shown(config: Path) -> None:
    """An error names the setting, never its value."""
    write(config, "[sources.office]\nkind = 'mikopbx_rest'\napi_key = 'very-secret'\n")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert "very-secret" not in str(error.value)


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("kind = 'long_polling'\nurl = 'http://p'\nsecret = 's'", "the HTTP manager needs a login"),
        ("kind = 'polling'", "only a source of kind mikopbx_rest can be polled"),
        ("kind = 'smoke_signals'", "event_channel"),
        ("kind = 'webhook'\nurl = 'http://p'", "event_channel.webhook.url"),
    ],
)
def test_an_event_channel_that_cannot_be_used_is_told(config: Path, channel: str, words: str) -> None:
    """Each kind has its own needs."""
    write(config, f"[sources.a]\nkind = 'asterisk_csv'\npath = 'x.csv'\n[sources.a.event_channel]\n{channel}")
    with pytest.raises(SettingsError, match=re.escape(words)):
        load_settings()


def test_an_event_channels_secret_in_an_open_file_is_refused(config: Path) -> None:
    """It is one level deeper than the other secrets."""
    channel = "kind = 'ami'\nhost = 'p'\nlogin = 'l'\nsecret = 'hidden'"
    text = f"[sources.a]\nkind = 'asterisk_csv'\npath = 'x.csv'\n[sources.a.event_channel]\n{channel}"
    write(config, text, 0o644)
    with pytest.raises(SettingsError, match="chmod 600") as error:
        load_settings()
    assert "hidden" not in str(error.value)
