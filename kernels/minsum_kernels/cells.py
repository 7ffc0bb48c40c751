"""Rows of a reporter-year in the order of their cells, and their product codes as positions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minsum_kernels import cells_numba as loops
from minsum_kernels.jit import I32Array, U32Array


def distinct_codes(codes: U32Array) -> tuple[U32Array, I32Array]:
    """Different codes and where each row's code stands among them.

    Parameters
    ----------
    codes
        Shape (n,), uint32.

    Returns
    -------
    The different codes in order of appearance, shape (m,), and positions, shape (n,).
    """
    positions = np.empty(len(codes), dtype=np.int32)
    return loops.distinct_codes(codes, positions), positions


def order_cells(
    flow: NDArray[Any],
    partner: NDArray[Any],
    product: NDArray[Any],
    *,
    is_part: NDArray[np.bool_],
    n_products: int,
) -> tuple[U32Array, U32Array]:
    """Order rows by flow, partner and product.

    Parameters
    ----------
    flow, partner
        Shape (n,), integers from 0 up to a few and to 2**20.
    product
        Shape (n,), from 0 to n_products - 1.
    is_part
        Rows that are parts of a total, shape (n,).
    n_products
        How many products there are.

    Returns
    -------
    Positions of the rows that are no parts, in order; and of the parts of cells (flow, partner, product) that have
    parts only, in order. Rows of one cell keep their order.
    """
    return loops.order_cells(flow, partner, product, is_part.view(np.uint8), n_products)
