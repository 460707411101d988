"""Messages as WhatsApp takes them: bodies of `POST /{number}/messages` (Meta, "Send messages"; protocol page A7)."""

from __future__ import annotations

from typing import Any

from resources.messengers.exchange import Outgoing
from resources.messengers.items import Kind


def body_of(outgoing: Outgoing, attempt_id: str) -> dict[str, Any]:
    """Return the body of the request.

    Args:
        outgoing: what to send.
        attempt_id: comes back with each status of the message.

    Raises:
        ValueError: the person has neither a number nor an id, or the kind cannot be sent.
    """
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": attempt_id,
        "type": outgoing.kind.value,
    }
    if outgoing.person.number:
        # Without its plus a number would get the country code of ours.
        body["to"] = outgoing.person.number
    elif outgoing.person.user_id:
        body["recipient"] = outgoing.person.user_id
    else:
        raise ValueError("the person has neither a number nor an id")
    if outgoing.reply_to_id:
        body["context"] = {"message_id": outgoing.reply_to_id}
    match outgoing.kind:
        case Kind.TEXT:
            body["text"] = {"body": outgoing.text, "preview_url": False}
        case Kind.TEMPLATE if outgoing.template:
            template = outgoing.template
            values = [{"type": "text", "text": value} for value in template.values]
            body["template"] = {
                "name": template.name,
                "language": {"code": template.language},
                "components": [{"type": "body", "parameters": values}] if values else [],
            }
        case Kind.IMAGE | Kind.VIDEO | Kind.AUDIO | Kind.DOCUMENT | Kind.STICKER:
            file: dict[str, Any] = {"id": outgoing.media_id}
            if outgoing.text and outgoing.kind in {Kind.IMAGE, Kind.VIDEO, Kind.DOCUMENT}:
                file["caption"] = outgoing.text
            if outgoing.file_name and outgoing.kind is Kind.DOCUMENT:
                file["filename"] = outgoing.file_name
            body[outgoing.kind.value] = file
        case _:
            raise ValueError(f"a message of kind '{outgoing.kind}' cannot be sent")
    return body
