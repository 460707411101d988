"""Graph's errors: code, HTTP status and words. Public source: Meta, "Cloud API error codes" (May 2026)."""

from __future__ import annotations

import secrets
from typing import Any

HREF = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/"

ERRORS: dict[int, tuple[int, str, str]] = {
    0: (401, "AuthException", "We were unable to authenticate the app user."),
    1: (400, "API Unknown", "Invalid request or possible server error."),
    2: (503, "API Service", "Temporary due to downtime or due to being overloaded."),
    3: (500, "API Method", "Capability or permissions issue."),
    4: (400, "API Too Many Calls", "The app has reached its API call rate limit."),
    10: (403, "API Permission Denied", "Permission is either not granted or has been removed."),
    33: (400, "Parameter value is not valid", "The business phone number has been deleted."),
    100: (400, "Invalid parameter", "The request included one or more unsupported or misspelled parameters."),
    190: (401, "Access token has expired", "Error validating access token: the session has expired."),
    200: (403, "API Permission", "Permission is either not granted or has been removed."),
    368: (403, "Temporarily blocked for policies violations", "The account has been restricted or disabled."),
    2635: (400, "Version has ended", "Please update to a later version."),
    80007: (400, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit."),
    130429: (400, "Rate limit hit", "Cloud API message throughput has been reached."),
    130472: (400, "User's number is part of an experiment", "Message was not sent as part of an experiment."),
    131000: (500, "Something went wrong", "Message failed to send due to an unknown error."),
    131005: (403, "Access denied", "Permission is either not granted or has been removed."),
    131008: (400, "Required parameter is missing", "The request is missing a required parameter."),
    131009: (400, "Parameter value is not valid", "One or more parameter values are invalid."),
    131016: (500, "Service unavailable", "A service is temporarily unavailable."),
    131021: (400, "Recipient cannot be sender", "Sender and recipient phone number is the same."),
    131026: (400, "Message undeliverable", "Message Undeliverable."),
    131030: (400, "Recipient phone number not in allowed list", "Add recipient phone number to the list."),
    131031: (403, "Account has been locked", "The account has been restricted or disabled."),
    131042: (400, "Business eligibility payment issue", "There was an error related to your payment method."),
    131045: (500, "Incorrect certificate", "Message failed to send due to a phone number registration error."),
    131047: (
        400,
        "Re-engagement message",
        "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
    ),
    131048: (400, "Spam rate limit hit", "Restrictions on how many messages can be sent from this phone number."),
    131049: (400, "Meta chose not to deliver", "Not delivered to maintain healthy ecosystem engagement."),
    131050: (400, "User stopped marketing", "The recipient has chosen to stop receiving marketing messages."),
    131051: (400, "Unsupported message type", "Unsupported message type."),
    131052: (400, "Media download error", "Unable to download the media sent by the user."),
    131053: (400, "Media upload error", "Unable to upload the media used in the message."),
    131056: (
        400,
        "(Business Account, Consumer Account) pair rate limit hit",
        "Too many messages sent from the sender phone number to the same recipient in a short period of time.",
    ),
    131057: (500, "Account in maintenance mode", "Business Account is in maintenance mode."),
    131062: (400, "BSUID not supported", "This message needs a phone number."),
    131064: (400, "Messaging limit reached", "The messaging limit of the portfolio has been reached."),
    132000: (400, "Template param count mismatch", "The number of parameters does not match the expected number."),
    132001: (404, "Template does not exist", "The template does not exist in the specified language."),
    132015: (400, "Template is paused", "Template is paused due to low quality."),
}
"""Of each code: HTTP status, title, details."""

TRANSIENT = {1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057}
SESSION_EXPIRED_SUBCODE = 463
NO_OBJECT_SUBCODE = 33


class GraphError(Exception):
    """An error that Graph answers with.

    Attributes:
        status: of HTTP.
        body: its envelope.
    """

    def __init__(self, code: int, details: str = "", *, message: str = "", subcode: int | None = None) -> None:
        self.code = code
        self.status, title, usual = ERRORS[code]
        error: dict[str, Any] = {
            "message": message or f"(#{code}) {title}",
            "type": "GraphMethodException" if subcode == NO_OBJECT_SUBCODE else "OAuthException",
            "code": code,
        }
        if code == 190:
            subcode = SESSION_EXPIRED_SUBCODE
        if subcode is not None:
            error["error_subcode"] = subcode
        if code in TRANSIENT:
            error["is_transient"] = True
        if code not in (0, 190):
            error["error_data"] = {"messaging_product": "whatsapp", "details": details or usual}
        self.body = {"error": error | {"fbtrace_id": "A" + secrets.token_urlsafe(16)}}
        super().__init__(error["message"])


def no_object(method: str, object_id: str) -> GraphError:
    """Return what Graph says of an id it does not know, or does not show to this token."""
    message = (
        f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, cannot be loaded due to "
        "missing permissions, or does not support this operation."
    )
    return GraphError(100, message=message, subcode=NO_OBJECT_SUBCODE)


def told(code: int) -> dict[str, Any]:
    """Return an error as webhooks tell it, in a status or a message."""
    _, title, details = ERRORS[code]
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}, "href": HREF}
