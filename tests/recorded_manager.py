"""Recordings of a real Asterisk's manager: the samples kept here and, where it is at hand, the whole recording."""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from resources.telephony.live.manager_messages import Message, MessageStream

SAMPLES = Path(__file__).parent / "data" / "asterisk"
_SHARED = Path(os.environ.get("SWITCHBOARD_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")) / "asterisk"

RECORDINGS = [
    pytest.param(SAMPLES, id="sample"),
    pytest.param(
        _SHARED,
        id="whole",
        marks=pytest.mark.skipif(
            not (_SHARED / "ami_transcript.txt.gz").exists(), reason="the whole recording is not here"
        ),
    ),
]
"""Folders with `ami_transcript.txt.gz`, `rawman.jsonl.gz` and `mxml.jsonl.gz`."""


@cache
def recorded_messages(folder: Path) -> Sequence[Message]:
    """Return all messages of the AMI transcript."""
    return MessageStream().feed(gzip.decompress((folder / "ami_transcript.txt.gz").read_bytes()))
