"""Logging in: by link or password, not by guessing, and not from another site's page."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from typer.testing import CliRunner, Result

from gateway.invitations import invite, set_password, uninvite
from gateway.people import COOKIE, local_path
from pipelines.cli import make_app
from resources.warehouse import Warehouse
from tests.fix_gateway import ServedGateway, execute
from tests.live_calls import card_api
from tests.rows import select

PASSWORD = "ключ от всех дверей"
ZONE = "Europe/Moscow"


def link_of(warehouse: Warehouse, employee: str = "anna", *, is_supervisor: bool | None = None) -> str:
    with warehouse.transaction() as connection:
        return invite(connection, employee, ZONE, hours=1, is_supervisor=is_supervisor)


def give_password(warehouse: Warehouse, employee: str = "anna") -> None:
    with warehouse.transaction() as connection:
        set_password(connection, employee, ZONE, PASSWORD)


def log_in(gateway: ServedGateway, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
    own = {"Origin": gateway.url} | (headers or {})
    return httpx.post(f"{gateway.url}/login", data=form, headers=own, timeout=20, trust_env=False)


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    return {"Cookie": f"{COOKIE}={answer.cookies[COOKIE]}"}


def test_a_link_logs_one_browser_in_once(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Looking at it uses nothing up, for mail scanners look; what is kept is no token."""
    link = link_of(warehouse)
    for _ in range(3):
        httpx.get(f"{gateway.url}/login", params={"link": link}, trust_env=False)
    answer = log_in(gateway, link=link, next="/card?call=office/1")
    assert answer.headers["location"] == "/card?call=office/1"
    assert card_api(gateway.url, "me", cookie_of(answer)).json()["employee_id"] == "anna"
    assert log_in(gateway, link=link).status_code == 401
    kept = str(select(warehouse, "SELECT * FROM login_sessions CROSS JOIN login_links"))
    assert link not in kept
    assert answer.cookies[COOKIE] not in kept


