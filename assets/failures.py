"""Failures that people can do something about, said in their own words and not in a stack of calls.

An error of one of these families has a text that says what happened and where; what it means for the work, and what to
do next, is added by family. Anything else is a fault of ours and keeps its traceback.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, ParamSpec, TypeVar

import dagster as dg
from dagster._core.definitions.metadata import normalize_metadata
from dagster._core.errors import DagsterUserCodeProcessError
from dagster_shared.error import SerializableErrorInfo
from sqlalchemy.exc import OperationalError

from assets.contacts.errors import ContactsShrankError, OverrideError
from assets.contacts.sources import ContactSourcesError
from assets.routing.publish import PublicationError
from resources.contacts.errors import ContactFileError, ContactQueryError
from resources.messengers.exchange import MessengerError
from resources.onec.errors import OnecError
from resources.telephony.source import (
    SourceAnswerError,
    SourceError,
    SourceRefusedError,
    SourceUnavailableError,
)
from resources.warehouse.connection import WarehouseBusyError

EXPECTED = (
    ContactFileError,
    ContactQueryError,
    ContactSourcesError,
    ContactsShrankError,
    MessengerError,
    OnecError,
    OperationalError,
    OverrideError,
    PublicationError,
    SourceError,
    WarehouseBusyError,
)

NEXT_STEPS: dict[type[Exception], str] = {
    SourceUnavailableError: (
        "Nothing is lost: the next run goes on from the last stored row. 'switchboard doctor' tries the connection."
    ),
    SourceRefusedError: "Nothing is read until this is mended; the run after that goes on from the last stored row.",
    SourceAnswerError: (
        "Nothing of this answer was stored; the next run asks again. If it stays, look at the PBX, or at the proxy in "
        "front of it."
    ),
    WarehouseBusyError: "Wait for the other work to end (Runs, In progress), then launch this again.",
    OperationalError: (
        "Nothing is half-done: work is committed in whole portions, and the next run goes on from there. Check that "
        "PostgreSQL runs and takes connections; 'switchboard doctor' tries it."
    ),
}
"""What a failure means for the work, and what to do; families without an entry say it in their own text."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


class PlainFailure(DagsterUserCodeProcessError, dg.Failure):  # noqa: N818 - as Dagster's own
    """A failure that Dagster shows by its text alone: no stack of calls, in a run as in a tick.

    As an error that another process has reported it is shown as reported, and ticks do not wrap it in one of theirs.
    """

    def __init__(self, description: str, kind: str = "Failure", metadata: Mapping[str, Any] | None = None) -> None:
        shown = SerializableErrorInfo(f"{description}\n", [], kind)
        super().__init__(description, user_code_process_error_infos=[shown])  # type: ignore[no-untyped-call]
        self.metadata = normalize_metadata({"kind of failure": kind, **(metadata or {})})


def told_plainly(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Decorate what an op, an asset or a tick does: an expected error becomes a failure with its text."""
    if isgeneratorfunction(work):

        @wraps(work)
        def run_on(*args: Given.args, **kwargs: Given.kwargs) -> Iterator[Any]:
            with _plainly():
                yield from work(*args, **kwargs)

        return run_on  # type: ignore[return-value]  # Result is the iterator

    @wraps(work)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> Result:
        with _plainly():
            return work(*args, **kwargs)

    return run


@contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except EXPECTED as error:
        raise PlainFailure(in_plain_words(error), kind_of(error)) from None


def in_plain_words(error: Exception) -> str:
    """Return what happened, where, and what to do."""
    said = _of_database(error) if isinstance(error, OperationalError) else str(error)
    steps = [step for family, step in NEXT_STEPS.items() if isinstance(error, family)]
    return "\n".join([said, *steps])


def kind_of(error: Exception) -> str:
    """Return the name of its family: an error that only its module tells apart is shown as what others know it for."""
    return next(known.__name__ for known in type(error).__mro__ if not known.__name__.startswith("_"))


def _of_database(error: OperationalError) -> str:
    """Return what PostgreSQL or the driver says, without the statement and its values."""
    lines = str(error.orig).strip().splitlines()
    return (
        f"The warehouse did not do what was asked ({type(error.orig).__name__}): {lines[0] if lines else 'no reason'}"
    )
