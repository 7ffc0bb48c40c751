"""Bands for contributions to a similarity: bootstrap and jackknife over products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from minsum.errors import one_of
from minsum.esi.baskets import shares_of
from minsum.esi.references import merged
from minsum.settings.esi import Rule

Method = Literal["bootstrap", "jackknife"]
F64 = NDArray[np.float64]

_BLOCK: Final = 64
"""Draws computed at a time: for 5,000 products and three baskets 8 MB."""

_NORMAL_975: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Resampling:
    """How to vary the products.

    Attributes
    ----------
    method
        `bootstrap`: products drawn with replacement, percentiles of the draws. `jackknife`: each product left
        out in turn, normal bands from the jackknife standard error.
    draws, seed
        Of the bootstrap.
    """

    method: Method
    draws: int = 999
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse an unknown method."""
        one_of(self.method, get_args(Method), argument="method")


@dataclass(frozen=True, slots=True)
class Pair:
    """Exports of a country and of the members of its reference, in one year.

    Attributes
    ----------
    values
        Exports, the country's in row 0 and the members' below, shape (1 + n_members, n_products), USD.
    outside
        Exports in the totals that are not among the products, shape (1 + n_members,), USD.
    rule
        How the reference is formed from its members.
    """

    values: F64
    outside: F64
    rule: Rule

    def shares(self) -> tuple[F64, F64]:
        """Shares of the country, shape (1, n_products), and of the basket or baskets of its reference."""
        shares = shares_of(self.values, self.outside)
        return shares[:1], merged(shares[1:], self.rule)


def replicates(pairs: Sequence[Pair], starts: Sequence[int], resampling: Resampling) -> F64:
    """Contributions of segments in every draw; a draw uses the same products in every year.

    Parameters
    ----------
    pairs
        One per year, over the same products.
    starts
        Index of the first product of each segment.
    resampling
        Method, draws and seed.

    Returns
    -------
    Shape (n_draws, n_years, n_segments), unit 1. Shares use the totals of the draw.
    """
    n_products = pairs[0].values.shape[1]
    blocks = [
        np.stack([_contributions(pair, weights, starts) for pair in pairs], axis=1)
        for weights in _weights(n_products, resampling)
    ]
    return np.concatenate(blocks)


def band(estimate: F64, draws: F64, method: Method) -> tuple[F64, F64]:
    """Lower and upper end of 95 % bands.

    Parameters
    ----------
    estimate
        Any shape.
    draws
        The estimate in every draw, shape (n_draws, ...).
    method
        As of `Resampling`.
    """
    if method == "bootstrap":
        low, high = np.percentile(draws, [2.5, 97.5], axis=0)
        return low, high
    n = len(draws)
    error = np.sqrt((n - 1) / n * ((draws - draws.mean(axis=0)) ** 2).sum(axis=0))
    return estimate - _NORMAL_975 * error, estimate + _NORMAL_975 * error


def _weights(n_products: int, resampling: Resampling) -> Iterator[F64]:
    """How often each product counts, shape (draws of a block, n_products)."""
    if resampling.method == "jackknife":
        for first in range(0, n_products, _BLOCK):
            weights = np.ones((min(_BLOCK, n_products - first), n_products))
            weights[np.arange(len(weights)), first + np.arange(len(weights))] = 0.0
            yield weights
        return
    rng = np.random.default_rng(resampling.seed)
    equal = np.full(n_products, 1 / n_products)
    for first in range(0, resampling.draws, _BLOCK):
        n = min(_BLOCK, resampling.draws - first)
        yield rng.multinomial(n_products, equal, size=n).astype(np.float64)


def _contributions(pair: Pair, weights: F64, starts: Sequence[int]) -> F64:
    shares = shares_of(weights[:, None] * pair.values, pair.outside)
    smaller = np.minimum(shares[:, :1], merged(shares[:, 1:], pair.rule)).mean(axis=1)
    added: F64 = np.add.reduceat(smaller, starts, axis=1)
    return added
