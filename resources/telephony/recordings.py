"""Where the recordings of calls are: in a folder, or with the PBX that made them.

A shelf finds a recording by what the call's row says of it, tells whether the file exists, and opens it, a part of
it where a player asks for one. Nothing is copied: the file stays where the PBX keeps it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
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
    """A file of a shelf: its place below the shelf's folder, its size, and the day it is filed under."""

    name: str
    size_bytes: int
    day: date

    @property
    def is_sound(self) -> bool:
        """Whether it is known for a recording by its name; rows may name others."""
        return PurePosixPath(self.name).suffix.lower() in _TYPES


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

    A row may name the file by its whole path on the PBX, by a path below the folder, or by its bare name. FreePBX
    keeps files by year, month and day, MikoPBX by the hour below these.

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
        day = recording.started_at.astimezone(self._zone).date()
        # The folder here may be any of those that the path on the PBX goes through.
        tails = [self.folder.joinpath(*named.parts[first:]) for first in range(len(named.parts) - 1)]
        dated = [self._folder_of(day + timedelta(days=away)) / named.name for away in (0, -1, 1)]
        for place in [*tails, *dated, self.folder / named.name]:
            if path := self._file_at(place):
                return path
        raise NoRecordingError(f"There is no file {named.name} in {self.folder} or its folder of {day}.")

    def files_between(self, first_day: date, last_day: date) -> Iterator[KeptFile]:
        """Yield the files of days, both included: those in their folders, and those beside these last written then.

        Raises:
            SourceRefusedError: the folder cannot be read.
        """
        if not self.folder.is_dir():
            raise SourceRefusedError(
                f"There is no folder {self.folder}: mount the PBX's recordings there, or name another."
            )
        try:
            for number in range((last_day - first_day).days + 1):
                day = first_day + timedelta(days=number)
                for folder, _, names in os.walk(self._folder_of(day), onerror=_unless_absent):
                    for name in names:
                        yield from self._kept(Path(folder, name), day)
            with os.scandir(self.folder) as beside:
                for entry in beside:
                    if entry.is_file():
                        yield from (file for file in self._kept(Path(entry)) if first_day <= file.day <= last_day)
        except PermissionError as error:
            raise SourceRefusedError(
                f"{error.filename} may not be read: give this program's user the right to."
            ) from None

    def _folder_of(self, day: date) -> Path:
        return self.folder / f"{day:%Y/%m/%d}"

    def _file_at(self, place: Path) -> Path | None:
        try:
            path = place.resolve()
            return path if path.is_relative_to(self.folder.resolve()) and path.is_file() else None
        except (OSError, RuntimeError):
            # A name that is too long, a folder closed to us, links that lead to each other.
            return None

    def _kept(self, path: Path, day: date | None = None) -> Iterator[KeptFile]:
        """Yield the file, if it is still there: a PBX moves and mixes its files all the time."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return
        # Names are bytes; what is no UTF-8 in them cannot be stored.
        name = os.fsencode(path.relative_to(self.folder)).decode("utf-8", "replace")
        yield KeptFile(name, found.st_size, day or datetime.fromtimestamp(found.st_mtime, self._zone).date())


def _unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


RecordingShelf = FolderShelf | RemoteShelf


def content_type_of(name: str) -> str:
    """Return the content type of a recording by its name."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
