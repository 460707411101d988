"""Message templates: the list, and whether a message fits one.

Public source: Meta's OpenAPI `business-messaging-api_v23.0`, `/{WABA-ID}/message_templates`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from simulators.whatsapp.errors import GraphError

_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
PAUSED = "PAUSED"


def template(
    name: str, text: str, *, language: str = "ru", category: str = "UTILITY", number: int = 1
) -> dict[str, Any]:
    """Return an approved template; `{{1}}` in the text is a place for a parameter."""
    return {
        "name": name,
        "components": [{"type": "BODY", "text": text}],
        "language": language,
        "status": "APPROVED",
        "category": category,
        "id": str(920070352646140 + number),
    }


def usual_templates() -> list[dict[str, Any]]:
    """Return what an invented company has."""
    offer = template("special_offer", "{{1}}, для вас скидка до конца недели.", category="MARKETING", number=3)
    offer["components"].append({"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Отписаться"}]})
    return [
        template("order_ready", "Здравствуйте, {{1}}! Ваш заказ {{2}} готов к выдаче.", number=1),
        template("we_missed_you", "Вы нам писали. Чем можем помочь?", number=2),
        offer,
    ]


def check_template(asked: Mapping[str, Any], templates: Sequence[Mapping[str, Any]], *, is_by_number: bool) -> None:
    """Check that a template is there, approved, and given as many parameters as it has places.

    Codes to log in go to numbers only.

    Raises:
        GraphError: 132001, 132015, 131062 or 132000.
    """
    name, code = asked["name"], str(asked["language"].get("code", ""))
    found = next((known for known in templates if known["name"] == name and known["language"] == code), None)
    if found is None:
        raise GraphError(132001, f"template name ({name}) does not exist in {code}")
    if found["status"] == PAUSED:
        raise GraphError(132015)
    if found["category"] == "AUTHENTICATION" and not is_by_number:
        raise GraphError(131062)
    text = next((part["text"] for part in found["components"] if part["type"] == "BODY"), "")
    places = len(set(_PLACE.findall(text)))
    given = sum(
        len(part.get("parameters") or [])
        for part in asked.get("components") or []
        if str(part.get("type")).lower() == "body"
    )
    if given != places:
        raise GraphError(
            132000, f"body: number of localizable_params ({given}) does not match the expected number ({places})"
        )


def listed(templates: Sequence[Mapping[str, Any]], asked: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of templates: `name`, `status`, `language`, `limit` and `after` are heeded."""
    fitting = [
        known
        for known in templates
        if all(known[key] == asked[key] for key in ("name", "status", "language") if key in asked)
    ]
    return page(fitting, asked, 25)


def page(rows: Sequence[Mapping[str, Any]], asked: Mapping[str, str], usual_limit: int) -> dict[str, Any]:
    """Return a page as Graph cuts it: `after` is the place where the page before ended."""
    try:
        limit, start = int(asked.get("limit", usual_limit)), int(asked.get("after", 0))
    except ValueError:
        raise GraphError(100, "limit and after must be what was answered before.") from None
    end = start + max(1, min(limit, 100))
    cursors = {"before": str(start), "after": str(end)}
    paging: dict[str, Any] = {"cursors": cursors}
    if end < len(rows):
        paging["next"] = f"?limit={limit}&after={end}"
    return {"data": list(rows[start:end]), "paging": paging}
