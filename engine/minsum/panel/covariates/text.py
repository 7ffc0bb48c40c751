"""Opens text tables as grids: detects the encoding, the separator and the first rows."""

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
    """Grid of a text table: separated by comma, semicolon, tab or bar; UTF-8, UTF-16 with BOM, or else Windows-1252.

    A file given by its path is not kept in memory: the World Bank's bulk file has 220 MB.
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
    """The text in UTF-8 with line feeds, and its start; returned unchanged where no conversion is needed."""
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
    """Whether the complete file is valid UTF-8; decoded in pieces."""
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
    """First rows of a text split by one separator, the last line of each row, and the separator."""
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
    """Number of fields in lines of the most frequent width, and this width; decimal commas split lines unevenly."""
    widths = Counter(len(row) for row in head[0] if len(row) > 1)
    return max(((width * count, width) for width, count in widths.items()), default=(0, 0))
