"""Format of the World Bank's DataBank export with years in rows: one column for each series, its code in brackets."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from minsum.panel.covariates.base import CELLS, CovariateFormat, find_row, pick
from minsum.panel.covariates.grid import Grid

_SERIES = re.compile(r".*\[([A-Z0-9._]+)\]")
_KEYS: Final = {"time": "year", "country name": "country", "country code": "code"}


def _series(row: tuple[str, ...]) -> dict[str, str]:
    """Column to the code of its series."""
    found = {name: _SERIES.fullmatch(name) for name in row}
    return {name: match[1] for name, match in found.items() if match}


def _fits(row: tuple[str, ...]) -> bool:
    return all(pick(row, (key,)) for key in _KEYS) and bool(_series(row))


def _header(grid: Grid) -> int | None:
    return find_row(grid, _fits)


def _indicators(grid: Grid, header: int) -> list[str]:
    return sorted(set(_series(grid.head[header]).values()))


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    """Values of the wanted series; lines without a country code are footers and blank lines."""
    names = grid.head[header]
    codes = {column: code for column, code in _series(names).items() if code in wanted}
    keys = {str(pick(names, (key,))): ours for key, ours in _KEYS.items()}
    rows = grid.below(header).rename(keys).filter(pl.col("code").is_not_null())
    long = rows.unpivot(
        on=list(codes), index=["line", *keys.values()], variable_name="column", value_name="value"
    )
    return long.with_columns(indicator=pl.col("column").replace_strict(codes, return_dtype=pl.String)).select(
        CELLS
    )


FORMAT = CovariateFormat(
    name="wdi-databank-rows",
    title="World Bank DataBank export with years in rows (Time, Country Name, Country Code, <series> [<code>], ...)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
)
