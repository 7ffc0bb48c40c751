"""Covariates of pairs of countries, such as distance: tables with a country and a partner in each row.

The columns of the two countries have any of their usual names: `iso3, partner`, `iso_o, iso_d` (CEPII), `iso3_o, iso3_d`
(CEPII, USITC), `exporter, importer`, `reporter, reference`. A column of the year is optional: without one a value holds for
every year.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from minsum.countries.names import match_code
from minsum.errors import DataCheckError
from minsum.panel.covariates.base import find_row
from minsum.panel.covariates.columns import ANY_CODE, ISO2, ISO3, NAMES, NUMBERS, YEARS, folded_key
from minsum.panel.covariates.grid import Grid, collect
from minsum.panel.covariates.numbers import MISSING, with_numbers
from minsum.panel.covariates.places import matched
from minsum.panel.covariates.values import is_plain_name, refuse_text, year_as_number

PAIR: Final = ("reporter", "reference")
_CODE: Final = re.compile(r"[A-Z]{2,3}|\d+")
_COUNTRY: Final = (*ISO3, *ISO2, *NUMBERS, *ANY_CODE, *NAMES)
_KEYS: Final = [*PAIR, "year"]
_ENDS: Final = (
    ("o", "d"),
    ("i", "j"),
    ("origin", "destination"),
    ("exporter", "importer"),
    ("reporter", "partner"),
    ("1", "2"),
)
"""Ends, or beginnings, of the names of the two countries' columns."""
_ALONE: Final = (
    ("exporter", "importer"), ("origin", "destination"), ("orig", "dest"), ("from", "to"), ("reporter", "partner"),
    ("reporter", "reference"), ("country", "counterpart"), ("home", "host"),
)  # fmt: skip
"""Names of the two columns that say it all."""
_PARTNERS: Final = (
    "partner", "partner iso3", "partner iso", "partner code", "partneriso", "reference", "iso3 partner", "counterpart", "partner country",
)  # fmt: skip
"""Names of the partner's column beside a country's column of any usual name."""
_OWN: Final = (
    "esi",
    "esi_width",
    "n_reporter",
    "n_reference",
    "n_common",
    "residual_reporter",
    "residual_reference",
)
"""Columns of pairs that no covariate file may give."""


@dataclass(frozen=True, slots=True)
class PairKeys:
    """Key columns of a table of pairs, as the file writes them; `year` is None for values of every year."""

    country: str
    partner: str
    year: str | None


@dataclass(frozen=True, slots=True)
class PairTable:
    """One table of covariates of pairs.

    Attributes
    ----------
    name
        File and the table's place in it.
    frame
        Columns reporter, reference (Comtrade's labels), year (int16, null for every year) and one float64 for each
        variable; one row for each pair and year.
    unmatched
        Place that is not a Comtrade reporter to its number of rows.
    notes
        Notes for readers, one sentence each.
    """

    name: str
    frame: pl.DataFrame
    unmatched: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PairCovariates:
    """Covariates of pairs, from all files.

    Attributes
    ----------
    frame
        As of `PairTable`, sorted; a variable has values either in rows with a year or in rows without.
    variables
        Variable to the files that give it, and whether it has years.
    files
        Report on each file.
    """

    frame: pl.DataFrame
    variables: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)


def find_pairs(grid: Grid) -> int | None:
    """Position of the header of a table of pairs; None for any other table."""
    return find_row(grid, lambda row: _pair_keys(row) is not None and bool(_variables(row)))


def _pair_keys(row: Sequence[str]) -> PairKeys | None:
    by_name = {folded_key(name): name for name in reversed(row) if name}
    year = next((by_name[name] for name in YEARS if name in by_name), None)
    wanted = [(f"{name} {one}", f"{name} {two}") for one, two in _ENDS for name in _COUNTRY]
    wanted += [(f"{one} {name}", f"{two} {name}") for one, two in _ENDS for name in _COUNTRY]
    wanted += [(f"{name}{one}", f"{name}{two}") for one, two in _ENDS[:2] for name in ("iso", "iso3")]
    wanted += [*_ALONE, *((name, partner) for partner in _PARTNERS for name in _COUNTRY)]
    found = next((pair for pair in wanted if pair[0] in by_name and pair[1] in by_name), None)
    return None if found is None else PairKeys(by_name[found[0]], by_name[found[1]], year)


