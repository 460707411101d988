"""What the manager answers to each action, the same over AMI and over HTTP."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from simulators.asterisk.core import Core
from simulators.asterisk.messages import message
from simulators.asterisk.sessions import Session

Asked = Mapping[str, str]


@dataclass(frozen=True)
class Answer:
    """What is answered.

    Attributes:
        text: messages, each with its blank line.
        ends: whether the session is over thereby.
    """

    text: str
    ends: bool = False


def answer(core: Core, session: Session, asked: Asked) -> Answer:
    """Answer an action; the keys of `asked` are in lower case. `waitevent` is not among them."""
    name = asked.get("action", "").lower()
    if not name:
        return Answer(_error(asked, "Missing action in request"))
    if not session.is_authenticated and name not in {"login", "logoff", "challenge"}:
        return Answer(_error(asked, "Permission denied"))
    known = ACTIONS.get(name)
    if known is None:
        words = f"Invalid/unknown command: {asked['action']}. Use Action: ListCommands to show available commands."
        return Answer(_error(asked, words))
    return known(core, session, asked)


def _reply(asked: Asked, response: str, **fields: str) -> str:
    action_id = {"ActionID": asked["actionid"]} if asked.get("actionid") else {}
    return message({"Response": response} | action_id | fields)


def _error(asked: Asked, words: str) -> str:
    return _reply(asked, "Error", Message=words)


def _challenge(_core: Core, session: Session, asked: Asked) -> Answer:
    if asked.get("authtype", "").lower() != "md5":
        return Answer(_error(asked, "Must specify AuthType"))
    session.challenge = session.challenge or str(secrets.randbelow(10**9))
    return Answer(_reply(asked, "Success", Challenge=session.challenge))


def _login(core: Core, session: Session, asked: Asked) -> Answer:
    if session.is_authenticated:
        return Answer(_reply(asked, "Success", Message="Already authenticated"))
    if core.faults.refuse_logins or asked.get("username") != core.username or not _knows(core, session, asked):
        core.counters.refused_logins += 1
        return Answer(_error(asked, "Authentication failed"), ends=True)
    core.counters.logins += 1
    session.is_authenticated = True
    if asked.get("events"):
        session.set_mask(asked["events"])
    accepted = _reply(asked, "Success", Message="Authentication accepted")
    if session.ident or "system" not in session.categories:
        return Answer(accepted)
    uptime = str(int(time.time() - core.booted_at))
    return Answer(accepted + message({"Event": "FullyBooted", "Privilege": "system,all", "Uptime": uptime,
                                      "LastReload": uptime, "Status": "Fully Booted"}))  # fmt: skip


def _knows(core: Core, session: Session, asked: Asked) -> bool:
    if asked.get("authtype", "").lower() != "md5":
        return secrets.compare_digest(asked.get("secret", "").encode(), core.secret.encode())
    # The protocol knows no better than MD5.
    expected = hashlib.md5((session.challenge + core.secret).encode(), usedforsecurity=False).hexdigest()
    return bool(session.challenge) and secrets.compare_digest(asked.get("key", "").lower(), expected)


def _logoff(_core: Core, _session: Session, asked: Asked) -> Answer:
    return Answer(_reply(asked, "Goodbye", Message="Thanks for all the fish."), ends=True)


def _ping(_core: Core, _session: Session, asked: Asked) -> Answer:
    return Answer(_reply(asked, "Success", Ping="Pong", Timestamp=f"{time.time():.6f}"))


def _events(_core: Core, session: Session, asked: Asked) -> Answer:
    return Answer(_reply(asked, "Success", Events="On" if session.set_mask(asked.get("eventmask", "")) else "Off"))


def _filter(_core: Core, session: Session, asked: Asked) -> Answer:
    if asked.get("operation", "").lower() != "add":
        return Answer(_error(asked, "Unknown operation"))
    pattern = asked.get("filter", "")
    try:
        compiled = re.compile(pattern.removeprefix("!"))
    except re.error:
        return Answer(_error(asked, "Filter format error"))
    (session.excluding if pattern.startswith("!") else session.including).append(compiled)
    return Answer(_reply(asked, "Success", Message="Success"))


def _channels(core: Core, _session: Session, asked: Asked) -> Answer:
    rows = [channel.listed(time.time()) for channel in core.channels]
    return Answer(_list(asked, "Channels will follow", "CoreShowChannel", "CoreShowChannelsComplete", rows))


def _bridges(core: Core, _session: Session, asked: Asked) -> Answer:
    rows = list(core.channels.bridges.values())
    return Answer(_list(asked, "Bridge listing will follow", "BridgeListItem", "BridgeListComplete", rows))


def _list(asked: Asked, words: str, item: str, complete: str, rows: Iterable[Mapping[str, str]]) -> str:
    action_id = {"ActionID": asked["actionid"]} if asked.get("actionid") else {}
    items = [message({"Event": item} | action_id | dict(row)) for row in rows]
    end = {"Event": complete} | action_id | {"EventList": "Complete", "ListItems": str(len(items))}
    return _reply(asked, "Success", EventList="start", Message=words) + "".join(items) + message(end)


ACTIONS: dict[str, Callable[[Core, Session, Asked], Answer]] = {
    "challenge": _challenge,
    "login": _login,
    "logoff": _logoff,
    "ping": _ping,
    "events": _events,
    "filter": _filter,
    "coreshowchannels": _channels,
    "bridgelist": _bridges,
}
