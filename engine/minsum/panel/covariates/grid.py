"""Grid: a table of text cells whose header may have other lines above it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

import polars as pl

from minsum.errors import DataCheckError

HEAD_ROWS: Final = 40
"""Number of rows to search for the header; Heritage's header is in row 5, Fraser's in row 5 or 6."""
_BEYOND: Final = 8
"""Number of fields beyond the header to read, to detect lines with too many fields."""

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
"""Suffixes of tables, to be removed from a variable's name; sheets of workbooks have names of their own."""
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
        File and the table's place in it: `data.zip: API.csv`, `index.xlsx: sheet EFW`.
    head
        The first rows, cells without surrounding blanks.
    separator
        Separator of fields in a text file; empty for a workbook or Parquet.
    load
        Function of the header's position in `head` and a number of fields: the rows below, with columns `line`
        (u32, counted from 1) and `0`, `1`, ... (text).
    workbook
        Name of the workbook that contains this sheet; empty for other files.
    notes
        Notes on the file for readers, one sentence each.
    """

    name: str
    head: tuple[tuple[str, ...], ...]
    separator: str
    load: Load
    workbook: str = ""
    notes: tuple[str, ...] = ()

    def below(self, header: int, *, only: tuple[str, Collection[str]] | None = None) -> pl.LazyFrame:
        """Rows below a header: column `line` and one text column for each name in the header; blank cells are null.

        Parameters
        ----------
        header
            Position of the header in `head`.
        only
            A column and its wanted values. Filtering before blanks are trimmed saves memory: 0.6 instead of 1.5 GB for
            the World Bank's bulk file.

        Raises
        ------
        DataCheckError
            If a name occurs twice, or a column without a name holds values.
        """
        names = self.head[header]
        if self._is_shifted(header):
            names = ("", *names)
        named = {name: position for position, name in enumerate(names) if name}
        if len(named) < sum(map(bool, names)):
            twice = next(name for name in names if name and names.count(name) > 1)
            raise DataCheckError(
                f"{self.name}, line {header + 1}: column {twice!r} occurs twice",
                "delete or rename one of the two columns",
            )
        width = len(names) + _BEYOND
        rows = self.load(header, width)
        nameless = [str(position) for position in range(width) if position not in named.values()]
        if names[:1] == ("",) and self._has_row_numbers(rows):
            nameless.remove("0")
        rows = self._within_names(rows, nameless, names=names)
        cells = [
            pl.col(str(position)).str.strip_chars().replace("", None).alias(name)
            for name, position in named.items()
        ]
        if only is not None:
            name, values = only
            rows = rows.filter(pl.col(str(named[name])).str.strip_chars().is_in(list(values)))
        return rows.select("line", *cells)

    def _has_row_numbers(self, rows: pl.LazyFrame) -> bool:
        """Whether the first column has no name and holds row numbers, as R and pandas write them."""
        first = collect(rows.select(pl.col("0").str.strip_chars().cast(pl.Int64, strict=False)), self.name)[
            "0"
        ]
        return bool(len(first)) and first.null_count() == 0 and bool((first.diff().drop_nulls() == 1).all())

    def title_of_variable(self) -> str:
        """Variable name from the name of the file or sheet, for a table with one variable.

        Raises
        ------
        DataCheckError
            If the name is generic, such as Sheet1 or data.
        """
        title = self.name.rpartition(": ")[2].removeprefix("sheet ").strip()
        while not self.workbook and PurePath(title).suffix.lower() in TABLE_SUFFIXES:
            title = PurePath(title).stem
        title = re.sub(r"\s*\(\d+\)$", "", PurePath(title).name)
        if title.lower().rstrip("0123456789 _") in _SAYS_NOTHING:
            raise DataCheckError(
                f"{self.name}: unknown variable: neither the table nor its name, {title!r}, says which",
                "name the file, or the sheet, after the variable: capital.csv",
            )
        return title

    def split_names(self, header: int) -> int:
        """Number of lines below a header that a comma in a country's name had split and that were rejoined."""
        names = self.head[header]
        if self._is_shifted(header):
            return 0
        beyond = [str(position) for position in range(len(names), len(names) + _BEYOND)]
        return len(self._stray(self.load(header, len(names) + _BEYOND), beyond))

    def _stray(self, rows: pl.LazyFrame, columns: Sequence[str]) -> list[int]:
        """Line numbers with a value in one of these columns; no other column is read."""
        beyond = pl.any_horizontal(pl.col(columns).str.strip_chars().str.len_bytes() > 0)
        return collect(rows.select("line", *columns).filter(beyond), self.name)["line"].to_list()

    def _is_shifted(self, header: int) -> bool:
        """Whether every line has one field more than the header and starts with its row number (R's write.table)."""
        n_names = len(self.head[header])
        if not self.separator or not self.head[header][0] or not self._is_longer(header + 1, n_names):
            return False
        rows = self.load(header, n_names + _BEYOND)
        last = rows.select((pl.col(str(n_names)).str.len_bytes().fill_null(0) > 0).all())
        return bool(collect(last, self.name).item()) and self._has_row_numbers(rows)

    def _is_longer(self, position: int, n_names: int) -> bool:
        return len(self.head) > position and len(self.head[position]) == n_names + 1

    def _within_names(
        self, rows: pl.LazyFrame, nameless: Sequence[str], *, names: tuple[str, ...]
    ) -> pl.LazyFrame:
        """Rows with values in named columns only; refuses shifted lines and headers that lack a name."""
        from minsum.panel.covariates.split_names import rejoined

        lines = self._stray(rows, nameless)
        if not lines:
            return rows
        stray = collect(rows.filter(pl.col("line").is_in(lines)), self.name)
        joined = rejoined(stray, names) if self.separator == "," else None
        if joined is None:
            line, *values = stray.select("line", *nameless).row(0)
            value = next(value for value in values if value and value.strip())
            raise DataCheckError(
                f"{self.name}, line {line}: {value!r} is in a column without a name",
                "name the column in the header, or correct the number of fields in that line (a name that contains a "
                "comma needs quotes around it)",
            )
        others = rows.filter(~pl.col("line").is_in(lines))
        return pl.concat([others, joined.lazy()]).sort("line")


