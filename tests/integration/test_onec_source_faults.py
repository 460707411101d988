"""The 1C client under faults and refusals over real HTTP: what is asked again, what never, and what is said."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resources.onec.cards import Card
from resources.onec.errors import (
    MissingObjectError,
    OnecAnswerError,
    OnecError,
    OnecFailureError,
    OnecRefusedError,
    OnecRightsError,
    OnecUnavailableError,
)
from resources.onec.source import OnecSource
from simulators.onec.app import User
from simulators.onec.presets import PARTNERS
from tests.fix_onec import IMPATIENT_ONEC, ServedOnec, card_set

Serve = Callable[..., ServedOnec]
PARTNER = "0000000b-0000-4000-8000-000000000003"


def partners(source: OnecSource) -> list[Card]:
    return [card for page in source.cards(card_set(source, PARTNERS)) for card in page]


@pytest.mark.parametrize("fault", ["unavailable", "cut", "lost_answer"])
def test_passing_faults_of_reading_are_asked_again(simulated_onec: Serve, fault: str) -> None:
    """503, a connection cut in the body and a lost answer are repeated, and nothing is missing or doubled."""
    served = simulated_onec()
    source = served.source()
    assert source.configuration
    served.faults.switch_on(fault, times=2, path=PARTNERS)
    assert len({card.ref for card in partners(source)}) == len(partners(source)) == 20
    assert len(served.asked(f"{PARTNERS}?")) >= 4


def test_a_cut_metadata_document_is_read_again(simulated_onec: Serve) -> None:
    """The first and largest answer of all is no exception."""
    served = simulated_onec()
    served.faults.switch_on("cut", path="$metadata")
    assert served.source().configuration.cards
    assert len(served.asked("$metadata")) == 2


def test_patience_ends_with_what_to_do(simulated_onec: Serve) -> None:
    """A base that stays locked is asked a bounded number of times; the message says where and what."""
    served = simulated_onec()
    served.faults.switch_on("unavailable", times=None)
    with pytest.raises(OnecUnavailableError, match=r"trade, .*\$metadata: 503.*Монопольный режим.*later may help"):
        served.source().check()
    assert len(served.asked("$metadata")) == IMPATIENT_ONEC.attempts


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("handler", OnecFailureError, "code -1 .*Запись запрещена.*not repeated"),
        ("platform", OnecFailureError, "Ошибка при выполнении операции: Ошибка выполнения запроса СУБД"),
        ("device_full", OnecFailureError, "No space left on device"),
        ("html", OnecAnswerError, "an HTML page instead of data"),
        ("blank", OnecAnswerError, "an empty answer; that is never «no rows»"),
    ],
)
def test_refusals_and_pages_are_errors_asked_once(
    simulated_onec: Serve, fault: str, error: type[OnecError], said: str
) -> None:
    """Code -1, a full disk, an HTML page or nothing at all with 200: never repeated, never «no rows»."""
    served = simulated_onec()
    source = served.source()
    assert source.configuration
    served.faults.switch_on(fault, path=PARTNERS)
    before = len(served.asked(f"{PARTNERS}?"))
    with pytest.raises(error, match=said):
        partners(source)
    assert len(served.asked(f"{PARTNERS}?")) == before + 1


def test_smaller_pages_get_past_a_full_disk(simulated_onec: Serve) -> None:
    """Where the base cannot write a large page to its disk, a smaller `page_rows` reads everything."""
    served = simulated_onec(clients=100)
    served.faults.switch_on("device_full", times=None, path=PARTNERS, above_top=60)
    with pytest.raises(OnecFailureError, match="No space left"):
        partners(served.source(page_rows=100))
    assert len(partners(served.source(page_rows=30))) == 100


def test_html_in_place_of_metadata_is_an_error(simulated_onec: Serve) -> None:
    """A log-in page with 200 never counts as a base that publishes nothing."""
    served = simulated_onec()
    served.faults.switch_on("html", path="$metadata")
    with pytest.raises(OnecAnswerError, match=r"\$metadata: an HTML page") as caught:
        served.source().check()
    assert not isinstance(caught.value, MissingObjectError)


def test_cyrillic_login_and_password(simulated_onec: Serve) -> None:
    """Both are sent in UTF-8, the only form a publication takes; colons and signs in the password are kept."""
    served = simulated_onec()
    served.onec.users = {"Обмен Ё": User("пароль:№ 1")}
    assert len(partners(served.source(login="Обмен Ё", password="пароль:№ 1"))) == 20


def test_wrong_password_says_what_to_check(simulated_onec: Serve) -> None:
    """401 without a code: the user was not accepted; asked once, so that no account is locked."""
    served = simulated_onec()
    with pytest.raises(OnecRightsError, match=r"check login and password.*Удаленный доступ OData") as caught:
        served.source(password="иной").check()
    assert (caught.value.status, caught.value.code) == (401, None)
    assert "иной" not in str(caught.value)
    assert len(served.onec.requests) == 1


def test_password_changed_between_reads_is_told(simulated_onec: Serve) -> None:
    """A password changed while we read ends the reading with the same advice."""
    served = simulated_onec()
    source = served.source(page_rows=5)
    pages = source.cards(card_set(source, PARTNERS))
    next(pages)
    served.onec.users["Робот"].password = "новый"
    with pytest.raises(OnecRightsError, match="check login and password"):
        list(pages)


def test_row_level_rights_are_told_or_read_around(simulated_onec: Serve) -> None:
    """401 with code 20 names the setting; with it the allowed rows are read, by every way of reading."""
    served = simulated_onec()
    served.onec.users["Робот"].visible = {PARTNERS: lambda one: one["Ref_Key"] <= PARTNER}
    with pytest.raises(OnecRightsError, match="Set allowed_only") as caught:
        partners(served.source())
    assert caught.value.code == 20
    source = served.source(allowed_only=True)
    of = card_set(source, PARTNERS)
    assert len(partners(source)) == 4
    assert len([one for page in source.card_versions(of) for one in page]) == 4
    asked = [PARTNER, PARTNER.replace("003", "004")]
    assert [card.ref for page in source.cards_by_ref(of, asked) for card in page] == [PARTNER]
    assert PARTNERS in source.check()


def test_an_address_without_a_base_is_told(simulated_onec: Serve) -> None:
    """404 by the web server or a server that is not there: each says what to check."""
    served = simulated_onec()
    served.url = served.url.replace("/base", "/other")
    with pytest.raises(OnecRefusedError, match=r"404 .*Публикация не найдена.*check the base's address"):
        served.source().check()
    served.url = "http://127.0.0.1:9/base"
    with pytest.raises(OnecUnavailableError, match="no connection"):
        served.source().check()
