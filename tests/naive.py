"""Slow, obvious twins of the kernels: one loop per index of the definition, exactly rounded sums."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

F64Array = NDArray[np.float64]


def min_sum(shares: Sequence[float] | F64Array, others: Sequence[float] | F64Array) -> float:
    """Sum over the products of the smaller of two shares."""
    return math.fsum(min(share, other) for share, other in zip(shares, others, strict=True))


def min_sum_in_order(shares: Sequence[float] | F64Array, others: Sequence[float] | F64Array) -> float:
    """The same sum with plain additions, in the order that the kernels promise: four partial sums, taken in turn."""
    lanes = [0.0, 0.0, 0.0, 0.0]
    for product, (share, other) in enumerate(zip(shares, others, strict=True)):
        lanes[product % 4] += min(share, other)
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3])


def cross_min_sum(shares: F64Array, references: F64Array) -> F64Array:
    """Every country with every reference."""
    similarity = np.empty((len(shares), len(references)))
    for i, basket in enumerate(shares):
        for j, reference in enumerate(references):
            similarity[i, j] = min_sum(basket, reference)
    return similarity


def pairwise_min_sum(shares: F64Array) -> F64Array:
    """Every country with every country."""
    return cross_min_sum(shares, shares)


def segment_min_sum(shares: F64Array, references: F64Array, bounds: Sequence[int]) -> F64Array:
    """Every country with every reference, segment by segment."""
    contributions = np.empty((len(bounds) - 1, len(shares), len(references)))
    for segment in range(len(bounds) - 1):
        for i, basket in enumerate(shares):
            for j, reference in enumerate(references):
                products = range(bounds[segment], bounds[segment + 1])
                contributions[segment, i, j] = math.fsum(min(basket[k], reference[k]) for k in products)
    return contributions


def common_counts(shares: F64Array, references: F64Array) -> NDArray[np.int32]:
    """Number of products both export, of every country with every reference."""
    counts = np.empty((len(shares), len(references)), dtype=np.int32)
    for i, basket in enumerate(shares):
        for j, reference in enumerate(references):
            both = [share > 0 and other > 0 for share, other in zip(basket, reference, strict=True)]
            counts[i, j] = sum(both)
    return counts


def market_min_sum(
    flows: dict[tuple[int, int, int], float], n_exporters: int
) -> Iterator[tuple[int, F64Array]]:
    """Similarity within each market, from {(market, product, exporter): share}."""
    for market in sorted({market for market, _, _ in flows}):
        products = sorted({product for m, product, _ in flows if m == market})
        baskets = [[flows.get((market, k, i), 0.0) for k in products] for i in range(n_exporters)]
        yield market, np.array([[min_sum(left, right) for right in baskets] for left in baskets])
