"""Format of the Fraser Institute's Economic Freedom of the World: summary index 0 to 10, CSV or workbook."""

from __future__ import annotations

from typing import Final

import polars as pl

from minsum.panel.covariates.base import CELLS, CovariateFormat, find_row, pick
from minsum.panel.covariates.grid import Grid

INDICATOR: Final = "efw_summary"
_SUMMARY: Final = ("economic freedom summary index", "summary index", "economic freedom")
_COUNTRY: Final = ("countries", "country")
_CODE: Final = ("iso code 3", "iso code3", "iso code", "iso code 2")


def _fits(row: tuple[str, ...]) -> bool:
    return all(pick(row, names) for names in (("year",), _COUNTRY, _SUMMARY))


def _header(grid: Grid) -> int | None:
    return find_row(grid, _fits)


def _indicators(_grid: Grid, _header: int) -> list[str]:
    return [INDICATOR]


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    names = grid.head[header]
    summary, code = pick(names, _SUMMARY), pick(names, _CODE)
    return (
        grid.below(header)
        .filter(INDICATOR in wanted)
        .select(
            "line",
            column=pl.lit(summary),
            country=pick(names, _COUNTRY),
            code=pl.col(code) if code else pl.lit(None, dtype=pl.String),
            indicator=pl.lit(INDICATOR),
            year=pick(names, ("year",)),
            value=summary,
        )
        .select(CELLS)
    )


FORMAT = CovariateFormat(
    name="fraser",
    title="Fraser Institute, Economic Freedom of the World (Year, ISO Code 3, Countries, Economic Freedom Summary Index)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
)
