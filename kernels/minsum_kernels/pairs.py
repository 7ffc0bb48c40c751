"""Min-sum similarity of whole baskets: every pair of countries, or countries against references."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from minsum_kernels.errors import KernelInputError
from minsum_kernels.inputs import Codes, checked_bounds, checked_shares
from minsum_kernels.jit import F64Array, I32Array, I64Array
from minsum_kernels.pairs_numba import COLUMNS, ROWS, fill_tiles
from minsum_kernels.threads import in_parts


def pairwise_min_sum(shares: F64Array) -> F64Array:
    """Min-sum similarity of every pair of countries.

    Parameters
    ----------
    shares
        Export shares, shape (n_countries, n_products), unit 1, float64, finite, not negative. Rows normally
        sum to 1, or to 0 for a country without exports; this is not checked. A C-order array is used in
        place, any other layout is copied once.

    Returns
    -------
    Similarity, shape (n_countries, n_countries), unit 1, exactly symmetric. The diagonal holds the row sums,
    and no value exceeds the row sum of either country: if those are 1 or 0, all are in [0, 1] within
    rounding. A country without exports gets 0, and so does every pair where there are no products.

    Raises
    ------
    KernelInputError
        If `shares` is not a two-dimensional float64 array or holds a negative, infinite or NaN value.

    Notes
    -----
    S_ij = sum_k min(s_ik, s_jk): Finger & Kreinin (1979), Economic Journal 89, 905-912.
    Each pair is summed in a fixed order: the bits depend neither on the number of threads nor on the processor.

    Examples
    --------
    >>> pairwise_min_sum(np.array([[0.75, 0.25, 0.0], [0.25, 0.25, 0.5]]))
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    checked = checked_shares(shares, "shares")
    similarity: F64Array = _min_sums(checked, checked, np.array([0, checked.shape[1]]))[0]
    return similarity


def cross_min_sum(shares: F64Array, references: F64Array) -> F64Array:
    """Min-sum similarity of every country with every reference.

    Parameters
    ----------
    shares
        Shape (n_countries, n_products), otherwise as in `pairwise_min_sum`.
    references
        Shares of the references over the same products, shape (n_references, n_products): composites for
        the similarity index, import shares for trade complementarity.

    Returns
    -------
    Similarity, shape (n_countries, n_references), unit 1, at most the row sums of both sides.

    Raises
    ------
    KernelInputError
        As `pairwise_min_sum`, for either argument, or if the numbers of products differ.

    Notes
    -----
    S_ir = sum_k min(s_ik, s_rk). The bits depend neither on the number of threads nor on the processor.
    """
    left, right = _checked_sides(shares, references)
    similarity: F64Array = _min_sums(left, right, np.array([0, left.shape[1]]))[0]
    return similarity


def segment_min_sum(shares: F64Array, references: F64Array, bounds: Codes) -> F64Array:
    """Split the min-sum similarity by consecutive segments of the products, such as HS chapters.

    Parameters
    ----------
    shares, references
        As in `cross_min_sum`. The same object twice means the pairs of one set, at half the cost.
    bounds
        Segment s covers the products bounds[s] to bounds[s + 1], the latter excluded; shape
        (n_segments + 1,), integer, not decreasing, from 0 to n_products. Equal neighbours make an empty
        segment, of zeros.

    Returns
    -------
    Contributions, shape (n_segments, n_countries, n_references), unit 1. If the segments cover all products,
    their sum over the first axis is the similarity.

    Raises
    ------
    KernelInputError
        As `cross_min_sum`, or if `bounds` is not as described.
    """
    left, right = _checked_sides(shares, references)
    return _min_sums(left, right, checked_bounds(bounds, left.shape[1]))


def common_counts(shares: F64Array, references: F64Array | None = None) -> I32Array:
    """Count the products that both sides of every pair export.

    Parameters
    ----------
    shares
        As in `pairwise_min_sum`.
    references
        As in `cross_min_sum`; None for the pairs within `shares`.

    Returns
    -------
    Number of products with both shares above 0, shape (n_countries, n_references). Within `shares` the
    diagonal holds each country's number of products.

    Raises
    ------
    KernelInputError
        As `cross_min_sum`.

    Notes
    -----
    Products are bits, 64 to a word. A matrix product of zeros and ones is as fast alone, but its library's threads keep
    spinning afterwards: beside a reader, 22 years of 200 countries took 3 s more CPU and 1.5 s longer.
    """
    left, right = _checked_sides(shares, shares if references is None else references)
    exported = _words(left > 0)
    also_exported = exported if right is left else _words(right > 0)
    counts = np.empty((left.shape[0], right.shape[0]), dtype=np.int32)
    for i, words in enumerate(exported):
        counts[i] = np.bitwise_count(also_exported & words).sum(axis=1)
    return counts


def _words(flags: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Rows of flags as rows of 64-bit words."""
    packed = np.packbits(flags, axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8))).view(np.uint64)


def _checked_sides(shares: F64Array, references: F64Array) -> tuple[F64Array, F64Array]:
    """Check both sides; if both are one object, so are the results."""
    left = checked_shares(shares, "shares")
    if references is shares:
        return left, left
    right = checked_shares(references, "references")
    if left.shape[1] != right.shape[1]:
        raise KernelInputError(
            f"shares has {left.shape[1]} products, references has {right.shape[1]}; expected the same "
            "products in the same order: give both the union of their codes"
        )
    return left, right


def _min_sums(shares: F64Array, references: F64Array, bounds: I64Array) -> F64Array:
    """Sum the minima by segment. If both sides are one object, only tiles with a pair i <= j are computed."""
    size = np.array([ROWS, COLUMNS])
    tiles = size * np.argwhere(np.ones(-(-np.array([len(shares), len(references)]) // size)))
    symmetric = references is shares
    if symmetric:
        tiles = tiles[tiles[:, 1] + COLUMNS > tiles[:, 0]]
    tiles = np.ascontiguousarray(tiles)
    similarity = np.empty((bounds.size - 1, shares.shape[0], references.shape[0]))
    in_parts(
        lambda first, last: fill_tiles(
            shares, references, tiles[first:last], bounds, 1.0, symmetric, similarity
        ),
        len(tiles),
    )
    return similarity
