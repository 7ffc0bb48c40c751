"""Estimates models on all pairs of countries by least squares with absorbed effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import polars as pl
from linearmodels.iv import AbsorbingLS
from linearmodels.panel.utility import AbsorbingEffectError
from numpy.typing import NDArray

from minsum.errors import EstimationError
from minsum.estimate.estimators.panel_data import I64
from minsum.estimate.fitted import (
    FEW_CLUSTERS,
    Fitted,
    distribution,
    squared_correlation,
    term_table,
)
from minsum.estimate.groups import SEVERAL
from minsum.estimate.nesting import Codes, count, n_parameters
from minsum.estimate.sample import WEIGHT, Chosen
from minsum.settings.specs import Model

_SIDES: Final = ("reporter", "reference")


def fit_pairs(chosen: Chosen, model: Model, *, label: str) -> Fitted:
    """Estimate a model of pairs by least squares with absorbed effects.

    Parameters
    ----------
    chosen
        The sample.
    model
        A resolved model of pairs.
    label
        Name of the estimate.

    Raises
    ------
    EstimationError
        If a regressor is absorbed by the effects, or there are too few rows or clusters.

    Notes
    -----
    Degrees of freedom as in reghdfe (`nesting.n_parameters`); t has those of the smallest number of clusters minus 1.
    """
    rows = chosen.rows
    effects: Codes = {effect: _codes(rows, effect) for effect in model.effects or ()}
    n_coefficients = len(chosen.regressors) + n_parameters(effects, {})
    if len(rows) <= n_coefficients:
        raise EstimationError(
            f"{label}: {len(rows)} rows for {n_coefficients} coefficients and effects",
            "use fewer effects or more years",
        )
    clusters = _clusters(rows, model, label=label)
    absorbed = _absorb(chosen, effects=effects, model=model)
    n_counted = len(chosen.regressors) + n_parameters(effects, clusters)
    cov = _covariance(absorbed, clusters, n_counted=n_counted, is_robust=model.covariance == "robust")
    df = min(map(count, clusters.values())) - 1 if clusters else len(rows) - n_coefficients
    return Fitted(
        label=label,
        estimator="FE",
        dependent=str(model.dependent),
        about=_about(chosen, model, effects, df=df),
        terms=term_table(absorbed.beta, cov, df=df),
        distribution=distribution(df),
        n_obs=len(rows),
        n_entities=count(_codes(rows, "pair")),
        r_squared=absorbed.r_squared,
        warnings=_warnings(rows, clusters),
        within=absorbed.r_squared,
        overall=_overall(chosen, model, absorbed.beta),
    )


def _overall(chosen: Chosen, model: Model, beta: pd.Series) -> float:
    """Squared correlation of the dependent variable and the fit without effects."""
    rows = chosen.rows
    fit = rows.select(chosen.regressors).to_numpy() @ beta.to_numpy()
    weights = rows[WEIGHT].to_numpy() if model.weights else None
    return squared_correlation(rows[model.dependent].to_numpy(), fit, weights)


@dataclass(frozen=True, slots=True)
class _Absorbed:
    """Least squares on variables from which the effects are taken out.

    Attributes
    ----------
    beta
        Slopes by regressor.
    x
        Regressors without the effects, shape (n_rows, n_regressors); times the root of the weights, if any.
    u_hat
        Residuals, shape (n_rows,), weighted in the same way.
    r_squared
        Share of the dependent variable's variation within the effects that the regressors explain.
    """

    beta: pd.Series
    x: NDArray[np.float64]
    u_hat: NDArray[np.float64]
    r_squared: float


def _absorb(chosen: Chosen, *, effects: Codes, model: Model) -> _Absorbed:
    """Take out the effects and estimate the slopes.

    Raises
    ------
    EstimationError
        If a regressor does not vary beside the effects; the message names it.
    """
    rows, names = chosen.rows, chosen.regressors
    absorb = pd.DataFrame({name: _categories(codes) for name, codes in effects.items()})
    exog = pd.DataFrame({name: rows[name].to_numpy() for name in names})
    y, weights = rows[model.dependent].to_numpy(), rows[WEIGHT].to_numpy() if model.weights else None
    try:
        found = AbsorbingLS(y, exog, absorb=absorb, weights=weights)
        result = found.fit(debiased=False, use_cache=False, cov_type="unadjusted")
    except AbsorbingEffectError as error:
        told = {word.strip(",") for word in str(error).split()}
        culprits = ", ".join(name for name in names if {*name.split()} <= told)
        raise EstimationError(
            f"{culprits or ', '.join(names)} does not vary beside the effects {', '.join(effects)} and the other regressors",
            "leave it out, or use fewer effects",
        ) from error
    x = found.absorbed_exog.to_numpy()
    u_hat = found.absorbed_dependent.to_numpy()[:, 0] - x @ result.params.to_numpy()
    return _Absorbed(result.params, x, u_hat, float(result.absorbed_rsquared))


def _covariance(absorbed: _Absorbed, clusters: Codes, *, n_counted: int, is_robust: bool) -> pd.DataFrame:
    """Covariance of the slopes: conventional, robust (HC1), or clustered in one or two ways.

    Parameters
    ----------
    absorbed
        The estimate.
    clusters
        Ways to cluster; empty for none.
    n_counted
        Number of parameters, K.
    is_robust
        Whether a covariance without clusters is robust to heteroskedasticity.

    Notes
    -----
    Two ways are Cameron, Gelbach and Miller's (2011): V_1 + V_2 - V_12, each with its G / (G - 1).
    """
    x, u_hat, names = absorbed.x, absorbed.u_hat, absorbed.beta.index
    n = len(u_hat)
    bread = np.linalg.inv(x.T @ x)
    if not clusters and not is_robust:
        return pd.DataFrame(bread * (u_hat @ u_hat / (n - n_counted)), names, names)
    scores = x * u_hat[:, None]
    if not clusters:
        return pd.DataFrame(bread @ (scores.T @ scores) @ bread * (n / (n - n_counted)), names, names)
    ways = list(clusters.values())
    parts = [_clustered_meat(scores, one) for one in ways]
    if len(ways) == 2:
        both = np.unique(ways[0] * count(ways[1]) + ways[1], return_inverse=True)[1]
        parts.append(-_clustered_meat(scores, both))
    return pd.DataFrame(bread @ sum(parts) @ bread * ((n - 1) / (n - n_counted)), names, names)


def _clustered_meat(scores: NDArray[np.float64], codes: I64) -> NDArray[np.float64]:
    """Sum over clusters of the outer products of their scores, times G / (G - 1)."""
    n_clusters = count(codes)
    sums: NDArray[np.float64] = np.empty((n_clusters, scores.shape[1]))
    for place, column in enumerate(scores.T):
        sums[:, place] = np.bincount(codes, column, minlength=n_clusters)
    return sums.T @ sums * (n_clusters / (n_clusters - 1))


def _codes(rows: pl.DataFrame, name: str) -> I64:
    """Index of each row's effect or cluster, from 0 without gaps, shape (n_rows,)."""
    label = f"{SEVERAL}{name}"
    if label in rows.columns:
        return np.unique(rows[label].to_physical().to_numpy(), return_inverse=True)[1].astype(np.int64)
    reporter, reference = (rows[side].to_physical().to_numpy().astype(np.int64) for side in _SIDES)
    year = rows["year"].to_numpy().astype(np.int64)
    size = max(int(reporter.max()), int(reference.max()), int(year.max())) + 1
    mixed = {
        "reporter": reporter,
        "reference": reference,
        "year": year,
        "pair": reporter * size + reference,
        "dyad": np.minimum(reporter, reference) * size + np.maximum(reporter, reference),
        "reporter_year": reporter * size + year,
        "reference_year": reference * size + year,
    }[name]
    codes: I64 = np.unique(mixed, return_inverse=True)[1]
    return codes


