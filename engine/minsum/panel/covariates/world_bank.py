"""Layout that the World Bank's formats share: a row for each country and series, a column for each year."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from minsum.panel.covariates.base import CELLS, distinct
from minsum.panel.covariates.grid import Grid

_YEAR = re.compile(r"(\d{4})(?: \[YR\d{4}\])?")


@dataclass(frozen=True, slots=True)
class WideLayout:
    """Columns of a wide table of the World Bank.

    Attributes
    ----------
    series
        Name of the column with the series code, such as NE.GDI.FTOT.ZS.
    is_bracketed
        Whether years are written `2002 [YR2002]`.
    """

    series: str
    is_bracketed: bool

    def fits(self, row: tuple[str, ...]) -> bool:
        """Whether a row is the header."""
        years = [name for name in row if _YEAR.fullmatch(name)]
        return (
            {"Country Name", "Country Code", self.series} <= set(row)
            and bool(years)
            and all(("[" in name) == self.is_bracketed for name in years)
        )

    def indicators(self, grid: Grid, header: int) -> list[str]:
        """Series codes in the table."""
        return distinct(grid.below(header), self.series, name=grid.name)

    def cells(self, grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
        """Values of the wanted series; lines without a series code are footers and blank lines."""
        years = [name for name in grid.head[header] if _YEAR.fullmatch(name)]
        keys = ["line", "country", "code", "indicator"]
        rows = (
            grid.below(header, only=(self.series, sorted(wanted)))
            .rename({"Country Name": "country", "Country Code": "code", self.series: "indicator"})
            .select(*keys, *years)
        )
        long = rows.unpivot(on=years, index=keys, variable_name="column", value_name="value")
        return long.with_columns(year=pl.col("column").str.slice(0, 4)).select(CELLS)
