"""First line of a file, whatever its format."""

from __future__ import annotations

import csv
from typing import BinaryIO, Final

from minsum.errors import BrokenSourceError
from minsum.formats.base import Header

MAX_LINE_BYTES: Final = 1 << 20
"""Real lines have some 200 bytes; anything near this is not a table (or a decompression bomb)."""


def read_header(file: BinaryIO, name: str) -> Header:
    """First line, split at the separator that gives most fields; the first row is read with it.

    Raises
    ------
    BrokenSourceError
        If there is no text, the text is a web page, or no line at all.
    """
    text = _decode(file.readline(MAX_LINE_BYTES)).removeprefix("\ufeff").rstrip("\r\n")
    if "\0" in text:
        raise BrokenSourceError(
            f"{name}, line 1: a zero byte, which no text holds",
            "the file is binary or UTF-16; save it as UTF-8",
        )
    if text.lstrip()[:1] == "<":
        raise BrokenSourceError(
            f"{name}, line 1: a web page, not a table: {text.strip()[:80]!r}",
            "the service answered with an error page; download the file again",
        )
    if not text.strip():
        raise BrokenSourceError(f"{name}: the file holds no header line", "download it again")
    try:
        splits = {mark: next(csv.reader([text], delimiter=mark)) for mark in ("\t", ",", ";")}
    except csv.Error as error:
        raise BrokenSourceError(
            f"{name}, line 1: no header line ({error}): {text[:80]!r}",
            "this is not a table; download it again",
        ) from error
    separator = max(splits, key=lambda mark: len(splits[mark]))
    names = tuple(field.strip() for field in splits[separator])
    ahead = line = file.readline(MAX_LINE_BYTES)
    while line.strip(b"\r\n") == b"" != line and len(ahead) < MAX_LINE_BYTES // 2:
        line = file.readline(MAX_LINE_BYTES // 2)
        ahead += line
    return Header(names, separator, text, ahead=ahead)


def _decode(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