def _categories(codes: I64) -> pd.Categorical[int]:
    return pd.Categorical.from_codes(codes, categories=pd.RangeIndex(count(codes)))


def _clusters(rows: pl.DataFrame, model: Model, *, label: str) -> Codes:
    """Cluster of each row, for each way to cluster; empty for another covariance."""
    if model.covariance != "clustered":
        return {}
    clusters: Codes = {name: _codes(rows, name) for name in model.clusters}
    for name, codes in clusters.items():
        if count(codes) < 2:
            raise EstimationError(
                f"{label}: one cluster of {name}: nothing to compare", "cluster by what varies in the sample"
            )
    return clusters


def _about(chosen: Chosen, model: Model, effects: Codes, *, df: int) -> str:
    sizes = ", ".join(f"{count(codes):,} {name}" for name, codes in effects.items())
    kind = {"conventional": "conventional covariance", "robust": "covariance robust to heteroskedasticity"}
    covariance = kind.get(str(model.covariance), f"covariance clustered by {' and '.join(model.clusters)}")
    return (
        f"least squares on pairs of countries, effects absorbed ({sizes}){chosen.weights_text()}; {covariance}; t statistics with "
        f"{df:,} degrees of freedom; no constant: the effects hold it"
    )


def _warnings(rows: pl.DataFrame, clusters: Codes) -> tuple[str, ...]:
    """Warnings: few clusters; pairs in both directions, with the same similarity, taken as independent rows."""
    found = [
        f"{count(codes)} clusters of {name}: with fewer than {FEW_CLUSTERS} the standard errors are too small"
        for name, codes in clusters.items()
        if count(codes) < FEW_CLUSTERS
    ]
    n_double = count(_codes(rows, "pair")) - count(_codes(rows, "dyad"))
    if n_double and not {"dyad", "reporter", "reference"} & set(clusters):
        found.append(
            f"{n_double:,} pairs occur in both directions with the same similarity, and this covariance takes "
            'them as independent: cluster by dyad, or set [sample] dyads = "once"'
        )
    return tuple(found)
