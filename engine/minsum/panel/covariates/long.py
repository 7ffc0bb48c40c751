"""Format of long tables, one row for each value: the World Bank's Data360 (SDMX), its API's JSON, and others."""

from __future__ import annotations

from typing import Final

import polars as pl

from minsum.errors import DataCheckError
from minsum.panel.covariates.base import CELLS, CovariateFormat, distinct, find_row, pick
from minsum.panel.covariates.columns import SERIES, find_keys
from minsum.panel.covariates.grid import Grid, collect

_INDICATOR: Final = (
    "indicator.id", "indicator code", "indicator id", "series code", "indicator", "series", "variable", "indicator name",
)  # fmt: skip
_VALUE: Final = ("obs value", "value")
_BREAKDOWNS: Final = (
    "sex",
    "age",
    "urbanisation",
    "comp breakdown 1",
    "comp breakdown 2",
    "comp breakdown 3",
)
_TOTAL: Final = ("_T", "_Z")
"""SDMX codes for the total and for a dimension that does not apply."""
_PREFIX: Final = "WB_WDI_"


def _fits(row: tuple[str, ...]) -> bool:
    keys = find_keys(row)
    return (
        keys.has_country and keys.year is not None and all(pick(row, names) for names in (_INDICATOR, _VALUE))
    )


def _header(grid: Grid) -> int | None:
    return find_row(grid, _fits)


def _name() -> pl.Expr:
    """Indicator name, with Data360's WB_WDI_NE_GDI_FTOT_ZS written as WDI's NE.GDI.FTOT.ZS."""
    code = pl.col("indicator")
    plain = code.str.strip_prefix(_PREFIX).str.replace_all("_", ".", literal=True)
    named = code.str.to_lowercase().replace_strict(SERIES, default=code, return_dtype=pl.String)
    return pl.when(code.str.starts_with(_PREFIX)).then(plain).otherwise(named)


def _rows(grid: Grid, header: int) -> pl.LazyFrame:
    """Rows with a column `indicator`; values by sex, age or another breakdown are removed where totals exist."""
    names = grid.head[header]
    rows = grid.below(header).with_columns(pl.col(str(pick(names, _INDICATOR))).alias("indicator"))
    _refuse_multiplied(rows, names, grid=grid)
    return rows.filter(~_is_part(names)).with_columns(indicator=_name())


def _is_part(names: tuple[str, ...]) -> pl.Expr:
    """Whether a row is part of a breakdown (one sex, one age group), where its indicator has several rows."""
    parts = [
        (pl.col(column).n_unique().over("indicator") > 1) & pl.col(column).is_not_null() & ~pl.col(column).is_in(_TOTAL)
        for breakdown in _BREAKDOWNS
        if (column := pick(names, (breakdown,)))
    ]  # fmt: skip
    return pl.any_horizontal(parts) if parts else pl.lit(value=False)


def _notes(grid: Grid, header: int) -> list[str]:
    names = grid.head[header]
    rows = grid.below(header).with_columns(pl.col(str(pick(names, _INDICATOR))).alias("indicator"))
    parts = len(collect(rows.filter(_is_part(names)).select("line"), grid.name))
    return (
        [f"{parts} values by sex, age or another breakdown are skipped; the totals are used"] if parts else []
    )


def _refuse_multiplied(rows: pl.LazyFrame, names: tuple[str, ...], *, grid: Grid) -> None:
    """Refuse SDMX values in units of a power of ten."""
    power = pick(names, ("unit mult",))
    if power is None:
        return
    found = collect(rows.filter(~pl.col(power).is_in(["0", "0.0"])).select("line", power).head(1), grid.name)
    if len(found):
        line, value = found.row(0)
        raise DataCheckError(
            f"{grid.name}, line {line}, column {power}: {value!r}, so the values are in units of 10^{value}",
            "multiply the values and write 0 in that column",
        )


def _indicators(grid: Grid, header: int) -> list[str]:
    return distinct(_rows(grid, header), "indicator", name=grid.name)


def _cells(grid: Grid, header: int, wanted: frozenset[str]) -> pl.LazyFrame:
    names = grid.head[header]
    keys, value = find_keys(names), str(pick(names, _VALUE))
    rows = _rows(grid, header).filter(pl.col("indicator").is_in(sorted(wanted)))
    found = rows.select(
        *keys.selected("line", "indicator"),
        pl.lit(value).alias("column"),
        pl.col(str(keys.year)).alias("year of row"),
        pl.col(value).alias("value of row"),
    )
    return found.rename({"year of row": "year", "value of row": "value"}).select(*CELLS, "also", "is_sure")


FORMAT = CovariateFormat(
    name="long",
    title="table with a row for each value (Data360: REF_AREA, INDICATOR, TIME_PERIOD, OBS_VALUE; the World Bank's API as JSON)",
    header=_header,
    indicators=_indicators,
    cells=_cells,
    keeps_all=True,
    notes=_notes,
)
