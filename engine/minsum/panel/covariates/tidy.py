"""Format of tidy tables: a row for each country and year, a column for each variable; CSV, Parquet, Stata, JSON or a sheet.

R's WDI package, wbgapi and Our World in Data write this format: `iso3,year,capital`, `Entity,Code,Year,...`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from minsum.panel.covariates.base import CELLS, CovariateFormat, find_row
from minsum.panel.covariates.columns import find_keys, folded, left_over, series_code, variables_of
from minsum.panel.covariates.grid import Grid

_VALUE: Final = ("value", "obs value")
"""Names of the only value column in a table whose file or sheet is named after the variable."""


def _fits(row: tuple[str, ...]) -> bool:
    keys = find_keys(row)
    return keys.has_country and keys.year is not None and bool(variables_of(row))


def _header(grid: Grid) -> int | None:
    return find_row(grid, _fits)


def _named(grid: Grid, header: int) -> dict[str, str]:
    """Column to the name of its variable."""
    columns = variables_of(grid.head[header])
    if len(columns) == 1 and folded(columns[0]) in _VALUE:
        return {columns[0]: grid.title_of_variable()}
    return {name: series_code(name) for name in columns}


def _indicators(grid: Grid, header: int) -> list[str]:
    return list(_named(grid, header).values())


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    keys = find_keys(grid.head[header])
    chosen = {column: name for column, name in _named(grid, header).items() if name in wanted}
    rows = grid.below(header).select(
        *keys.selected("line"), pl.col(str(keys.year)).alias("year of row"), *(pl.col(one).alias(f"={one}") for one in chosen)
    )  # fmt: skip
    index = ["line", "country", "also", "code", "is_sure", "year of row"]
    long = rows.unpivot(
        on=[f"={one}" for one in chosen], index=index, variable_name="column", value_name="value"
    )
    column = pl.col("column").str.slice(1)
    return long.with_columns(
        column=column,
        indicator=column.replace_strict(chosen, return_dtype=pl.String),
        year=pl.col("year of row"),
    ).select(*CELLS, "also", "is_sure")


def _notes(grid: Grid, header: int) -> list[str]:
    aside = left_over(grid.head[header])
    return [f"columns {', '.join(aside)} are not variables and are skipped"] if aside else []


FORMAT = CovariateFormat(
    name="tidy",
    title="table with a country, a year and a column for each variable (iso3, year, <variable> ...; CSV, Parquet, Stata, JSON, a sheet)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
    keeps_all=True,
    notes=_notes,
)
