"""Responsibles handed to MikoPBX's interception module over a real socket: only what changed, verified, repeatable."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from assets.routing.policy import Interception
from assets.routing.push import PushReport, push_responsibles
from resources.telephony.interception import InterceptionModule, Responsible, phone_id
from resources.telephony.source import SourceAnswerError, SourceRefusedError
from resources.warehouse import Warehouse
from simulators.mikopbx.interception import InterceptionBook
from tests.fix_gateway import build_table, execute
from tests.fix_simulators import IMPATIENT, ServedPbx
from tests.rows import select

ZONE = "Europe/Moscow"


@pytest.fixture
def served(simulated_pbx: Callable[..., ServedPbx]) -> ServedPbx:
    return simulated_pbx()


@pytest.fixture
def book(served: ServedPbx) -> InterceptionBook:
    """What the PBX holds."""
    return served.pbx.interception


@pytest.fixture
def module(served: ServedPbx) -> Iterator[InterceptionModule]:
    module = InterceptionModule("office", served.url, served.api_key, bounds=IMPATIENT)
    yield module
    module.close()


@pytest.fixture
def live(warehouse: Warehouse) -> Warehouse:
    """Two clients with two numbers and one, all Anna's; Ivanov by the ranking, Petrov by the CRM."""
    build_table(warehouse)
    add(warehouse, "+74951112244", "ivanov", "anna", "rank")
    add(warehouse, "+74951110000", "petrov", "anna", "crm_owner")
    return warehouse


def add(warehouse: Warehouse, number: str, client: str, employee: str, reason: str, version: int = 1) -> None:
    execute(
        warehouse,
        "INSERT INTO routing_table (version, number, rank, client_id, party_id, party_name, employee_id, "
        "employee_name, extension, score, share, is_responsible, reason) VALUES (:version, :number, 1, :client, "
        ":client, 'Client ' || :client, :employee, '', '', 1, 1, true, :reason)",
        number=number, client=client, employee=employee, reason=reason, version=version,
    )  # fmt: skip


def push(warehouse: Warehouse, module: InterceptionModule, interception: Interception = "automatic") -> PushReport:
    return push_responsibles(warehouse, "office", module, interception, ZONE)


def held(book: InterceptionBook) -> dict[str, str]:
    return {phone: row["employeeId"] for phone, row in book.rows.items()}


