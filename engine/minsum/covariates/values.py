"""Cells of one table become numbers of Comtrade's reporters; what does not match is counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from minsum.country_names import match_country
from minsum.covariates.base import CovariateFormat
from minsum.covariates.grid import Grid, collect
from minsum.errors import DataCheckError

MISSING: Final = ("", "..", ".", "...", "-", "–", "na", "n/a", "nan", "null", "none", "_")
"""What publishers write for a value that is not there, in lower case."""
KEYS: Final = ["iso3", "year", "indicator"]


@dataclass(frozen=True, slots=True)
class TableRead:
    """One table of a covariate file.

    Attributes
    ----------
    name
        File, and what in it.
    format
        Its format's identifier.
    values
        Columns iso3, year (int16), indicator, value (float64), line; one row for each value that is there.
    used, unused
        Indicators read, and how many others the table gives.
    unmatched
        Places that are no Comtrade reporter (groups of countries among them), and their number of values.
    """

    name: str
    format: str
    values: pl.DataFrame
    used: tuple[str, ...]
    unused: tuple[str, ...]
    unmatched: Mapping[str, int]


def read_table(grid: Grid, known: CovariateFormat, *, header: int, wanted: frozenset[str]) -> TableRead:
    """Read the wanted indicators of a table.

    Parameters
    ----------
    grid, known, header
        The table, its format and where its header is.
    wanted
        Names of indicators; a format that keeps all ignores it.

    Raises
    ------
    DataCheckError
        If a value or year is not a number, or a country has two values for one year.
    """
    given = known.indicators(grid, header)
    used = tuple(name for name in given if known.keeps_all or name in wanted)
    cells = collect(known.cells(grid, header, frozenset(used)), grid.name)
    cells = cells.filter(pl.any_horizontal(pl.col("country", "code").is_not_null()))
    numbers = _matched(_numbers(cells, grid), grid)
    unmatched = numbers.filter(pl.col("iso3").is_null()).group_by("place").len().sort("place")
    values = numbers.filter(pl.col("iso3").is_not_null()).select(*KEYS, "value", "line")
    return TableRead(
        name=grid.name,
        format=known.name,
        values=_once(values, grid.name),
        used=used,
        unused=tuple(name for name in given if name not in used),
        unmatched=dict(unmatched.iter_rows()),
    )


def _numbers(cells: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    """Years and values as numbers; rows without a value fall out. A semicolon file may have decimal commas."""
    text = pl.col("value").str.replace_all(r"\s", "")
    if grid.separator == ";":
        text = pl.when(text.str.contains(".", literal=True)).then(text).otherwise(text.str.replace(",", "."))
    there = cells.filter(~pl.col("value").fill_null("").str.to_lowercase().is_in(MISSING))
    parsed = there.with_columns(
        number=text.cast(pl.Float64, strict=False), whole=pl.col("year").cast(pl.Float64, strict=False)
    )
    _refuse_text(parsed, "number", grid=grid)
    _refuse_text(parsed, "whole", grid=grid)
    return parsed.select(
        "line", "country", "code", "indicator", year=pl.col("whole").cast(pl.Int16), value="number"
    )


def _refuse_text(parsed: pl.DataFrame, number: str, *, grid: Grid) -> None:
    """Refuse what is not a finite number or, in `whole`, not a year."""
    fits = pl.col(number).is_finite()
    if number == "whole":
        fits &= pl.col(number).is_between(1000, 3000) & (pl.col(number) == pl.col(number).round())
    wrong = parsed.filter(~fits.fill_null(value=False))
    if len(wrong):
        row = wrong.row(0, named=True)
        column, found = (row["column"], row["value"]) if number == "number" else ("year", row["year"])
        kind = "a number" if number == "number" else "a year"
        raise DataCheckError(
            f"{grid.name}, line {row['line']}, column {column}: {found!r} is not {kind}",
            "correct it, or leave the field empty where the value is missing",
        )


def _matched(numbers: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    """With Comtrade's label `iso3` (null when unknown) and `place`, the name for a report."""
    pairs = numbers.select("code", "country").unique()
    labels = [match_country(code, country) for code, country in pairs.rows()]
    table = pairs.with_columns(iso3=pl.Series(labels, dtype=pl.String))
    placed = numbers.join(table, on=["code", "country"], how="left", nulls_equal=True, maintain_order="left")
    if len(placed) and placed["iso3"].null_count() == len(placed):
        some = ", ".join(
            repr(name) for name in placed["country"].drop_nulls().unique(maintain_order=True).head(5)
        )
        raise DataCheckError(
            f"{grid.name}: none of its countries is known ({some})",
            "use ISO3 codes, such as CHN, or the names that the World Bank uses",
        )
    return placed.with_columns(place=pl.coalesce("country", "code"))


def _once(values: pl.DataFrame, name: str) -> pl.DataFrame:
    """Each country, year and indicator once; equal repetitions are one."""
    values = values.unique([*KEYS, "value"], keep="first", maintain_order=True)
    twice = values.filter(pl.struct(KEYS).is_duplicated()).sort(*KEYS, "line")
    if len(twice):
        first, second = twice.row(0, named=True), twice.row(1, named=True)
        raise DataCheckError(
            f"{name}: {first['iso3']} {first['year']} has two values of {first['indicator']}: "
            f"{first['value']} (line {first['line']}) and {second['value']} (line {second['line']})",
            "keep one row for each country and year",
        )
    return values
