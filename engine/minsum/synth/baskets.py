"""Draws each country's exports to the World: a mixture of the leaders' basket and a niche of its own.

A follower's shares are `weight * leaders + (1 - weight) * own`; the weight is solved so that the ESI
against the pooled leaders is the one the model wants. Tastes differ and niches drift from year to year,
so two followers of equal ESI still sell different things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minsum.synth.economies import relative_size, size_rank
from minsum.synth.spec import F64, I64, WorldSpec

MIL: Final = 1_000
"""Values are whole thousandths of a dollar: sums are exact, and so is their text with three decimals."""
LARGEST_EXPORTS: Final = 2.3e12
_NICHE: Final = 0.3
_OUTSIDE_NICHE: Final = -7.0
"""Log weight, relative to the niche, of what a follower sells on its own outside it."""
_BASE_YEAR: Final = 2012
_BISECTIONS: Final = 60


@dataclass(frozen=True, slots=True)
class Profile:
    """Products that a country can sell, and how much. All arrays have shape (n_products,).

    Attributes
    ----------
    own
        Log weight of each product in its own basket in the base year; -inf where it sells none.
    drift
        Yearly change of `own`.
    taste
        Factor on the leaders' shares; 0 where it sells none.
    """

    own: F64
    drift: F64
    taste: F64


def product_log_size(spec: WorldSpec) -> F64:
    """Logarithm of World trade by product; heavy-tailed."""
    return spec.stream("product size").normal(0.0, 2.0, spec.products)


def leader_profile(spec: WorldSpec, code: int, n_sold: int) -> Profile:
    """Profile of a leader: the `n_sold` most traded products, with preferences of its own."""
    rng = spec.stream("profile", code)
    size = product_log_size(spec)
    is_sold = _largest(size + rng.normal(0.0, 0.8, len(size)), n_sold)
    own = np.where(is_sold, size + rng.normal(0.0, 0.7, len(size)), -np.inf)
    return Profile(own=own, drift=rng.normal(0.0, 0.03, len(size)), taste=is_sold.astype(np.float64))


def follower_profile(spec: WorldSpec, code: int, n_sold: int) -> Profile:
    """Profile of a follower: most products of the leaders, and an own basket of products that leaders hardly sell."""
    rng = spec.stream("profile", code)
    size = product_log_size(spec)
    n_niche = max(5, round(_NICHE * n_sold))
    is_common = _largest(size + rng.normal(0.0, 0.8, len(size)), n_sold - n_niche)
    small = np.where(is_common, -np.inf, rng.normal(0.0, 1.5, len(size)) - size)
    is_niche = _largest(small, n_niche)
    own = rng.normal(0.0, 2.0, len(size)) + np.where(is_niche, 0.0, _OUTSIDE_NICHE)
    is_sold = is_common | is_niche
    return Profile(
        own=np.where(is_sold, own, -np.inf),
        drift=rng.normal(0.0, 0.03, len(size)),
        taste=np.where(is_sold, rng.lognormal(0.0, 0.4, len(size)), 0.0),
    )


def _largest(score: F64, count: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    chosen = np.zeros(len(score), dtype=np.bool_)
    chosen[np.argsort(-score, kind="stable")[:count]] = True
    return chosen


def own_shares(profile: Profile, year: int) -> F64:
    """Shares of the country's own basket in one year, shape (n_products,)."""
    weight = np.exp(profile.own + profile.drift * (year - _BASE_YEAR))
    return np.asarray(weight / weight.sum())


def similarity(left: F64, right: F64) -> float:
    """ESI of two baskets of shares."""
    return float(np.minimum(left, right).sum())


def reach(profile: Profile, leaders: F64, year: int) -> tuple[float, float]:
    """ESI of the own basket alone and of the leader-like basket alone."""
    like = profile.taste * leaders
    return similarity(own_shares(profile, year), leaders), similarity(like / like.sum(), leaders)


def shares_at(target: float, profile: Profile, *, leaders: F64, year: int) -> F64:
    """Shares whose ESI against the leaders is `target`; the nearest end where it is out of reach.

    Parameters
    ----------
    target
        Wanted ESI.
    profile
        What the country can sell.
    leaders
        Pooled shares of the leaders in that year, shape (n_products,).
    year
        Calendar year.
    """
    own = own_shares(profile, year)
    like = profile.taste * leaders
    like /= like.sum()
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        weight = (low + high) / 2
        if similarity(weight * like + (1 - weight) * own, leaders) < target:
            low = weight
        else:
            high = weight
    return np.asarray(high * like + (1 - high) * own)


def world_exports(spec: WorldSpec, code: int, *, year: int, shares: F64) -> I64:
    """Exports to the World in mils by six-digit code, the two residual codes last.

    Returns
    -------
    Shape (n_products + 2,), non-negative.
    """
    rng = spec.stream("exports", code, year)
    size = LARGEST_EXPORTS * float(relative_size(size_rank(code)))
    total = size * np.exp(0.04 * (year - _BASE_YEAR) + rng.normal(0.0, 0.08)) * MIL
    confidential = total * min(0.2, float(rng.lognormal(-5.0, 1.2)))
    national = confidential * 0.01 * float(rng.random() < 0.25)
    values: F64 = np.append(shares * total, [confidential, national])
    return np.asarray(np.rint(values), dtype=np.int64)
