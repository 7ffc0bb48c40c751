"""Net weight and quantity, read on request: which values are valid, and how repeats and sums treat them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import polars as pl

from minsum.schema import QUANTITIES

_AMOUNTS: Final = ("net_weight", "quantity")
_NO_QUANTITY: Final = (-1, 1)
"""Unit codes that mean no quantity: today's N/A, and No Quantity of old files."""

_UNIT: Final = "^-?[0-9]{1,4}$"

_LARGEST: Final = 1e21
"""Largest amount, as for values; keeps every sum finite."""

_DTYPES: Final[dict[str, pl.DataType]] = {"double": pl.Float64(), "int16": pl.Int16()}


def names_of(columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of the flows table for the setting `columns`, in table order."""
    return tuple(one.name for name, made in QUANTITIES.items() if name in columns for one in made)


def dtypes_of(columns: Sequence[str]) -> dict[str, pl.DataType]:
    """Columns of the flows table for the setting `columns`, with their types."""
    return {
        column.name: _DTYPES[column.dtype]
        for name, made in QUANTITIES.items()
        if name in columns
        for column in made
    }


def bad_quantities(frame: pl.DataFrame, columns: Sequence[str]) -> dict[str, int]:
    """Number of bad quantities by column: not a number, negative or not finite."""
    return {
        f"bad_{name}": int(frame.select(_is_bad(name).sum()).item() or 0) if name in frame.columns else 0
        for name in sorted(set(columns))
    }


def with_good_quantities(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Add the requested columns in their types; empty and bad quantities are null."""
    made = dtypes_of(columns)
    frame = frame.with_columns(
        pl.lit(None, pl.String).alias(name) for name in made if name not in frame.columns
    )
    frame = frame.with_columns(
        # turns -0.0 into 0.0
        pl.when(~_is_bad(name)).then(pl.col(name).cast(pl.Float64) + 0.0).alias(name)
        for name in _AMOUNTS
        if name in made
    )
    if "quantity_unit" not in made:
        return frame
    unit = pl.col("quantity_unit")
    frame = frame.with_columns(
        pl.when(unit.str.contains(_UNIT)).then(unit).cast(pl.Int16).alias("quantity_unit")
    )
    return frame.with_columns(
        quantity=pl.when(~unit.is_in(_NO_QUANTITY).fill_null(value=False)).then("quantity")
    )


def _is_bad(name: str) -> pl.Expr:
    return (pl.col(name).cast(pl.Float64) < 0) | (pl.col(name).cast(pl.Float64) > _LARGEST)


def quantities_of_largest(columns: Collection[str]) -> list[pl.Expr]:
    """Aggregations that take the quantities of the row with the largest value, from groups in ascending order of
    value and quantity.

    Among equal values, the largest weight counts, and the largest quantity with its unit.
    """
    is_largest = pl.col("value_usd") == pl.col("value_usd").last()
    found = {
        "net_weight": pl.col("net_weight").filter(is_largest).max(),
        "quantity": pl.col("quantity").last(),
        "quantity_unit": pl.col("quantity_unit").last(),
    }
    return [one for name, one in found.items() if name in columns]


def quantities_of_sum(columns: Collection[str]) -> list[pl.Expr]:
    """Aggregations that sum quantities, added in ascending order: null unless every row has one, and all in the same
    unit."""
    unit, quantity = pl.col("quantity_unit"), pl.col("quantity")
    has_all = quantity.is_not_null().all() & unit.is_not_null().all() & (unit.n_unique() == 1)
    weight = pl.col("net_weight")
    found = {
        "net_weight": pl.when(weight.is_not_null().all()).then(weight.sort().sum()),
        "quantity": pl.when(has_all).then(quantity.sort().sum()),
        "quantity_unit": pl.when(has_all).then(unit.first()),
    }
    return [one.alias(name) for name, one in found.items() if name in columns]
