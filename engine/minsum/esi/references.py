"""Composite references: several countries combined by a rule (docs/definitions.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from minsum.esi.baskets import Baskets, F64Matrix, shares_of
from minsum.settings.esi import WITHOUT_SELF, WORLD_RULES, Composite, Rule
from minsum_kernels import common_counts, cross_min_sum

References = Mapping[str, Composite]
"""By their names."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """Every country against a list of references. Properties of a reference may differ by country.

    Attributes
    ----------
    esi
        Shape (n_countries, n_references), unit 1.
    n_reference
        Products of each reference, shape (n_countries or 1, n_references).
    n_common
        Products of both, shape (n_countries, n_references).
    residual_reference
        Share of residual codes in each reference's exports, shape (n_countries or 1, n_references).
    is_rebuilt
        Whether a reference holds rebuilt values, shape (n_countries or 1, n_references).
    """

    esi: F64Matrix
    n_reference: NDArray[np.int32]
    n_common: NDArray[np.int32]
    residual_reference: NDArray[np.float64]
    is_rebuilt: NDArray[np.bool_]


def member_rows(baskets: Baskets, members: tuple[str, ...], rule: Rule) -> tuple[list[int], list[str]]:
    """Rows of a composite's members (all rows for the world, but mirrors), and the members without data."""
    if rule in WORLD_RULES:
        is_member = (
            np.ones(len(baskets.labels), dtype=np.bool_) if baskets.in_world is None else baskets.in_world
        )
        return np.flatnonzero(is_member).tolist(), []
    rows = [row for row, label in enumerate(baskets.labels) if label in members]
    return rows, [member for member in members if member not in baskets.labels]


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
        `pooled`, `world`: add the members' values, then take shares. `world_minus_self`,
        `pooled_minus_self`: the same without the country itself. `mean_share`: mean of their shares. `mean_esi`: mean of the similarities with
        each. `common`: sum over products of the smallest share among the country and all members.
    """
    if rule in WITHOUT_SELF:
        return _leave_one_out(baskets, shares, rows)
    members = merged(shares_of(*member_values(baskets, rows, rule)), rule)
    products = members.max(axis=0, keepdims=True)
    total = baskets.values[rows].sum(axis=1) + baskets.residual[rows]
    return Similarity(
        esi=cross_min_sum(shares, members).mean(axis=1, keepdims=True),
        n_reference=(products > 0).sum(axis=1, keepdims=True, dtype=np.int32),
        n_common=common_counts(shares, products),
        residual_reference=_part(baskets.residual_share[rows] @ total, total.sum(keepdims=True)[:, None]),
        is_rebuilt=np.array([[baskets.is_rebuilt[rows].any()]]),
    )


def member_values(baskets: Baskets, rows: list[int], rule: Rule) -> tuple[F64Matrix, NDArray[np.float64]]:
    """Exports of a composite: of its pooled members as one basket, or of each member.

    Returns
    -------
    Exports, shape (n_members, n_products), and exports in their totals that are not among the products, shape (n_members,), USD.
    """
    values, outside = baskets.values[rows], baskets.outside[rows]
    if rule in ("pooled", "pooled_minus_self", *WORLD_RULES):
        return values.sum(axis=0, keepdims=True), outside.sum(keepdims=True)
    return values, outside


def merged(members: NDArray[np.float64], rule: Rule) -> NDArray[np.float64]:
    """Combine members, shape (..., n_members, n_products), by the rule: one basket, or one per member."""
    baskets: NDArray[np.float64] = members
    if rule == "common":
        baskets = members.min(axis=-2, keepdims=True)
    elif rule == "mean_share":
        baskets = members.mean(axis=-2, keepdims=True)
    return baskets


def _leave_one_out(baskets: Baskets, shares: F64Matrix, rows: list[int]) -> Similarity:
    """Similarity of every country with the pool of all other members."""
    member = np.zeros((len(shares), 1))
    member[rows] = 1.0
    total = (baskets.values.sum(axis=1) + baskets.residual) * member[:, 0]
    outside = _sums_of_others(baskets.outside[:, None] * member)[:, 0]
    others = shares_of(_sums_of_others(baskets.values * member), outside)
    both = (shares > 0) & (others > 0)
    rebuilt = baskets.is_rebuilt.astype(np.float64)[:, None] * member
    return Similarity(
        esi=np.minimum(shares, others).sum(axis=1, keepdims=True),
        n_reference=(others > 0).sum(axis=1, keepdims=True, dtype=np.int32),
        n_common=both.sum(axis=1, keepdims=True, dtype=np.int32),
        residual_reference=_part(
            _sums_of_others((baskets.residual_share * total)[:, None]), _sums_of_others(total[:, None])
        ),
        is_rebuilt=_sums_of_others(rebuilt) > 0,
    )


def _sums_of_others(values: F64Matrix) -> F64Matrix:
    """For every row the sum of the other rows. Sums before and after the row are added: subtraction would lose digits."""
    before, after = np.zeros_like(values), np.zeros_like(values)
    np.cumsum(values[:-1], axis=0, out=before[1:])
    after[:-1] = np.cumsum(values[:0:-1], axis=0)[::-1]
    return before + after


def _part(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