def _variables(row: Sequence[str]) -> list[str]:
    """Columns that can be variables: one word, and not the year nor a country's column."""
    keys = _pair_keys(row)
    aside = {name for name in row if folded_key(name) in YEARS or _stem(name) in _COUNTRY}
    own = {keys.country, keys.partner} if keys else set()
    return [name for name in row if name and name not in own | aside and is_plain_name(name)]


def _stem(name: str) -> str:
    """The name of a column without the end that says which of the two countries it is of."""
    words = folded_key(name).split()
    ends = {word for pair in _ENDS for word in pair}
    return " ".join(words[:-1] if words[-1] in ends else words[1:] if words[0] in ends else words)


def read_pairs(grid: Grid, header: int) -> PairTable:
    """Read a table of pairs, one column after the other.

    Raises
    ------
    DataCheckError
        If a value or year is not a number or is ambiguous, no country is known, or a pair has two values for one year.
    """
    row = grid.head[header]
    keys = _pair_keys(row)
    assert keys is not None
    year = pl.col(keys.year) if keys.year else pl.lit(None, dtype=pl.String)
    cells = {"country": keys.country, "partner": keys.partner}
    columns = [pl.col(column).alias(name) for name, column in cells.items()]
    rows = grid.below(header).select(
        "line", *columns, year.alias("year"), *(pl.col(one).alias(f"={one}") for one in _variables(row))
    )
    table = collect(rows, grid.name)
    _refuse_nowhere(table, keys, grid)
    placed, unmatched = _placed(table, grid, is_sure=_stem(keys.country) in (*ISO3, *ISO2, *NUMBERS))
    if keys.year:
        years = placed.with_columns(value="year", column=pl.lit("year"), year_number=year_as_number())
        refuse_text(years, "year_number", grid=grid)
        placed = placed.with_columns(year=years["year_number"].cast(pl.Int16))
    else:
        placed = placed.with_columns(year=pl.lit(None, dtype=pl.Int16))
    numbers, texts = _numbers(placed, grid)
    frame = placed.select(*_KEYS, "line", **numbers)
    notes = [f"column {name} holds text ({first[:20]}) and is skipped" for name, first in texts.items()]
    notes.append(
        f"covariates of pairs, by {keys.country} and {keys.partner}"
        + ("" if keys.year else ", the same in every year")
    )
    known = frame.filter(pl.all_horizontal(pl.col(PAIR).is_not_null()))
    once, mirrored = _both_ways(_once(known, grid.name))
    return PairTable(grid.name, once, unmatched, (*grid.notes, *notes, *mirrored))


def _refuse_nowhere(table: pl.DataFrame, keys: PairKeys, grid: Grid) -> None:
    for side, column in (("country", keys.country), ("partner", keys.partner)):
        empty = table.filter(pl.col(side).is_null())
        if len(empty):
            raise DataCheckError(
                f"{grid.name}, line {empty['line'][0]}, column {column}: no country",
                "write both countries in that line, or remove the line",
            )


def _placed(table: pl.DataFrame, grid: Grid, *, is_sure: bool) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows with Comtrade's labels of both countries (null for a place that is none), and the unmatched places."""
    unmatched: dict[str, int] = {}
    for side, label in zip(("country", "partner"), PAIR, strict=True):
        places = table.group_by(side, maintain_order=True).agg(pl.col("line").first(), rows=pl.len())
        text = pl.col(side).str.strip_chars()
        is_code = pl.Series(
            [_CODE.fullmatch(one) is not None or match_code(one) is not None for one in places[side]]
        )
        asked = places.select(
            "line", "rows",
            code=pl.when(is_code).then(text), country=pl.when(~is_code).then(text), also=pl.lit(None, dtype=pl.String),
            is_sure=pl.lit(is_sure),
        )  # fmt: skip
        known = matched(asked, grid)
        for place, rows in known.filter(pl.col("iso3").is_null()).select("place", "rows").iter_rows():
            unmatched[place] = unmatched.get(place, 0) + rows
        labels = known.select(pl.col("place").alias(side), pl.col("iso3").alias(label))
        table = table.join(labels, on=side, how="left", maintain_order="left")
    return table, dict(sorted(unmatched.items()))


