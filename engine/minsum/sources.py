"""Input files as they lie on disk: finding, identifying and opening them.

A file is what its bytes are: its SHA-256 names it, whatever it is called and wherever it lies.
"""

from __future__ import annotations

import io
import json
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
    igzip.BadGzipFile, _ISAL_ERROR, zlib.error, zipfile.BadZipFile, NotImplementedError,
)  # fmt: skip

_RACY_NS: Final = 2_000_000_000
"""A file changed less than two seconds before it was hashed may change again unseen: hash it anew."""


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
    """

    path: Path
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """File name without folders: all that enters a footer."""
        return self.path.name


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
            found.update(file for file in path.rglob("*") if file.is_file() and _is_visible(file, path))
        elif path.is_file():
            found.add(path)
        else:
            raise UsageError(
                f"{path}: no such file or folder", "check the spelling; quote names that hold [ ]"
            )
    return sorted({file.resolve() for file in found})


def _is_visible(file: Path, top: Path) -> bool:
    parts = file.relative_to(top).parts
    return file.suffix != ".part" and not any(part.startswith(".") for part in parts)


def identify(paths: Sequence[Path], layout: Layout, *, jobs: int) -> list[Source]:
    """Hash every file, reading only those whose size or time changed since the last look.

    The cache only saves reading: it maps (path, size, modification time) to the digest and may be
    deleted at any time.
    """
    cache_file = layout.private / "source-digests.json"
    cached = _read_cache(cache_file)
    stats = [path.stat() for path in paths]
    marks = [
        f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
        for path, stat in zip(paths, stats, strict=True)
    ]
    unknown = [index for index, mark in enumerate(marks) if mark not in cached]
    with ThreadPoolExecutor(jobs) as pool:
        fresh = dict(zip(unknown, pool.map(_sha256, [paths[index] for index in unknown]), strict=True))
    digests = [fresh[index] if index in fresh else cached[mark] for index, mark in enumerate(marks)]
    if fresh:
        now = time.time_ns()
        settled = {marks[i]: sha for i, sha in fresh.items() if now - stats[i].st_mtime_ns > _RACY_NS}
        publish_text(json.dumps(cached | settled, indent=0), cache_file, layout=layout)
    return [Source(path, stat.st_size, sha) for path, stat, sha in zip(paths, stats, digests, strict=True)]


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
        If the file is empty, a zip with other than one file in it, or, while it is read, truncated or
        corrupt.
    """
    with source.path.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if not magic:
            raise BrokenSourceError(f"{source.name}: the file is empty", "download it again")
        try:
            if magic[:2] == b"\x1f\x8b":
                with igzip.IGzipFile(fileobj=file, mode="rb") as text:
                    yield io.BufferedReader(text)
            elif magic == b"PK\x03\x04":
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(archive, source)) as member:
                    yield member  # type: ignore[misc]
            else:
                yield file
        except EOFError as error:
            raise BrokenSourceError(
                f"{source.name}: truncated: the compressed stream ends before its end marker "
                f"({source.size:,} bytes on disk)",
                "download it again",
            ) from error
        except _CORRUPT as error:
            raise BrokenSourceError(
                f"{source.name}: corrupt compressed data ({error})", "download it again"
            ) from error


def _only_member(archive: zipfile.ZipFile, source: Source) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if len(members) != 1:
        raise BrokenSourceError(
            f"{source.name}: expected one file in the zip, found {len(members)}",
            "unpack it and name the files",
        )
    if members[0].flag_bits & 1:
        raise BrokenSourceError(f"{source.name}: the zip is encrypted", "unpack it first")
    return members[0]
