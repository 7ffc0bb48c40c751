"""Packings as users and services make them, one in another, with what systems and people put beside the table."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import warnings
import zipfile
from collections.abc import Callable

_JUNK: tuple[tuple[str, bytes], ...] = (
    ("__MACOSX/._data.csv", b"\0\5\x16\7\0\2"), (".DS_Store", b"\0\0\0\1Bud1\0"), ("._data.csv", b"\0\5\x16\7"), ("Thumbs.db", b"\xd0\xcf\x11\xe0"),
    ("desktop.ini", b"[x]\n"), ("~$data.xlsx", b"\0" * 60), ("Readme.txt", b"read me\n"), ("notes, of mine.csv", b"a,b,c\n1,2,3\n"), ("empty.csv", b""),
    ("empty.txt", b"\n\n"), ("picture.png", b"\x89PNG\r\n\x1a\n\0"), ("paper.pdf", b"%PDF-1.4\n"), ("page.html", b"<html>\n</html>"), ("sub/", b""),
    ("country_codes_V202301.csv", b"country_code,country_name\n4,Afghanistan\n"), ("half.csv", b"reporterCode,partnerCode,cmdCode\n156,0,010121\n"),
    ("a.json", b'{"a": 1}'), ("zeros.bin", b"\0" * 300), ("licence", b"CC0"), ("product_codes_HS12_V202301.csv", b"code,description\n010121,Horses\n"),
)  # fmt: skip


def _zip(files: list[tuple[str, bytes]], rng: random.Random) -> bytes:
    method = rng.choice(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    )
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def _tar(files: list[tuple[str, bytes]], rng: random.Random) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer,
        mode="w",
        format=rng.choice([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    ) as archive:
        for name, content in files:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if name.endswith("/"):
                member.type = tarfile.DIRTYPE
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _halves(text: bytes) -> list[bytes]:
    """The rows in two tables."""
    head, *lines = text.split(b"\n")
    middle = len(lines) // 2
    return [b"\n".join([head, *lines[:middle], b""]), b"\n".join([head, *lines[middle:]])]


_STREAMS: tuple[Callable[[bytes], bytes], ...] = (
    lambda data: gzip.compress(data, mtime=0), lambda data: gzip.compress(data, mtime=0), bz2.compress, lzma.compress,
    lambda data: gzip.compress(data[: len(data) // 2], mtime=0) + gzip.compress(data[len(data) // 2 :], mtime=0),
    lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
)  # fmt: skip


def _damaged(rng: random.Random, data: bytes) -> bytes:
    """Cut, with a bit flipped, or with something after it."""
    how = rng.randrange(4)
    if how == 0:
        return data[: rng.randrange(1, len(data))]
    if how == 1:
        place = rng.randrange(len(data))
        return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
    return data + rng.choice([b"\0" * 1024, b"garbage", data[:100], b"\n"])


def in_archives(rng: random.Random, text: bytes) -> bytes:
    """The text packed up to three times, with others beside it, and sometimes damaged between two packings."""
    data = text
    for depth in range(rng.choice([1, 1, 2, 2, 3])):
        suffix = "csv" if depth == 0 else rng.choice(["gz", "zip", "tar", "csv"])
        name = rng.choice(["data", "sub/folder/data", "Mémoire [2024] v1", "data 1"]) + f".{suffix}"
        how = rng.choice(["stream", "zip", "zip", "tar"])
        if how == "stream":
            data = rng.choice(_STREAMS)(data)
        else:
            parts = _halves(data) if depth == 0 and rng.random() < 0.2 else [data]
            files = [(name if not n else f"again {name}", part) for n, part in enumerate(parts)]
            if rng.random() < 0.2:
                files.append((rng.choice([name, f"copy of {name}"]), data))
            files += rng.sample(_JUNK, rng.choice([0, 0, 0, 1, 2, 4]))
            rng.shuffle(files)
            data = (_zip if how == "zip" else _tar)(files, rng)
        if rng.random() < 0.08:
            data = _damaged(rng, data)
    return data


def not_whole(rng: random.Random, text: bytes) -> bytes:
    """Cut or damaged after packing."""
    return _damaged(rng, in_archives(rng, text))