def _numbers(placed: pl.DataFrame, grid: Grid) -> tuple[dict[str, pl.Series], dict[str, str]]:
    """The columns as numbers by name, and the first text of each column that holds none."""
    found: dict[str, pl.Series] = {}
    texts: dict[str, str] = {}
    for column in [name for name in placed.columns if name.startswith("=")]:
        name, value = column[1:], pl.col(column)
        there = placed.select("line", column=pl.lit(name), indicator=pl.lit(name), value=value)
        there = there.filter(~pl.col("value").fill_null("").str.to_lowercase().is_in(MISSING))
        if len(there) and not there["value"].str.contains(r"^[+−-]?[\d.,  '’]*\d").any():
            texts[name] = there["value"][0]
            continue
        parsed = with_numbers(there, name=grid.name, separator=grid.separator, has_sure_point=False)
        refuse_text(parsed, "number", grid=grid)
        if name in _OWN:
            raise DataCheckError(
                f"{grid.name}: a column has the name {name!r}, which the pairs have", "rename the column"
            )
        joined = placed.select("line").join(
            parsed.select("line", "number"), on="line", how="left", maintain_order="left"
        )
        found[name] = joined["number"]
    return found, texts


def _once(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """One row for each pair and year; equal rows are dropped, different ones refused."""
    values = [one for one in frame.columns if one not in (*_KEYS, "line")]
    frame = frame.unique([*_KEYS, *values], keep="first", maintain_order=True)
    twice = frame.filter(pl.struct(_KEYS).is_duplicated()).sort(*_KEYS, "line")
    if len(twice):
        first, second = twice.row(0, named=True), twice.row(1, named=True)
        column = next(one for one in values if first[one] != second[one])
        raise DataCheckError(
            f"{name}: {first['reporter']} with {first['reference']}{f' {year}' if (year := first['year']) else ''} has two values "
            f"of {column}: {first[column]} (line {first['line']}) and {second[column]} (line {second['line']})",
            "keep one row for each pair and year",
        )
    return frame.select(*_KEYS, *values)


def _both_ways(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """A table with each pair in one direction gets the other direction too; and notes for readers."""
    other = frame.rename({"reporter": "reference", "reference": "reporter"}).select(frame.columns)
    alone = other.filter(pl.col("reporter") != pl.col("reference")).join(frame, on=list(PAIR), how="anti")
    if len(alone) and len(alone) == frame.filter(pl.col("reporter") != pl.col("reference")).height:
        return pl.concat([frame, alone]), ["each pair is there in one direction, and counts in both"]
    n_alone = alone.select(PAIR).n_unique()
    told = f"{n_alone:,} pairs are there in one direction only, and count in that one, because others are there in both"
    return frame, [told] if n_alone else []


def together(tables: Sequence[PairTable]) -> PairCovariates:
    """Covariates of pairs of all tables.

    Raises
    ------
    DataCheckError
        If two tables give one variable: they would have to agree on every pair.
    """
    frame = pl.DataFrame(schema={**dict.fromkeys(PAIR, pl.String), "year": pl.Int16})
    variables: dict[str, dict[str, Any]] = {}
    for table in tables:
        names = [one for one in table.frame.columns if one not in _KEYS]
        for name in names:
            if name in variables:
                raise DataCheckError(
                    f"{variables[name]['files'][0]} and {table.name} both give {name!r} of pairs",
                    "keep one of the files",
                )
            variables[name] = {"files": [table.name], "has_years": table.frame["year"].null_count() == 0}
        frame = frame.join(table.frame, on=_KEYS, how="full", coalesce=True, nulls_equal=True)
    files = [
        {
            "name": one.name,
            "format": "pairs",
            "values": len(one.frame),
            "unmatched": one.unmatched,
            "notes": list(one.notes),
        }
        for one in tables
    ]
    return PairCovariates(frame.sort(_KEYS), variables, files)
