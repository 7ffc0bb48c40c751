"""Loops that look for bad input."""

# i exporters, k products, f flows, w workers

from __future__ import annotations

import numpy as np
from numba import prange

from minsum_kernels.jit import F64Array, I32Array, I64Array, U32Array, kernel


@kernel(parallel=True)
def count_invalid(shares: F64Array, invalid: I64Array) -> None:
    """Put into invalid[i] how many shares of exporter i are negative, infinite or NaN."""
    for i in prange(shares.shape[0]):
        n = 0
        for k in range(shares.shape[1]):
            n += not ((shares[i, k] >= 0.0) & (shares[i, k] < np.inf))
        invalid[i] = n


@kernel(parallel=True)
def find_invalid(
    market: I32Array,
    product: I32Array,
    exporter: U32Array,
    share: F64Array,
    n_exporters: int,
    found: I64Array,
) -> None:
    """Put into found[w] the first flow of part w that is out of range, out of order or repeated, else -1."""
    part = -(-market.size // found.size)
    for w in prange(found.size):
        found[w] = -1
        for f in range(w * part, min((w + 1) * part, market.size)):
            ok = exporter[f] < n_exporters and 0.0 <= share[f] < np.inf
            if f > 0 and market[f] != market[f - 1]:
                ok = ok and market[f] > market[f - 1]
            elif f > 0 and product[f] != product[f - 1]:
                ok = ok and product[f] > product[f - 1]
            elif f > 0:
                ok = ok and exporter[f] > exporter[f - 1]
            if not ok:
                found[w] = f
                break
