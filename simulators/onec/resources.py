"""The resources of `standard.odata` and what each method does with them.

Public sources: 1C:Enterprise 8.3 developer guide, chapter 17.4; live measurements of Romandredan/odata1c-gate
(writes) and pavel-v-sobolev/onecdc (exchange plans).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from simulators.onec import errors, metadata, render, writes
from simulators.onec.errors import OdataError, bad_path
from simulators.onec.query import Visible, is_allowed_only, read_count, read_list, select
from simulators.onec.schema import Entity, EntityType
from simulators.onec.store import EntitySet, Store

_RESOURCE = re.compile(r"(?P<set>[^(/]+)(?:\((?P<key>[^)]*)\))?(?:/(?P<rest>.+))?", re.DOTALL)
_PAIR = re.compile(r"(\w+)=(?:guid|datetime)?'([^']*)'")
_NODE = re.compile(r"(ExchangePlan_[^(/]+)\(guid'+([0-9a-fA-F-]{36})'+\)")
_MESSAGE = re.compile(r"MessageNo=(\d+)")


@dataclass
class Habits:
    """What differs between platforms, or is not known.

    Attributes:
        honours_if_match: answer 412 to another DataVersion; two live bases ignored it.
        inlinecount_ignores_paging: as the guide says.
        keeps_client_key: a POST with `Ref_Key` makes an object of that key.
    """

    honours_if_match: bool = False
    inlinecount_ignores_paging: bool = True
    keeps_client_key: bool = False


@dataclass
class Call:
    """One request, taken apart; `is_empty` is the fault of a list without entities."""

    method: str
    path: str
    options: dict[str, str]
    body: bytes
    headers: Mapping[str, str]
    wire: render.Wire
    visible: dict[str, Visible]
    is_empty: bool = False

    @property
    def is_loading(self) -> bool:
        """Whether the write is done as in data exchange, without handlers."""
        return self.headers.get("1c_odata-dataloadmode", "").lower() == "true"


def answered(call: Call, store: Store, habits: Habits) -> Response:
    """Answer a request.

    Raises:
        OdataError: 1C refuses it.
    """
    if not call.path:
        return Response(metadata.service_document(store.schema, call.wire.root), media_type="application/xml")
    if call.path == "$metadata":
        return Response(metadata.edmx(store.schema), media_type="application/xml")
    if call.path.startswith(("SelectChanges", "NotifyChangesReceived")):
        return _exchanged(call, store)
    found = _RESOURCE.fullmatch(call.path)
    if not found:
        raise bad_path(call.path)
    name, key, rest = found["set"], found["key"], found["rest"] or ""
    kind = store.schema.types.get(name)
    if kind is None:
        return _rows(call, store, habits, name, rest)
    if key is None:
        return _set(call, store, habits, kind, rest)
    return _instance(call, store, habits, kind, _key(kind, key), rest)


def _exchanged(call: Call, store: Store) -> Response:
    if call.method != "POST":
        raise _forbidden(call)
    # The arguments stand in the query, or in brackets in the path.
    arguments = call.path + "&" + "&".join(f"{name}={value}" for name, value in call.options.items())
    node, message = _NODE.search(arguments), _MESSAGE.search(arguments)
    if not node or not message:
        raise OdataError(400, 12, "Отсутствует обязательный аргумент функции")
    plan, key, message_no = node[1], node[2].lower(), int(message[1])
    if plan not in store.schema.plans or store.find(plan, key) is None:
        raise _no_instance()
    if call.path.startswith("Notify"):
        store.notify_received(plan, key, message_no)
        return Response(b"")
    changes = store.select_changes(plan, key, message_no)
    return Response(render.atom_changes(call.wire, changes, store), media_type=render.ATOM_TYPE)


def _rows(call: Call, store: Store, habits: Habits, name: str, rest: str) -> Response:
    """Answer for a tabular section read as a set of its own."""
    found = store.schema.section(name)
    if found is None:
        raise OdataError(404, errors.NO_SUCH_SET, f"Тип сущности '{name}' не найден")
    if call.method != "GET":
        raise OdataError(400, errors.ROWS_NOT_CREATED, "Прямое создание строк табличной части запрещено")
    owner, section = found
    rows_kind = EntityType(name, (owner.by_name["Ref_Key"], *section.properties), key=("Ref_Key", "LineNumber"))
    visible = call.visible.get(owner.name)
    if visible and not is_allowed_only(call.options):
        raise OdataError(401, errors.NO_RIGHTS, "Недостаточно прав доступа")

    def every_row() -> Iterator[Entity]:
        for entity in store.entities(owner.name):
            if visible is None or visible(entity):
                yield from ({"Ref_Key": entity["Ref_Key"], **row} for row in entity[section.name])

    return _listed(call, store, habits, rows_kind, every_row(), rest)


def _set(call: Call, store: Store, habits: Habits, kind: EntityType, rest: str) -> Response:
    if call.method == "GET":
        return _listed(call, store, habits, kind, store.entities(kind.name), rest)
    if call.method != "POST" or rest:
        raise _forbidden(call)
    values = writes.taken(kind, writes.parsed(call.body), keeps_client_key=habits.keeps_client_key)
    key = kind.key_text({**kind.blank(), **values})
    is_taken = store.find(kind.name, key) is not None
    if is_taken and (kind.is_register or "Ref_Key" in values):
        raise OdataError(400, errors.KEY_EXISTS, "Запись с такими ключевыми полями существует!")
    entity = store.insert(kind.name, values, is_loading=call.is_loading)
    location = f"{call.wire.root}/{render.self_path(kind, entity)}"
    return _shown(call, store, kind, entity, 200 if kind.is_register else 201, {"Location": _ascii(location)})


def _listed(
    call: Call, store: Store, habits: Habits, kind: EntityType, source: EntitySet | Iterator[Entity], rest: str
) -> Response:
    if rest == "$count":
        count = read_count(call.options, kind, source, store, visible=call.visible.get(kind.name))
        return Response(f"\ufeff{count}".encode(), media_type="text/plain")
    if rest:
        raise bad_path(rest)
    chosen = select(call.options, kind, store.schema, is_single=False)
    page = read_list(
        call.options,
        kind,
        [] if call.is_empty else source,
        store,
        visible=call.visible.get(kind.name),
        inlinecount_ignores_paging=habits.inlinecount_ignores_paging,
    )
    if call.wire.is_json:
        body = render.json_list(call.wire, kind, kind.name, page.entities, chosen, store, page.count)
        return Response(body, media_type=_json_type(call))
    body = render.atom_feed(call.wire, kind, kind.name, page.entities, chosen, store, page.count)
    return Response(body, media_type=render.ATOM_TYPE)


def _instance(call: Call, store: Store, habits: Habits, kind: EntityType, key: str, rest: str) -> Response:
    entity = store.find(kind.name, key)
    if entity is None:
        raise _no_instance()
    visible = call.visible.get(kind.name)
    if visible and not visible(entity):
        raise OdataError(401, errors.NO_RIGHTS, "Недостаточно прав доступа")
    match call.method, rest:
        case "GET", "":
            return _shown(call, store, kind, entity)
        case "GET", name if name in kind.references and kind.references[name].target in store.schema.types:
            link = kind.references[name]
            target = store.find(link.target, entity[link.name])
            if target is None:
                raise _no_instance()
            return _shown(call, store, store.schema.types[link.target], target)
        case "POST", "Post" | "Unpost" if kind.is_document:
            store.update(kind.name, key, {"Posted": rest == "Post"})
            return Response(b"")
        case "PATCH", "":
            _check_version(call, habits, entity)
            values = writes.taken(kind, writes.parsed(call.body))
            return _shown(call, store, kind, store.update(kind.name, key, values, is_loading=call.is_loading))
        case "DELETE", "":
            _check_version(call, habits, entity)
            store.remove(kind.name, key)
            return Response(b"", 204)
        case _, "":
            raise _forbidden(call)
    raise bad_path(rest)


def _shown(
    call: Call, store: Store, kind: EntityType, entity: Entity, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    chosen = select(call.options, kind, store.schema, is_single=True)
    if call.wire.is_json:
        body = render.json_one(call.wire, kind, entity, chosen, store)
        return Response(body, status, headers, _json_type(call))
    body = render.atom_one(call.wire, kind, entity, chosen, store)
    return Response(body, status, headers, render.ATOM_TYPE.replace("type=feed", "type=entry"))


def _key(kind: EntityType, text: str) -> str:
    single = re.fullmatch(r"guid'([^']*)'", text)
    values = {kind.key[0]: single[1]} if single else dict(_PAIR.findall(text))
    missing = [name for name in kind.key if name not in values]
    if missing:
        raise OdataError(400, errors.MISSING_KEY, f"Отсутствует часть ключа '{missing[0]}'")
    return kind.key_text(values)


def _check_version(call: Call, habits: Habits, entity: Entity) -> None:
    wanted = call.headers.get("if-match")
    if habits.honours_if_match and wanted and wanted.strip('"') != entity.get("DataVersion"):
        raise OdataError(412, errors.CANNOT_PARSE, "Версия объекта изменилась")


def _json_type(call: Call) -> str:
    return f"application/json;odata={call.wire.detail};charset=utf-8"


def _ascii(address: str) -> str:
    return quote(address, safe=":/()'=,")


def _no_instance() -> OdataError:
    return OdataError(404, errors.NO_SUCH_INSTANCE, "Экземпляр сущности не найден")


def _forbidden(call: Call) -> OdataError:
    return OdataError(405, errors.METHOD_FORBIDDEN, f"Метод HTTP '{call.method}' запрещен")
