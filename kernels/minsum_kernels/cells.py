"""Rows of a reporter-year in the order of their cells, and their product codes as positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minsum_kernels import cells_numba as loops
from minsum_kernels.jit import F64Array, I64Array, U32Array


def rank_codes(codes: U32Array, *, always: int) -> U32Array:
    """Different codes, ascending; in place of each code its position among them is put.

    Parameters
    ----------
    codes
        Shape (n,), below 2**32 - 1; changed.
    always
        A code that is among them in any case.

    Returns
    -------
    Shape (m,).
    """
    found = loops.number_codes(codes)
    ranked = np.sort(found if always in found else np.append(found, np.uint32(always)))
    loops.renumber(codes, np.searchsorted(ranked, found).astype(np.uint32))
    return ranked


def order_cells(
    flow: NDArray[Any],
    partner: NDArray[Any],
    product: NDArray[Any],
    *,
    breakdown: NDArray[np.uint8],
    n_products: int,
) -> tuple[U32Array, U32Array, int]:
    """Order rows by flow, partner and product.

    Parameters
    ----------
    flow, partner
        Shape (n,), integers from 0 up to a few and to 2**20.
    product
        Shape (n,), from 0 to n_products - 1.
    breakdown
        Not 0 where a row is a part of a total, shape (n,).
    n_products
        How many products there are.

    Returns
    -------
    Positions of the rows that are no parts, in order; and of the parts of cells (flow, partner, product) that have
    parts only, in order; rows of one cell keep their order. And how many of the first repeat the cell of the one before.
    """
    return loops.order_cells(flow, partner, product, breakdown, n_products)


@dataclass(frozen=True, slots=True)
class CellGrid:
    """World value and sum of partners of every cell (flow, product).

    Attributes
    ----------
    cell_of
        Cell of each row, shape (n,): positions in the others, flattened.
    world
        NaN where there is none, shape (n_flows, n_products).
    partners, has_partners
        Of the same shape.
    """

    cell_of: I64Array
    world: F64Array
    partners: F64Array
    has_partners: NDArray[np.bool_]


def cell_grid(
    flow: NDArray[Any],
    partner: NDArray[Any],
    product: NDArray[Any],
    value: F64Array,
    *,
    shape: tuple[int, int],
) -> CellGrid:
    """Values of the cells of rows; partners (not 0) are added in order of the rows.

    Parameters
    ----------
    flow, partner, product
        Shape (n,), as in `order_cells`.
    value
        Shape (n,).
    shape
        Flows and products.
    """
    size = shape[0] * shape[1]
    cell_of, world = np.empty(len(flow), dtype=np.int64), np.full(size, np.nan)
    partners, has_partners = np.zeros(size), np.zeros(size, dtype=np.bool_)
    loops.fill_grid(flow, partner, product, value, shape[1], cell_of, world, partners, has_partners)
    return CellGrid(cell_of, world.reshape(shape), partners.reshape(shape), has_partners.reshape(shape))
