"""Format of wide tables: a row for each country, a column for each year, such as wbgapi's `economy,YR2002,...`.

A column of series, or the name of the file or sheet, names the variable.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from minsum.panel.covariates.base import CELLS, CovariateFormat, distinct, find_row, pick
from minsum.panel.covariates.columns import find_keys
from minsum.panel.covariates.grid import Grid

_YEAR: Final = re.compile(r"(?:YR|[Xx])?((?:1[89]|20|21)\d\d)(?:\.0)?(?: \[YR\d{4}\])?")
_SERIES: Final = ("series code", "series", "indicator code", "indicator", "variable")


def _years(row: tuple[str, ...]) -> dict[str, str]:
    """Column to its year; R puts an X before a number."""
    found = {name: _YEAR.fullmatch(name) for name in row}
    return {name: match[1] for name, match in found.items() if match}


def _fits(row: tuple[str, ...]) -> bool:
    keys = find_keys(row)
    return keys.has_country and keys.year is None and bool(_years(row))


def _header(grid: Grid) -> int | None:
    return find_row(grid, _fits)


def _indicators(grid: Grid, header: int) -> list[str]:
    series = pick(grid.head[header], _SERIES)
    if series is None:
        return [grid.title_of_variable()]
    return distinct(grid.below(header), series, name=grid.name)


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    names = grid.head[header]
    keys, years, series = find_keys(names), _years(names), pick(names, _SERIES)
    indicator = pl.col(series) if series else pl.lit(grid.title_of_variable())
    rows = grid.below(header).select(*keys.selected("line", *years), indicator.alias("indicator"))
    rows = rows.filter(pl.col("indicator").is_in(sorted(wanted)))
    index = ["line", "country", "also", "code", "is_sure", "indicator"]
    long = rows.unpivot(on=list(years), index=index, variable_name="column", value_name="value")
    year = pl.col("column").replace_strict(years, return_dtype=pl.String)
    return long.with_columns(year=year).select(*CELLS, "also", "is_sure")


FORMAT = CovariateFormat(
    name="wide",
    title="table with a country and a column for each year, file or sheet named after the variable (iso3, 2002, 2003, ...; YR2002)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
    keeps_all=True,
)
