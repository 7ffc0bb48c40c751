"""Counts the parameters of sets of effects, as reghdfe does: without repeated ones and those nested in clusters."""

from __future__ import annotations

from typing import Final

import numpy as np

from minsum.estimate.estimators.panel_data import I64

Codes = dict[str, I64]
"""Name of an effect or cluster to the index of each row's group, from 0 without gaps, shape (n_rows,)."""

_TABLE: Final = 1 << 26
"""Combinations up to which a table of them, of a byte each, is quicker than sorting the rows."""


def count(codes: I64) -> int:
    """Number of groups."""
    return int(codes.max()) + 1


def n_parameters(effects: Codes, clusters: Codes) -> int:
    """Number of parameters of the effects, with the constant.

    Parameters
    ----------
    effects
        Sets of effects.
    clusters
        Ways to cluster; a set of effects within one of them is not counted. Empty for another covariance.

    Notes
    -----
    A set that another implies does not count. Of the first set one effect repeats the constant. Of every other set as many repeat an earlier set as the two form
    connected parts: one for countries and years, one a region for countries and region-years. For two sets that is the
    rank of their dummies; for more it is Correia's (2017) bound, as in reghdfe. With K = slopes + this number a
    clustered covariance carries (N - 1) / (N - K).
    """
    counted = [codes for codes in finest_sets(effects).values() if not _is_nested(codes, clusters)]
    repeated = [
        max((n_connected(codes, earlier) for earlier in counted[:place]), default=1)
        for place, codes in enumerate(counted)
    ]
    return 1 + sum(map(count, counted)) - sum(repeated)


def n_connected(first: I64, second: I64) -> int:
    """Number of parts into which the groups of two sets fall, where groups that share a row belong together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = count(first), count(second)
    shared = _combinations(first, second)
    where = (shared // size[1], size[0] + shared % size[1])
    graph = coo_array((np.ones(len(shared), dtype=np.int8), where), shape=(sum(size), sum(size)))
    return int(connected_components(graph, directed=False)[0])


def finest_sets(effects: Codes) -> Codes:
    """Sets of effects without those that another set implies, as region-years imply years."""
    names = list(effects)
    return {
        name: codes
        for place, (name, codes) in enumerate(effects.items())
        if not any(
            _is_within(effects[other], codes) and (at < place or not _is_within(codes, effects[other]))
            for at, other in enumerate(names)
            if at != place
        )
    }


def _is_within(codes: I64, coarse: I64) -> bool:
    """Whether each group of a set lies in one group of another."""
    return len(_combinations(codes, coarse)) == count(codes)


def _combinations(first: I64, second: I64) -> I64:
    """Distinct pairs of groups that share a row, as group of the first times number of the second plus group of the second."""
    both = first * count(second) + second
    size = count(first) * count(second)
    if size > _TABLE:
        return np.unique(both)
    there = np.zeros(size, dtype=np.bool_)
    there[both] = True
    return np.flatnonzero(there)


def _is_nested(codes: I64, clusters: Codes) -> bool:
    """Whether each effect lies in one cluster, for at least one way to cluster."""
    return any(_is_within(codes, cluster) for cluster in clusters.values())
