"""Format of the Heritage Foundation's Index of Economic Freedom: overall score 0 to 100, one or all years a file."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from minsum.panel.covariates.base import CELLS, CovariateFormat, find_row, pick
from minsum.panel.covariates.columns import folded
from minsum.panel.covariates.grid import Grid

INDICATOR: Final = "heritage_overall"
_COUNTRY: Final = ("country name", "country", "name", "webname")
_CODE: Final = ("iso code", "iso3")
_YEAR: Final = ("index year", "year")
_SCORE = re.compile(r"overall score|(\d{4}) score")


def _score(row: tuple[str, ...]) -> str | None:
    return next((name for name in row if _SCORE.fullmatch(folded(name))), None)


def _fits(row: tuple[str, ...]) -> bool:
    score = _score(row)
    if score is None or pick(row, _COUNTRY) is None:
        return False
    return pick(row, _YEAR) is not None or score[:4].isdigit()


def _header(grid: Grid) -> int | None:
    return find_row(grid, _fits)


def _indicators(_grid: Grid, _header: int) -> list[str]:
    return [INDICATOR]


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    """Scores; -1, the site's mark of a country without a grade, becomes empty.

    Tables of one year have two name columns, `Country Name` and `Country`, with different spellings.
    """
    names = grid.head[header]
    country, *more = [name for one in _COUNTRY if (name := pick(names, (one,)))]
    code, year, score = pick(names, _CODE), pick(names, _YEAR), str(_score(names))
    return (
        grid.below(header)
        .filter(INDICATOR in wanted)
        .select(
            "line",
            column=pl.lit(score),
            country=country,
            also=pl.col(more[0]) if more else pl.lit(None, dtype=pl.String),
            code=pl.col(code) if code else pl.lit(None, dtype=pl.String),
            indicator=pl.lit(INDICATOR),
            year=pl.col(year) if year else pl.lit(score[:4]),
            value=pl.col(score).replace({"-1": None, "-1.0": None}),
        )
        .select(*CELLS, "also")
    )


FORMAT = CovariateFormat(
    name="heritage",
    title="Heritage Foundation, Index of Economic Freedom (Country, Index Year, Overall Score; or Country Name, 2021 Score)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
)
