"""The infobase's data in memory: entities with DataVersion, what exchange plans register, what writing sets off.

Public sources of the rules: 1C:Enterprise 8.3 developer guide, chapter 17.4 (exchange plans); live measurements
published in Romandredan/odata1c-gate (DataVersion) and pavel-v-sobolev/onecdc (registrations); БСП 3.1 (side effects).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from threading import RLock
from uuid import UUID

from simulators.onec import presets
from simulators.onec.schema import EMPTY_DATE, EMPTY_REF, NAMESPACE, Entity, Schema

NEW_VERSION = base64.b64encode(bytes(8)).decode()

BROKEN_LINK = "<Объект не найден>"

Registered = tuple[str, str]
"""Set and key of an object."""


def next_version(version: str) -> str:
    """Return the DataVersion after this one."""
    return base64.b64encode((int.from_bytes(base64.b64decode(version), "big") + 1).to_bytes(8, "big")).decode()


@dataclass(frozen=True)
class Generated:
    """Entities that are made when looked at, so that a huge set costs nothing until read.

    Attributes:
        count: how many.
        prefix: first eight characters of their keys; the index stands in the last twelve.
        make: the entity of an index, the same each time, without `Ref_Key` and `DataVersion`.
    """

    count: int
    prefix: str
    make: Callable[[int], Entity]

    def key(self, index: int) -> str:
        """Return the key of an index."""
        return f"{self.prefix}-0000-4000-8000-{index:012x}"

    def entity(self, index: int) -> Entity:
        """Return the entity of an index."""
        return {"Ref_Key": self.key(index), "DataVersion": NEW_VERSION, **self.make(index)}

    def index(self, key: str) -> int | None:
        """Return the index of a key; None if it is none of these."""
        if not key.startswith(f"{self.prefix}-0000-4000-8000-"):
            return None
        index = int(key[24:], 16)
        return index if index < self.count else None


class EntitySet:
    """The entities of one set by key; `revision` grows with each change."""

    def __init__(self) -> None:
        self.generated: Generated | None = None
        self.revision = 0
        self._ordered: tuple[str, int, list[str]] = ("", -1, [])
        self._written: dict[str, Entity | None] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Entity]:
        for key in self.keys():
            entity = self.get(key)
            if entity is not None:
                yield entity

    def keys(self) -> Iterator[str]:
        """Yield the keys in the order in which 1C happens to give the entities."""
        if self.generated:
            for index in range(self.generated.count):
                key = self.generated.key(index)
                if key not in self._written:
                    yield key
        yield from [key for key, entity in list(self._written.items()) if entity is not None]

    def keys_in_order(self, name: str, sort: Callable[[list[str]], list[str]]) -> list[str]:
        """Return the keys sorted; a set that has not changed is not sorted again for each page."""
        if self._ordered[:2] != (name, self.revision):
            revision = self.revision
            self._ordered = (name, revision, sort(list(self.keys())))
        return self._ordered[2]

    def generate(self, generated: Generated) -> None:
        """Fill an empty set with entities made when looked at."""
        self.generated = generated
        self._size = generated.count
        self.revision += 1

    def get(self, key: str) -> Entity | None:
        """Return an entity; None if there is none of this key."""
        if key in self._written:
            return self._written[key]
        index = self.generated.index(key) if self.generated else None
        return self.generated.entity(index) if self.generated and index is not None else None

    def put(self, key: str, entity: Entity) -> None:
        """Keep an entity."""
        self._size += self.get(key) is None
        self._written[key] = entity
        self.revision += 1

    def remove(self, key: str) -> bool:
        """Forget an entity; False if there was none."""
        if self.get(key) is None:
            return False
        self._written[key] = None
        self._size -= 1
        self.revision += 1
        return True


class Store:
    """One infobase's data.

    Attributes:
        schema: the metadata; published objects only, the data of others stay.
        now: the wall clock of the 1C server.
    """

    def __init__(self, schema: Schema, seed: int = 1, now: Callable[[], datetime] | None = None) -> None:
        self.schema = schema
        self.now = now or (lambda: datetime.now().replace(microsecond=0))  # noqa: DTZ005 - 1C's clock has no zone
        self.lock = RLock()
        self._chance = Random(seed)
        self._sets: dict[str, EntitySet] = {name: EntitySet() for name in schema.types}
        self._registered: dict[str, dict[Registered, int | None]] = {}
        self._serials: dict[str, int] = {}

    def entities(self, name: str) -> EntitySet:
        """Return the set of that name."""
        return self._sets.setdefault(name, EntitySet())

    def find(self, name: str, key: str) -> Entity | None:
        """Return an entity; None if there is none."""
        return self.entities(name).get(key)

    def new_key(self) -> str:
        """Return an unused key."""
        return str(UUID(int=self._chance.getrandbits(128), version=4))

    def insert(self, name: str, values: Entity, *, is_loading: bool = False) -> Entity:
        """Write a new entity, with 1C's empty values, key and number where `values` has none."""
        kind = self.schema.types[name]
        with self.lock:
            entity = {**kind.blank(), **values}
            if "Ref_Key" in kind.by_name and entity["Ref_Key"] == EMPTY_REF:
                entity["Ref_Key"] = self.new_key()
            if kind.is_document and entity["Date"] == EMPTY_DATE:
                entity["Date"] = self.now().isoformat()
            if kind.numbered and not entity[kind.numbered]:
                entity[kind.numbered] = self._next_number(name, entity)
            if "DataVersion" in kind.by_name:
                entity["DataVersion"] = NEW_VERSION
            self._write(name, entity, is_loading=is_loading)
            return entity

    def update(self, name: str, key: str, values: Entity, *, is_loading: bool = False) -> Entity:
        """Write an entity again, changed; DataVersion grows even if nothing changed.

        Raises:
            KeyError: there is no such entity.
        """
        with self.lock:
            old = self.entities(name).get(key)
            if old is None:
                raise KeyError(key)
            entity = {**old, **values}
            if "DataVersion" in old:
                entity["DataVersion"] = next_version(old["DataVersion"])
            if self.schema.types[name].is_register:
                self.entities(name).remove(key)
            self._write(name, entity, is_loading=is_loading)
            return entity

    def remove(self, name: str, key: str) -> bool:
        """Delete physically, without a mark left; exchange plans register it."""
        with self.lock:
            found = self.entities(name).remove(key)
            if found:
                self._register(name, key)
            return found

    def node(self, plan: str, description: str) -> str:
        """Add a node to an exchange plan and return its key."""
        return str(self.insert(plan, {"Description": description, "Code": description[:36]})["Ref_Key"])

    def select_changes(self, plan: str, node: str, message_no: int) -> list[Registered]:
        """Return what is registered for a node without a message or with this one, and stamp it with this one.

        Objects that are not published are passed over and stay registered.
        """
        with self.lock:
            registered = self._registered.setdefault(node, {})
            chosen = [
                one
                for one, stamped in registered.items()
                if stamped in {None, message_no} and one[0] in self.schema.types and one[0] in self.schema.plans[plan]
            ]
            registered.update(dict.fromkeys(chosen, message_no))
            return chosen

    def notify_received(self, plan: str, node: str, message_no: int) -> None:
        """Forget what was handed out up to this message; the node's ReceivedNo becomes it."""
        with self.lock:
            registered = self._registered.setdefault(node, {})
            for one in [one for one, stamped in registered.items() if stamped is not None and stamped <= message_no]:
                del registered[one]
            found = self.entities(plan).get(node)
            if found:
                found["ReceivedNo"] = max(found["ReceivedNo"], message_no)

    def presentation(self, name: str, key: str) -> str:
        """Return how 1C shows a reference to people, by which it also sorts references."""
        entity = self.entities(name).get(key) if name else None
        if entity is None:
            return "" if key == EMPTY_REF else BROKEN_LINK
        if "Description" in entity:
            return str(entity["Description"])
        return f"{entity['Date']} {entity['Number']}"

    def _write(self, name: str, entity: Entity, *, is_loading: bool) -> None:
        key = self.schema.types[name].key_text(entity)
        self.entities(name).put(key, entity)
        self._register(name, key)
        if name == presets.CALLS and not is_loading:
            self._fill_interaction_contacts(entity)

    def _register(self, name: str, key: str) -> None:
        # A change resets the message number: what was handed out before it must be handed out again.
        for plan, content in self.schema.plans.items():
            if name in content:
                for node in self.entities(plan):
                    self._registered.setdefault(node["Ref_Key"], {})[name, key] = None

    def _fill_interaction_contacts(self, call: Entity) -> None:
        kind = self.schema.types.get(presets.INTERACTION_CONTACTS)
        contact = call.get("АбонентКонтакт")
        if kind is None or not contact or contact == EMPTY_REF:
            return
        record = {
            "Взаимодействие": call["Ref_Key"],
            "Взаимодействие_Type": f"{NAMESPACE}.{presets.CALLS}",
            "Контакт": contact,
            "Контакт_Type": call["АбонентКонтакт_Type"],
        }
        records = self.entities(kind.name)
        for old in [one for one in records if one["Взаимодействие"] == call["Ref_Key"]]:
            records.remove(kind.key_text(old))
        records.put(kind.key_text(record), record)

    def _next_number(self, name: str, entity: Entity) -> str:
        # Numbers of documents start again each year.
        scope = f"{name}{entity['Date'][:4]}" if "Date" in entity else name
        self._serials[scope] = self._serials.get(scope, 0) + 1
        length = self.schema.types[name].by_name[self.schema.types[name].numbered].length
        return f"{self._serials[scope]:0{length}d}"
