"""The collector of usage reports: asked once, for ten seconds, and never in anybody's way."""

from __future__ import annotations

import threading

import httpx

PATIENCE_SECONDS = 10.0


def post_report(url: str, report: bytes, token: str = "", patience_seconds: float = PATIENCE_SECONDS) -> str:
    """Post a report once; return what became of it, in words.

    Args:
        url: of the collector.
        report: what is sent, byte for byte.
        token: what it asks for; '' is nothing.
        patience_seconds: for all of it: a collector that answers drop by drop holds nobody.
    """
    told: list[str] = []
    # Time-outs of a request hold for each of its steps; this one holds for all together.
    asking = threading.Thread(target=lambda: told.append(_post(url, report, token, patience_seconds)), daemon=True)
    asking.start()
    asking.join(patience_seconds)
    return told[0] if told else f"not sent: the collector did not answer within {patience_seconds:.0f} s"


def _post(url: str, report: bytes, token: str, patience_seconds: float) -> str:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    try:
        answer = httpx.post(url, content=report, headers=headers, timeout=patience_seconds, follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"not sent: the collector cannot be reached ({type(error).__name__})"
    return "sent" if answer.is_success else f"not sent: the collector answered {answer.status_code}"
