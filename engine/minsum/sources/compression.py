"""Unpacks sources: gzip, bzip2, xz, zip and tar, also nested."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, Final, NamedTuple, cast

from isal import igzip, igzip_lib

from minsum.errors import BrokenSourceError, SourceError
from minsum.sources.checked_bytes import CheckedBytes
from minsum.sources.files import Source, printable

# isal declares its error class as an instance.
_ISAL_ERROR = cast("type[Exception]", igzip_lib.IsalError)
_CORRUPT: Final = (
    igzip.BadGzipFile, _ISAL_ERROR, zlib.error, lzma.LZMAError, zipfile.BadZipFile, tarfile.TarError, NotImplementedError,
)  # fmt: skip

MAX_INNER_BYTES: Final = 512 << 20
"""Largest nested archive, such as a tar.gz: it is unpacked to a temporary file whenever one of its files is opened."""

MAX_FILES: Final = 500
"""Most files of an archive: BACI archives have some forty, a year of bulk files some two hundred."""

_MAX_DEPTH: Final = 6
_PEEKED: Final = 512
_COPIED: Final = 1 << 20
_JUNK: Final = ("__MACOSX", "Thumbs.db", "desktop.ini", "$RECYCLE.BIN")
_ZIP: Final = b"PK\x03\x04"
_DOCUMENTS: Final = ("xl/", "content.xml", "word/", "ppt/", "Index/")
"""Names in zips that are documents: Excel, OpenDocument, Word, PowerPoint, Apple."""

_Archive = zipfile.ZipFile | tarfile.TarFile


class Member(NamedTuple):
    """A file in an archive: its path in the archive, and its unpacked size in bytes."""

    name: str
    size: int


@contextmanager
def open_text(source: Source) -> Iterator[BinaryIO]:
    """Unpacked bytes of a file, as `open_innermost`."""
    with open_innermost(source) as (file, _):
        yield file


@contextmanager
def open_innermost(source: Source, *, is_proven: bool = False) -> Iterator[tuple[BinaryIO, str]]:
    """Unpacked bytes of a file, or of the file inside it, and the name of that file. Kinds are recognised by first
    bytes.

    With `is_proven` the whole file is read and its checksum verified when the block ends, well or with a
    `SourceError`: the bytes that were read are those that were hashed.

    Raises
    ------
    BrokenSourceError
        If the file is empty, truncated or corrupt, or an archive without exactly one file where none is chosen.
    UnreadableSourceError
        If the disk cannot read the file.
    ChangedSourceError
        If the file changed after it was hashed.
    """
    with _opened(source, is_proven=is_proven) as (file, name, members):
        if members is not None:
            found = ", ".join(member.name for member in members[:5])
            raise BrokenSourceError(
                f"{source.name}: an archive of {len(members):,} files without a table that minsum reads"
                + (f": {found}" if members else ""),
                "unpack it and name the files"
                if len(members) <= MAX_FILES
                else f"pack at most {MAX_FILES:,} files in one",
            )
        yield file, name


def members_of(source: Source) -> list[Member] | None:
    """Files in an archive, without folders, hidden files and files added by macOS and Windows. None if the source is
    no archive or holds one file."""
    with _opened(source) as (*_, members):
        return members


@contextmanager
def _opened(
    source: Source, *, is_proven: bool = False
) -> Iterator[tuple[BinaryIO, str, list[Member] | None]]:
    """The chosen or only file inside and its name; or the files of an archive of several."""
    with CheckedBytes(source) as raw, io.BufferedReader(raw) as file:
        try:
            with _innermost(cast("BinaryIO", file), source) as found:
                yield found
        except SourceError:
            if is_proven:
                raw.prove()
            raise
        if is_proven:
            raw.prove()


@contextmanager
def _innermost(file: BinaryIO, source: Source) -> Iterator[tuple[BinaryIO, str, list[Member] | None]]:
    with ExitStack() as stack, _as_broken(source):
        if not cast("io.BufferedReader", file).peek(1):
            raise BrokenSourceError(f"{source.name}: the file is empty", "download it again")
        chosen = list(source.inside)
        inner = file
        name = printable(source.path.name)
        for _ in range(_MAX_DEPTH):
            start = cast("io.BufferedReader", inner).peek(_PEEKED)[:_PEEKED]
            if stream := _decompressed(inner, start, stack):
                inner = stream
                continue
            if not _is_archive(start):
                yield inner, name, None
                return
            if not isinstance(getattr(inner, "raw", None), io.FileIO | CheckedBytes):
                inner = _copied_to_disk(inner, stack, source.name)
            archive = _archive(inner, start, stack, source.name)
            if archive is None:
                yield inner, name, None
                return
            members = _members(archive, source.name)
            if len(members) != 1 and not chosen:
                yield inner, name, members
                return
            name = members[0].name if len(members) == 1 else chosen.pop(0)
            inner = _open_member(archive, name, stack, source.name)
        raise BrokenSourceError(f"{source.name}: more than {_MAX_DEPTH} archives in each other", "unpack it")


def _decompressed(file: BinaryIO, start: bytes, stack: ExitStack) -> BinaryIO | None:
    """The decompressed stream, or None if the stream is not compressed."""
    if start[:2] == b"\x1f\x8b":
        # IGzipFile.readinto copies; its inner buffer decompresses directly into the reader's memory.
        packed = stack.enter_context(igzip.IGzipFile(fileobj=file, mode="rb"))
        return cast("BinaryIO", packed._buffer)
    if start[:3] == b"BZh":
        return _buffered(stack.enter_context(bz2.open(file)))
    if start[:6] == b"\xfd7zXZ\0":
        return _buffered(stack.enter_context(lzma.open(file)))
    return None


def _buffered(stream: object) -> BinaryIO:
    # readline of a zip member may return more bytes than asked for
    return cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", stream)))


def _is_archive(start: bytes) -> bool:
    return start[:4] == _ZIP or start[257:262] == b"ustar"


def _archive(file: BinaryIO, start: bytes, stack: ExitStack, name: str) -> _Archive | None:
    """The zip or tar archive that begins with these bytes; None for a zip that is a document."""
    with _as_corrupt(name):
        if start[:4] != _ZIP:
            return stack.enter_context(tarfile.open(fileobj=file, mode="r:"))
        found = stack.enter_context(zipfile.ZipFile(file))
        if any(one.startswith(_DOCUMENTS) for one in found.namelist()):
            file.seek(0)
            return None
        return found


def _members(archive: _Archive, name: str) -> list[Member]:
    with _as_corrupt(name):
        if isinstance(archive, zipfile.ZipFile):
            found = [Member(one.filename, one.file_size) for one in archive.infolist() if not one.is_dir()]
        else:
            found = [Member(one.name, one.size) for one in archive if one.isfile()]
            _refuse_cut(archive, name)
    found = [one for one in found if not any(map(_is_junk, one.name.split("/")))]
    repeated = [one for one, n in Counter(one.name for one in found).items() if n > 1]
    if repeated:
        raise BrokenSourceError(
            f"{name}: two files in the archive have the name {printable(repeated[0])}",
            "unpack it and name the files",
        )
    return found


def _refuse_cut(archive: tarfile.TarFile, name: str) -> None:
    """Refuse a tar without the zeros at its end: files may be missing."""
    file = cast("BinaryIO", archive.fileobj)
    file.seek(archive.offset)
    if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise BrokenSourceError(f"{name}: the tar archive is truncated", "download it again")


def _is_junk(part: str) -> bool:
    return part in _JUNK or (part.startswith((".", "~$")) and part.strip(".") != "")


def _open_member(archive: _Archive, name: str, stack: ExitStack, source: str) -> BinaryIO:
    with _as_corrupt(source):
        if isinstance(archive, tarfile.TarFile):
            return _buffered(stack.enter_context(cast("io.BufferedReader", archive.extractfile(name))))
        is_encrypted = archive.getinfo(name).flag_bits & 1
        if not is_encrypted:
            return _buffered(stack.enter_context(archive.open(name)))
    raise BrokenSourceError(f"{source}: the zip is encrypted", "unpack it first")


def _copied_to_disk(file: BinaryIO, stack: ExitStack, name: str) -> BinaryIO:
    """Copy of a stream in a file on disk: zip archives are read from the end."""
    target = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    while block := file.read(_COPIED):
        target.write(block)
        if target.tell() > MAX_INNER_BYTES:
            raise BrokenSourceError(
                f"{name}: an archive of more than {MAX_INNER_BYTES >> 20} MiB inside another packing",
                "unpack it and put its files here",
            )
    target.seek(0)
    return cast("BinaryIO", target)


@contextmanager
def _as_broken(source: Source) -> Iterator[None]:
    """Turn errors of decompressors into `BrokenSourceError`."""
    try:
        yield
    except EOFError as error:
        raise BrokenSourceError(
            f"{source.name}: truncated: the compressed stream ends before its end marker "
            f"({source.size:,} bytes on disk)",
            "download it again",
        ) from error
    except (*_CORRUPT, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # an error of the disk, not of the decompressor
        raise BrokenSourceError(
            f"{source.name}: corrupt compressed data ({error})", "download it again"
        ) from error


@contextmanager
def _as_corrupt(name: str) -> Iterator[None]:
    """Turn the many errors that zipfile and tarfile raise for damaged archives into `BrokenSourceError`."""
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
        raise BrokenSourceError(f"{name}: corrupt archive ({error})", "download it again") from error
