"""The plain form, CSV, Parquet or a sheet: `iso3,year,<variable>...`; variables keep their names."""

from __future__ import annotations

from typing import Final

import polars as pl

from minsum.covariates.base import CELLS, CovariateFormat, folded
from minsum.covariates.grid import Grid

_KEYS: Final = ("iso3", "year")


def _keys(row: tuple[str, ...]) -> dict[str, str]:
    return {folded(name): name for name in row if folded(name) in _KEYS}


def _header(grid: Grid) -> int | None:
    row = grid.head[0]
    return 0 if len(_keys(row)) == 2 and len(row) > 2 else None


def _indicators(grid: Grid, header: int) -> list[str]:
    names = grid.head[header]
    return [name for name in names if name and name not in _keys(names).values()]


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    keys = _keys(grid.head[header])
    chosen = [name for name in _indicators(grid, header) if name in wanted]
    rows = grid.below(header).rename({keys["iso3"]: "code", keys["year"]: "year"})
    long = rows.unpivot(on=chosen, index=["line", "code", "year"], variable_name="column", value_name="value")
    return long.with_columns(country="code", indicator="column").select(CELLS)


FORMAT = CovariateFormat(
    name="tidy",
    title="tidy table, CSV or Parquet (iso3, year, <variable> ...)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
    keeps_all=True,
)
