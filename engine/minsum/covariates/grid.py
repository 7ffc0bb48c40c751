"""A table of text cells, with some above a header that is not always in line 1."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import BinaryIO, Final

import polars as pl

from minsum.errors import DataCheckError

HEAD_ROWS: Final = 40
"""A header is looked for in this many rows; Heritage's tables start in row 5, Fraser's in row 5 or 6."""
_HEAD_BYTES: Final = 1 << 20
_BEYOND: Final = 8
"""Fields beyond the header that are looked at: a line that runs over holds something in them."""

_SEPARATORS: Final = ",;\t|"
_UTF16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
TABLE_SUFFIXES: Final = frozenset(
    {
        ".csv",
        ".tsv",
        ".tab",
        ".txt",
        ".gz",
        ".zip",
        ".parquet",
        ".dta",
        ".json",
        ".jsonl",
        ".ndjson",
        ".arrow",
        ".feather",
    }
)
"""Suffixes of a table's name; those of workbooks are not asked, their sheets have names of their own."""
_SAYS_NOTHING: Final = frozenset(
    {"", "data", "sheet", "tabelle", "feuil", "feuille", "hoja", "table", "download", "export", "file", "untitled", "values",
     "value", "panel", "covariates", "dataset", "query", "result", "results", "output", "book", "list", "foglio", "лист"}
)  # fmt: skip

Load = Callable[[int, int], pl.LazyFrame]


@dataclass(frozen=True, slots=True)
class Grid:
    """One table of cells.

    Attributes
    ----------
    name
        File, and what in it: `data.zip: API.csv`, `index.xlsx: sheet EFW`.
    head
        The first rows, without blanks around cells.
    separator
        Between fields of a text file; empty for a workbook or Parquet.
    load
        Given the position of the header in `head` and a number of fields: the rows below, columns `line`
        (u32, counted from 1) and `0`, `1`, ... (text).
    workbook
        Name of the workbook whose sheet this is; empty for another file.
    notes
        What a reader should know about the file, a sentence each.
    """

    name: str
    head: tuple[tuple[str, ...], ...]
    separator: str
    load: Load
    workbook: str = ""
    notes: tuple[str, ...] = ()

    def below(self, header: int, *, only: tuple[str, Collection[str]] | None = None) -> pl.LazyFrame:
        """Rows below a header: column `line` and one text column for each name in it, blank cells null.

        Parameters
        ----------
        header
            Its position in `head`.
        only
            A column and the values that it must have. Asked before blanks are trimmed, so that the rest of a
            row is not kept: 0.6 in place of 1.5 GB for the World Bank's bulk file.

        Raises
        ------
        DataCheckError
            If a name occurs twice, or there are values in a column without a name.
        """
        names = self.head[header]
        named = {name: position for position, name in enumerate(names) if name}
        if len(named) < sum(map(bool, names)):
            twice = next(name for name in names if name and names.count(name) > 1)
            raise DataCheckError(
                f"{self.name}, line {header + 1}: column {twice!r} occurs twice", "delete or rename one"
            )
        width = len(names) + _BEYOND
        rows = self.load(header, width)
        nameless = [str(position) for position in range(width) if position not in named.values()]
        if names[:1] == ("",) and self._has_row_numbers(rows):
            nameless.remove("0")
        self._refuse_values(rows, nameless)
        cells = [
            pl.col(str(position)).str.strip_chars().replace("", None).alias(name)
            for name, position in named.items()
        ]
        if only is not None:
            name, values = only
            rows = rows.filter(pl.col(str(named[name])).str.strip_chars().is_in(list(values)))
        return rows.select("line", *cells)

    def _has_row_numbers(self, rows: pl.LazyFrame) -> bool:
        """Whether the first column, without a name, numbers the rows, as R and pandas write."""
        first = collect(rows.select(pl.col("0").str.strip_chars().cast(pl.Int64, strict=False)), self.name)[
            "0"
        ]
        return bool(len(first)) and first.null_count() == 0 and bool((first.diff().drop_nulls() == 1).all())

    def title_of_variable(self) -> str:
        """What the file, or the sheet, is named after: the variable of a table of one.

        Raises
        ------
        DataCheckError
            If the name says nothing, such as Sheet1 or data.
        """
        title = self.name.rpartition(": ")[2].removeprefix("sheet ").strip()
        while not self.workbook and PurePath(title).suffix.lower() in TABLE_SUFFIXES:
            title = PurePath(title).stem
        title = re.sub(r"\s*\(\d+\)$", "", PurePath(title).name)
        if title.lower().rstrip("0123456789 _") in _SAYS_NOTHING:
            raise DataCheckError(
                f"{self.name}: which variable is it? Neither the table nor its name, {title!r}, says",
                "name the file, or the sheet, after the variable: capital.csv",
            )
        return title

    def _refuse_values(self, rows: pl.LazyFrame, columns: Sequence[str]) -> None:
        """Refuse values outside the named columns: a shifted line, or a header that lost a name."""
        stray = pl.any_horizontal(pl.col(columns).str.strip_chars().str.len_bytes() > 0)
        found = collect(rows.filter(stray).select("line", *columns).head(1), self.name)
        if len(found):
            line, *values = found.row(0)
            value = next(value for value in values if value and value.strip())
            raise DataCheckError(
                f"{self.name}, line {line}: {value!r} stands in a column without a name",
                "give the column a name in the header, or correct the number of fields in that line",
            )


def collect(rows: pl.LazyFrame, name: str) -> pl.DataFrame:
    """Read a table; a malformed text file ends in an error that names it.

    Raises
    ------
    DataCheckError
        If a line has more fields than the header, or its quotes do not match.
    """
    try:
        return rows.collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise DataCheckError(
            f"{name}: malformed table: {reason}",
            "save the file again as it was published: one line a row, fields with separators in double quotes",
        ) from error


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


def sheet_grid(rows: Sequence[Sequence[str]], sheet: str, *, workbook: str) -> Grid:
    """A sheet of a workbook, its cells as text."""

    def load(header: int, width: int) -> pl.LazyFrame:
        cut = [[*row[:width], *[""] * (width - len(row))] for row in rows[header + 1 :]]
        schema = {str(position): pl.String for position in range(width)}
        frame = pl.DataFrame(cut, schema=schema, orient="row")
        return frame.lazy().with_row_index("line", offset=header + 2)

    head = tuple(tuple(cell.strip() for cell in row) for row in rows[:HEAD_ROWS])
    return Grid(f"{workbook}: sheet {sheet}", head or ((),), "", load, workbook)


def frame_grid(frame: pl.LazyFrame, name: str, notes: tuple[str, ...] = ()) -> Grid:
    """A table with its own column names and types, such as a Parquet file."""
    schema = frame.collect_schema()

    def load(_header: int, width: int) -> pl.LazyFrame:
        cells = [
            _as_text(one, dtype).alias(str(position)) for position, (one, dtype) in enumerate(schema.items())
        ]
        empty = [pl.lit(None, dtype=pl.String).alias(str(position)) for position in range(len(schema), width)]
        return frame.select(*cells, *empty).with_row_index("line", offset=1)

    return Grid(name, (tuple(schema.names()),), "", load, notes=notes)


def _as_text(column: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text; a number of three decimals gets a fourth, for 1.017 in a text could be 1017."""
    text = pl.col(column).cast(pl.String)
    return text.str.replace(THREE_DECIMALS, "${1}0") if dtype.is_float() else text


THREE_DECIMALS: Final = r"^(-?\d{1,3}\.\d{3})$"
