"""Stata files: names that Stata accepts, labels of variables and values, one file or one for each year."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from minsum.countries.codes import iso3_of
from minsum.countries.short_names import names_of
from minsum.schema import Column

if TYPE_CHECKING:
    import pandas as pd

VERSION: Final = 118
"""Stata 14 and later: UTF-8, long texts."""
_MADE: Final = datetime(2000, 1, 1)
"""A fixed time, so that the same rows give the same bytes."""
_LONGEST_NAME: Final = 32
_LONGEST_LABEL: Final = 80
_RESERVED: Final = frozenset(
    {"_all", "_b", "_coef", "_cons", "_n", "_pi", "_pred", "_rc", "_se", "_skip", "_weight", "alias", "byte", "double",
     "float", "if", "in", "int", "long", "strl", "using", "with"}
)  # fmt: skip
MOST_BYTES: Final = 256 << 20
"""A table that would be larger is split by year. Stata itself could read larger ones; pandas makes a file in memory.
Measured: 1.1 million rows of 21 columns, a file of 110 MB, took 1.0 GB."""


def stata_names(columns: Iterable[str]) -> dict[str, str]:
    """Names that Stata accepts, by the columns' own: letters, digits and `_`, at most 32, no word of Stata's, each once."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for column in columns:
        name = re.sub(r"\W+", "_", column, flags=re.ASCII).strip("_") or "v"
        if name[0].isdigit() or name.lower() in _RESERVED or re.fullmatch(r"str\d+", name):
            name = f"v_{name}"
        name = name[:_LONGEST_NAME]
        number = 2
        plain = name
        while name in taken:
            name = f"{plain[: _LONGEST_NAME - len(str(number)) - 1]}_{number}"
            number += 1
        taken.add(name)
        found[column] = name
    return found


class StataFiles:
    """Writes one table as `<name>.dta` or, where that would be too large, as `<name>_<classification>_<year>.dta`.

    Parameters
    ----------
    folder, name
        Where to, and the table's name.
    title
        The label of the data.
    columns
        Of the table.
    most_bytes
        Above it the table is split.
    """

    def __init__(
        self, folder: Path, name: str, *, title: str, columns: Sequence[Column], most_bytes: int = MOST_BYTES
    ) -> None:
        self._folder, self._name, self._title, self._most = folder, name, title, most_bytes
        self._columns = columns
        self._names = stata_names(column.name for column in columns)
        self._held: list[tuple[str, pl.DataFrame]] = []
        self._n_bytes = 0
        self._files: list[Path] = []

    def add(self, label: str, rows: pl.DataFrame) -> None:
        """Take a batch."""
        self._held.append((label, rows))
        self._n_bytes += _size(rows)
        if self._n_bytes > self._most:
            self._write_parts()

    def close(self) -> list[Path]:
        """Write what is left; returns all files."""
        if self._files:
            self._write_parts()
        else:
            self._write(self._name, pl.concat([rows for _, rows in self._held]))
        return self._files

    def _write_parts(self) -> None:
        for label, rows in self._held:
            if label or "year" not in rows.columns:
                self._write(f"{self._name}_{label}" if label else self._name, rows)
            else:
                for part in rows.partition_by("year", maintain_order=True):
                    self._write(f"{self._name}_{part['year'][0]}", part)
        self._held = []

    def _write(self, stem: str, rows: pl.DataFrame) -> None:
        path = self._folder / f"{stem}.dta"
        labels = {self._names[one.name]: _cut(_labelled(one)) for one in self._columns}
        _as_pandas(rows, self._names).to_stata(
            path,
            write_index=False,
            version=VERSION,
            time_stamp=_MADE,
            data_label=_cut(self._title),
            variable_labels=labels,
            value_labels=self._value_labels(rows),
        )
        self._files.append(path)

    def _value_labels(self, rows: pl.DataFrame) -> dict[Any, dict[float, str]]:
        """no and yes of truth values, names of countries of their codes."""
        found: dict[Any, dict[float, str]] = {}
        for column, name in self._names.items():
            if rows.schema[column] == pl.Boolean:
                found[name] = {0: "no", 1: "yes"}
            elif column.endswith("_code"):
                codes = rows[column].drop_nulls().unique().sort().to_list()
                names = names_of(iso3_of(code) for code in codes)
                found[name] = {code: names[iso3_of(code)] for code in codes}
        return {name: labels for name, labels in found.items() if labels}


def _labelled(column: Column) -> str:
    return column.about or column.name


def _cut(text: str) -> str:
    """At most as long as Stata allows a label to be."""
    if len(text) <= _LONGEST_LABEL:
        return text
    return f"{text[: _LONGEST_LABEL - 3].rsplit(' ', 1)[0].rstrip(',;:')}..."


def _size(rows: pl.DataFrame) -> int:
    """Bytes of the rows in a file of Stata, where texts are as wide as the longest."""
    widths = [
        int(rows[name].cast(pl.String).str.len_bytes().max() or 1) if dtype in (pl.String, pl.Categorical, pl.Enum)  # type: ignore[arg-type]
        else 8
        for name, dtype in rows.schema.items()
    ]  # fmt: skip
    return len(rows) * sum(widths)


def _as_pandas(rows: pl.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Whole numbers stay whole where some are missing; a missing text is empty, as in Stata."""
    import pandas as pd

    made: dict[str, Any] = {}
    for column, name in names.items():
        series = rows[column]
        if series.dtype == pl.Boolean:
            series = series.cast(pl.Int8)
        if series.dtype.is_integer():
            kind = str(series.dtype) if series.null_count() else str(series.dtype).lower()
            made[name] = pd.array(series.to_list() if series.null_count() else series.to_numpy(), dtype=kind)  # type: ignore[call-overload]
        elif series.dtype.is_float():
            made[name] = series.to_numpy()
        else:
            made[name] = pd.array(series.cast(pl.String).fill_null("").to_list(), dtype="str")
    return pd.DataFrame(made)
