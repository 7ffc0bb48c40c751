"""Groups of countries as columns of the data: for interactions with regressors, and for effects by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from minsum.countries.groups import expand_groups
from minsum.errors import EstimationError
from minsum.settings.terms import PRODUCT, Term

SEVERAL: Final = "effects "
"""Beginning of the columns that hold the label of a row's effect where several columns make it: `effects region:year`."""
OTHER: Final = "other"
"""Part of a division for countries that no part names."""

Groups = Mapping[str, Sequence[str] | Mapping[str, Sequence[str]]]
"""Name of a group to its members, or name of a division to its parts and their members (`settings.specs.Model.groups`)."""


def with_groups(data: pl.DataFrame, groups: Groups, *, keys: Sequence[str]) -> pl.DataFrame:
    """The data with columns for the groups of each country.

    Parameters
    ----------
    data
        The panel, or the pairs.
    groups
        Groups and divisions.
    keys
        Columns that name a row, `year` last. For pairs the columns begin with `reporter.` and `reference.`.

    Returns
    -------
    A group is 1 for its members in that year and 0 for others. A division is the name of a country's part, and has a
    column `division[part]`, 1 or 0, for each part that occurs.

    Raises
    ------
    EstimationError
        If the data have a column of that name, or a country is in two parts of a division in one year.
    """
    for side in keys[:-1]:
        prefix = f"{side}." if len(keys) > 2 else ""
        for name, members in groups.items():
            column = f"{prefix}{name}"
            if column in data.columns:
                raise EstimationError(f"groups.{name}: the data have a column {column!r}", "rename the group")
            there = data.select(pl.col(side).cast(pl.String), "year").unique()
            if isinstance(members, Mapping):
                part = _joined(data, _parts(there, name, members, side=side), side=side)
                found = [part.alias(column)]
                found += [
                    (part == one).cast(pl.Float64).alias(f"{column}[{one}]")
                    for one in part.unique().sort().to_list()
                ]
            else:
                inside = _members(there, members, side=side)
                found = [_joined(data, inside, side=side).fill_null(0.0).alias(column)]
            data = data.with_columns(found)
    return data


def _members(there: pl.DataFrame, members: Sequence[str], *, side: str) -> pl.DataFrame:
    """Countries and years of the data that are in a group, with value 1."""
    rows = [(label, year) for year in there["year"].unique() for label in expand_groups(members, year)]
    frame = pl.DataFrame(rows, schema={side: pl.String, "year": there.schema["year"]}, orient="row")
    return there.join(frame, on=[side, "year"], how="semi").with_columns(value=pl.lit(1.0))


def _parts(there: pl.DataFrame, name: str, parts: Mapping[str, Sequence[str]], *, side: str) -> pl.DataFrame:
    """The part of every country and year of the data."""
    inside = [
        _members(there, members, side=side).with_columns(value=pl.lit(part))
        for part, members in parts.items()
    ]
    found = pl.concat(inside)
    twice = found.filter(pl.struct(side, "year").is_duplicated()).sort(side, "year")
    if len(twice):
        (label, year, first), (_, _, second) = twice.row(0), twice.row(1)
        raise EstimationError(
            f"groups.{name}: {label} is in {first} and in {second} in {year}", "name each country in one part"
        )
    return there.join(found, on=[side, "year"], how="left").with_columns(pl.col("value").fill_null(OTHER))


def _joined(data: pl.DataFrame, found: pl.DataFrame, *, side: str) -> pl.Series:
    """The value of each row's country and year."""
    keys = data.select(pl.col(side).cast(pl.String), "year")
    return keys.join(found, on=[side, "year"], how="left", maintain_order="left")["value"]


def spelt_out(text: str, term: Term, data: pl.DataFrame) -> dict[str, Term]:
    """Name of a regressor to its term; a product with a division into groups gives a regressor for each part.

    Raises
    ------
    EstimationError
        If a division is a regressor by itself.
    """
    divisions = [name for name in term.columns if data.schema.get(name) == pl.String]
    if not divisions:
        return {text: term}
    if term.name != PRODUCT or any(
        one in factor.columns for one in divisions for factor in term.inner if factor.inner
    ):
        raise EstimationError(
            f"{text}: {divisions[0]} is a division into groups, not a number",
            f'write x:{divisions[0]} for a slope of x in each group, or effects = ["{divisions[0]}"]',
        )
    found = [term]
    for name in divisions:
        parts = [one for one in data.columns if one.startswith(f"{name}[")]
        found = [one.renamed({name: part}) for one in found for part in parts]
    return {str(one): one for one in found}


def labels_of_effects(effects: Sequence[str], data: pl.DataFrame, *, keys: Sequence[str]) -> list[pl.Series]:
    """Label of each row's effect: a column `SEVERAL` + effect for each effect that is a group or joins several columns."""
    found = []
    for effect in effects:
        columns = ["reporter" if one == "country" else one for one in effect.split(PRODUCT)]
        if len(columns) > 1 or (columns[0] in data.columns and columns[0] not in keys):
            texts = [_text(one, data.schema[one]) for one in columns]
            label = pl.concat_str(texts, separator=" ").cast(pl.Categorical)
            found.append(data.select(label.alias(f"{SEVERAL}{effect}")).to_series())
    return found


def _text(column: str, dtype: pl.DataType) -> pl.Expr:
    number = pl.col(column).cast(pl.Int8) if dtype.is_float() else pl.col(column)
    return number.cast(pl.String)
