"""Reads the cells of one table as numbers of Comtrade's reporters, and reports cells that do not match."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from minsum.errors import DataCheckError
from minsum.panel.covariates.base import CovariateFormat
from minsum.panel.covariates.grid import Grid, collect
from minsum.panel.covariates.numbers import MISSING, not_a_number, with_numbers
from minsum.panel.covariates.places import matched

KEYS: Final = ["iso3", "year", "indicator"]
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*")
"""Names that can be used in an equation; other names are indicators for `[panel.variables]`."""


@dataclass(frozen=True, slots=True)
class TableRead:
    """One table of a covariate file.

    Attributes
    ----------
    name
        File and the table's place in it.
    format
        Name of the format.
    values
        Columns iso3, year (int16), indicator, value (float64), line; one row for each value that is not missing.
    used, unused
        Indicators that were read, and the table's other indicators.
    unmatched
        Place that is not a Comtrade reporter (such as a group of countries) to its number of values.
    ready
        Indicators that are variables without a recipe.
    notes
        Notes for readers, such as skipped columns, one sentence each.
    """

    name: str
    format: str
    values: pl.DataFrame
    used: tuple[str, ...]
    unused: tuple[str, ...]
    unmatched: Mapping[str, int]
    ready: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_plain_name(name: str) -> bool:
    """Whether a column's name can be used in an equation."""
    return _PLAIN.fullmatch(name) is not None


def read_table(
    grid: Grid,
    known: CovariateFormat,
    *,
    header: int,
    wanted: frozenset[str],
    variables: frozenset[str] = frozenset(),
) -> TableRead:
    """Read the wanted indicators of a table.

    Parameters
    ----------
    grid, known, header
        The table, its format and the position of its header.
    wanted
        Names of indicators.
    variables
        Names of variables; a format with `keeps_all` may give them without a recipe.

    Raises
    ------
    DataCheckError
        If a value or year is not a number or is ambiguous, a country code is ambiguous or contradicts the name, or a
        country has two values for one year.
    """
    given = known.indicators(grid, header)
    asked = wanted | variables
    used = [name for name in given if name in asked or (known.keeps_all and _PLAIN.fullmatch(name))]
    cells = collect(known.cells(grid, header, frozenset(used)), grid.name)
    asked_as = _asked_as(given, asked) if known.keeps_all else {}
    cells = cells.with_columns(pl.col("indicator").replace(asked_as))
    given, used = ([asked_as.get(name, name) for name in names] for names in (given, used))
    there = _complete(cells).filter(~pl.col("value").fill_null("").str.to_lowercase().is_in(MISSING))
    there, texts = _without_texts(there, asked=asked) if known.keeps_all else (there, {})
    numbers = matched(_numbers(there, grid, has_sure_point=not known.keeps_all), grid)
    unmatched = numbers.filter(pl.col("iso3").is_null()).group_by("place").len().sort("place")
    values = numbers.filter(pl.col("iso3").is_not_null()).select(*KEYS, "value", "line")
    used = [name for name in used if name not in texts]
    return TableRead(
        name=grid.name,
        format=known.name,
        values=_once(values, grid.name),
        used=tuple(used),
        unused=tuple(name for name in given if name not in used and name not in texts),
        unmatched=dict(unmatched.iter_rows()),
        ready=tuple(name for name in used if _PLAIN.fullmatch(name)) if known.keeps_all else (),
        notes=(*grid.notes, *_passed_over(grid, known, header=header, texts=texts)),
    )


def _asked_as(given: Sequence[str], asked: frozenset[str]) -> dict[str, str]:
    """Name in the file to the requested name from which it differs only in case, such as `Capital` to capital."""
    folded = {name.lower(): name for name in asked}
    meant = {name: folded[name.lower()] for name in given if name not in asked and name.lower() in folded}
    return {name: other for name, other in meant.items() if other not in given}


