"""UNCTADstat, foreign direct investment: flows and stock, inward and outward, million USD.

Files of different years name the same column `Mode` or `Flow`, and the value `US dollars ...` or `US$ ...`;
beside each value stand its footnote and the reason of a missing one.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from minsum.covariates.base import CELLS, CovariateFormat, distinct, find_row
from minsum.covariates.grid import Grid

_VALUE = re.compile(r"US(?:\$| dollars) at current prices in millions")
_MODES: Final = ("Mode Label", "Flow Label")
_KEYS: Final = {"Year", "Economy", "Economy Label", "Direction Label"}


def _fits(row: tuple[str, ...]) -> bool:
    return set(row) >= _KEYS and any(mode in row for mode in _MODES) and any(map(_VALUE.fullmatch, row))


def _header(grid: Grid) -> int | None:
    return find_row(grid, _fits)


def _rows(grid: Grid, header: int) -> pl.LazyFrame:
    """With a column `indicator`: fdi_inward_flow, fdi_inward_stock, fdi_outward_flow, fdi_outward_stock."""
    mode = next(mode for mode in _MODES if mode in grid.head[header])
    parts = [pl.lit("fdi"), pl.col("Direction Label").str.to_lowercase(), pl.col(mode).str.to_lowercase()]
    return grid.below(header).with_columns(indicator=pl.concat_str(parts, separator="_"))


def _indicators(grid: Grid, header: int) -> list[str]:
    return distinct(_rows(grid, header), "indicator", name=grid.name)


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    value = next(name for name in grid.head[header] if _VALUE.fullmatch(name))
    rows = _rows(grid, header).filter(pl.col("indicator").is_in(sorted(wanted)))
    names = {"Year": "year", "Economy": "code", "Economy Label": "country", value: "value"}
    return rows.rename(names).with_columns(column=pl.lit(value)).select(CELLS)


FORMAT = CovariateFormat(
    name="unctadstat-fdi",
    title="UNCTADstat foreign direct investment (Year, Economy, Economy Label, Direction Label, Mode or Flow Label, ...)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
)
