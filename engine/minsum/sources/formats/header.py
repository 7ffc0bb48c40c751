"""Reads the header line of a file of any format."""

from __future__ import annotations

import csv
import re
from typing import BinaryIO, Final

from minsum.errors import BrokenSourceError
from minsum.sources.formats.base import Header

MAX_LINE_BYTES: Final = 1 << 20
"""Longest line in bytes. Real lines have some 200 bytes; a much longer line is no table, or a decompression bomb."""

_SEPARATORS: Final = "\t,;|"
_SEP_LINE: Final = re.compile(rf'"?sep=([{_SEPARATORS}])"?[{_SEPARATORS}]*', re.IGNORECASE)
"""Excel's line that names the separator."""

_MARK: Final = re.compile("^(\ufeff|\xef\xbb\xbf)+")
"""UTF-8's mark at the beginning, also as a program writes it that took the mark for text."""

_MAX_ABOVE: Final = 100
"""Most empty lines above the header."""


def read_header(file: BinaryIO, name: str, *, first: bytes | None = None) -> Header:
    """Header line, split at the separator that gives most fields, with the first row.

    Empty lines above the header (separators included) and Excel's `sep=;` are skipped.

    Parameters
    ----------
    file, name
        Text after `first`, and the name of the file.
    first
        First line, if it was read already.

    Raises
    ------
    BrokenSourceError
        If the file has no header line, or the line cannot be split into columns.
    """
    said, text, number = "", "", 0
    while not text and number < _MAX_ABOVE:
        line = file.readline(MAX_LINE_BYTES) if first is None else first
        if not line:
            break
        first, number = None, number + 1
        text = _MARK.sub("", _decoded(line)).rstrip("\r\n")
        if found := _SEP_LINE.fullmatch(text):
            said, text = found[1], ""
        elif not text.strip(f'{_SEPARATORS}" '):
            text = ""
    if not text:
        raise BrokenSourceError(f"{name}: the file holds no header line", "download it again")
    splits = {mark: split(text, mark) for mark in said or _SEPARATORS}
    separator = max(splits, key=lambda mark: len(splits[mark]))
    names = tuple(splits[separator])
    if not names:
        raise BrokenSourceError(
            f"{name}, line {number}: no header line: {text[:80]!r}", "this is not a table; download it again"
        )
    ahead = line = file.readline(MAX_LINE_BYTES)
    while line.strip(b"\r\n") == b"" != line and len(ahead) < MAX_LINE_BYTES // 2:
        line = file.readline(MAX_LINE_BYTES // 2)
        ahead += line
    return Header(names, separator, text, ahead=ahead, number=number)


def split(line: str, separator: str) -> list[str]:
    """Fields of a line, without quotes and blanks around them; empty if the line cannot be split."""
    try:
        return [field.strip() for field in next(csv.reader([line.rstrip("\r\n")], delimiter=separator), [])]
    except csv.Error:
        return []


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
