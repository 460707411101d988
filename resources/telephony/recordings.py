"""Where the recordings of calls are: in a folder, or with the PBX that made them.

A shelf finds a recording by what the call's row says of it, tells whether the file exists, and opens it, a part of
it where a player asks for one. Nothing is copied: the file stays where the PBX keeps it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path, PurePosixPath
from typing import Protocol
from zoneinfo import ZoneInfo

from resources.telephony.source import SourceError, SourceRefusedError

_TYPES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".webm": "audio/webm",
    ".ogg": "audio/ogg",
    ".gsm": "audio/x-gsm",
}


class NoRecordingError(SourceError):
    """There is no such file, or none any more."""


@dataclass(frozen=True)
class Recording:
    """A recording as its call's row names it.

    Attributes:
        leg_id: the leg's key at the server.
        linkedid: its call.
        file: the path or name in the row.
        started_at: when the leg began.
    """

    leg_id: str
    linkedid: str
    file: str
    started_at: datetime


@dataclass(frozen=True)
class KeptFile:
    """A file of a shelf: its place below the shelf's folder, and its size."""

    name: str
    size_bytes: int


@dataclass
class OpenRecording:
    """A recording being read.

    Attributes:
        status: 200 for the whole, 206 for the part asked for, 416 where there is no such part.
        headers: of the server, those that tell of the content.
        content: the bytes.
    """

    status: int
    headers: Mapping[str, str]
    content: AsyncIterator[bytes]


class RemoteShelf(Protocol):
    """Recordings behind a PBX's web server."""

    def opened(self, recording: Recording, byte_range: str) -> AbstractAsyncContextManager[OpenRecording]:
        """Open a recording; `byte_range` is a `Range` header's value, empty for the whole.

        Raises:
            NoRecordingError: there is no such file.
            SourceError: the PBX could not be asked.
        """


class FolderShelf:
    """Recordings in a folder that this machine sees: Asterisk's `monitor`, or a mounted copy.

    A row may name the file by its whole path on the PBX, by a path below the folder, or by its bare name; FreePBX
    keeps files by year, month and day.

    Args:
        folder: where the recordings are.
        zone: IANA name of the zone of the server's clock, by which the folders are named.
    """

    def __init__(self, folder: Path, zone: str) -> None:
        self.folder = folder
        self._zone = ZoneInfo(zone)

    def path_of(self, recording: Recording) -> Path:
        """Return where the file is.

        Raises:
            NoRecordingError: there is none, or it lies outside the folder.
        """
        named = PurePosixPath(recording.file)
        day = recording.started_at.astimezone(self._zone)
        candidates = [
            *([Path(named)] if named.is_absolute() else [self.folder / named]),
            self.folder / f"{day:%Y/%m/%d}" / named.name,
            self.folder / named.name,
        ]
        root = self.folder.resolve()
        for candidate in candidates:
            path = candidate.resolve()
            if path.is_relative_to(root) and path.is_file():
                return path
        raise NoRecordingError(f"There is no file {named.name} in {self.folder} or its folder of {day:%Y-%m-%d}.")

    def files_of(self, day: date) -> Iterator[KeptFile]:
        """Yield the files of a day: those in its folder, and those beside the folders last written that day.

        Raises:
            SourceRefusedError: the folder cannot be read.
        """
        dated = self.folder / f"{day:%Y/%m/%d}"
        try:
            if not self.folder.is_dir():
                raise SourceRefusedError(
                    f"There is no folder {self.folder}: mount the PBX's recordings there, or name another."
                )
            beside = [path for path in self.folder.iterdir() if path.is_file() and self._written_on(path) == day]
            inside = [path for path in dated.iterdir() if path.is_file()] if dated.is_dir() else []
            for path in sorted([*inside, *beside]):
                if path.suffix.lower() in _TYPES:
                    yield KeptFile(path.relative_to(self.folder).as_posix(), path.stat().st_size)
        except PermissionError as error:
            raise SourceRefusedError(
                f"{error.filename} may not be read: give this program's user the right to."
            ) from None

    def _written_on(self, path: Path) -> date:
        return datetime.fromtimestamp(path.stat().st_mtime, self._zone).date()


RecordingShelf = FolderShelf | RemoteShelf


def content_type_of(name: str) -> str:
    """Return the content type of a recording by its name."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
