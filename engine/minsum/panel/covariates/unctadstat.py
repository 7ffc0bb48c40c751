"""Format of UNCTADstat's foreign direct investment: flows and stock, inward and outward, million USD.

The site and its API name the columns differently: `Economy Label` or `Economy_Label`, `Mode` or `Flow`, and for the value
`US dollars at current prices in millions`, `US$ ...`, `US_at_..._in_millions_Value` or `Millions of US$ ...`. Columns with
footnotes and reasons of missing values may follow.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from minsum.panel.covariates.base import CELLS, CovariateFormat, distinct, find_row, pick
from minsum.panel.covariates.columns import folded
from minsum.panel.covariates.grid import Grid

_VALUE = re.compile(
    r"us(?:\$| dollars)? at current prices in millions(?: value)?|millions of us(?:\$| dollars)? at current prices(?: value)?"
)
_YEAR: Final = ("year",)
_CODE: Final = ("economy", "economy code")
_LABEL: Final = ("economy label",)
_DIRECTION: Final = ("direction label",)
_MODE: Final = ("mode label", "flow label")
_NEEDED: Final = (_YEAR, _LABEL, _DIRECTION, _MODE)


def _value(row: tuple[str, ...]) -> str | None:
    return next((name for name in row if _VALUE.fullmatch(folded(name))), None)


def _fits(row: tuple[str, ...]) -> bool:
    return all(pick(row, names) for names in _NEEDED) and _value(row) is not None


def _header(grid: Grid) -> int | None:
    return find_row(grid, _fits)


def _rows(grid: Grid, header: int) -> pl.LazyFrame:
    """Rows with a column `indicator`: fdi_inward_flow, fdi_inward_stock, fdi_outward_flow, fdi_outward_stock."""
    labels = [pl.col(str(pick(grid.head[header], names))).str.to_lowercase() for names in (_DIRECTION, _MODE)]
    return grid.below(header).with_columns(indicator=pl.concat_str(pl.lit("fdi"), *labels, separator="_"))


def _indicators(grid: Grid, header: int) -> list[str]:
    return distinct(_rows(grid, header), "indicator", name=grid.name)


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    names = grid.head[header]
    value, code = str(_value(names)), pick(names, _CODE)
    rows = _rows(grid, header).filter(pl.col("indicator").is_in(sorted(wanted)))
    return rows.select(
        "line",
        column=pl.lit(value),
        country=pick(names, _LABEL),
        code=pl.col(code) if code else pl.lit(None, dtype=pl.String),
        indicator="indicator",
        year=pick(names, _YEAR),
        value=value,
    ).select(CELLS)


FORMAT = CovariateFormat(
    name="unctadstat-fdi",
    title="UNCTADstat foreign direct investment (Year, Economy, Economy Label, Direction Label, Mode or Flow Label, ...)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
)
