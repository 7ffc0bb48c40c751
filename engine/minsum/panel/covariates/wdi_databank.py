"""Format of the World Bank's DataBank export: chosen series and years, `2002 [YR2002]`, footer lines at the end."""

from __future__ import annotations

from minsum.panel.covariates.base import CovariateFormat, find_row
from minsum.panel.covariates.grid import Grid
from minsum.panel.covariates.world_bank import WideLayout

_LAYOUT = WideLayout("Series Code", is_bracketed=True)


def _header(grid: Grid) -> int | None:
    return find_row(grid, _LAYOUT.fits)


FORMAT = CovariateFormat(
    name="wdi-databank",
    title="World Bank DataBank export (Country Name, Country Code, Series Name, Series Code, 2002 [YR2002], ...)",
    header=_header,
    indicators=_LAYOUT.indicators,
    cells=_LAYOUT.cells,
    companions=(("Code", "License Type"), ("Code", "Indicator Name"), ("Code", "Long Name")),
)
