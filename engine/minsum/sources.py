"""Input files as they lie on disk: finding, identifying and opening them.

A file is what its bytes are: its SHA-256 names it, whatever it is called and wherever it lies.
"""

from __future__ import annotations

import io
import json
import lzma
import os
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import BinaryIO, Final, cast

from isal import igzip, igzip_lib

from minsum.errors import BrokenSourceError, UsageError
from minsum.workspace import Layout, publish_text

# isal declares its error class as an instance.
_ISAL_ERROR = cast("type[Exception]", igzip_lib.IsalError)
_CORRUPT: Final = (
    igzip.BadGzipFile, _ISAL_ERROR, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError,
)  # fmt: skip

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
    member
        Which file of a zip of several; None for the whole file.
    """

    path: Path
    size: int
    sha256: str
    member: str | None = None

    @property
    def name(self) -> str:
        """File name without folders: all that enters a footer."""
        if self.member is None:
            return self.path.name
        return f"{self.member.rpartition('/')[2]} in {self.path.name}"


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


@contextmanager
def open_text(source: Source) -> Iterator[BinaryIO]:
    """The uncompressed bytes of a gzip, zip or plain file, told apart by their first bytes.

    Raises
    ------
    BrokenSourceError
        If the file is empty, a zip with other than one file in it and none chosen, or, while it is read,
        truncated or corrupt.
    """
    with source.path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if not magic:
            raise BrokenSourceError(f"{source.name}: the file is empty", "download it again")
        try:
            if magic[:2] == b"\x1f\x8b":
                with igzip.IGzipFile(fileobj=file, mode="rb") as text:
                    # IGzipFile.readinto makes bytes and copies them; its buffer decompresses into the reader's memory.
                    yield cast("BinaryIO", text._buffer)
            elif magic == b"PK\x03\x04":
                with _open_member(file, source) as member:
                    # readline of a member itself may return more than it is asked for
                    yield io.BufferedReader(cast("io.RawIOBase", member))
            else:
                yield file
        except EOFError as error:
            raise BrokenSourceError(
                f"{source.name}: truncated: the compressed stream ends before its end marker "
                f"({source.size:,} bytes on disk)",
                "download it again",
            ) from error
        except (*_CORRUPT, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's, not the decompressor's
            raise BrokenSourceError(
                f"{source.name}: corrupt compressed data ({error})", "download it again"
            ) from error


def zip_files(file: BinaryIO, name: str) -> list[zipfile.ZipInfo]:
    """Files of a zip, without folders and what macOS adds.

    Raises
    ------
    BrokenSourceError
        If its directory cannot be read.
    """
    with _as_corrupt(name):
        return [
            member
            for member in zipfile.ZipFile(file).infolist()
            if not member.is_dir() and not member.filename.startswith("__MACOSX/")
        ]


def _open_member(file: BinaryIO, source: Source) -> BinaryIO:
    members = zip_files(file, source.name)
    if source.member is not None:
        members = [member for member in members if member.filename == source.member]
    if len(members) != 1:
        raise BrokenSourceError(
            f"{source.name}: expected one file in the zip, found {len(members)}",
            "unpack it and name the files",
        )
    if members[0].flag_bits & 1:
        raise BrokenSourceError(f"{source.name}: the zip is encrypted", "unpack it first")
    with _as_corrupt(source.name):
        return cast("BinaryIO", zipfile.ZipFile(file).open(members[0]))


@contextmanager
def _as_corrupt(name: str) -> Iterator[None]:
    """What a damaged zip directory makes zipfile raise, whose errors are of many kinds."""
    try:
        yield
    except (
        *_CORRUPT,
        OSError,
        ValueError,
        ArithmeticError,
        LookupError,
        RuntimeError,
        struct.error,
    ) as error:
        raise BrokenSourceError(f"{name}: corrupt zip ({error})", "download it again") from error
