"""Responsibles handed to MikoPBX's interception module over a real socket: only what changed, verified, repeatable."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from assets.routing.policy import Interception
from assets.routing.push import PushReport, push_responsibles
from resources.telephony.interception import InterceptionModule, Responsible, phone_id
from resources.telephony.source import SourceAnswerError, SourceRefusedError, SourceUnavailableError
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


def push(
    warehouse: Warehouse,
    module: InterceptionModule,
    interception: Interception = "automatic",
    **how: int,
) -> PushReport:
    return push_responsibles(warehouse, "office", module, interception, ZONE, **how)


def is_idle(report: PushReport) -> bool:
    """Whether nothing was sent and nothing found amiss."""
    return report == PushReport(looked_at=report.looked_at, shown=report.shown)


def give_to_boris(warehouse: Warehouse, number: str) -> None:
    execute(warehouse, "UPDATE routing_table SET employee_id = 'boris' WHERE number = :number", number=number)


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
    assert is_idle(push(live, module))
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
    assert is_idle(push(live, module))


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
    assert is_idle(push(live, module))


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
    """Employees and rows: reading back finds both."""
    book.loses_posts = 2
    report = push(live, module)
    assert (report.rows, report.read_back, report.differing) == (3, 3, 3)
    report = push(live, module)
    assert (report.users, report.differing, len(book.rows)) == (1, 0, 3)
    assert is_idle(push(live, module))


def test_employees_who_were_lost_are_posted_again(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """A number that shows nobody's extension gives them away."""
    book.loses_posts = 1
    assert push(live, module).differing == 3
    assert push(live, module).differing == 0
    assert book.users["anna"]["number"] == "201"


def test_a_lost_change_of_the_employee_is_noticed(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """The client is the same before and after: only who answers tells them apart."""
    push(live, module)
    give_to_boris(live, "+74951112244")
    book.loses_posts = 2
    assert push(live, module).differing == 1
    push(live, module)
    assert held(book)["4951112244"] == "boris"


def test_a_lost_clearing_is_noticed(live: Warehouse, module: InterceptionModule, book: InterceptionBook) -> None:
    """What was taken away is read back too."""
    push(live, module)
    execute(live, "UPDATE routing_table SET is_responsible = false WHERE client_id = 'petrov'")
    book.loses_posts = 1
    assert push(live, module).differing == 1
    push(live, module)
    assert "4951110000" not in held(book)
    assert is_idle(push(live, module))


def test_a_number_that_somebody_changed_on_the_pbx_is_found_and_mended(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """Some of the earlier numbers are read back each time, those seen longest ago first."""
    push(live, module)
    push(live, module, most_looked_at=2)
    book.rows["4951112244"]["employeeId"] = "nobody"
    report = push(live, module, most_looked_at=2)
    assert (report.looked_at, report.changed_there, report.rows) == (2, 1, 2)
    assert held(book)["4951112244"] == "anna"


def test_a_number_that_differs_while_its_client_is_posted_for_another_is_posted_again(
    live: Warehouse, module: InterceptionModule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though it was confirmed before, and nothing about it has changed since."""
    push(live, module)
    give_to_boris(live, "+74951112244")
    seen = module.responsible_of
    with monkeypatch.context() as patched:
        patched.setattr(module, "responsible_of", lambda asked: None if asked == "+74951112233" else seen(asked))
        assert push(live, module, most_looked_at=0).differing == 1
    assert push(live, module, most_looked_at=0).rows == 2


def test_what_is_read_back_is_spread_over_all_posts(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a lost post is found wherever it stands."""
    monkeypatch.setattr("assets.routing.push.CLIENTS_PER_POST", 1)
    for place in range(10):
        add(live, f"+749522200{place:02}", f"a {place}", "anna", "rank")
    asked: list[str] = []
    monkeypatch.setattr(module, "responsible_of", asked.append)
    assert push(live, module, most_read_back=4).read_back == 4
    assert asked == ["+74952220000", "+74952220004", "+74952220008", "+74951110000"]


def test_a_client_with_very_many_numbers_is_posted_alone(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module's queue takes no more, and a client cannot be split."""
    monkeypatch.setattr("assets.routing.push.ROWS_PER_POST", 2)
    add(live, "+74951112255", "ivanov", "anna", "rank")
    add(live, "+74951110001", "sidorov", "anna", "rank")
    push(live, module)
    posted = [sorted(row["crmId"] for row in rows) for path, rows in book.posts if path == "responsible/add"]
    assert posted == [["ivanov"] * 3, ["petrov", "sidorov"]]


def test_a_responsible_whom_the_pbx_cannot_ring_is_not_handed_over(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """Without an extension, or with an id that would break the module's query."""
    execute(live, "DELETE FROM employee_extensions WHERE employee_id = 'boris'")
    execute(
        live,
        "INSERT INTO crm_employees (employee_id, source, name) VALUES ('o''neill', 'hand', 'O''Neill')",
        "INSERT INTO employee_extensions (employee_id, extension) VALUES ('o''neill', '203')",
    )
    give_to_boris(live, "+74951112244")
    add(live, "+74951110001", "sidorov", "o'neill", "rank")
    push(live, module)
    assert held(book) == {"4951112233": "anna", "4951110000": "anna"}
    assert is_idle(push(live, module))


def test_a_post_that_did_not_arrive_as_sent_is_no_success(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """The module takes it for an empty list, and says that all is well."""
    book.garbles_posts = 10
    with pytest.raises(SourceAnswerError, match="took 0 of 1 rows"):
        push(live, module)


def test_a_pbx_that_goes_by_its_own_calls_only_is_told_from_one_that_loses_posts(
    live: Warehouse, module: InterceptionModule, book: InterceptionBook
) -> None:
    """In simple mode the module keeps what it is given and shows none of it."""
    book.is_full_mode = False
    assert push(live, module).is_blind
    book.is_full_mode = True
    assert not push(live, module).is_blind


def test_no_number_is_in_a_log_or_an_error(
    live: Warehouse, served: ServedPbx, module: InterceptionModule, book: InterceptionBook,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Neither in the address that is asked, nor in the module's own words."""
    caplog.set_level("INFO")
    served.faults.switch_on("unavailable", times=None, path="/responsible/4951")
    with pytest.raises(SourceUnavailableError) as unavailable:
        push(live, module)
    served.faults.switch_off()
    book.refuses_posts = 10
    with pytest.raises(SourceAnswerError, match="database is locked") as refused:
        push(live, module)
    said = [str(unavailable.value), str(refused.value), *(record.getMessage() for record in caplog.records)]
    assert "asking again" in "".join(said)
    assert not [text for text in said if "495111" in text]


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
    assert is_idle(push(live, module))


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
