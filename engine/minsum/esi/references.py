"""Composite references: several leaders put together by a rule (methods.md, section 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from minsum.esi.baskets import Baskets, F64Matrix, shares_of
from minsum_kernels import common_counts, cross_min_sum

Rule = Literal["pooled", "mean_share", "mean_esi", "common"]


@dataclass(frozen=True, slots=True)
class Similarity:
    """Every country against a list of references.

    Attributes
    ----------
    esi
        Shape (n_countries, n_references), unit 1.
    n_reference
        Products of each reference, shape (n_references,).
    n_common
        Products of both, shape (n_countries, n_references).
    residual_reference
        Share of residual codes in each reference's exports, shape (n_references,).
    is_rebuilt
        Whether a reference holds rebuilt values, shape (n_references,).
    """

    esi: F64Matrix
    n_reference: NDArray[np.int32]
    n_common: NDArray[np.int32]
    residual_reference: NDArray[np.float64]
    is_rebuilt: NDArray[np.bool_]


def composite(baskets: Baskets, shares: F64Matrix, rows: list[int], rule: Rule) -> Similarity:
    """Similarity of every country with one composite reference.

    Parameters
    ----------
    baskets
        Exports.
    shares
        Their shares, shape (n_countries, n_products).
    rows
        Rows of the members.
    rule
        `pooled`: add the members' values, then take shares. `mean_share`: mean of their shares.
        `mean_esi`: mean of the similarities with each. `common`: sum over products of the smallest share
        among the country and all members.
    """
    basket = _basket(baskets, shares, rows, rule)
    esi = (
        cross_min_sum(shares, shares[rows]).mean(axis=1)
        if rule == "mean_esi"
        else cross_min_sum(shares, basket)[:, 0]
    )
    total = baskets.values[rows].sum() + baskets.residual[rows].sum()
    outside = baskets.residual_share[rows] @ (baskets.values[rows].sum(axis=1) + baskets.residual[rows])
    return Similarity(
        esi=esi[:, None],
        n_reference=(basket > 0).sum(axis=1, dtype=np.int32),
        n_common=common_counts(shares, basket),
        residual_reference=np.array([outside / total if total > 0 else 0.0]),
        is_rebuilt=np.array([baskets.is_rebuilt[rows].any()]),
    )


def _basket(baskets: Baskets, shares: F64Matrix, rows: list[int], rule: Rule) -> F64Matrix:
    """Shares of the reference, shape (1, n_products); for `mean_esi` only its products matter."""
    if rule == "pooled":
        outside = baskets.residual[rows].sum(keepdims=True) if baskets.in_total else None
        return shares_of(baskets.values[rows].sum(axis=0, keepdims=True), outside)
    if rule == "common":
        return np.ascontiguousarray(shares[rows].min(axis=0, keepdims=True))
    return np.ascontiguousarray(shares[rows].mean(axis=0, keepdims=True))