def test_two_uses_of_a_link_at_once_are_one(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Whoever comes second is refused."""
    link = link_of(warehouse)
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: log_in(gateway, link=link).status_code, range(8)))
    assert sorted(statuses) == [303] + [401] * 7


def test_an_old_link_and_one_before_a_new_one_open_nothing(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Nor a made-up one."""
    former = link_of(warehouse)
    link = link_of(warehouse)
    assert log_in(gateway, link=former).status_code == 401
    execute(warehouse, "UPDATE login_links SET expires_at = now()")
    assert log_in(gateway, link=link).status_code == 401
    assert log_in(gateway, link="x\0y").status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Secure where the browser came by https, through a proxy."""
    plain = log_in(gateway, link=link_of(warehouse)).headers["set-cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=strict", "Max-Age=2592000"} <= set(plain.split("; "))
    assert "Secure" not in plain
    by_tls = log_in(gateway, {"X-Forwarded-Proto": "https"}, link=link_of(warehouse)).headers["set-cookie"]
    assert "Secure" in by_tls


def test_a_log_in_begins_a_session_of_its_own(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """A token that was planted before opens nothing after; the session the browser had ends."""
    planted = {"Cookie": f"{COOKIE}=planted"}
    first = cookie_of(log_in(gateway, planted, link=link_of(warehouse)))
    assert card_api(gateway.url, "me", planted).status_code == 401
    second = cookie_of(log_in(gateway, first, link=link_of(warehouse)))
    assert [card_api(gateway.url, "me", each).status_code for each in (first, second)] == [401, 200]


@pytest.mark.parametrize("login", ["anna", "201", " 201 "])
def test_a_password_logs_in_by_extension_or_id(gateway: ServedGateway, warehouse: Warehouse, login: str) -> None:
    """Argon2id in the table."""
    give_password(warehouse)
    cookie = cookie_of(log_in(gateway, login=login, password=PASSWORD))
    assert card_api(gateway.url, "me", cookie).json()["name"] == "Анна <Смирнова> & Co"
    [(kept,)] = select(warehouse, "SELECT password_hash FROM employee_logins")
    assert kept.startswith("$argon2id$")
    assert log_in(gateway, login=login, password=PASSWORD + "x").status_code == 401


def test_five_wrong_passwords_lock_and_each_more_for_twice_as_long(
    gateway: ServedGateway, warehouse: Warehouse
) -> None:
    """While it is locked the right one opens nothing either; a right one at its time forgets all."""
    give_password(warehouse)
    assert [log_in(gateway, login="anna", password="wrong").status_code for _ in range(5)] == [401] * 5
    locked = log_in(gateway, login="201", password=PASSWORD)
    assert locked.status_code == 429
    assert 50 < int(locked.headers["retry-after"]) <= 60
    execute(warehouse, "UPDATE employee_logins SET locked_until = now()")
    assert log_in(gateway, login="anna", password="wrong").status_code == 401
    assert 110 < int(log_in(gateway, login="anna", password=PASSWORD).headers["retry-after"]) <= 120
    execute(warehouse, "UPDATE employee_logins SET locked_until = now()")
    assert log_in(gateway, login="anna", password=PASSWORD).status_code == 303
    assert select(warehouse, "SELECT failures, locked_until FROM employee_logins") == [(0, None)]


def test_guesses_at_the_same_moment_count_all(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """A failure is counted before the password is looked at."""
    give_password(warehouse)
    with ThreadPoolExecutor(12) as threads:
        statuses = list(threads.map(lambda _: log_in(gateway, login="anna", password="wrong").status_code, range(12)))
    assert statuses.count(401) == 5
    assert statuses.count(429) == 7


def test_nothing_tells_whether_a_login_exists(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """The same words, and the same time within a factor that noise has anyway."""
    give_password(warehouse)
    took: dict[str, list[float]] = {"anna": [], "nobody": []}
    pages = set()
    for _ in range(4):
        for login, times in took.items():
            begun = time.monotonic()
            answer = log_in(gateway, login=login, password="wrong")
            times.append(time.monotonic() - begun)
            pages.add((answer.status_code, answer.text))
    assert len(pages) == 1
    assert 0.5 < statistics.median(took["anna"]) / statistics.median(took["nobody"]) < 2


@pytest.mark.parametrize("origin", ["null", "https://evil.example.com", "http://127.0.0.1:1"])
@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_another_sites_form_logs_nobody_in_or_out(
    gateway: ServedGateway, warehouse: Warehouse, path: str, origin: str
) -> None:
    """The link stays good."""
    link = link_of(warehouse)
    answer = httpx.post(f"{gateway.url}{path}", data={"link": link}, headers={"Origin": origin}, trust_env=False)
    assert answer.status_code == 403
    assert log_in(gateway, link=link).status_code == 303


@pytest.mark.parametrize(
    "goes_to",
    ["https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "\\\\evil", "javascript:alert(1)", "",
     "/\t/evil.example.com", "/\r\nSet-Cookie: a=b", "card", "/карта"],
)  # fmt: skip
def test_one_is_sent_on_to_our_own_pages_only(gateway: ServedGateway, warehouse: Warehouse, goes_to: str) -> None:
    """A link of ours must not lead elsewhere."""
    assert log_in(gateway, link=link_of(warehouse), next=goes_to).headers["location"] == "/card"
    assert local_path("/card?call=a/b") == "/card?call=a/b"


def test_logging_out_ends_the_session(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """At the server too, not only in the browser."""
    cookie = cookie_of(log_in(gateway, link=link_of(warehouse)))
    answer = httpx.post(f"{gateway.url}/logout", headers=cookie | {"Origin": gateway.url}, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert card_api(gateway.url, "me", cookie).status_code == 401


def test_whoever_left_the_company_is_let_in_no_longer(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Neither with an open session nor with the password."""
    give_password(warehouse)
    cookie = cookie_of(log_in(gateway, login="anna", password=PASSWORD))
    execute(warehouse, "UPDATE crm_employees SET employed_until = '2020-01-01' WHERE employee_id = 'anna'")
    assert card_api(gateway.url, "me", cookie).status_code == 401
    assert log_in(gateway, login="anna", password=PASSWORD).status_code == 401


def test_pages_carry_the_headers_that_keep_other_sites_out(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """On pages, on their data, and on refusals; programs' answers are no pages."""
    welcome = log_in(gateway, link=link_of(warehouse))
    for answer in (welcome, log_in(gateway, link="wrong"), card_api(gateway.url, "me", {})):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'self'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
    assert "content-security-policy" not in gateway.get("/v1/health").headers


def test_a_form_that_is_too_large_or_unreadable_is_refused(gateway: ServedGateway) -> None:
    """Never a 500."""
    assert log_in(gateway, login="a" * 70_000).status_code == 413
    assert log_in(gateway, login="a\0b", password="x").status_code == 401
    own = {"Origin": gateway.url}
    for body in (b"\xff\xfe", b"&".join(b"a=%d" % n for n in range(100))):
        assert httpx.post(f"{gateway.url}/login", content=body, headers=own, trust_env=False).status_code == 400


def test_who_is_no_longer_invited_is_out_at_once(gateway: ServedGateway, warehouse: Warehouse) -> None:
    """Sessions, links and password end together."""
    give_password(warehouse)
    cookie = cookie_of(log_in(gateway, login="anna", password=PASSWORD))
    link = link_of(warehouse)
    with warehouse.transaction() as connection:
        uninvite(connection, "201", ZONE)
    assert card_api(gateway.url, "me", cookie).status_code == 401
    assert log_in(gateway, link=link).status_code == 401
    assert log_in(gateway, login="anna", password=PASSWORD).status_code == 401


def test_the_commands_invite_give_passwords_and_take_back(
    gateway: ServedGateway, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By extension or id; a password never stands in the command line, and a new one ends old sessions."""
    monkeypatch.setenv("SWITCHBOARD_CONFIG", str(tmp_path / "switchboard.toml"))
    monkeypatch.setenv("SWITCHBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWITCHBOARD_DATABASE_URL", warehouse.url.render_as_string(hide_password=False))

    def run(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(make_app(), list(words), input=typed)

    address = urlsplit(run("invite", "201", "--supervisor").stdout.strip())
    assert address.path == "/login"
    [link] = parse_qs(address.query)["link"]
    cookie = cookie_of(log_in(gateway, link=link))
    assert card_api(gateway.url, "me", cookie).json()["is_supervisor"]
    run("invite", "anna")
    assert card_api(gateway.url, "me", cookie).json()["is_supervisor"]
    run("invite", "anna", "--no-supervisor")
    assert not card_api(gateway.url, "me", cookie).json()["is_supervisor"]
    assert run("password", "anna", "--stdin", typed=f"{PASSWORD}\n").exit_code == 0
    assert card_api(gateway.url, "me", cookie).status_code == 401
    assert log_in(gateway, login="201", password=PASSWORD).status_code == 303
    assert run("password", "anna", typed="one two three four\nanother one\n" * 3).exit_code != 0
    assert "characters" in str(run("password", "anna", "--stdin", typed="short\n").exception)
    assert run("uninvite", "anna").exit_code == 0
    assert "was not invited" in str(run("uninvite", "anna").exception)
    assert "No employee" in str(run("invite", "nobody").exception)
