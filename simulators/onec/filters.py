"""`$filter` as 1C understands it, with what it refuses.

Public sources: 1C:Enterprise 8.3 developer guide, chapter 17.4.5.2 (operators, functions, composite types); live
measurements of pavel-v-sobolev/cdc-1c (ordering by references). Arithmetic on dates is not implemented.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulators.onec.errors import EXCEPTION, OdataError, bad_option, bad_path
from simulators.onec.schema import NAMESPACE, Entity, EntityType, Property, Schema, Section

Scope = dict[str, Entity]
Follow = Callable[[str, str], Entity | None]
"""Finds an entity by set and key."""

_TOKEN = re.compile(
    r"""\s*(?:
    guid'(?P<guid>[^']*)'|datetime'(?P<datetime>[^']*)'|'(?P<string>(?:[^']|'')*)'|
    (?P<number>-?\d+(?:\.\d+)?L?)(?!\w)|(?P<name>[^\W\d]\w*)|(?P<mark>[(),:/])
    )""",
    re.VERBOSE,
)
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip
_SUMS: Mapping[str, Callable[[Any, Any], Any]] = {"add": operator.add, "sub": operator.sub}
_PRODUCTS: Mapping[str, Callable[[Any, Any], Any]] = {"mul": operator.mul, "div": operator.truediv}
_EDM_KINDS = {
    "Edm.String": "string", "Edm.Guid": "guid", "Edm.Boolean": "boolean", "Edm.DateTime": "datetime",
    "Edm.Int64": "number", "Edm.Double": "number",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """A part of the expression: the kind of its value, and how it is had from an entity."""

    kind: str
    value: Callable[[Scope], Any]


def _like(text: str, pattern: str) -> bool:
    expression = "".join({"%": ".*", "_": "."}.get(sign, re.escape(sign)) for sign in pattern)
    return re.fullmatch(expression, text, re.DOTALL | re.IGNORECASE) is not None


def _substring(text: str, start: float, length: float | None = None) -> str:
    first = int(start) - 1
    return text[first:] if length is None else text[first : first + int(length)]


# 1C compares strings without regard to case.
_FUNCTIONS: Mapping[str, tuple[str, tuple[int, ...], Callable[..., Any]]] = {
    "concat": ("string", (2,), lambda first, second: first + second),
    "endswith": ("boolean", (2,), lambda text, end: text.lower().endswith(end.lower())),
    "startswith": ("boolean", (2,), lambda text, start: text.lower().startswith(start.lower())),
    "substringof": ("boolean", (2,), lambda needle, text: needle.lower() in text.lower()),
    "like": ("boolean", (2,), _like),
    "substring": ("string", (2, 3), _substring),
    "round": ("number", (1,), round),
    "year": ("number", (1,), lambda moment: int(moment[:4])),
    "month": ("number", (1,), lambda moment: int(moment[5:7])),
    "day": ("number", (1,), lambda moment: int(moment[8:10])),
    "hour": ("number", (1,), lambda moment: int(moment[11:13])),
    "minute": ("number", (1,), lambda moment: int(moment[14:16])),
    "second": ("number", (1,), lambda moment: int(moment[17:19])),
}


def parse_filter(text: str, kind: EntityType | Section, schema: Schema, follow: Follow) -> Callable[[Entity], bool]:
    """Return the test that a `$filter` makes.

    Raises:
        OdataError: 400/14 for what cannot be parsed, 400/6 for unknown names, 500/-1 for ordering references.
    """
    parser = _Parser(text, kind, schema, follow)
    whole = parser.parse()
    return lambda entity: bool(whole.value({"": entity}))


class _Parser:
    def __init__(self, text: str, kind: EntityType | Section, schema: Schema, follow: Follow) -> None:
        self._schema = schema
        self._follow = follow
        self._kinds: dict[str, EntityType | Section] = {"": kind}
        self._tokens = self._split(text)
        self._at = 0

    @staticmethod
    def _split(text: str) -> list[tuple[str, str]]:
        tokens, position, end = [], 0, len(text.rstrip())
        while position < end:
            found = _TOKEN.match(text, position)
            if not found or found.lastgroup is None:
                raise bad_option(f"неизвестный символ '{text[position:].strip()[:1]}' в позиции {position}")
            tokens.append((found.lastgroup, found[found.lastgroup]))
            position = found.end()
        return tokens

    def parse(self) -> Term:
        whole = self._any_of()
        if self._at < len(self._tokens):
            raise bad_option(f"лишнее '{self._tokens[self._at][1]}'")
        if whole.kind != "boolean":
            raise bad_option("выражение не логическое")
        return whole

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, kind: str, value: str | None = None) -> str:
        found_kind, found = self._peek()
        if found_kind != kind or value not in {None, found}:
            raise bad_option(f"ожидалось '{value or kind}', получено '{found}'")
        self._at += 1
        return found

    def _word(self, *words: str) -> str | None:
        kind, value = self._peek()
        if kind == "name" and value in words:
            self._at += 1
            return value
        return None

    def _any_of(self) -> Term:
        left = self._all_of()
        while self._word("or"):
            left = self._logical(left, self._all_of(), is_or=True)
        return left

    def _all_of(self) -> Term:
        left = self._negated()
        while self._word("and"):
            left = self._logical(left, self._negated(), is_or=False)
        return left

    @staticmethod
    def _logical(left: Term, right: Term, *, is_or: bool) -> Term:
        if {left.kind, right.kind} != {"boolean"}:
            raise bad_option("операнд не логический")
        if is_or:
            return Term("boolean", lambda scope: left.value(scope) or right.value(scope))
        return Term("boolean", lambda scope: left.value(scope) and right.value(scope))

    def _negated(self) -> Term:
        if self._word("not"):
            inner = self._negated()
            return Term("boolean", lambda scope: not inner.value(scope))
        return self._comparison()

    def _comparison(self) -> Term:
        left = self._chain(_SUMS, lambda: self._chain(_PRODUCTS, self._primary))
        word = self._word(*_COMPARISONS)
        if not word:
            return left
        return _compared(word, left, self._chain(_SUMS, lambda: self._chain(_PRODUCTS, self._primary)))

    def _chain(self, words: Mapping[str, Callable[[Any, Any], Any]], operand: Callable[[], Term]) -> Term:
        left = operand()
        while word := self._word(*words):
            left = self._calculated(words[word], left, operand())
        return left

    @staticmethod
    def _calculated(calculate: Callable[[Any, Any], Any], left: Term, right: Term) -> Term:
        if {left.kind, right.kind} != {"number"}:
            raise bad_option("операнд не число")
        return Term("number", lambda scope: calculate(left.value(scope), right.value(scope)))

    def _primary(self) -> Term:
        kind, text = self._peek()
        self._at += 1
        match kind, text:
            case "mark", "(":
                inner = self._any_of()
                self._take("mark", ")")
                return inner
            case "guid", _:
                if not _GUID.fullmatch(text):
                    raise bad_option(f"неверный идентификатор '{text}'")
                return _constant("guid", text.lower())
            case "datetime", _:
                if not _MOMENT.fullmatch(text):
                    raise bad_option(f"неверная дата '{text}'")
                return _constant("datetime", text if len(text) > 16 else f"{text}:00")
            case "string", _:
                return _constant("string", text.replace("''", "'"))
            case "number", _:
                return _constant("number", float(text.rstrip("L")))
            case "name", "true" | "false":
                return _constant("boolean", text == "true")
            case "name", _ if self._peek() == ("mark", "("):
                return self._function(text)
            case "name", _:
                return self._path(text)
        raise bad_option(f"не ожидалось '{text}'")

    def _function(self, name: str) -> Term:
        self._take("mark", "(")
        if name in {"cast", "isof"}:
            return self._typed(name)
        if name not in _FUNCTIONS:
            raise bad_option(f"функция '{name}' не поддерживается")
        arguments = [self._any_of()]
        while self._peek() == ("mark", ","):
            self._at += 1
            arguments.append(self._any_of())
        self._take("mark", ")")
        kind, counts, call = _FUNCTIONS[name]
        if len(arguments) not in counts:
            raise bad_option(f"неверное число аргументов функции '{name}'")
        return Term(kind, lambda scope: call(*(one.value(scope) for one in arguments)))

    def _typed(self, name: str) -> Term:
        inner = self._any_of()
        self._take("mark", ",")
        type_name = f"{NAMESPACE}.{self._take('string').removeprefix(f'{NAMESPACE}.')}"
        self._take("mark", ")")
        if name == "cast":
            return Term("typed", lambda scope: (inner.value(scope), type_name))
        if inner.kind != "composite":
            raise bad_option("isof применима только к составному типу")
        return Term("boolean", lambda scope: inner.value(scope)[1] == type_name)

    def _path(self, first: str) -> Term:
        """Parse what begins with a name: a property, a property of a referred object, or a lambda over rows."""
        scope_name, name = ("", first) if first not in self._kinds else (first, "")
        if scope_name:
            self._take("mark", "/")
            name = self._take("name")
        kind = self._kinds[scope_name]
        if name in kind.by_name:
            return _property(kind.by_name[name], lambda scope: scope[scope_name])
        if isinstance(kind, EntityType) and name in kind.section_by_name:
            return self._lambda(kind.section_by_name[name])
        if isinstance(kind, EntityType) and name in kind.references and self._peek() == ("mark", "/"):
            self._at += 1
            return self._referred(kind.references[name], self._take("name"))
        raise bad_path(name)

    def _referred(self, link: Property, name: str) -> Term:
        target = self._schema.types.get(link.target)
        if target is None or name not in target.by_name:
            raise bad_path(name)
        blank = target.blank()
        return _property(
            target.by_name[name], lambda scope: self._follow(link.target, scope[""].get(link.name, "")) or blank
        )

    def _lambda(self, rows: Section) -> Term:
        self._take("mark", "/")
        quantifier = any if self._word("any") else all
        if quantifier is all:
            self._take("name", "all")
        self._take("mark", "(")
        variable = self._take("name")
        self._take("mark", ":")
        self._kinds[variable] = rows
        inner = self._any_of()
        self._take("mark", ")")
        del self._kinds[variable]
        return Term(
            "boolean", lambda scope: quantifier(inner.value({**scope, variable: row}) for row in scope[""][rows.name])
        )


def _constant(kind: str, value: Any) -> Term:  # noqa: ANN401 - values of several types
    return Term(kind, lambda _scope: value)


def _property(one: Property, found: Callable[[Scope], Entity]) -> Term:
    if one.is_composite:
        return Term("composite", lambda scope: (found(scope)[one.name], found(scope)[f"{one.name}_Type"]))
    empty = one.empty
    return Term(_EDM_KINDS[one.edm], lambda scope: found(scope).get(one.name, empty))


def _compared(word: str, left: Term, right: Term) -> Term:
    compare = _COMPARISONS[word]
    kinds = {left.kind, right.kind}
    if "composite" in kinds:
        # Without cast() a composite value never equals a reference, nor differs from one.
        if "guid" in kinds:
            return _constant("boolean", value=False)
        if "string" in kinds:
            return Term("boolean", lambda scope: compare(_primitive(left, scope), _primitive(right, scope)))
        return Term("boolean", lambda scope: compare(left.value(scope), right.value(scope)))
    if "typed" in kinds:
        raise bad_option("cast сравнима только с составным типом")
    if "guid" in kinds and word not in {"eq", "ne"}:
        if "string" not in kinds:
            raise OdataError(500, EXCEPTION, "Операция сравнения на больше-меньше не допустима для типа")
        # 1C answers, but what it compares is not the identifier.
        return Term("boolean", lambda scope: compare(left.value(scope)[::-1], right.value(scope)[::-1]))
    if len(kinds) > 1 and kinds != {"guid", "string"}:
        raise bad_option("несовместимые типы")
    if kinds == {"string"}:
        return Term("boolean", lambda scope: compare(left.value(scope).lower(), right.value(scope).lower()))
    return Term("boolean", lambda scope: compare(left.value(scope), right.value(scope)))


def _primitive(term: Term, scope: Scope) -> str | None:
    value = term.value(scope)
    if term.kind != "composite":
        return str(value)
    return str(value[0]) if value[1] == "Edm.String" else None
