"""Min-sum similarity of exporters within each market, from sparse flows."""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np

from minsum_kernels.inputs import Codes, Flows, checked_flows
from minsum_kernels.jit import F64Array, I64Array
from minsum_kernels.markets_numba import fill_market
from minsum_kernels.threads import in_parts

# Bytes of matrices computed at a time: enough markets to keep the threads evenly busy.
BATCH_BYTES = 32 * 2**20


def market_min_sum(
    market: Codes, product: Codes, exporter: Codes, share: F64Array, n_exporters: int
) -> Iterator[tuple[int, F64Array]]:
    """Min-sum similarity of every pair of exporters within each market.

    Parameters
    ----------
    market, product, exporter
        One entry per flow, shape (n_flows,), sorted by all three together, each combination once. Codes of
        any integer type whose values fit in 32 bits (contiguous int32 is used in place, other types are copied);
        exporters are numbered 0 to n_exporters - 1.
    share
        Share of the product in the exporter's exports to the market, shape (n_flows,), unit 1, float64,
        finite, not negative. Per exporter and market they normally sum to 1; this is not checked.
    n_exporters
        Number of exporters, including exporters without flows.

    Returns
    -------
    Iterator of (market, similarity) by increasing market, for the markets that have flows; similarity has
    shape (n_exporters, n_exporters), unit 1, and is exactly symmetric. Its diagonal holds the sums of shares:
    0 for an exporter absent from the market. Without flows it yields nothing.

    Raises
    ------
    KernelInputError
        At the call, before any step, if an argument is not as described.

    Notes
    -----
    S_ijm = sum_k min(s_ikm, s_jkm), the similarity in market m of Finger & Kreinin (1979), Economic Journal
    89, 905-912. One thread sums one market in the order of its flows: the bits depend neither on the number
    of threads nor on the processor. Matrices are computed as the iterator advances, about 32 MiB at a time. Matrices
    computed together share their memory, so copy a matrix that must outlive the others.
    """
    return _similarities(checked_flows(market, product, exporter, share, n_exporters))


def _similarities(flows: Flows) -> Iterator[tuple[int, F64Array]]:
    if not flows.market.size:
        return
    changes = np.flatnonzero(flows.market[1:] != flows.market[:-1]) + 1
    bounds: I64Array = np.concatenate(([0], changes, [flows.market.size]))
    n = flows.n_exporters
    batch = max(numba.get_num_threads(), BATCH_BYTES // (8 * n * n))
    for first in range(0, bounds.size - 1, batch):
        edges = bounds[first : first + batch + 1]
        matrices = np.zeros((edges.size - 1, n, n))
        _fill(flows, edges, matrices)
        yield from zip(flows.market[edges[:-1]].tolist(), matrices, strict=True)


def _fill(flows: Flows, edges: I64Array, matrices: F64Array) -> None:
    """Fill matrices[m] from flows edges[m] to edges[m + 1], the largest markets first."""
    largest_first = np.argsort(-np.diff(edges), kind="stable").tolist()

    def fill(first: int, last: int) -> None:
        for m in largest_first[first:last]:
            of_market = slice(edges[m], edges[m + 1])
            fill_market(
                flows.product[of_market], flows.exporter[of_market], flows.share[of_market], matrices[m]
            )

    in_parts(fill, len(largest_first), parts=len(largest_first))
