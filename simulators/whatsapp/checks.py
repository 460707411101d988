"""What a request to send must hold, type by type. Public source: Meta's OpenAPI `business-messaging-api_v23.0`."""

from __future__ import annotations

from typing import Any

from simulators.whatsapp.errors import GraphError

LONGEST_TEXT = 4_096
LONGEST_CAPTION = 1_024
LONGEST_CALLBACK_DATA = 512
MOST_BUTTONS = 3
MOST_ROWS = 10
LONGEST_BUTTON_TITLE = 20

MEDIA = ("audio", "document", "image", "sticker", "video")
REQUIRED: dict[str, tuple[str, ...]] = {
    "text": ("body",),
    "location": ("latitude", "longitude"),
    "reaction": ("message_id", "emoji"),
    "interactive": ("type", "action"),
    "template": ("name", "language"),
    "contacts": (),
} | dict.fromkeys(MEDIA, ())
INTERACTIVE = {
    "address_message", "button", "call_permission_request", "catalog_message", "cta_url", "flow", "list",
    "location_request_message", "order_details", "order_status", "product", "product_list", "request_contact_info",
}  # fmt: skip


def check(body: dict[str, Any]) -> str:
    """Check a request to send, and return its type; whether template and media exist is asked elsewhere.

    Raises:
        GraphError: what is wrong, as Meta says it.
    """
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(100, message="(#100) The parameter messaging_product is required.")
    if not body.get("to") and not body.get("recipient"):
        raise GraphError(100, message="(#100) The parameter to is required.")
    if not isinstance(body.get("to", ""), str) or not isinstance(body.get("recipient", ""), str):
        raise GraphError(100, message="(#100) Param to must be a string.")
    if len(str(body.get("biz_opaque_callback_data") or "")) > LONGEST_CALLBACK_DATA:
        raise GraphError(
            100, message=f"(#100) Param biz_opaque_callback_data must be at most {LONGEST_CALLBACK_DATA} characters."
        )
    kind = body.get("type", "text")
    if kind not in REQUIRED:
        raise GraphError(100, message=f"(#100) Param type must be one of {{{', '.join(sorted(REQUIRED))}}}.")
    content: Any = body.get(kind)
    if not content or not isinstance(content, list if kind == "contacts" else dict):
        raise GraphError(100, message=f"(#100) The parameter {kind} is required.")
    _check_content(str(kind), content)
    return str(kind)


def _check_content(kind: str, content: Any) -> None:  # noqa: ANN401 - contacts are a list, all else objects
    for name in REQUIRED[kind]:
        if content.get(name) is None:
            raise GraphError(131008, f"The parameter {kind}['{name}'] is required.")
    if kind == "text":
        _check_length("text['body']", content["body"], LONGEST_TEXT)
        if not content["body"]:
            raise GraphError(131008, "The parameter text['body'] is required.")
    elif kind in MEDIA:
        if ("id" in content) == ("link" in content):
            raise GraphError(131008, f"Either {kind}['id'] or {kind}['link'] is required.")
        _check_length(f"{kind}['caption']", content.get("caption", ""), LONGEST_CAPTION)
    elif kind == "contacts":
        if not all(isinstance(contact, dict) and contact.get("name") for contact in content):
            raise GraphError(131008, "The parameter contacts[]['name'] is required.")
    elif kind == "interactive":
        _check_interactive(content)


def _check_interactive(content: dict[str, Any]) -> None:
    if content["type"] not in INTERACTIVE:
        raise GraphError(131009, f"interactive['type'] must be one of {sorted(INTERACTIVE)}.")
    action = content["action"]
    if content["type"] == "button":
        buttons = action.get("buttons") or []
        if not 1 <= len(buttons) <= MOST_BUTTONS:
            raise GraphError(131009, f"There must be 1 to {MOST_BUTTONS} buttons.")
        for button in buttons:
            _check_length("button title", button["reply"]["title"], LONGEST_BUTTON_TITLE)
    elif content["type"] == "list":
        rows = [row for section in action.get("sections") or [] for row in section.get("rows") or []]
        if not 1 <= len(rows) <= MOST_ROWS:
            raise GraphError(131009, f"There must be 1 to {MOST_ROWS} rows.")


def _check_length(what: str, text: object, longest: int) -> None:
    if not isinstance(text, str) or len(text) > longest:
        raise GraphError(100, message=f"(#100) Param {what} must be at most {longest} characters long.")
