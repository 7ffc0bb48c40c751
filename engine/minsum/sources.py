"""Input files as they lie on disk: finding and identifying them.

A file is what its bytes are: its SHA-256 names it, whatever it is called and wherever it lies.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

from minsum.errors import UsageError
from minsum.workspace import Layout, publish_text

_RACY_NS: Final = 2_000_000_000
"""A file changed less than two seconds before it was hashed may change again unseen: hash it anew."""

_RACY: Final = "?"
"""Before the digest of such a file in the cache."""


@dataclass(frozen=True, slots=True)
class Source:
    """One input file.

    Attributes
    ----------
    path
        Where it lies now.
    size
        Bytes on disk.
    sha256
        Hex digest of the bytes on disk.
    inside
        Which file of an archive of several, by its path there, and of an archive in that one; nothing for the whole file.
    """

    path: Path
    size: int
    sha256: str
    inside: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """File name without the folders it lies in, those of an archive included: all that enters a footer."""
        return " in ".join([*reversed(self.inside), self.path.name])


def discover(paths: Sequence[Path]) -> list[Path]:
    """Files named, and files below folders named, each once, in a fixed order.

    Hidden files and unfinished downloads (`.part`) are passed over.

    Raises
    ------
    UsageError
        If a path does not exist.
    """
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found.update(_files_below(path.resolve()))
        elif path.is_file():
            found.add(path.resolve())
        else:
            raise UsageError(
                f"{path}: no such file or folder", "check the spelling; quote names that hold [ ]"
            )
    return sorted(found)


def _files_below(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if (
                not name.startswith(".")
                and not name.endswith(".part")
                and (file := Path(folder, name)).is_file()
            ):
                yield file


def identify(paths: Sequence[Path], layout: Layout, *, jobs: int) -> list[Source]:
    """Hash every file, reading only those whose size or time changed since the last look.

    The cache only saves reading: it maps (path, size, modification time) to the digest and may be
    deleted at any time.
    """
    cache_file = _cache_file(layout)
    cached = _read_cache(cache_file)
    stats = [path.stat() for path in paths]
    marks = [_mark(path, stat) for path, stat in zip(paths, stats, strict=True)]
    unknown = [index for index, mark in enumerate(marks) if cached.get(mark, _RACY)[0] == _RACY]
    with ThreadPoolExecutor(jobs) as pool:
        fresh = dict(zip(unknown, pool.map(_sha256, [paths[index] for index in unknown]), strict=True))
    digests = [fresh[index] if index in fresh else cached[mark] for index, mark in enumerate(marks)]
    if fresh:
        now = time.time_ns()
        seen = {
            marks[i]: sha if now - stats[i].st_mtime_ns > _RACY_NS else _RACY + sha
            for i, sha in fresh.items()
        }
        publish_text(json.dumps(cached | seen, indent=0), cache_file, layout=layout)
    return [Source(path, stat.st_size, sha) for path, stat, sha in zip(paths, stats, digests, strict=True)]


def known_sources(paths: Sequence[Path], layout: Layout) -> tuple[list[Source], list[Path]]:
    """Files whose digest is known from an earlier look, and those never read or changed since."""
    cached = _read_cache(_cache_file(layout))
    known: list[Source] = []
    unread: list[Path] = []
    for path in paths:
        stat = path.stat()
        sha = cached.get(_mark(path, stat))
        if sha is None:
            unread.append(path)
        else:
            known.append(Source(path, stat.st_size, sha.removeprefix(_RACY)))
    return known, unread


def _cache_file(layout: Layout) -> Path:
    return layout.private / "source-digests.json"


def _mark(path: Path, stat: os.stat_result) -> str:
    return f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"


def _read_cache(cache_file: Path) -> dict[str, str]:
    try:
        cached: dict[str, str] = json.loads(cache_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cached


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
