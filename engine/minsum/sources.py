"""Input files as they lie on disk: finding, identifying and opening them.

A file is what its bytes are: its SHA-256 names it, whatever it is called and wherever it lies. A file may change between
two looks, so a CRC-32 of the bytes is taken when they are hashed and again when they are read (43 GB/s; hashing twice
would take 1.6 GB/s).
"""

from __future__ import annotations

import io
import json
import lzma
import os
import re
import struct
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO, Final, cast

from isal import igzip, igzip_lib, isal_zlib

from minsum.errors import (
    BrokenSourceError,
    ChangedSourceError,
    SourceError,
    UnreadableSourceError,
    UsageError,
)
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

_CACHED: Final = re.compile(r"\??[0-9a-f]{64} [0-9a-f]{8}")
_CHUNK: Final = 1 << 18


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
        Hex digest of the bytes on disk; empty for what could not be read.
    member
        Which file of a zip of several; None for the whole file.
    crc32
        Checksum of the bytes that were hashed, held against those that are read; None: they are not.
    """

    path: Path
    size: int
    sha256: str
    member: str | None = None
    crc32: int | None = None

    @property
    def name(self) -> str:
        """File name without folders; bytes that are no UTF-8 are written out."""
        name = _printable(self.path.name)
        return name if self.member is None else f"{self.member.rpartition('/')[2]} in {name}"

    @property
    def folder(self) -> str:
        """Name of the folder it lies in: slices of one name and different folders are different slices."""
        return _printable(self.path.parent.name)


def _printable(name: str) -> str:
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


class _Counted(io.RawIOBase):
    """Bytes of a source, with their checksum as they are read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._crc, self._in_order = 0, True
        with self._readable():
            self._file = io.FileIO(source.path)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnreadableSourceError(
                f"{self._source.name}: cannot be read: {error.strerror or error} ({_printable(str(self._source.path))})",
                "mend that; every run tries again",
            ) from error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._readable():
            n_read = self._file.readinto(buffer)
        self._crc = isal_zlib.crc32(memoryview(buffer).cast("B")[:n_read], self._crc)
        return n_read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._in_order = False
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    def prove(self) -> None:
        """Hold the whole file, read to its end, against the checksum of what was hashed."""
        if self._source.crc32 is None:
            return
        if not self._in_order:
            self._file.seek(0)
            self._crc = 0
        rest = bytearray(_CHUNK)
        while self.readinto(rest):
            pass
        if self._crc != self._source.crc32:
            raise ChangedSourceError(
                f"{self._source.name}: changed while it was read", "run again when it is complete"
            )


@contextmanager
def open_text(source: Source, *, is_proven: bool = False) -> Iterator[BinaryIO]:
    """The uncompressed bytes of a gzip, zip or plain file, told apart by their first bytes.

    With `is_proven` the file is read to its end when the block ends, well or with a verdict on the source: what was read
    and judged are the bytes that were hashed.

    Raises
    ------
    BrokenSourceError
        If the file is empty, a zip with other than one file in it and none chosen, or, while it is read,
        truncated or corrupt.
    UnreadableSourceError
        If the disk does not give it.
    ChangedSourceError
        If other bytes were read than were hashed.
    """
    with _Counted(source) as raw, io.BufferedReader(raw) as file:
        try:
            with _unpacked(file, source) as text:
                yield text
        except SourceError:
            if is_proven:
                raw.prove()
            raise
        if is_proven:
            raw.prove()


@contextmanager
def _unpacked(file: io.BufferedReader[Any], source: Source) -> Iterator[BinaryIO]:
    magic = file.peek(4)[:4]
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
