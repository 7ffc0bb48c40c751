"""Opens a source as a table: text for the field reader, and its header."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO, Final, cast

from minsum.errors import BrokenSourceError, UnknownFormatError
from minsum.sources.compression import open_innermost
from minsum.sources.conversions import MAX_JSON, MAX_WORKBOOK, Recoded, json_text, workbook_text
from minsum.sources.file_kinds import kind_of
from minsum.sources.files import Source
from minsum.sources.formats import MAX_LINE_BYTES, Header, read_header

CONVERTED: Final = {
    "workbook": "a workbook, read as CSV", "json": "JSON, read as CSV", "utf_16": "text in UTF-16 or UTF-32",
    "carriage_returns": "text whose lines end with carriage returns",
}  # fmt: skip
COUNTED: Final = {
    "repeated_headers": "headers repeated among the rows, left out", "empty_lines": "lines of nothing but separators, left out",
    "empty_words": "fields with NA or the like, read as empty", "whole_numbers": "codes written as 156.0",
    "short_numbers": "numbers with an exponent, which a spreadsheet may have shortened",
}  # fmt: skip
"""Unusual but unambiguous contents of a source, by their names in footers (with `CONVERTED`)."""

_MARKS: Final = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_SNIFFED: Final = 200
_KIND: Final = 16
"""Bytes after the first line that are used to recognise a kind of file."""

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0"


def oddities_text(oddities: Mapping[str, int]) -> str:
    """Text of a source's oddities, for messages."""
    return "; ".join(CONVERTED.get(name) or f"{COUNTED[name]}: {n:,}" for name, n in oddities.items())


@contextmanager
def open_table(source: Source, *, is_proven: bool = False) -> Iterator[tuple[BinaryIO, Header]]:
    """Text of a source after its header, and the header with the first row; `is_proven` as in `open_innermost`.

    Raises
    ------
    UnknownFormatError
        If the file is a picture or another document.
    BrokenSourceError
        If the file holds no text, or is damaged.
    """
    with open_innermost(source, is_proven=is_proven) as (file, name):
        first = file.readline(MAX_LINE_BYTES)
        text, was = _as_text(first, file, source.name)
        header = read_header(text, source.name, first=first if text is file else None)
        yield text, replace(header, was=was, file_name=name)


def _as_text(first: bytes, file: BinaryIO, name: str) -> tuple[BinaryIO, str]:
    """Text of the file, and what it was converted from (`CONVERTED`). An unconverted file is at its second line."""
    start = first.removeprefix(codecs.BOM_UTF8).lstrip()
    if first[:4] in (_ZIP, _OLE):
        return io.BytesIO(workbook_text(_complete(first, file, MAX_WORKBOOK, name), name)), "workbook"
    if start[:1] in (b"{", b"[") and not first.startswith(b"{\\rtf"):
        return io.BytesIO(json_text(_complete(first, file, MAX_JSON, name), name)), "json"
    if kind := kind_of(first + cast("io.BufferedReader", file).peek(_KIND)[:_KIND]):
        if not kind.hint:
            raise UnknownFormatError(f"{name}: {kind.name}, not a table", "take it out of the folder")
        raise BrokenSourceError(f"{name}: {kind.name}, which minsum does not read", kind.hint)
    if start[:1] == b"<":
        shown = start.strip()[:80].decode("latin-1")
        raise BrokenSourceError(
            f"{name}, line 1: a web page or XML, not a table: {shown!r}",
            "an error page of the service: download the file again; a table: save it as CSV",
        )
    if encoding := _encoding(first):
        text = cast("BinaryIO", io.BufferedReader(Recoded(first, file, encoding, name)))
        return text, "carriage_returns" if encoding == "latin-1" else "utf_16"
    if b"\0" in first:
        raise BrokenSourceError(
            f"{name}, line 1: a zero byte, which text cannot hold",
            "the file is damaged or of a kind that minsum does not know; save the table as CSV (UTF-8)",
        )
    return file, ""


def _encoding(first: bytes) -> str | None:
    """Encoding of a file in UTF-16 or UTF-32, or with carriage returns as line ends; None for other files."""
    if mark := next((encoding for mark, encoding in _MARKS.items() if first.startswith(mark)), None):
        return mark
    sniffed = first[:_SNIFFED]
    for byte, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(sniffed) > 3 and not any(sniffed[byte::2]) and all(sniffed[1 - byte :: 2]):
            return encoding
    has_returns = b"\r" in first.removesuffix(b"\n").removesuffix(b"\r")
    return "latin-1" if has_returns and b"\0" not in first else None


def _complete(first: bytes, file: BinaryIO, limit: int, name: str) -> bytes:
    content = first + file.read(max(limit - len(first), 0) + 1)
    if len(content) > limit:
        raise BrokenSourceError(
            f"{name}: a workbook or JSON file of more than {limit >> 20} MiB",
            "save or download the data as CSV",
        )
    return content
