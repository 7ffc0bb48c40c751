"""Counts effects nested in clusters; a clustered covariance does not count these effects as parameters."""

from __future__ import annotations

import numpy as np

from minsum.estimate.estimators.panel_data import I64

Codes = dict[str, I64]
"""Name of an effect or cluster to the index of each row's group, from 0 without gaps, shape (n_rows,)."""


def count(codes: I64) -> int:
    """Number of groups."""
    return int(codes.max()) + 1


def n_nested(effects: Codes, clusters: Codes) -> int:
    """Number of parameters of nested effects: number of groups minus 1, because the constant stays.

    Notes
    -----
    With K = slopes + constant + (number - 1) of every other set of effects, the covariance carries
    (N - 1) / (N - K). So count Stata's xtreg and reghdfe (Correia 2017) and fixest's default ("nested"); with two
    ways to cluster it is enough that a set of effects lies within one.
    """
    return sum(count(codes) - 1 for codes in effects.values() if _is_nested(codes, clusters))


def _is_nested(codes: I64, clusters: Codes) -> bool:
    """Whether each effect lies in one cluster, for at least one way to cluster."""
    return any(
        count(np.unique(codes * count(cluster) + cluster, return_inverse=True)[1]) == count(codes)
        for cluster in clusters.values()
    )
