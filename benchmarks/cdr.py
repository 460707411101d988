"""Invented call history of a mid-sized office, as an Asterisk writes it to `Master.csv`: seeded, in columns.

Two rows a call on average: queues that ring several agents one after the other, direct calls in and
out, talk between colleagues, and the hang-up rows of extension `h` (Asterisk, cdr_csv with
`loguniqueid`, `loguserfield` and `newcdrcolumns`).
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

COLUMNS = (
    "accountcode", "src", "dst", "dcontext", "clid", "channel", "dstchannel", "lastapp", "lastdata", "start",
    "answer", "end", "duration", "billsec", "disposition", "amaflags", "uniqueid", "userfield", "peeraccount",
    "linkedid", "sequence",
)  # fmt: skip
FIRST_SECOND = 1_767_225_600  # 2026-01-01 00:00:00 UTC
DAYS = 90
EXTENSIONS = 40
CLIENTS_PER_LEG = 0.06


def cdr_rows(legs: int, seed: int = 1) -> pd.DataFrame:
    """Return about `legs` rows in the order in which they are written: by the end of the leg."""
    chance = np.random.default_rng(seed)
    calls = legs // 2
    shape = chance.choice(["queue", "in", "out", "internal"], calls, p=[0.3, 0.3, 0.3, 0.1])
    clients = 79_000_000_000 + chance.choice(10**9, max(int(legs * CLIENTS_PER_LEG), 10), replace=False)
    # Few clients call often and many once.
    who = (chance.pareto(1.2, calls) * len(clients) / 20).astype(int) % len(clients)
    call = pd.DataFrame(
        {
            "shape": shape,
            "client": clients[who].astype(str),
            "began": FIRST_SECOND + np.sort(chance.integers(0, DAYS * 86_400, calls)),
            "did": chance.choice(["74951230001", "74951230002", "78005553535"], calls),
            "answered": chance.random(calls) < 0.7,
            "rings": np.where(shape == "queue", chance.choice([1, 2, 3], calls, p=[0.7, 0.2, 0.1]), 1),
            "has_hangup_row": chance.random(calls) < 0.68,
            "caller": (200 + chance.integers(0, EXTENSIONS, calls)).astype(str),
            "number": np.arange(calls),
        }
    )
    call["uniqueid"] = "pbx-" + call.began.astype(str) + "." + (call.number * 5 % 100_000).astype(str)

    # One row per telephone rung, and a last one that marks the hang-up.
    rows = call.loc[call.index.repeat(call.rings + call.has_hangup_row)].reset_index(drop=True)
    place = rows.groupby("number").cumcount()
    is_hangup = rows.has_hangup_row & (place == rows.rings)
    is_last_ring = place == rows.rings - 1
    talked = rows.answered & is_last_ring
    count = len(rows)
    ringing = np.where(is_hangup, 0, chance.integers(2, 20, count))
    talk = np.where(talked, (chance.lognormal(4.2, 1, count)).astype(int) + 1, 0)
    lasted = pd.Series(ringing + talk)
    began: pd.Series[int] = rows.began + lasted.groupby(rows.number).cumsum() - lasted
    line = rows.caller.where(rows["shape"].isin(["out", "internal"]), "trunk-mts")
    rung = (200 + chance.integers(0, EXTENSIONS, count)).astype(str)
    is_out = rows["shape"] == "out"
    is_inner = rows["shape"] == "internal"
    serial = pd.Series(chance.integers(0, 65_536, count)).map("{:08x}".format)
    ended = began + lasted

    frame = pd.DataFrame({
        "accountcode": line,
        "src": rows.client.where(~(is_out | is_inner), rows.caller),
        "dst": rows.did.mask(is_out, rows.client).mask(is_inner, rung).mask(is_hangup, "h"),
        "dcontext": np.where(is_out | is_inner, "from-internal", "from-trunk"),
        "clid": '"" <' + rows.client.where(~(is_out | is_inner), rows.caller) + ">",
        "channel": "PJSIP/" + line + "-" + serial,
        "dstchannel": ("PJSIP/" + pd.Series(rung).mask(is_out, "trunk-mts") + "-" + serial).mask(is_hangup, ""),
        "lastapp": np.where(is_hangup, "NoOp", np.where(rows["shape"] == "queue", "Queue", "Dial")),
        "lastdata": np.where(is_hangup, "", np.where(rows["shape"] == "queue", "support,nt,,,12", "PJSIP/" + rung)),
        "start": _clock(began),
        "answer": _clock(began + ringing).where(talked, ""),
        "end": _clock(ended),
        "duration": lasted,
        "billsec": talk,
        "disposition": np.where(talked, "ANSWERED", "NO ANSWER"),
        "amaflags": "DOCUMENTATION",
        "uniqueid": rows.uniqueid,
        "userfield": "",
        "peeraccount": "",
        "linkedid": rows.uniqueid,
        "sequence": np.arange(count),
        "ended": ended,
    })  # fmt: skip
    return frame.sort_values("ended", kind="stable", ignore_index=True)[list(COLUMNS)]


def write_master_csv(rows: pd.DataFrame, path: Path) -> None:
    """Write rows as cdr_csv does: text quoted, no header."""
    rows.to_csv(path, header=False, index=False, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")


def _clock(seconds: pd.Series[int]) -> pd.Series[str]:
    """Show instants as a wall clock of Moscow does."""
    return pd.to_datetime(seconds + 3 * 3600, unit="s").dt.strftime("%Y-%m-%d %H:%M:%S")
