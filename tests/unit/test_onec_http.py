"""How the 1C client asks: repeats, refusals, pages, over a real socket."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from resources.onec.errors import OnecAnswerError, OnecFailureError, OnecRightsError
from resources.onec.http import OnecBounds, OnecClient
from resources.onec.pages import OVERLAP_ROWS, pages
from tests.scripted_server import Asked, Reply, Stage

BOUNDS = OnecBounds(2, 2, 5, 3, 0.001, 0.002, 0.001)


@pytest.fixture
def stage() -> Iterator[Stage]:
    with Stage().open() as stage:
        yield stage


@pytest.fixture
def client(stage: Stage) -> Iterator[OnecClient]:
    client = OnecClient("base", stage.url + "/trade", "Иван", "пароль", bounds=BOUNDS)
    yield client
    client.close()


def page(rows: list[dict[str, str]]) -> Reply:
    return Reply(b"\xef\xbb\xbf" + json.dumps({"value": rows}).encode())


def test_locked_base_is_asked_again_as_utf8_user_with_percent_spaces(stage: Stage, client: OnecClient) -> None:
    """503 is repeated; the Cyrillic login is UTF-8; the filter arrives whole."""
    stage.say(Reply(status=503), page([]))
    assert client.rows("Catalog_Контрагенты", {"$filter": "a eq 1"}) == []
    assert len(stage.asked) == 2
    assert base64.b64decode(stage.asked[0].authorization.split()[1]).decode() == "Иван:пароль"
    assert stage.asked[1].query["$filter"] == "a eq 1"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(b'{"odata.error":{"code":"-1"}}', 500), OnecFailureError),
        (Reply(b'{"odata.error":{"code":"20"}}', 401), OnecRightsError),
        (Reply(b"<html>log in</html>"), OnecAnswerError),
        (Reply(b""), OnecAnswerError),
    ],
)
def test_refusals_and_pages_are_asked_once(
    stage: Stage, client: OnecClient, reply: Reply, error: type[Exception]
) -> None:
    """Code -1, missing rights, a page with 200 and an empty body end the question at once."""
    stage.say(reply)
    with pytest.raises(error):
        client.rows("Catalog_X", {})
    assert len(stage.asked) == 1


def serve(rows: list[dict[str, str]], stage: Stage, cap: int) -> None:
    def answer(asked: Asked) -> Reply:
        skip = int(asked.query["$skip"])
        return page(rows[skip : skip + min(cap, int(asked.query["$top"]))])

    stage.answer = answer


def test_capped_pages_still_give_every_row_once(stage: Stage, client: OnecClient) -> None:
    """A short page is no end: a server that caps pages loses nothing."""
    rows = [{"Ref_Key": f"{number:036}"} for number in range(1, 200)]
    serve(rows, stage, cap=OVERLAP_ROWS + 9)
    assert [row for part in pages(client, "Catalog_X", ("Ref_Key",), page_rows=50) for row in part] == rows


def test_empty_page_in_the_middle_is_an_error(stage: Stage, client: OnecClient) -> None:
    """An empty answer where known rows must stand is not the end of the set."""
    stage.say(page([{"Ref_Key": f"{number:036}"} for number in range(1, 51)]), page([]))
    with pytest.raises(OnecAnswerError, match="does not continue"):
        list(pages(client, "Catalog_X", ("Ref_Key",), page_rows=50))
