"""Input files as they lie on disk: finding and identifying them.

A file is what its bytes are: its SHA-256 names it, whatever it is called and wherever it lies. A file may change between
two looks, so a CRC-32 of the bytes is taken when they are hashed and again when they are read (43 GB/s; hashing twice
would take 1.6 GB/s).
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Any, Final

from isal import isal_zlib

from minsum.errors import UsageError
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_text

CUT_OFF_ROWS: Final = (500, 100_000, 250_000)
"""Rows at which Comtrade cuts a download off."""

_RACY_NS: Final = 2_000_000_000
"""A file changed less than two seconds before it was hashed may change again unseen: hash it anew."""

_RACY: Final = "?"
"""Before the digest of such a file in the cache."""

_CACHED: Final = re.compile(r"\??[0-9a-f]{64} [0-9a-f]{8}")
_CHUNK: Final = 1 << 18


@dataclass(frozen=True)
class Source:
    """One input file.

    Attributes
    ----------
    path
        Where it lies now.
    size
        Bytes on disk.
    sha256
        Hex digest of the bytes on disk; empty for what could not be read.
    inside
        Which file of an archive of several, by its path there, and of an archive in that one; nothing for the whole file.
    crc32
        Checksum of the bytes that were hashed, held against those that are read; None: they are not.
    """

    path: Path
    size: int
    sha256: str
    inside: tuple[str, ...] = ()
    crc32: int | None = None

    @cached_property
    def name(self) -> str:
        """File name without the folders it lies in, those of an archive included: all that enters a footer.

        Bytes that are no UTF-8 are written out.
        """
        return " in ".join([*reversed(self.inside), printable(self.path.name)])

    @property
    def folder(self) -> str:
        """Name of the folder it lies in: slices of one name and different folders are different slices."""
        return printable(self.path.parent.name)


def printable(name: str) -> str:
    """A name from the disk; bytes that are no UTF-8 are written out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def discover(paths: Sequence[Path]) -> list[Path]:
    """Files named, and files below folders named, each once, in a fixed order.

    Hidden files and unfinished downloads (`.part`) are passed over; links are followed, a folder is entered once however
    many lead there. A folder that cannot be listed and a link to nothing are among the results: reading them says why not.

    Raises
    ------
    UsageError
        If a path does not exist.
    """
    found: set[Path] = set()
    entered: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(_files_below(path.resolve(), entered))
        elif path.is_file():
            found.add(path.resolve())
        else:
            raise UsageError(
                f"{path}: no such file or folder", "check the spelling; quote names that hold [ ]"
            )
    return sorted(found)


def _files_below(folder: Path, entered: set[Path]) -> Iterator[Path]:
    """Files below a folder whose path holds no link."""
    if folder in entered:
        return
    entered.add(folder)
    try:
        with os.scandir(folder) as listing:
            entries = [one for one in listing if not one.name.startswith(".")]
        for entry in entries:
            path = Path(entry.path)
            if entry.is_dir():
                yield from _files_below(path.resolve() if entry.is_symlink() else path, entered)
            elif not entry.name.endswith(".part") and (entry.is_file() or entry.is_symlink()):
                yield path
    except OSError:
        yield folder


def identify(paths: Sequence[Path], layout: Layout, *, jobs: int, anew: Sequence[Path] = ()) -> list[Source]:
    """Hash every file, reading only those whose size or time changed since the last look, and those of `anew`.

    The cache only saves reading: it maps (path, size, modification time, inode) to the digest and may be deleted at any
    time. A file that cannot be read has no digest.
    """
    cache_file = _cache_file(layout)
    cached = _read_cache(cache_file)
    marks = [_mark(path) for path in paths]
    chosen = set(anew)
    unknown = [
        index
        for index, (path, mark) in enumerate(zip(paths, marks, strict=True))
        if mark is not None and (path in chosen or cached.get(mark.text, _RACY)[0] == _RACY)
    ]
    with ThreadPoolExecutor(jobs) as pool:
        fresh = dict(zip(unknown, pool.map(_hashed, [paths[index] for index in unknown]), strict=True))
    if fresh:
        now = time.time_ns()
        seen = {
            mark.text: digest if now - mark.time_ns > _RACY_NS else _RACY + digest
            for i, digest in fresh.items()
            if digest is not None and (mark := marks[i]) is not None
        }
        publish_text(json.dumps(cached | seen, indent=0), cache_file, layout=layout)
    return [
        _source(path, mark, fresh[index] if index in fresh else cached.get(mark.text) if mark else None)
        for index, (path, mark) in enumerate(zip(paths, marks, strict=True))
    ]


def known_sources(paths: Sequence[Path], layout: Layout) -> tuple[list[Source], list[Path]]:
    """Files whose digest is known from an earlier look, and those never read or changed since."""
    cached = _read_cache(_cache_file(layout))
    known: list[Source] = []
    unread: list[Path] = []
    for path in paths:
        mark = _mark(path)
        digest = cached.get(mark.text) if mark else None
        if digest is None:
            unread.append(path)
        else:
            known.append(_source(path, mark, digest))
    return known, unread


@dataclass(frozen=True, slots=True)
class _Mark:
    """What tells a file from an earlier state of it without reading it."""

    text: str
    size: int
    time_ns: int


def _mark(path: Path) -> _Mark | None:
    """None for what is gone, or no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    if not S_ISREG(stat.st_mode):
        return None
    text = f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
    return _Mark(text, stat.st_size, stat.st_mtime_ns)


def _source(path: Path, mark: _Mark | None, digest: str | None) -> Source:
    if mark is None or digest is None:
        return Source(path, 0, "")
    sha, _, crc = digest.removeprefix(_RACY).partition(" ")
    return Source(path, mark.size, sha, crc32=int(crc, 16))


def _cache_file(layout: Layout) -> Path:
    return layout.private / "source-digests.json"


def _read_cache(cache_file: Path) -> dict[str, str]:
    """The cache; without what is not of its form."""
    try:
        cached: Any = json.loads(cache_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(cached, dict):
        return {}
    return {
        mark: digest
        for mark, digest in cached.items()
        if isinstance(digest, str) and _CACHED.fullmatch(digest)
    }


def _hashed(path: Path) -> str | None:
    """SHA-256 and CRC-32 of a file, in hexadecimal digits; None if it cannot be read."""
    sha, crc, chunk = sha256(), 0, bytearray(_CHUNK)
    view = memoryview(chunk)
    try:
        with path.open("rb", buffering=0) as file:
            while n_read := file.readinto(chunk):
                sha.update(view[:n_read])
                crc = isal_zlib.crc32(view[:n_read], crc)
    except OSError:
        return None
    return f"{sha.hexdigest()} {crc:08x}"
