"""Lowest and highest similarity of each pair under any allocation that is compatible with the UN's links.

With groups of linked products g and shares a, b: high = sum_g min(a_g, b_g), and low is the same sum over the groups
that hold exactly one product of the target (docs/vintages.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from minsum.esi.baskets import Baskets, F64Matrix
from minsum.esi.harmonised import Provenance
from minsum.esi.references import composite
from minsum.harmonise.vintages import VINTAGES, rank
from minsum.settings.esi import WITHOUT_SELF, Rule
from minsum_kernels import pairwise_min_sum

MIXED = "mixed"
LABELS = (*VINTAGES, MIXED)
Ranks = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Formed:
    """A composite that was formed: rows of its members, and its rule."""

    rows: list[int]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Sides:
    """Provenance and interval of each pair; shape (n_countries, n_references) each.

    Attributes
    ----------
    own, converted_own
        `vintage` and `converted` of the countries themselves, shape (n_countries,).
    vintage
        Position in `LABELS`.
    converted
        Share of the basket in products that are not one-to-one with the target.
    is_merged
        Whether a unit of several states is on either side.
    low, high
        Ends of the interval.
    """

    own: NDArray[np.intp]
    converted_own: NDArray[np.float64]
    vintage: NDArray[np.intp]
    converted: F64Matrix
    is_merged: NDArray[np.bool_]
    low: F64Matrix
    high: F64Matrix


def sides(baskets: Baskets, provenance: Provenance, esi: F64Matrix, composites: Sequence[Formed]) -> Sides:
    """Provenance and interval of every country with every country and composite.

    Parameters
    ----------
    baskets
        Of the target, at any level.
    provenance
        Vintage and conversion of the filings.
    esi
        Similarities, shape (n_countries, n_countries + n_composites).
    composites
        Those that were formed, in order of their columns.
    """
    n = len(baskets.labels)
    ends = np.array([[rank(vintage) for vintage in span] for span in provenance.spans], dtype=np.intp)
    ranks = np.where(ends[:, 0] == ends[:, 1], ends[:, 0], LABELS.index(MIXED))
    total = baskets.values.sum(axis=1) + baskets.residual
    vintage, converted = [np.tile(ranks, (n, 1))], [np.tile(provenance.converted, (n, 1))]
    merged = [provenance.is_merged | provenance.is_merged[:, None]]
    for one in composites:
        member = np.zeros((n, n), dtype=np.bool_)
        member[:, one.rows] = True
        if one.rule in WITHOUT_SELF:
            np.fill_diagonal(member, val=False)
        vintage.append(_common(member, ranks))
        converted.append(_mean(member, provenance.converted, total))
        merged.append(
            (member & provenance.is_merged).any(axis=1, keepdims=True) | provenance.is_merged[:, None]
        )
    low, high = _ends(baskets, provenance, esi, composites)
    return Sides(
        ranks, provenance.converted, np.hstack(vintage), np.hstack(converted), np.hstack(merged), low, high
    )


def _common(member: NDArray[np.bool_], ranks: Ranks) -> NDArray[np.intp]:
    """Common vintage of all members, or mixed; shape (n_countries, 1)."""
    there = np.stack([(member & (ranks == one)).any(axis=1) for one in range(len(LABELS))], axis=1)
    found = np.where(there.sum(axis=1) == 1, there.argmax(axis=1), LABELS.index(MIXED))
    return found[:, None]


def _mean(member: NDArray[np.bool_], share: NDArray[np.float64], total: NDArray[np.float64]) -> F64Matrix:
    """Mean of members weighted by their exports, shape (n_countries, 1)."""
    weight = member * total
    whole = weight.sum(axis=1)
    mean: F64Matrix = np.divide(weight @ share, whole, out=np.zeros(len(whole)), where=whole > 0)[:, None]
    return mean


def _ends(
    baskets: Baskets, provenance: Provenance, esi: F64Matrix, composites: Sequence[Formed]
) -> tuple[F64Matrix, F64Matrix]:
    """Lowest and highest similarity, computed for each span of vintages in turn.

    Notes
    -----
    Groups of one product add the same to the value and to both ends, so that low = value - P and high = low + F:
    P the part of the value from products whose group is open, F the same with each group as one product.
    """
    target = rank(provenance.harmoniser.target)
    ends = np.array([[rank(vintage) for vintage in span] for span in provenance.spans], dtype=np.intp)
    oldest, newest = np.minimum(ends[:, 0], target), np.maximum(ends[:, 1], target)
    of_members = np.array(
        [(oldest[one.rows].min(), newest[one.rows].max()) for one in composites], dtype=np.intp
    )
    of_members = of_members.reshape(-1, 2)
    first = np.minimum(oldest[:, None], np.append(oldest, of_members[:, 0]))
    last = np.maximum(newest[:, None], np.append(newest, of_members[:, 1]))
    low, high = esi.copy(), esi.copy()
    for span in sorted(
        set(zip(first.ravel().tolist(), last.ravel().tolist(), strict=True)) - {(target, target)}
    ):
        here = (first == span[0]) & (last == span[1])
        products, families = _open(baskets, provenance, span)
        if not len(products):
            continue
        split, pooled = _parts(baskets, products, families, here=here, composites=composites)
        low[here] = np.maximum(esi[here] - split[here], 0.0)
        high[here] = np.maximum(np.minimum(low[here] + pooled[here], 1.0), esi[here])
    return low, high


def _open(
    baskets: Baskets, provenance: Provenance, span: tuple[int, int]
) -> tuple[NDArray[np.intp], sp.csr_array]:
    """Products whose group has several, and which group each is in, sparse, shape (n_open, n_groups)."""
    level = max((len(product) for product in baskets.products), default=6)
    groups = provenance.harmoniser.groups(VINTAGES[span[0]], VINTAGES[span[1]], level)
    group = np.array([groups.get(product, -1) for product in baskets.products], dtype=np.intp)
    products = np.flatnonzero(group >= 0)
    _, column = np.unique(group[products], return_inverse=True)
    shape = (len(products), int(column.max(initial=-1)) + 1)
    cells = (np.ones(len(products)), (np.arange(len(products)), column))
    return products, sp.csr_array(sp.coo_array(cells, shape=shape))


def _parts(
    baskets: Baskets,
    products: NDArray[np.intp],
    families: sp.csr_array,
    *,
    here: NDArray[np.bool_],
    composites: Sequence[Formed],
) -> tuple[F64Matrix, F64Matrix]:
    """P and F of the pairs that `here` marks, shape (n_countries, n_references) each."""
    n = len(baskets.labels)
    shares = baskets.shares()[:, products]
    values = baskets.values[:, products]
    rest = np.maximum(baskets.values.sum(axis=1) + baskets.outside - values.sum(axis=1), 0.0)
    found: list[F64Matrix] = []
    for of_shares, of_values in ((shares, values), (shares @ families, values @ families)):
        part = np.zeros((n, here.shape[1]))
        rows = np.flatnonzero(here[:, :n].any(axis=1))
        if len(rows):
            part[np.ix_(rows, rows)] = pairwise_min_sum(np.ascontiguousarray(of_shares[rows]))
        inner = replace(baskets, values=of_values, residual=rest, in_total=True)
        for k, one in enumerate(composites, start=n):
            if here[:, k].any():
                part[:, k] = composite(inner, of_shares, one.rows, one.rule).esi[:, 0]
        found.append(part)
    return found[0], found[1]
