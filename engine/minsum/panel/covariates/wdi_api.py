"""Format of the World Bank's API download: one series, two lines of preamble and blank lines above the header."""

from __future__ import annotations

from minsum.panel.covariates.base import CovariateFormat, find_row
from minsum.panel.covariates.grid import Grid
from minsum.panel.covariates.world_bank import WideLayout

_LAYOUT = WideLayout("Indicator Code", is_bracketed=False)


def _header(grid: Grid) -> int | None:
    return find_row(grid, _LAYOUT.fits) if grid.head[0][:1] == ("Data Source",) else None


FORMAT = CovariateFormat(
    name="wdi-api",
    title="World Bank API download (API_<series>_DS2_en_csv_v2.csv: Data Source, Last Updated Date, then the table)",
    header=_header,
    indicators=_LAYOUT.indicators,
    cells=_LAYOUT.cells,
    companions=(("Country Code", "Region"), ("INDICATOR_CODE", "INDICATOR_NAME")),
)
