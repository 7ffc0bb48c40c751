"""Net weight and quantity, on request: what of them is taken, and what becomes of them in repeats and sums.

Rows then have dtype `codes.FIGURED_ROW`; without them nothing here is called for more than a look at the dtype.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from minsum.flows.codes import FIGURED_ROW, ROW
from minsum.schema import FIGURES
from minsum_kernels.fields import unpack

NO_UNIT: Final = np.iinfo(np.int16).min
"""Unit of a quantity that has none; no code of Comtrade's."""

_NAMES: Final = ("net_weight", "quantity", "quantity_unit")
_NO_QUANTITY: Final = (-1, 1)
"""Units under which Comtrade writes that there is no quantity: today's N/A, and the No Quantity of old files."""

_UNIT: Final = re.compile("-?[0-9]{1,4}")

_LARGEST: Final = 1e21
"""As of values: keeps every sum finite."""

Rows = NDArray[np.void]
F64Array = NDArray[np.float64]


def names_of(columns: Sequence[str]) -> tuple[str, ...]:
    """Columns of the flows table that a setting asks for, in their order."""
    return tuple(one.name for name, made in FIGURES.items() if name in columns for one in made)


def row_dtype(columns: Sequence[str]) -> np.dtype[Any]:
    """Of rows that hold these columns besides their values."""
    return FIGURED_ROW if columns else ROW


def has_figures(rows: Rows) -> bool:
    """Whether rows hold net weight and quantity."""
    return rows.dtype == FIGURED_ROW


def take_figures(
    values: F64Array, names: Sequence[str], *, units: NDArray[np.int64] | None, weight_scale: float
) -> tuple[F64Array, dict[str, int]]:
    """Net weight (kg), quantity and unit of a batch of n rows, and how many of the first two were bad.

    Parameters
    ----------
    values
        Numbers of the batch, shape (n_numbers, n): NaN where there is nothing, infinite for what is no number.
    names
        What each of them is.
    units
        Packed codes of the units of quantity (`minsum_kernels.fields.pack`), shape (n,), or None.
    weight_scale
        Factor of net weights to kg.

    Returns
    -------
    Shape (3, n): NaN for no or a bad weight or quantity, `NO_UNIT` for no unit; and the counts by name.
    """
    figures = np.full((3, values.shape[1]), np.nan)
    for place, name in enumerate(FIGURES):
        if name in names:
            figures[place] = values[names.index(name)]
    with np.errstate(over="ignore"):  # too large a weight is a bad one
        figures[0] *= weight_scale
    bad: dict[str, int] = {}
    for name, figure in zip(FIGURES, figures, strict=False):
        is_bad = (figure < 0) | (figure > _LARGEST)
        bad[name] = int(is_bad.sum())
        figure[is_bad] = np.nan
    figures[:2] += 0.0  # of the two zeros one
    figures[2] = NO_UNIT if units is None else _units(units)
    figures[1][np.isin(figures[2], _NO_QUANTITY)] = np.nan
    return figures, bad


def _units(packed: NDArray[np.int64]) -> NDArray[np.int16]:
    """Codes of units as numbers, `NO_UNIT` for what is none."""
    distinct, place = np.unique(packed, return_inverse=True)
    texts = [unpack(code) for code in distinct.tolist()]
    numbers = [int(text) if _UNIT.fullmatch(text) else NO_UNIT for text in texts]
    return np.array(numbers, dtype=np.int16)[place]


def settle_repeats(kept: Rows, rows: Rows, first: NDArray[np.intp]) -> None:
    """Give rows that stand for several the figures of those with the largest value.

    Of equal values the largest weight counts, and the largest quantity with its unit.

    Parameters
    ----------
    kept
        Changed in place, shape (m,); `value` is the largest of each run.
    rows
        Shape (n,), runs of repeats.
    first
        Where each run begins, shape (m,).
    """
    if not has_figures(rows):
        return
    run = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(rows))))
    is_largest = rows["value"] == kept["value"][run]
    kept["net_weight"] = np.fmax.reduceat(np.where(is_largest, rows["net_weight"], np.nan), first)
    rank = np.where(is_largest, np.nan_to_num(rows["quantity"], nan=-1.0), -2.0)
    order = np.lexsort((rows["quantity_unit"], rank, run))
    chosen = order[np.append(first[1:], len(rows)) - 1]
    for name in ("quantity", "quantity_unit"):
        kept[name] = rows[name][chosen]


def sum_figures(rows: Rows, group: NDArray[np.int64], n_groups: int) -> Rows:
    """Figures of groups of rows: a sum where every row has one, quantities of one unit only.

    Returns
    -------
    Fields net_weight, quantity and quantity_unit, shape (n_groups,); of groups without rows nothing of use.
    """
    sums: Rows = np.empty(n_groups, dtype=[(name, FIGURED_ROW[name]) for name in _NAMES])
    sums["net_weight"] = _ordered_sums(rows["net_weight"], group, n_groups)
    least, most = np.full(n_groups, -NO_UNIT - 1, np.int16), np.full(n_groups, NO_UNIT, np.int16)
    np.minimum.at(least, group, rows["quantity_unit"])
    np.maximum.at(most, group, rows["quantity_unit"])
    is_one_unit = (least == most) & (least != NO_UNIT)
    sums["quantity"] = np.where(is_one_unit, _ordered_sums(rows["quantity"], group, n_groups), np.nan)
    sums["quantity_unit"] = np.where(np.isnan(sums["quantity"]), NO_UNIT, least)
    return sums


def _ordered_sums(figure: F64Array, group: NDArray[np.int64], n_groups: int) -> F64Array:
    """Each group added in ascending order: the order of files does not matter."""
    order = np.lexsort((figure, group))
    return np.bincount(group[order], weights=figure[order], minlength=n_groups).astype(np.float64)


def put_figures(rows: Rows, chosen: NDArray[Any] | slice, figures: Rows) -> None:
    """Set the figures of chosen rows."""
    for name in _NAMES:
        rows[name][chosen] = figures[name]


def as_columns(rows: Rows, columns: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of the flows table that were asked for, null where there is nothing."""
    return {
        name: pa.array(
            rows[name], mask=rows[name] == NO_UNIT if name == "quantity_unit" else np.isnan(rows[name])
        )
        for name in names_of(columns)
    }


def from_table(table: pa.Table) -> Rows:
    """Rows of dtype `row_dtype` for a flows table, with its figures only."""
    there = [name for name in _NAMES if name in table.schema.names]
    rows: Rows = np.zeros(table.num_rows, dtype=row_dtype(there))
    if there:
        rows["net_weight"] = rows["quantity"] = np.nan
        rows["quantity_unit"] = NO_UNIT
    for name in there:
        column = table[name]
        rows[name] = (column.fill_null(NO_UNIT) if name == "quantity_unit" else column).to_numpy()
    return rows
