"""The channels of driven calls, as their events describe them."""

from __future__ import annotations

from dataclasses import dataclass

from simulators.asterisk.channels import SNAPSHOT
from simulators.asterisk.messages import UNKNOWN

STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up"}
CAUSES = {0: "Unknown", 16: "Normal Clearing", 17: "User busy", 26: "Answered elsewhere"}


@dataclass
class Leg:
    """One channel.

    Attributes:
        channel: its name, `PJSIP/201-0000001a`.
        peer: whose channel it is, `201` or the name of a trunk.
        uniqueid: its id.
        linkedid: the call's id.
        context: of the dialplan; empty for a called channel.
        exten: of the dialplan: what was dialled.
        state: number of its state.
        number: CallerIDNum, who it is itself.
        connected: ConnectedLineNum, to whom it talks.
        name: CallerIDName.
        connected_name: ConnectedLineName.
        account: AccountCode.
        priority: of the dialplan.
    """

    channel: str
    peer: str
    uniqueid: str
    linkedid: str
    context: str = "default"
    exten: str = "s"
    state: int = 0
    number: str = UNKNOWN
    connected: str = UNKNOWN
    name: str = UNKNOWN
    connected_name: str = UNKNOWN
    account: str = ""
    priority: int = 1

    def fields(self, prefix: str = "") -> dict[str, str]:
        """Return the lines that tell of it, each name begun with `prefix`."""
        values = (
            self.channel,
            str(self.state),
            STATES[self.state],
            self.number,
            self.name,
            self.connected,
            self.connected_name,
            "en",
            self.account,
            self.context,
            self.exten,
            str(self.priority),
            self.uniqueid,
            self.linkedid,
        )
        return {prefix + name: value for name, value in zip(SNAPSHOT, values, strict=True)}


def bridge_fields(bridge: str, channels: int) -> dict[str, str]:
    """Return the lines that tell of a bridge in which so many channels are."""
    return {
        "BridgeUniqueid": bridge,
        "BridgeType": "basic",
        "BridgeTechnology": "simple_bridge",
        "BridgeCreator": UNKNOWN,
        "BridgeName": UNKNOWN,
        "BridgeNumChannels": str(channels),
        "BridgeVideoSourceMode": "none",
    }
