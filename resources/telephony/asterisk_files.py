"""Which CDR files there are, and how far each was read: followed through every kind of rotation.

Asterisk opens its file anew for each row, so a file is rotated by renaming it, by copying it and
cutting it short, and often compressed afterwards. A file is therefore known by its inode and by a
fingerprint of its first bytes, never by its name. What cannot be found again is said, not passed over.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import lzma
import os
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from resources.telephony.source import Cursor, RefusedRow, SourceRefusedError

_CURSOR_VERSION = 1
_HEAD_BYTES = 1024
_SETTLED_SECONDS = 60
_OPENERS: dict[str, Callable[[Path, str], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_ROTATED = re.compile(r"[.\-_](?:\d[\d.\-_]*|old)(?:\.(?:gz|bz2|xz))?")
"""What logrotate and its like put after a name: `.1`, `-20251026`, `.2.gz`, `.old`."""


@dataclass(frozen=True)
class CdrFile:
    """A file as it was when the folder was listed; `size` is that on disk, also of a compressed one."""

    path: Path
    inode: str
    size: int
    mtime_ns: int

    @classmethod
    def at(cls, path: Path) -> CdrFile:
        """Look at a path.

        Raises:
            OSError: there is nothing, or it cannot be looked at.
        """
        found = path.stat()
        return cls(path, _identity(found), found.st_size, found.st_mtime_ns)

    @property
    def is_packed(self) -> bool:
        """Whether the file is compressed: offsets then count the bytes inside."""
        return self.path.suffix in _OPENERS

    def open(self) -> BinaryIO:
        """Open the file's text for reading.

        Raises:
            FileNotFoundError: it was renamed since the folder was listed.
            OSError: it cannot be read.
        """
        stream: BinaryIO = _OPENERS.get(self.path.suffix, open)(self.path, "rb")
        if _identity(os.fstat(stream.fileno())) != self.inode:
            stream.close()
            raise FileNotFoundError(errno.ENOENT, "renamed meanwhile", str(self.path))
        return stream

    def head(self, length: int) -> tuple[str, int]:
        """Return the fingerprint of the first `length` bytes, and how many of them there are."""
        with self.open() as stream:
            start = stream.read(length)
        return hashlib.sha256(start).hexdigest()[:32], len(start)


@dataclass(frozen=True)
class Bookmark:
    """How far a file was read, and how to know it again.

    Attributes:
        path: where it was last seen.
        inode: device and inode.
        offset: bytes of its text that are done with.
        size: on disk, when it was last looked at.
        mtime_ns: the same.
        head: fingerprint of its first bytes.
        head_bytes: how many these are.
    """

    path: str
    inode: str
    offset: int = 0
    size: int = 0
    mtime_ns: int = 0
    head: str = ""
    head_bytes: int = 0

    def is_of(self, file: CdrFile) -> bool:
        """Tell whether `file` begins with what was read."""
        if (self.inode, self.size, self.mtime_ns) == (file.inode, file.size, file.mtime_ns):
            return True
        if not self.head_bytes:
            return self.inode == file.inode
        if file.size < self.offset and not file.is_packed:
            return False
        return file.head(self.head_bytes) == (self.head, self.head_bytes)

    def has_news(self, file: CdrFile, *, is_final: bool) -> bool:
        """Tell whether a reading would find more: the file was written to since, or its rest is final."""
        if (self.size, self.mtime_ns) != (file.size, file.mtime_ns):
            return True
        return is_final and not file.is_packed and self.offset < file.size

    def moved(self, file: CdrFile, offset: int, *, is_end: bool) -> Bookmark:
        """Return the bookmark moved on to `offset`.

        Only at the end of what there is does it take down the file's size and time: before, a look must
        still find news.
        """
        head, head_bytes = self.head, self.head_bytes
        if head_bytes < min(offset, _HEAD_BYTES):
            head, head_bytes = file.head(min(offset, _HEAD_BYTES))
        size, mtime_ns = (file.size, file.mtime_ns) if is_end else (0, 0)
        return Bookmark(str(file.path), file.inode, offset, size, mtime_ns, head, head_bytes)


class Folder(NamedTuple):
    """What was found: the files to read, and others beside them that may be old ones renamed."""

    members: list[CdrFile]
    others: list[CdrFile]


class Found(NamedTuple):
    """Files to go on with, and how far each was read; and what was not found again."""

    places: list[tuple[CdrFile, Bookmark]]
    lost: list[RefusedRow]


def find_files(pattern: Path) -> Folder:
    """List the CDR files.

    Args:
        pattern: a file, which stands for its rotated forms in the same folder too (`Master.csv.1`,
            `Master.csv-20251026.gz`), or a pattern with `*`, `?` or `[]`, which stands for what it says.

    Raises:
        SourceRefusedError: the folder may not be read.
    """
    if re.search(r"[*?\[]", str(pattern)):
        chosen = set(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
        folders = {path.parent for path in chosen}
    else:
        chosen, folders = {pattern}, {pattern.parent}
    members: dict[str, CdrFile] = {}
    others: dict[str, CdrFile] = {}
    for folder in sorted(folders):
        for path in _listed(folder):
            file = _file(path)
            if file is None:
                continue
            is_rotated = path.name.startswith(pattern.name) and _ROTATED.fullmatch(path.name, len(pattern.name))
            (members if path in chosen or is_rotated else others).setdefault(file.inode, file)
    oldest_first = sorted(members.values(), key=lambda file: (file.mtime_ns, file.path))
    return Folder(oldest_first, [file for inode, file in others.items() if inode not in members])


def find_again(cursor: Cursor, folder: Folder) -> Found:
    """Find the files of a cursor in a folder, under whatever name they are there now."""
    bookmarks = read_bookmarks(cursor)
    by_inode = {file.inode: file for file in (*folder.others, *folder.members)}
    places: dict[str, tuple[CdrFile, Bookmark]] = {}
    missing = []
    for mark in bookmarks:
        file = by_inode.get(mark.inode)
        if file and mark.is_of(file):
            places[file.inode] = (file, mark)
        else:
            missing.append(mark)
    new = set()
    for file in by_inode.values():
        if file.inode in places:
            continue
        is_member = file in folder.members
        # Copied, compressed or moved here: the same beginning under another inode.
        same = (mark for mark in (bookmarks if is_member else missing) if mark.head_bytes)
        former = next((mark for mark in same if mark.is_of(file)), None)
        if former:
            places[file.inode] = (file, replace(former, inode=file.inode))
            missing = [mark for mark in missing if mark != former]
        elif is_member:
            places[file.inode] = (file, Bookmark(str(file.path), file.inode))
            new.add(str(file.path))
    in_order = sorted(places.values(), key=lambda place: (place[0].mtime_ns, place[0].path))
    lost = [mark for mark in missing if mark.path in new or mark.offset < mark.size]
    return Found(in_order, [_notice(mark) for mark in lost])


def is_finished(file: CdrFile, files: Iterable[CdrFile]) -> bool:
    """Tell whether nothing more will be written to a file: an unfinished last row will stay so."""
    is_newest = all(other.mtime_ns <= file.mtime_ns for other in files)
    age_seconds = time.time() - file.mtime_ns / 1e9
    return file.is_packed or (not is_newest and age_seconds > _SETTLED_SECONDS)


def read_bookmarks(cursor: Cursor) -> list[Bookmark]:
    """Return the bookmarks of a cursor; none where it is another program's or version's."""
    if cursor.get("v") != _CURSOR_VERSION:
        return []
    return [Bookmark(**entry) for entry in cursor["files"]]


def write_bookmarks(bookmarks: Iterable[Bookmark]) -> Cursor:
    """Return the cursor of bookmarks."""
    in_order = sorted(bookmarks, key=lambda mark: (mark.path, mark.inode))
    return {"v": _CURSOR_VERSION, "files": [asdict(mark) for mark in in_order]}


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SourceRefusedError(
            f"The folder {folder} cannot be listed ({error.strerror}): give this program's user the right to read it."
        ) from error


def _file(path: Path) -> CdrFile | None:
    """Look at a path; None where it is no file, or was renamed while the folder was listed."""
    try:
        return CdrFile.at(path) if path.is_file() else None
    except FileNotFoundError:
        return None


def _identity(found: os.stat_result) -> str:
    return f"{found.st_dev}:{found.st_ino}"


def _notice(mark: Bookmark) -> RefusedRow:
    return RefusedRow(
        "a file was replaced, cut short or removed before it was read to its end: rows written to it after "
        "the last reading may be missing; load the file with import-cdr if there is a copy",
        f"{mark.path}, read up to byte {mark.offset}",
    )
