"""The live channels and bridges, kept from the events that pass, as CoreShowChannels and BridgeList tell them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

SNAPSHOT = ("Channel", "ChannelState", "ChannelStateDesc", "CallerIDNum", "CallerIDName", "ConnectedLineNum",
            "ConnectedLineName", "Language", "AccountCode", "Context", "Exten", "Priority", "Uniqueid",
            "Linkedid")  # fmt: skip
"""The lines by which every event tells of a channel, in Asterisk's order."""

BRIDGE = ("BridgeUniqueid", "BridgeType", "BridgeTechnology", "BridgeCreator", "BridgeName", "BridgeNumChannels",
          "BridgeVideoSourceMode")  # fmt: skip


@dataclass
class LiveChannel:
    """A channel that has not hung up.

    Attributes:
        fields: what events last told of it, by the names of `SNAPSHOT`.
        created_at: when it was created, seconds since 1970 by the server's clock.
        bridge: the bridge that it is in; empty where it is in none.
    """

    fields: dict[str, str]
    created_at: float
    bridge: str = ""

    def listed(self, now: float) -> dict[str, str]:
        """Return what CoreShowChannels tells of it."""
        seconds = max(0, int(now - self.created_at))
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        application = "Dial" if self.fields["Context"] else "AppDial"
        told = {"Application": application, "ApplicationData": "", "Duration": clock, "BridgeId": self.bridge}
        return self.fields | told


@dataclass
class LiveChannels:
    """All channels and bridges that live now.

    Attributes:
        channels: by uniqueid, oldest first.
        bridges: what events last told of each bridge, by its id.
    """

    channels: dict[str, LiveChannel] = field(default_factory=dict)
    bridges: dict[str, dict[str, str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[LiveChannel]:
        return iter(list(self.channels.values()))

    def clear(self) -> None:
        """Forget all, as at a restart."""
        self.channels.clear()
        self.bridges.clear()

    def take(self, event: Mapping[str, str], now: float) -> None:
        """Take an event in."""
        kind = event.get("Event", "")
        if kind == "Newchannel":
            self.channels[event["Uniqueid"]] = LiveChannel({}, float(event.get("Timestamp", now)))
        for prefix in ("", "Dest"):
            channel = self.channels.get(event.get(f"{prefix}Uniqueid", ""))
            if channel and f"{prefix}ChannelState" in event:
                channel.fields = {name: event.get(prefix + name, "") for name in SNAPSHOT}
        if kind in {"BridgeCreate", "BridgeEnter", "BridgeLeave"}:
            self.bridges[event["BridgeUniqueid"]] = {name: event.get(name, "") for name in BRIDGE}
        entered = self.channels.get(event.get("Uniqueid", ""))
        if entered and kind == "BridgeEnter":
            entered.bridge = event["BridgeUniqueid"]
        elif entered and kind == "BridgeLeave":
            entered.bridge = ""
        if kind == "BridgeDestroy":
            self.bridges.pop(event["BridgeUniqueid"], None)
        elif kind == "Hangup":
            self.channels.pop(event["Uniqueid"], None)
        elif kind == "Rename" and entered:
            entered.fields["Channel"] = event["Newname"]
        elif kind == "Shutdown":
            self.clear()
