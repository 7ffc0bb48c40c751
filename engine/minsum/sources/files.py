"""Finds input files on disk and identifies them by content.

A file is identified by the SHA-256 of its bytes, not by name or folder. It may change between hashing and reading, so
a CRC-32 of its bytes is computed both times (43 GB/s; SHA-256 runs at 1.6 GB/s).
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
from minsum.workspace.copies import opened, state_of
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_text

CUT_OFF_ROWS: Final = (500, 100_000, 250_000)
"""Numbers of rows at which Comtrade truncates a download."""

_RACY_NS: Final = 2_000_000_000
"""A file changed less than two seconds before it was hashed is hashed again: a later change may keep its time."""

_RACY: Final = "?"
"""Prefix of the digest of such a file in the cache."""

_CACHED: Final = re.compile(r"\??[0-9a-f]{64} [0-9a-f]{8}")
_CHUNK: Final = 1 << 18


@dataclass(frozen=True)
class Source:
    """One input file.

    Attributes
    ----------
    path
        Current path.
    size
        Bytes on disk.
    sha256
        Hex digest of the bytes on disk; empty if the file could not be read.
    inside
        Path inside an archive of several files, and inside an archive in that archive; empty for the file itself.
    crc32
        Checksum of the hashed bytes, compared when the file is read; None for no comparison.
    """

    path: Path
    size: int
    sha256: str
    inside: tuple[str, ...] = ()
    crc32: int | None = None

    @cached_property
    def name(self) -> str:
        """File name without folders, including folders of an archive; the name used in footers.

        Bytes that are not UTF-8 are escaped.
        """
        return " in ".join([*reversed(self.inside), printable(self.path.name)])

    @property
    def folder(self) -> str:
        """Name of the file's folder: partial files with equal names in different folders are different files."""
        return printable(self.path.parent.name)


def printable(name: str) -> str:
    """A file name as text; bytes that are not UTF-8 are escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def discover(paths: Sequence[Path]) -> list[Path]:
    """Named files and all files below named folders, each once, in a fixed order.

    Hidden files and unfinished downloads (`.part`) are left out. Links are followed; a folder is entered only once. A
    folder that cannot be listed and a broken link are included: reading them gives the error.

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
    """Files below a folder; the path of the folder must not contain a link."""
    if folder in entered:
        return
    entered.add(folder)
    try:
        with os.scandir(folder) as listing:
            entries = [one for one in listing if not one.name.startswith(".")]
        for entry in entries:
            path = folder / entry.name
            if entry.is_dir():
                yield from _files_below(path.resolve() if entry.is_symlink() else path, entered)
            elif not entry.name.endswith(".part") and (entry.is_file() or entry.is_symlink()):
                yield path
    except OSError:
        yield folder


def identify(paths: Sequence[Path], layout: Layout, *, jobs: int, anew: Sequence[Path] = ()) -> list[Source]:
    """Hash all files; only files with a new size or time, and those of `anew`, are read.

    The cache only saves reading and may be deleted: it maps (path, size, modification time, inode) to the digest. A
    file that cannot be read has no digest.
    """
    cache_file = _cache_file(layout)
    cached = _read_cache(cache_file)
    states = [_state_of(path) for path in paths]
    chosen = set(anew)
    unknown = [
        index
        for index, (path, state) in enumerate(zip(paths, states, strict=True))
        if state is not None and (path in chosen or cached.get(state.text, _RACY)[0] == _RACY)
    ]
    with ThreadPoolExecutor(jobs) as pool:
        fresh = dict(zip(unknown, pool.map(_hashed, [paths[index] for index in unknown]), strict=True))
    if fresh:
        now = time.time_ns()
        seen = {
            state.text: digest if now - state.time_ns > _RACY_NS else _RACY + digest
            for i, digest in fresh.items()
            if digest is not None and (state := states[i]) is not None
        }
        publish_text(json.dumps(cached | seen, indent=0), cache_file, layout=layout)
    return [
        _source(path, state, fresh[index] if index in fresh else cached.get(state.text) if state else None)
        for index, (path, state) in enumerate(zip(paths, states, strict=True))
    ]


def hashed_sources(paths: Sequence[Path], layout: Layout) -> tuple[list[Source], list[Path]]:
    """Files with a digest in the cache, and files that are new or changed."""
    cached = _read_cache(_cache_file(layout))
    known: list[Source] = []
    unread: list[Path] = []
    for path in paths:
        state = _state_of(path)
        digest = cached.get(state.text) if state else None
        if digest is None:
            unread.append(path)
        else:
            known.append(_source(path, state, digest))
    return known, unread


@dataclass(frozen=True, slots=True)
class _FileState:
    """State of a file on disk, compared without reading the file."""

    text: str
    size: int
    time_ns: int


def _state_of(path: Path) -> _FileState | None:
    """State of a file; None if it does not exist or is not a regular file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    if not S_ISREG(stat.st_mode):
        return None
    if (of_object := state_of(path)) is not None:  # the time of a copy says nothing
        return _FileState(of_object, stat.st_size, 0)
    text = f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
    return _FileState(text, stat.st_size, stat.st_mtime_ns)


def _source(path: Path, state: _FileState | None, digest: str | None) -> Source:
    if state is None or digest is None:
        return Source(path, 0, "")
    sha, _, crc = digest.removeprefix(_RACY).partition(" ")
    return Source(path, state.size, sha, crc32=int(crc, 16))


def _cache_file(layout: Layout) -> Path:
    return layout.private / "source-digests.json"


def _read_cache(cache_file: Path) -> dict[str, str]:
    """The cache, without malformed entries."""
    try:
        cached: Any = json.loads(cache_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(cached, dict):
        return {}
    return {
        state: digest
        for state, digest in cached.items()
        if isinstance(digest, str) and _CACHED.fullmatch(digest)
    }


def _hashed(path: Path) -> str | None:
    """SHA-256 and CRC-32 of a file in hexadecimal; None if it cannot be read."""
    sha, crc, chunk = sha256(), 0, bytearray(_CHUNK)
    view = memoryview(chunk)
    try:
        with opened(path) as file:
            while n_read := file.readinto(chunk):
                sha.update(view[:n_read])
                crc = isal_zlib.crc32(view[:n_read], crc)
    except OSError:
        return None
    return f"{sha.hexdigest()} {crc:08x}"
