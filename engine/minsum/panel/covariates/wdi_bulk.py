"""Format of the World Development Indicators' bulk download: `WDICSV.csv`, every series of every economy."""

from __future__ import annotations

from minsum.panel.covariates.base import CovariateFormat, find_row
from minsum.panel.covariates.grid import Grid
from minsum.panel.covariates.world_bank import WideLayout

_LAYOUT = WideLayout("Indicator Code", is_bracketed=False)


def _header(grid: Grid) -> int | None:
    row = find_row(grid, _LAYOUT.fits)
    return row if row == 0 else None


FORMAT = CovariateFormat(
    name="wdi-bulk",
    title="WDI bulk download (WDICSV.csv: Country Name, Country Code, Indicator Name, Indicator Code, 1960, ...)",
    header=_header,
    indicators=_LAYOUT.indicators,
    cells=_LAYOUT.cells,
    companions=(
        ("Country Code", "Short Name"),
        ("Series Code", "Topic"),
        ("CountryCode", "SeriesCode"),
        ("SeriesCode", "Year"),
    ),
)