def collect(rows: pl.LazyFrame, name: str) -> pl.DataFrame:
    """Read a table; the error for a malformed text file names the file.

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
            "save the file again: one line for each row, and double quotes around fields that contain a separator",
        ) from error


def sheet_grid(rows: Sequence[Sequence[str]], sheet: str, *, workbook: str) -> Grid:
    """Grid of a workbook's sheet, cells as text."""

    def load(header: int, width: int) -> pl.LazyFrame:
        cut = [[*row[:width], *[""] * (width - len(row))] for row in rows[header + 1 :]]
        schema = {str(position): pl.String for position in range(width)}
        frame = pl.DataFrame(cut, schema=schema, orient="row")
        return frame.lazy().with_row_index("line", offset=header + 2)

    head = tuple(tuple(cell.strip() for cell in row) for row in rows[:HEAD_ROWS])
    return Grid(f"{workbook}: sheet {sheet}", head or ((),), "", load, workbook)


def frame_grid(frame: pl.LazyFrame, name: str, notes: tuple[str, ...] = ()) -> Grid:
    """Grid of a table with column names and types, such as a Parquet file."""
    schema = frame.collect_schema()

    def load(_header: int, width: int) -> pl.LazyFrame:
        cells = [
            _as_text(one, dtype).alias(str(position)) for position, (one, dtype) in enumerate(schema.items())
        ]
        empty = [pl.lit(None, dtype=pl.String).alias(str(position)) for position in range(len(schema), width)]
        return frame.select(*cells, *empty).with_row_index("line", offset=1)

    return Grid(name, (tuple(schema.names()),), "", load, notes=notes)


def _as_text(column: str, dtype: pl.DataType) -> pl.Expr:
    """A column as text; a number with three decimals gets a fourth, because the text 1.017 could mean 1017."""
    text = pl.col(column).cast(pl.String)
    return text.str.replace(THREE_DECIMALS, "${1}0") if dtype.is_float() else text


THREE_DECIMALS: Final = r"^(-?\d{1,3}\.\d{3})$"