def test_a_first_push_hands_over_everything_and_a_second_nothing(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """Employees before the rows that name them; each number is read back."""
    report = push(live, module)
    assert (report.clients, report.rows, report.read_back, report.differing) == (2, 3, 3, 0)
    assert held(book) == {"4951112233": "anna", "4951112244": "anna", "4951110000": "anna"}
    assert book.users["anna"]["number"] == "201"
    assert [path for path, _ in book.posts] == ["users/add", "responsible/add"]
    book.posts.clear()
    assert push(live, module) == PushReport()
    assert book.posts == []


def test_a_changed_client_is_posted_whole_and_nobody_else(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """A post clears its clients' rows first: a number left out would be lost."""
    push(live, module)
    book.posts.clear()
    execute(live, "UPDATE routing_table SET employee_id = 'boris' WHERE number = '+74951112244'")
    push(live, module)
    [users, (_, rows)] = book.posts
    assert [user["crmId"] for user in users[1]] == ["boris"]
    assert {(row["crmId"], row["number"]) for row in rows} == {("ivanov", "+74951112233"), ("ivanov", "+74951112244")}
    assert held(book) == {"4951112233": "anna", "4951112244": "boris", "4951110000": "anna"}


def test_a_client_without_a_responsible_any_more_is_cleared_and_an_employee_without_clients_forgotten(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """And remembered as such."""
    push(live, module)
    execute(live, "UPDATE routing_table SET is_responsible = false")
    push(live, module)
    assert (book.rows, book.users) == ({}, {})
    assert select(live, "SELECT * FROM pushed_routes") == []
    assert select(live, "SELECT * FROM pushed_users") == []
    assert push(live, module) == PushReport()


def test_a_number_that_changes_hands_ends_with_its_new_client(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gives it up is posted first, or that post would clear it."""
    monkeypatch.setattr("assets.routing.push.CLIENTS_PER_POST", 1)
    for taker, giver in (("petrov", "ivanov"), ("ivanov", "petrov")):
        push(live, module)
        execute(
            live,
            "UPDATE routing_table SET client_id = :taker, party_name = 'Client ' || :taker "
            "WHERE number = '+74951112244'",
            taker=taker,
        )
        push(live, module)
        assert book.rows["4951112244"]["crmId"] == taker, giver
        assert len(book.rows) == 3


def test_interception_by_attribute_hands_over_only_whom_the_crm_names(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """And switched off, everything is taken back."""
    push(live, module, "crm_attribute")
    assert held(book) == {"4951110000": "anna"}
    push(live, module)
    assert len(book.rows) == 3
    push(live, module, "off")
    assert book.rows == {}


def test_two_numbers_with_the_same_last_ten_digits_end_in_one_row_always_the_same(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """The module can keep no second one."""
    add(live, "+994951112233", "aaa", "boris", "rank")
    push(live, module)
    assert book.rows["4951112233"]["crmId"] == "aaa"
    assert push(live, module) == PushReport()


@pytest.mark.parametrize("fault", ["unavailable", "empty", "html", "cut"])
def test_trouble_that_passes_is_outlived(
    live: Warehouse, served: ServedPbx, module: InterceptionModule, book: InterceptionBook, fault: str
) -> None:
    """Posts may come twice."""
    served.faults.switch_on(fault, times=2)
    push(live, module)
    assert len(book.rows) == 3


def test_an_empty_answer_is_a_worker_that_is_down_and_no_success(
    live: Warehouse, served: ServedPbx, module: InterceptionModule
) -> None:
    """Nothing is remembered as taken."""
    served.faults.switch_on("empty", times=None)
    with pytest.raises(SourceAnswerError, match="worker is down"):
        push(live, module)
    assert select(live, "SELECT * FROM pushed_users") == []


def test_a_refusal_is_told_in_the_modules_words_and_tried_again_the_next_time(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """Also with something before the JSON."""
    book.junk = "Warning: something\n"
    book.refuses_posts = 10
    with pytest.raises(SourceAnswerError, match="database is locked"):
        push(live, module)
    book.refuses_posts = 0
    push(live, module)
    assert len(book.rows) == 3


def test_what_the_pbx_says_it_took_and_did_not_is_noticed_and_posted_again(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """Reading back finds it."""
    module.add_users([])
    book.loses_posts = 2
    report = push(live, module)
    assert (report.rows, report.differing) == (3, 3)
    execute(live, "DELETE FROM pushed_users")  # the lost post of employees cannot be seen by itself
    report = push(live, module)
    assert (report.differing, len(book.rows)) == (0, 3)


def test_a_push_that_died_before_it_could_remember_repeats_itself_harmlessly(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the post, before the commit."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(InterceptionModule, "responsible_of", die)
        with pytest.raises(KeyboardInterrupt):
            push(live, module)
    assert len(book.rows) == 3
    before = held(book)
    assert push(live, module).rows == 3
    assert held(book) == before
    assert push(live, module) == PushReport()


def test_a_wrong_key_is_refused_at_once(live: Warehouse, served: ServedPbx) -> None:
    """And never asked twice."""
    module = InterceptionModule("office", served.url, "wrong", bounds=IMPATIENT)
    with pytest.raises(SourceRefusedError, match="key was not accepted"):
        push(live, module)
    module.close()


def test_a_number_is_kept_by_its_last_ten_digits(module: InterceptionModule) -> None:
    """Whatever is written around them."""
    assert phone_id("+7 (495) 111-22-33") == phone_id("84951112233") == "4951112233"
    module.add_responsibles([Responsible("x", "", "", "")])
