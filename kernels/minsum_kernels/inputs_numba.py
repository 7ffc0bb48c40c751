"""Loops that find invalid input."""

# i exporters, k products, f flows

from __future__ import annotations

import numpy as np

from minsum_kernels.jit import F64Array, I32Array, I64Array, U32Array, kernel


@kernel()
def count_invalid(shares: F64Array, first: int, last: int, invalid: I64Array) -> None:
    """Set invalid[i] to the number of negative, infinite or NaN shares of exporter i, for first <= i < last."""
    for i in range(first, last):
        n = 0
        for k in range(shares.shape[1]):
            n += not ((shares[i, k] >= 0.0) & (shares[i, k] < np.inf))
        invalid[i] = n


@kernel()
def find_invalid(
    market: I32Array,
    product: I32Array,
    exporter: U32Array,
    share: F64Array,
    n_exporters: int,
    flows: tuple[int, int],
) -> int:
    """First of the given flows that is out of range, out of order or repeated; -1 if none."""
    for f in range(flows[0], flows[1]):
        ok = exporter[f] < n_exporters and 0.0 <= share[f] < np.inf
        if f > 0 and market[f] != market[f - 1]:
            ok = ok and market[f] > market[f - 1]
        elif f > 0 and product[f] != product[f - 1]:
            ok = ok and product[f] > product[f - 1]
        elif f > 0:
            ok = ok and exporter[f] > exporter[f - 1]
        if not ok:
            return f
    return -1