def _complete(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells with the columns that only some formats give: a second name, and whether codes are unambiguous."""
    lacking = {"also": pl.lit(None, dtype=pl.String), "is_sure": pl.lit(value=True)}
    complete = cells.with_columns(
        **{name: cell for name, cell in lacking.items() if name not in cells.columns}
    )
    return complete.with_columns(pl.exclude("line", "is_sure").cast(pl.String))


def _without_texts(there: pl.DataFrame, *, asked: frozenset[str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """Cells without text columns, and the first text of each such column.

    A text column holds no digit or, if it was not requested, no number.
    """
    value = pl.col("value")
    found = there.group_by("indicator", maintain_order=True).agg(
        has_digit=value.str.contains(r"\d").any(),
        has_number=value.str.contains(r"^[+−-]?[\d.,  '’]*\d[\d.,  '’]*(?:[eE][+-]?\d+)?$").any(),
        first=value.first(),
    )
    is_text = ~pl.col("has_digit") | (~pl.col("has_number") & ~pl.col("indicator").is_in(sorted(asked)))
    texts = dict(found.filter(is_text).select("indicator", "first").iter_rows())
    return there.filter(~pl.col("indicator").is_in(list(texts))), texts


def _passed_over(grid: Grid, known: CovariateFormat, *, header: int, texts: Mapping[str, str]) -> list[str]:
    found = [f"column {name} holds text ({first[:20]}) and is skipped" for name, first in texts.items()]
    found += known.notes(grid, header) if known.notes else []
    split = grid.split_names(header) if grid.separator == "," else 0
    return found + (
        [f"{split} lines had an unquoted comma in a country's name and were rejoined"] if split else []
    )


def _numbers(there: pl.DataFrame, grid: Grid, *, has_sure_point: bool) -> pl.DataFrame:
    """Years and values as numbers."""
    parsed = with_numbers(
        there, name=grid.name, separator=grid.separator, has_sure_point=has_sure_point
    ).with_columns(year_number=year_as_number())
    nowhere = parsed.filter(pl.all_horizontal(pl.col("country", "also", "code").is_null()))
    if len(nowhere):
        row = nowhere.row(0, named=True)
        raise DataCheckError(
            f"{grid.name}, line {row['line']}, column {row['column']}: {row['value']!r} belongs to no country",
            "write the country in that line, or remove the line",
        )
    refuse_text(parsed, "number", grid=grid)
    refuse_text(parsed, "year_number", grid=grid)
    return parsed.select(
        "line", "country", "also", "code", "is_sure", "indicator",
        year=pl.col("year_number").cast(pl.Int16), value="number",
    )  # fmt: skip


def year_as_number() -> pl.Expr:
    """Year from 2002, YR2002, 2002.0, the first or last day of the year, or 2002 [YR2002]."""
    text = pl.col("year").str.strip_chars()
    for pattern in (
        r"^[Yy][Rr](\d{4})$",
        r"^(\d{4})\.0$",
        r"^(\d{4})-(?:01-01|12-31)(?:[ T]00:00:00.*)?$",
        r"^(\d{4}) \[YR\d{4}\]$",
    ):
        text = text.str.replace(pattern, "${1}")
    return text.cast(pl.Float64, strict=False)


def refuse_text(parsed: pl.DataFrame, number: str, *, grid: Grid) -> None:
    """Refuse values that are not finite numbers, or years that are not."""
    fits = pl.col(number).is_finite()
    if number == "year_number":
        fits &= pl.col(number).is_between(1000, 3000) & (pl.col(number) == pl.col(number).round())
    wrong = parsed.filter(~fits.fill_null(value=False))
    if len(wrong):
        row = wrong.row(0, named=True)
        column, found = (row["column"], row["value"]) if number == "number" else ("year", row["year"])
        kind = "a number" if number == "number" else "a year"
        raise DataCheckError(
            f"{grid.name}, line {row['line']}, column {column}: {found!r} is not {kind}",
            not_a_number(str(found)),
        )


def _once(values: pl.DataFrame, name: str) -> pl.DataFrame:
    """One row for each country, year and indicator; equal duplicates are dropped, different values refused."""
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
