"""What WhatsApp's errors mean for a message: again, slower, as a template, never, or not before somebody mends it.

By code, as Meta asks for (Meta, "Error codes", updated 2026-05-15; protocol page A7); the HTTP status counts only where
no code came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from resources.messengers.exchange import OutcomeUnknownError, RefusalClass, RefusedError

_CLASSES: dict[RefusalClass, tuple[int, ...]] = {
    RefusalClass.RETRY: (1, 2, 131000, 131016, 131052, 131053, 131057),
    RefusalClass.SLOW_ACCOUNT: (4, 80007),
    RefusalClass.SLOW_NUMBER: (130429,),
    RefusalClass.SLOW_PAIR: (131056,),
    RefusalClass.NEEDS_TEMPLATE: (131047,),
    RefusalClass.STOP: (0, 3, 10, 190, 368, 131005, 131031, 131042, 131045, *range(200, 300)),
    RefusalClass.STOP_FOR_HOURS: (131048, 131064),
    RefusalClass.PERMANENT: (
        33, 100, 130472, 131008, 131009, 131021, 131026, 131030, 131049, 131050, 131051, 131062,
        *range(132000, 132017),
    ),
}  # fmt: skip
CLASS_OF = {code: refusal for refusal, codes in _CLASSES.items() for code in codes}

_ADVICE = {
    RefusalClass.RETRY: "It is tried again.",
    RefusalClass.SLOW_NUMBER: "Our number sends too fast; sending goes on in some seconds.",
    RefusalClass.SLOW_PAIR: "This person was sent too much at once; sending to them goes on in some seconds.",
    RefusalClass.SLOW_ACCOUNT: "The account asked too often; sending goes on in some minutes.",
    RefusalClass.NEEDS_TEMPLATE: "The 24 hours since the client's last message are over: send a template.",
    RefusalClass.STOP: "Nothing is taken until this is mended: look at the token, its rights and the account.",
    RefusalClass.STOP_FOR_HOURS: "WhatsApp limits the account for some hours: look at its quality.",
    RefusalClass.PERMANENT: "It will not be taken: write another message.",
}
_NUMBER = re.compile(r"\d{7,}")
_LONGEST_TEXT = 300


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> RefusedError | OutcomeUnknownError:
    """Return what an answer other than a success means.

    An answer that is not the API's own, such as a proxy's page, says nothing about whether the message was taken.

    Args:
        status: of HTTP.
        headers: by lower-case names.
        body: of the answer.
    """
    error = _error_of(body)
    code = error.get("code") if error else None
    if not error or not isinstance(code, int):
        if status in {401, 403}:
            return RefusedError(
                f"WhatsApp refused the access ({status}). {_ADVICE[RefusalClass.STOP]}", RefusalClass.STOP
            )
        if status == 429:
            wait = wait_of(headers)
            return RefusedError(_ADVICE[RefusalClass.SLOW_ACCOUNT], RefusalClass.SLOW_ACCOUNT, wait_seconds=wait)
        if status < 500:
            return RefusedError(f"WhatsApp refused the request ({status}).", RefusalClass.PERMANENT)
        return OutcomeUnknownError(f"The answer ({status}) is not WhatsApp's own: the message may have been sent.")
    refusal = CLASS_OF.get(code)
    if refusal is None:
        is_passing = error.get("is_transient") is True or status >= 500 or status == 429
        refusal = RefusalClass.RETRY if is_passing else RefusalClass.PERMANENT
    text = f"WhatsApp refused it ({code}): {_words(error)} {_ADVICE[refusal]}"
    return RefusedError(text, refusal, code, wait_of(headers))


def wait_of(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds an answer asks to wait; None where it does not."""
    after = headers.get("retry-after", "")
    if after.isdigit():
        return float(after)
    try:
        usage = json.loads(headers.get("x-business-use-case-usage", "{}"))
        minutes = [
            float(each["estimated_time_to_regain_access"])
            for limits in usage.values()
            for each in limits
            if "estimated_time_to_regain_access" in each
        ]
    except (ValueError, AttributeError, TypeError, KeyError):
        return None
    return max(minutes) * 60 if minutes and max(minutes) > 0 else None


def _error_of(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = told.get("error") if isinstance(told, dict) else None
    return error if isinstance(error, dict) else None


def _words(error: Mapping[str, Any]) -> str:
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, dict) else None
    said = details if isinstance(details, str) else error.get("message")
    words = _NUMBER.sub("…", str(said or "no reason given"))[:_LONGEST_TEXT].replace("\0", "").strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."
