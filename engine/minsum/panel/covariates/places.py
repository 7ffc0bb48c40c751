"""Matches the country codes and names of a table to Comtrade's labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import polars as pl

from minsum.countries.names import is_m49_group, match_code, match_country, match_name
from minsum.errors import DataCheckError
from minsum.panel.covariates.grid import Grid

_UNSURE = re.compile(r"\d+|[A-Za-z]{2}")
"""Ambiguous codes: only the column's name can identify their publisher."""


def matched(numbers: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    """Values with their countries.

    Parameters
    ----------
    numbers
        Columns line, country, also, code (text), is_sure (whether codes are of a known kind) and others.
    grid
        The table, for messages.

    Returns
    -------
    The values with Comtrade's label `iso3` (null when unknown) and `place`, the name for the report.

    Raises
    ------
    DataCheckError
        If no country is known, codes are ambiguous, or a code and a name mean different countries.
    """
    keys = ["code", "country", "also"]
    places = numbers.group_by(*keys, maintain_order=True).agg(pl.col("line", "is_sure").first())
    _refuse_unsure(places, grid)
    labels = [_label(row, grid) for row in places.iter_rows(named=True)]
    table = places.select(*keys, iso3=pl.Series(labels, dtype=pl.String))
    placed = numbers.join(table, on=keys, how="left", nulls_equal=True, maintain_order="left")
    placed = placed.with_columns(place=pl.coalesce("country", "also", "code"))
    if len(placed) and placed["iso3"].null_count() == len(placed):
        some = ", ".join(
            repr(name) for name in placed["place"].drop_nulls().unique(maintain_order=True).head(5)
        )
        raise DataCheckError(
            f"{grid.name}: no known country ({some})",
            "use ISO3 codes, such as CHN, or the World Bank's names",
        )
    return placed


def _refuse_unsure(places: pl.DataFrame, grid: Grid) -> None:
    """Refuse numbers and two-letter codes where neither the column's name nor a country name identifies them."""
    code = pl.col("code")
    unsure = places.filter(
        ~pl.col("is_sure")
        & pl.all_horizontal(pl.col("country", "also").is_null())
        & code.str.contains(f"^(?:{_UNSURE.pattern})$")
    )
    if len(unsure) * 2 > len(places):
        row = unsure.row(0, named=True)
        raise DataCheckError(
            f"{grid.name}, line {row['line']}: {row['code']!r} could be a code of several publishers (CH is Switzerland "
            "in ISO and China in FIPS; 710 is South Africa at the UN and China in the Correlates of War)",
            "rename the column to iso2 or m49 if it holds such codes, or add a column of ISO3 codes or names",
        )


def _label(row: Mapping[str, Any], grid: Grid) -> str | None:
    """Label of the country that a row's code and names mean; all must agree.

    A number or a two-letter code of unknown origin counts only together with a known name.
    """
    code, names = row["code"], [name for name in (row["country"], row["also"]) if name]
    if code is None and len(names) == 1:
        return match_country(None, names[0]) or _iso3(names[0])
    if code and is_m49_group(code.strip()):
        return None
    is_sure = row["is_sure"] or not (code and names and _UNSURE.fullmatch(code.strip()))
    said = {code: match_code(code)} if code and is_sure else {}
    said |= {name: match_name(name) or _iso3(name) for name in names}
    found = {text: label for text, label in said.items() if label}
    if code and found and not is_sure and match_code(code) is not None:
        found = {code: str(match_code(code)), **found}
    if len(set(found.values())) > 1:
        (first, one), (second, other) = (
            next(iter(found.items())),
            next(item for item in found.items() if item[1] != next(iter(found.values()))),
        )
        raise DataCheckError(
            f"{grid.name}, line {row['line']}: {first!r} is {one}, but {second!r} in the same line is {other}",
            "correct one of the two, or remove the column that is not ISO3",
        )
    return next(iter(found.values()), None)


def _iso3(text: str) -> str | None:
    """Label of an ISO3 code in a column of names."""
    return match_code(text) if re.fullmatch(r"[A-Z]{3}", text.strip()) else None
