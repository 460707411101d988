"""A 1C base as the source of clients, people and interactions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from resources.onec.answers import Row
from resources.onec.cards import Card, Deletion, Interaction
from resources.onec.changes import ExchangePlan
from resources.onec.configuration import CardSet, Configuration, InteractionSet, choose
from resources.onec.errors import MissingObjectError, OnecAnswerError, OnecError
from resources.onec.http import OnecBounds, OnecClient
from resources.onec.links import write_contact
from resources.onec.metadata import read_metadata
from resources.onec.pages import by_keys, pages, versions
from resources.onec.rows import card_of, interaction_of

_BY_DATE = "Date,Ref_Key"


class OnecSource:
    """Reads one base.

    Args:
        name: the source's name in the settings.
        base_url: the publication, with or without `/odata/standard.odata`.
        login: of the OData user.
        password: of that user.
        zone: IANA name of the zone of the 1C server's clock.
        plan: the exchange plan's name, empty to compare versions.
        node: the reference of our node in it.
        allowed_only: read what row-level restrictions leave, in place of an error.
        page_rows: objects of one page.
        bounds: how long and how often the base is asked.
        ca_file: a PEM file of the authority to trust.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        login: str,
        password: str,
        zone: str,
        *,
        plan: str = "",
        node: str = "",
        allowed_only: bool = False,
        page_rows: int = 500,
        bounds: OnecBounds | None = None,
        ca_file: str = "",
    ) -> None:
        if bool(plan) != bool(node):
            raise ValueError(f"{name}: an exchange plan needs both its name (plan) and our node's reference (node)")
        self._zone = ZoneInfo(zone)
        self._client = OnecClient(name, base_url, login, password, bounds=bounds, ca_file=ca_file)
        self._allowed_only = allowed_only
        self._page_rows = page_rows
        self.plan = ExchangePlan(self._client, plan, node) if plan else None

    @cached_property
    def configuration(self) -> Configuration:
        """How this base is read, from its `$metadata`; read once.

        Raises:
            MissingObjectError: what must be published is not.
            OnecError: see the classes in `resources.onec.errors`.
        """
        with self._client.document("$metadata") as file:
            try:
                metadata = read_metadata(file)
            except OnecAnswerError as error:
                raise OnecAnswerError(f"{self._client.where('$metadata')}: {error}") from error
        return choose(metadata, self._client.where("$metadata"))

    @property
    def known_configuration(self) -> Configuration | None:
        """The configuration, if it was read or assumed already."""
        found: Configuration | None = self.__dict__.get("configuration")
        return found

    def assume(self, configuration: Configuration) -> None:
        """Take this for the configuration: reading `$metadata` of a whole УТ is 17 MB and takes half a minute."""
        self.__dict__["configuration"] = configuration

    def cards(self, of: CardSet) -> Iterator[list[Card]]:
        """Yield all cards of a set, in pages.

        One renamed while they are read may come twice, of which the later counts, or slip through: the next
        comparison of versions finds it.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        for page in pages(
            self._client, of.entity_set, of.select, page_rows=self._page_rows, allowed_only=self._allowed_only
        ):
            yield [card for row in page if (card := card_of(row, of))]

    def card_versions(self, of: CardSet) -> Iterator[list[tuple[str, str]]]:
        """Yield reference and version of all cards of a set, in pages.

        One renamed while they are read may come twice or slip through. So the caller must ask for those that
        did not come by `cards_by_ref` before they count as gone.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        # Folders are no cards, so nobody holds them: they would look new each time.
        where = "IsFolder eq false" if "IsFolder" in of.select else ""
        yield from versions(self._client, of.entity_set, where=where, allowed_only=self._allowed_only)

    def cards_by_ref(self, of: CardSet, refs: Iterable[str]) -> Iterator[list[Card]]:
        """Yield the cards with these references, a few at a time.

        A reference that no answer holds is gone: deleted without a mark or, with `allowed_only`, hidden.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        for rows in by_keys(self._client, of.entity_set, of.select, refs, allowed_only=self._allowed_only):
            yield [card for row in rows if (card := card_of(row, of))]

    def interactions(self, start_at: datetime, end_at: datetime) -> Iterator[list[Interaction]]:
        """Yield documents dated in [start_at, end_at), in pages; both aware. One may come twice, the later counts.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        for of in self.configuration.interactions:
            for page in pages(
                self._client,
                of.entity_set,
                of.select,
                order=_BY_DATE,
                where=self._dated(start_at, end_at),
                page_rows=self._page_rows,
                allowed_only=self._allowed_only,
            ):
                yield [found for row in page if (found := interaction_of(row, of, self._zone))]

    def interaction_versions(self, start_at: datetime, end_at: datetime) -> Iterator[list[tuple[str, str, str]]]:
        """Yield set, reference and version of documents dated in [start_at, end_at), in pages; both aware.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        where = self._dated(start_at, end_at)
        for of in self.configuration.interactions:
            for page in versions(
                self._client, of.entity_set, order=_BY_DATE, where=where, allowed_only=self._allowed_only
            ):
                yield [(of.entity_set, ref, version) for ref, version in page]

    def rows(self, entity_set: str, select: Sequence[str]) -> Iterator[list[Row]]:
        """Yield the rows of a published set of objects that are not marked for deletion, in pages, as they come.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        yield from pages(
            self._client,
            entity_set,
            ["Ref_Key", *select],
            where="DeletionMark eq false",
            page_rows=self._page_rows,
            allowed_only=self._allowed_only,
        )

    def changes(self, message: int) -> Iterator[Card | Interaction | Deletion]:
        """Yield what the exchange plan registered; sets this program does not read are passed over.

        The caller commits, then calls `plan.acknowledge(message)`.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        if self.plan is None:
            raise OnecError(f"{self._client.name}: no exchange plan is set; compare versions (card_versions)")
        cards = {of.entity_set: of for of in self.configuration.cards}
        documents = {of.entity_set: of for of in self.configuration.interactions}
        for change in self.plan.changes(message):
            if isinstance(change, Deletion):
                if change.entity_set in cards or change.entity_set in documents:
                    yield change
                continue
            name, row = change
            made: Card | Interaction | None = None
            if name in cards:
                made = card_of(row, cards[name])
            elif name in documents:
                made = interaction_of(row, documents[name], self._zone)
            if made:
                yield made

    def write_call_contact(
        self, document_id: str, target: str, ref: str, replaces: Collection[str] | None = None
    ) -> bool:
        """Write a contact into a phone call where it differs; return whether it was written.

        Where `replaces` is given, a contact that is none of these stays.

        Raises:
            MissingObjectError: the base publishes no phone calls.
            OnecError: see the classes in `resources.onec.errors`.
        """
        calls = next((of for of in self.configuration.interactions if of.kind == "call"), None)
        if calls is None:
            raise MissingObjectError(self._client.where(""), ["Document_ТелефонныйЗвонок"])
        return write_contact(self._client, calls, document_id, target, ref, replaces)

    def check(self) -> str:
        """Ask for the metadata, one row of every set and the node; say what was found.

        Raises:
            OnecError: see the classes in `resources.onec.errors`.
        """
        found = self.configuration
        sets: list[CardSet | InteractionSet] = [*found.cards, *found.interactions]
        for of in sets:
            options = {"$select": ",".join(of.select), "$top": "1"}
            self._client.rows(of.entity_set, options | ({"allowedOnly": "true"} if self._allowed_only else {}))
        news = f"; exchange plan, next message {self.plan.next_message()}" if self.plan else "; versions are compared"
        read = ", ".join(of.entity_set for of in sets)
        return f"reads {read}{news}; not published: {', '.join(found.skipped) or 'nothing missed'}"

    def _dated(self, start_at: datetime, end_at: datetime) -> str:
        # 1C keeps the wall clock of its server, without a zone.
        start, end = (f"{at.astimezone(self._zone):%Y-%m-%dT%H:%M:%S}" for at in (start_at, end_at))
        return f"Date ge datetime'{start}' and Date lt datetime'{end}'"

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()
