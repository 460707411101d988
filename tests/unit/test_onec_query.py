"""The simulated 1C's query options: what it finds, and what it refuses with which code."""

from __future__ import annotations

import pytest

from simulators.onec import company
from simulators.onec.errors import OdataError
from simulators.onec.presets import CALLS, CONTACT_PERSONS, COUNTERPARTIES, PARTNERS, ut11
from simulators.onec.query import parse_options, read_list, select
from simulators.onec.schema import NAMESPACE
from simulators.onec.store import Store

KEY = "0000000b-0000-4000-8000-000000000003"


@pytest.fixture
def store() -> Store:
    base = Store(ut11())
    company.fill(base, clients=20, contacts=40)
    base.insert(CALLS, {"АбонентКонтакт": KEY, "АбонентКонтакт_Type": f"{NAMESPACE}.{PARTNERS}", "Тема": "Счёт"})
    return base


def found(store: Store, name: str, **options: str) -> list[dict[str, object]]:
    asked = {f"${option}": value for option, value in options.items()}
    return read_list(asked, store.schema.types[name], store.entities(name), store).entities


def refusal(store: Store, name: str, **options: str) -> tuple[int, int]:
    with pytest.raises(OdataError) as caught:
        found(store, name, **options)
    return caught.value.status, caught.value.code


def test_reference_equals_a_guid(store: Store) -> None:
    """A reference of one type is found by its key."""
    assert found(store, CONTACT_PERSONS, filter=f"Owner_Key eq guid'{KEY}'")


@pytest.mark.parametrize("function", ["contains", "indexof", "length", "tolower", "trim"])
def test_unsupported_functions_are_refused(store: Store, function: str) -> None:
    """What 1C does not list answers 400 with code 14."""
    assert refusal(store, PARTNERS, filter=f"{function}(Description,'а')") == (400, 14)


def test_composite_needs_cast(store: Store) -> None:
    """A composite field equals no bare guid; with cast it is found, of the right type only."""
    assert not found(store, CALLS, filter=f"АбонентКонтакт eq guid'{KEY}'")
    assert not found(store, CALLS, filter=f"АбонентКонтакт ne guid'{KEY}'")
    assert found(store, CALLS, filter=f"АбонентКонтакт eq cast(guid'{KEY}','Catalog_Партнеры')")
    assert not found(store, CALLS, filter=f"АбонентКонтакт eq cast(guid'{KEY}','Catalog_Пользователи')")


def test_references_cannot_be_ordered(store: Store) -> None:
    """Greater-than on a reference is the platform's failure, so there is no paging by key."""
    assert refusal(store, PARTNERS, filter=f"Ref_Key gt guid'{KEY}'") == (500, -1)


def test_plus_is_not_a_space() -> None:
    """1C does not decode `+`; the filter is then unreadable."""
    assert parse_options("$filter=a+eq+1") == {"$filter": "a+eq+1"}
    base = Store(ut11())
    assert refusal(base, PARTNERS, filter="Code+eq+'1'") == (400, 14)


def test_unknown_names_are_echoed(store: Store) -> None:
    """An unknown field answers 400 with code 6 and its name."""
    assert refusal(store, PARTNERS, orderby="Нет") == (400, 6)
    with pytest.raises(OdataError, match="Нет"):
        select({"$select": "Ref_Key,Нет"}, store.schema.types[PARTNERS], store.schema, is_single=False)
    with pytest.raises(OdataError, match="КонтактнаяИнформация"):
        select({"$expand": "КонтактнаяИнформация"}, store.schema.types[PARTNERS], store.schema, is_single=False)


def test_unknown_option_has_code_0() -> None:
    """A misspelt option is not ignored."""
    with pytest.raises(OdataError) as caught:
        parse_options("$expan=Owner")
    assert caught.value.code == 0


def test_lambda_looks_into_rows(store: Store) -> None:
    """`any` tests the rows of a tabular section."""
    number = next(iter(store.entities(PARTNERS)))["КонтактнаяИнформация"][0]["Представление"]
    expression = f"КонтактнаяИнформация/any(d: d/Представление eq '{number}')"
    assert found(store, PARTNERS, filter=expression)


def test_quotes_are_doubled(store: Store) -> None:
    """A quote inside a string is written twice."""
    store.insert(PARTNERS, {"Description": "O'Brien"})
    assert found(store, PARTNERS, filter="Description eq 'O''Brien'")


def test_reference_sorts_by_presentation(store: Store) -> None:
    """Sorting by Ref_Key sorts by what people see, not by the identifier."""
    shown = [str(one["Description"]).lower() for one in found(store, PARTNERS, orderby="Ref_Key")]
    assert shown == sorted(shown)


def test_pages_are_the_whole(store: Store) -> None:
    """`$skip` goes before `$top`; pages have neither gaps nor repetitions."""
    whole = [one["Ref_Key"] for one in found(store, CONTACT_PERSONS, orderby="Ref_Key")]
    pages = [found(store, CONTACT_PERSONS, orderby="Ref_Key", skip=str(at), top="7") for at in range(0, 40, 7)]
    assert [one["Ref_Key"] for page in pages for one in page] == whole
    assert len(set(map(str, whole))) == 40


def test_expand_needs_the_link_selected(store: Store) -> None:
    """A link that `$select` leaves out is silently not expanded."""
    kind = store.schema.types[COUNTERPARTIES]
    asked = {"$select": "Ref_Key", "$expand": "Партнер"}
    assert select(asked, kind, store.schema, is_single=False).expanded == []
    asked["$select"] = "Ref_Key,Партнер"
    assert select(asked, kind, store.schema, is_single=False).expanded == ["Партнер"]
