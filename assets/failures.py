"""Failures that people can do something about, said in their own words and not in a stack of calls.

An error of one of these families has a text that says what happened, where, and what to do. Dagster shows the text
of a `Failure` first; anything else is a fault of ours and keeps its traceback.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any, ParamSpec, TypeVar

import dagster as dg

from assets.contacts.errors import ContactsShrankError, OverrideError
from assets.contacts.sources import ContactSourcesError
from assets.routing.publish import PublicationError
from resources.contacts.errors import ContactFileError, ContactQueryError
from resources.messengers.exchange import MessengerError
from resources.onec.errors import OnecError
from resources.telephony.source import SourceError
from resources.warehouse.connection import WarehouseBusyError

EXPECTED = (
    ContactFileError,
    ContactQueryError,
    ContactSourcesError,
    ContactsShrankError,
    MessengerError,
    OnecError,
    OverrideError,
    PublicationError,
    SourceError,
    WarehouseBusyError,
)

Given = ParamSpec("Given")
Result = TypeVar("Result")


def told_plainly(work: Callable[Given, Result]) -> Callable[Given, Result]:
    """Decorate what an op or an asset does: an expected error becomes a failure with its text."""
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
        # An error that only its module tells apart is shown as what others know it for.
        kind = next(known.__name__ for known in type(error).__mro__ if not known.__name__.startswith("_"))
        raise dg.Failure(str(error), metadata={"kind of failure": kind}) from None
