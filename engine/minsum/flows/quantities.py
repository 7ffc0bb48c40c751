"""Net weight and quantity, on request: what of them is taken, and what becomes of them in repeats and sums."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import polars as pl

from minsum.schema import FIGURES

_AMOUNTS: Final = ("net_weight", "quantity")
_NO_QUANTITY: Final = (-1, 1)
"""Units under which Comtrade writes that there is no quantity: today's N/A, and the No Quantity of old files."""

_UNIT: Final = "^-?[0-9]{1,4}$"

_LARGEST: Final = 1e21
"""As of values: keeps every sum finite."""

_DTYPES: Final[dict[str, pl.DataType]] = {"double": pl.Float64(), "int16": pl.Int16()}


def names_of(columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of the flows table that a setting asks for, in their order."""
    return tuple(one.name for name, made in FIGURES.items() if name in columns for one in made)


def dtypes_of(columns: Sequence[str]) -> dict[str, pl.DataType]:
    """The same columns with their types."""
    return {
        column.name: _DTYPES[column.dtype]
        for name, made in FIGURES.items()
        if name in columns
        for column in made
    }


def bad_figures(frame: pl.DataFrame, columns: Sequence[str]) -> dict[str, int]:
    """How many figures of each kind that is asked for are no number, negative or not finite."""
    return {
        f"bad_{name}": int(frame.select(_is_bad(name).sum()).item() or 0) if name in frame.columns else 0
        for name in sorted(set(columns))
    }


def with_good_figures(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The columns that are asked for, in their types: null where there is nothing, or a bad figure."""
    made = dtypes_of(columns)
    frame = frame.with_columns(
        pl.lit(None, pl.String).alias(name) for name in made if name not in frame.columns
    )
    frame = frame.with_columns(
        # of the two zeros one
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


def figures_of_largest(columns: Collection[str]) -> list[pl.Expr]:
    """Of groups of rows in ascending order of value and quantity: the figures of those with the largest value.

    Of equal values the largest weight counts, and the largest quantity with its unit.
    """
    is_largest = pl.col("value_usd") == pl.col("value_usd").last()
    found = {
        "net_weight": pl.col("net_weight").filter(is_largest).max(),
        "quantity": pl.col("quantity").last(),
        "quantity_unit": pl.col("quantity_unit").last(),
    }
    return [one for name, one in found.items() if name in columns]


def figures_of_sum(columns: Collection[str]) -> list[pl.Expr]:
    """Of groups of rows: a sum where every row has one, quantities of one unit only; added in ascending order."""
    unit, quantity = pl.col("quantity_unit"), pl.col("quantity")
    has_all = quantity.is_not_null().all() & unit.is_not_null().all() & (unit.n_unique() == 1)
    weight = pl.col("net_weight")
    found = {
        "net_weight": pl.when(weight.is_not_null().all()).then(weight.sort().sum()),
        "quantity": pl.when(has_all).then(quantity.sort().sum()),
        "quantity_unit": pl.when(has_all).then(unit.first()),
    }
    return [one.alias(name) for name, one in found.items() if name in columns]
