"""Text tables: their encoding, their separator and their first rows."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl

from minsum.panel.covariates.grid import HEAD_ROWS, Grid

_HEAD_BYTES: Final = 1 << 20
_SEPARATORS: Final = ",;\t|"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_grid(content: bytes | Path, name: str) -> Grid:
    """A table of text, fields separated by comma, semicolon, tab or bar; UTF-8 or UTF-16 with BOM, else Windows-1252.

    A file given by its path is read from there each time: the World Bank's bulk file has 220 MB.
    """
    content, start = _in_utf8(content)
    text = start.removeprefix(b"\xef\xbb\xbf").decode(errors="ignore")
    rows, ends, separator = max((_head(text, one) for one in _SEPARATORS), key=_regularity)

    def load(header: int, width: int) -> pl.LazyFrame:
        return pl.scan_csv(
            content if isinstance(content, Path) else io.BytesIO(content),
            has_header=False, skip_lines=ends[header], separator=separator, glob=False,
            schema={str(position): pl.String for position in range(width)}, missing_columns="insert",
        ).with_row_index("line", offset=ends[header] + 1)  # fmt: skip

    return Grid(name, rows, separator, load)


def _in_utf8(content: bytes | Path) -> tuple[bytes | Path, bytes]:
    """A text in UTF-8 with line feeds, and its start; as it is where it is so already."""
    with content.open("rb") if isinstance(content, Path) else io.BytesIO(content) as file:
        start = file.read(_HEAD_BYTES)
        is_utf8 = _is_utf8(file)
    is_mac = b"\r" in start and b"\n" not in start
    if is_utf8 and not is_mac:
        return content, start
    plain = content.read_bytes() if isinstance(content, Path) else content
    if plain[:2] in _UTF16:
        text = plain.decode("utf-16", errors="replace")
    else:
        text = plain.decode("utf-8" if is_utf8 else "cp1252", errors="replace")
    plain = (text.replace("\r", "\n") if is_mac else text).encode()
    return plain, plain[:_HEAD_BYTES]


def _is_utf8(file: BinaryIO) -> bool:
    """Whether a whole file is, decoded in pieces from its start."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while piece := file.read(_HEAD_BYTES):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


Head = tuple[tuple[tuple[str, ...], ...], tuple[int, ...], str]


def _head(text: str, separator: str) -> Head:
    """First rows under one separator, the line on which each ends, and the separator."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    rows, ends = [], []
    try:
        for row in reader:
            rows.append(tuple(cell.strip() for cell in row))
            ends.append(reader.line_num)
            if len(rows) == HEAD_ROWS:
                break
    except csv.Error:
        return ((),), (0,), separator
    return tuple(rows) or ((),), tuple(ends) or (0,), separator


def _regularity(head: Head) -> tuple[int, int]:
    """Fields in lines of the commonest width, and the width: decimal commas split lines unevenly, or not at all."""
    widths = Counter(len(row) for row in head[0] if len(row) > 1)
    return max(((width * count, width) for width, count in widths.items()), default=(0, 0))
