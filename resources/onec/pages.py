"""Reading sets in pages, and finding changed objects by `DataVersion`.

1C has no pages of its own and no order by reference: `$orderby=Ref_Key` sorts by the object's
presentation, stable while nobody writes. So pages overlap. A page must begin with rows already seen,
and only a page with nothing else ends the set: an empty, short or shifted page never does.

An object renamed while its set is read moves in that order. Those around it are given nevertheless, but
it may itself be given twice (the later counts) or, moved to where the reading has been, not at all. So
what a reading did not give is asked for by reference before it counts as gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from resources.onec.answers import Row
from resources.onec.errors import OnecAnswerError
from resources.onec.http import OnecClient
from resources.onec.rows import ref_of

OVERLAP_ROWS = 20
KEYS_PER_REQUEST = 10
"""Kept low for IIS, which by default refuses a query of more than 2 048 characters."""


def pages(
    client: OnecClient,
    entity_set: str,
    select: Sequence[str],
    *,
    order: str = "Ref_Key",
    where: str = "",
    page_rows: int = 500,
    allowed_only: bool = False,
) -> Iterator[list[Row]]:
    """Yield a set in pages of at most `page_rows` new rows, in the memory of two pages.

    Raises:
        OnecAnswerError: a page cannot continue the one before it.
        OnecError: see the classes in `resources.onec.errors`.
    """
    options = {"$select": ",".join(select), "$orderby": order} | _common(where, allowed_only)
    read = 0
    known: set[str] = set()
    while True:
        start = max(read - OVERLAP_ROWS, 0)
        wanted = page_rows + read - start
        rows = client.rows(entity_set, options | {"$top": str(wanted), "$skip": str(start)})
        if len(rows) > wanted:
            raise OnecAnswerError(f"{client.where(entity_set)}: more rows than asked for; $top is not obeyed")
        refs = [ref_of(row) for row in rows]
        if known and known.isdisjoint(refs[:OVERLAP_ROWS]):
            raise OnecAnswerError(
                f"{client.where(entity_set)}: the page after row {read} does not continue the one before "
                "it: empty, or the set changed too much while it was read. Read it again"
            )
        fresh = [row for ref, row in zip(refs, rows, strict=True) if ref not in known]
        if not fresh:
            return
        yield fresh
        read = start + len(rows)
        known = set(refs)


def versions(
    client: OnecClient,
    entity_set: str,
    *,
    order: str = "Ref_Key",
    where: str = "",
    page_rows: int = 5000,
    allowed_only: bool = False,
) -> Iterator[list[tuple[str, str]]]:
    """Yield reference and `DataVersion` of the objects of a set that `where` lets through, as `pages` does.

    Raises:
        OnecError: see the classes in `resources.onec.errors`.
    """
    for page in pages(
        client,
        entity_set,
        ("Ref_Key", "DataVersion"),
        order=order,
        where=where,
        page_rows=page_rows,
        allowed_only=allowed_only,
    ):
        yield [(ref_of(row), str(row.get("DataVersion") or "")) for row in page]


def by_keys(
    client: OnecClient,
    entity_set: str,
    select: Sequence[str],
    refs: Iterable[str],
    *,
    allowed_only: bool = False,
) -> Iterator[list[Row]]:
    """Yield the objects with these references, a few at a time; those that are gone are not among them.

    Raises:
        OnecAnswerError: an answer holds an object that was not asked for.
        OnecError: see the classes in `resources.onec.errors`.
    """
    for portion in _portions(ref.lower() for ref in refs):
        where = " or ".join(f"Ref_Key eq guid'{ref}'" for ref in portion)
        rows = client.rows(entity_set, {"$select": ",".join(select)} | _common(where, allowed_only))
        if not {ref_of(row) for row in rows} <= set(portion):
            raise OnecAnswerError(f"{client.where(entity_set)}: objects nobody asked for; $filter is not obeyed")
        yield rows


def _common(where: str, allowed_only: bool) -> dict[str, str]:
    options = {"$filter": where} if where else {}
    return options | ({"allowedOnly": "true"} if allowed_only else {})


def _portions(refs: Iterable[str]) -> Iterator[list[str]]:
    portion: list[str] = []
    for ref in refs:
        portion.append(ref)
        if len(portion) == KEYS_PER_REQUEST:
            yield portion
            portion = []
    if portion:
        yield portion
