"""Which interactions are evidence: the file `routing.tracked_interactions_file`, YAML.

Without a file answered calls are, and nothing else. An entry that cannot be used is refused with the line
it stands on; docs/tracked_interactions.example.yaml shows every key.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from assets.messenger.evidence import DOCUMENT as MESSAGE
from assets.routing.rules import TrackedCalls, TrackedDocuments

QUERY_COLUMNS = ("document_id", "at", "employee_id", "party_id", "contact_id", "number")


class TrackedFileError(Exception):
    """The file cannot be used; the text names the lines and what to write instead."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    weight: float = Field(default=1, ge=0)
    validity_days: float | None = Field(default=None, gt=0)


class _Direction(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    inbound: float = Field(default=1, ge=0, alias="in")
    outbound: float = Field(default=1, ge=0, alias="out")


class _Role(BaseModel):
    model_config = ConfigDict(extra="forbid")

    talker: float = Field(default=1, ge=0)
    transferrer: float = Field(default=0.3, ge=0)


class CallsEntry(_Entry):
    """Answered calls of the telephony servers."""

    source: Literal["calls"]
    direction: _Direction = Field(default_factory=_Direction)
    role: _Role = Field(default_factory=_Role)


class CrmEntry(_Entry):
    """Documents of the configured CRMs; where date, client and employee stand is known of each kind."""

    source: Literal["crm"]
    kind: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    document: Literal["call", "order", "email", "meeting", "sms"]


class MessagesEntry(_Entry):
    """What employees wrote to clients by messenger: a day of writing in a chat is one interaction."""

    source: Literal["messages"]
    kind: str = Field(default="message", pattern=r"^[a-z][a-z0-9_]*$")


class SqlEntry(_Entry):
    """Rows of any database that SQLAlchemy reaches; `columns` maps ours to the query's."""

    source: Literal["sql"]
    kind: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    url_variable: str = Field(description="environment variable that holds the database's URL")
    query: str
    columns: dict[str, str] = Field(default_factory=dict)

    @field_validator("columns")
    @classmethod
    def _ours(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := sorted(set(value) - set(QUERY_COLUMNS)):
            raise ValueError(f"there is no column {', '.join(unknown)} to map to; ours are {', '.join(QUERY_COLUMNS)}")
        return value


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    interactions: list[Annotated[CallsEntry | CrmEntry | MessagesEntry | SqlEntry, Field(discriminator="source")]] = (
        Field(min_length=1)
    )


@dataclass(frozen=True)
class TrackedQuery:
    """A query whose rows are evidence.

    Attributes:
        kind: the name of its evidence, and of its source.
        url: with user and password.
        text: the query.
        columns: ours to the query's.
    """

    kind: str
    url: str
    text: str
    columns: Mapping[str, str]

    def __repr__(self) -> str:
        """Leave the password out."""
        return f"TrackedQuery({self.kind!r})"


@dataclass(frozen=True)
class Tracked:
    """What is tracked.

    Attributes:
        calls: what calls count.
        documents: documents, those that queries give among them.
        queries: where the latter come from.
    """

    calls: TrackedCalls = field(default_factory=TrackedCalls)
    documents: tuple[TrackedDocuments, ...] = ()
    queries: tuple[TrackedQuery, ...] = ()


def read_tracked(path: Path | None) -> Tracked:
    """Read which interactions are evidence.

    Raises:
        TrackedFileError: the file cannot be read or used.
    """
    if path is None:
        return Tracked()
    try:
        text = path.read_text("utf-8")
        root = yaml.compose(text, yaml.SafeLoader)
        given = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise TrackedFileError(f"{path}: the file cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        raise TrackedFileError(f"{path}: this is no YAML: {error}") from None
    try:
        entries = _File.model_validate(given).interactions
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        lines = [f"  line {_line_of(root, problem['loc'])}: {_in_words(problem)}" for problem in problems]
        raise TrackedFileError("\n".join([f"{path} cannot be used:", *lines])) from None
    names = [entry.kind if not isinstance(entry, CallsEntry) else "call" for entry in entries]
    for place, name in enumerate(names):
        if name in names[:place]:
            line = _line_of(root, ("interactions", place))
            raise TrackedFileError(f"{path} cannot be used:\n  line {line}: a second entry of kind '{name}'.")
        if name == "call" and not isinstance(entries[place], CallsEntry):
            line = _line_of(root, ("interactions", place))
            raise TrackedFileError(
                f"{path} cannot be used:\n  line {line}: 'call' is the kind of the telephony servers' calls; name "
                "this one otherwise, such as 'phone_note'."
            )
    return Tracked(
        calls=next((_calls(entry) for entry in entries if isinstance(entry, CallsEntry)), TrackedCalls(weight=0)),
        documents=tuple(_documents(entry) for entry in entries if not isinstance(entry, CallsEntry)),
        queries=tuple(
            _query(entry, path, _line_of(root, ("interactions", place)))
            for place, entry in enumerate(entries)
            if isinstance(entry, SqlEntry)
        ),
    )


def _calls(entry: CallsEntry) -> TrackedCalls:
    return TrackedCalls(
        weight=entry.weight,
        validity_days=entry.validity_days,
        inbound=entry.direction.inbound,
        outbound=entry.direction.outbound,
        talker=entry.role.talker,
        transferrer=entry.role.transferrer,
    )


def _documents(entry: CrmEntry | MessagesEntry | SqlEntry) -> TrackedDocuments:
    match entry:
        case CrmEntry():
            document: str = entry.document
        case MessagesEntry():
            document = MESSAGE
        case SqlEntry():
            document = entry.kind
    return TrackedDocuments(entry.kind, document, entry.weight, entry.validity_days)


def _query(entry: SqlEntry, path: Path, line: int) -> TrackedQuery:
    url = os.environ.get(entry.url_variable)
    if not url:
        raise TrackedFileError(
            f"{path} cannot be used:\n  line {line}: the environment variable {entry.url_variable} is empty; it must "
            f"hold the URL of the database of '{entry.kind}', such as postgresql://user:password@host/name."
        )
    return TrackedQuery(entry.kind, url, entry.query, {**entry.columns})


def _in_words(problem: Any) -> str:  # noqa: ANN401
    place = ".".join(map(str, problem["loc"]))
    return f"{place}: {problem['msg'].removeprefix('Value error, ')}"


def _line_of(root: yaml.Node | None, place: tuple[Any, ...]) -> int:
    """Return the line of what stands at `place`, or of what should hold it."""
    node = root
    line = node.start_mark.line + 1 if node else 1
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
            if found is None:
                # A union's discriminator stands in the place too, and has no node.
                continue
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
