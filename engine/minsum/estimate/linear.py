"""Estimates panel models by fixed effects, random effects, pooled, between and first differences (linearmodels)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from linearmodels import BetweenOLS, FirstDifferenceOLS, PooledOLS, RandomEffects

from minsum.errors import EstimationError
from minsum.estimate.design import Design, refuse_unidentified_within, within_model
from minsum.estimate.estimators.panel_data import panel_sample
from minsum.estimate.estimators.refusals import EstimationWarning, refuse_constant_within, warn_irregular_lags
from minsum.estimate.fitted import (
    FEW_CLUSTERS,
    Fitted,
    distribution,
    split_constant,
    squared_correlation,
    term_table,
)
from minsum.estimate.nesting import Codes, count, n_parameters

_NOISE: Final = 1e-20
"""Part of the variance of a mean below which a variance is rounding error; sums of 1e6 residuals leave 1e-26."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """Result of linearmodels, and what it does not say itself.

    Attributes
    ----------
    result
        Result of linearmodels.
    about
        The model in words.
    constant
        Meaning of the constant, in words.
    r_squared
        R squared of the table; None takes the result's own.
    is_normal
        Whether statistics are normal, instead of t.
    df
        Residual degrees of freedom; None takes the result's own.
    cov_factor
        Factor of the covariance.
    """

    result: Any
    about: str
    constant: str
    r_squared: float | None = None
    is_normal: bool = False
    df: int | None = None
    cov_factor: float = 1.0


def fit_linear(design: Design, estimator: str, *, label: str) -> Fitted:
    """Estimate a panel model.

    Parameters
    ----------
    design
        The equation and its sample.
    estimator
        FE, RE, pooled, between or FD.
    label
        Name of the estimate.

    Raises
    ------
    EstimationError
        If the sample does not carry the model; the message names the culprit.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EstimationWarning)
        if design.model.covariance == "driscoll_kraay":
            warn_irregular_lags(panel_sample(design.y, design.x))
        try:
            fit = _ESTIMATORS[estimator](design)
        except (ValueError, ZeroDivisionError, np.linalg.LinAlgError) as error:
            raise EstimationError(
                f"{label}: {_plain(error)}", "use fewer regressors or effects, or more rows"
            ) from error
    result = fit.result
    df = None if fit.is_normal else _degrees_of_freedom(design, fit, estimator)
    params, cov, notes = split_constant(
        result.params,
        result.cov * fit.cov_factor,
        smallest=_NOISE * float(result.resid_ss) / len(design.y) ** 2,
    )
    within, overall = _r_squared(design, fit, estimator)
    statistics = "z statistics" if df is None else f"t statistics with {df} degrees of freedom"
    return Fitted(
        label=label,
        estimator=estimator,
        dependent=str(design.model.dependent),
        about=f"{fit.about}{design.weights_text}; {_covariance_text(design, estimator)}; {statistics}{fit.constant}",
        terms=term_table(params, cov, df=df),
        distribution=distribution(df),
        n_obs=int(result.nobs),
        n_entities=design.n_entities,
        r_squared=float(result.rsquared) if fit.r_squared is None else fit.r_squared,
        warnings=(
            *dict.fromkeys(str(each.message) for each in caught),
            *_few_clusters(design, estimator),
            *notes,
        ),
        within=within,
        overall=overall,
    )


def _r_squared(design: Design, fit: _Fit, estimator: str) -> tuple[float | None, float | None]:
    """R squared within and overall, of FE and RE as Stata's xtreg: the fit is X b, without effects."""
    own = float(fit.result.rsquared) if fit.r_squared is None else fit.r_squared
    if estimator not in ("FE", "RE"):
        return None, own if estimator == "pooled" else None
    table = pd.DataFrame({"y": design.y, "fit": design.x @ fit.result.params[list(design.x.columns)]})
    if estimator == "RE":
        table = table - table.groupby(level=0).transform("mean")
    weights = None if design.weights is None else design.weights.to_numpy()
    other = squared_correlation(table["y"].to_numpy(), table["fit"].to_numpy(), weights)
    return (own, other) if estimator == "FE" else (other, own)


def _is_clustered(design: Design) -> bool:
    return design.model.covariance == "clustered"


def _degrees_of_freedom(design: Design, fit: _Fit, estimator: str) -> int:
    """Degrees of freedom of t: the residual ones; for a clustered covariance the smallest number of clusters minus 1."""
    if not _is_clustered(design):
        return int(fit.result.df_resid) if fit.df is None else fit.df
    return min(_cluster_counts(design, estimator).values()) - 1


def _clusters(design: Design, estimator: str) -> tuple[str, ...]:
    """Ways to cluster; first differences take clusters of countries only."""
    return ("country",) if estimator == "FD" else design.model.clusters


def _cluster_counts(design: Design, estimator: str) -> dict[str, int]:
    return {name: count(codes) for name, codes in design.codes(_clusters(design, estimator)).items()}


def _few_clusters(design: Design, estimator: str) -> list[str]:
    if not _is_clustered(design):
        return []
    return [
        f"{count} clusters of {name}: with fewer than {FEW_CLUSTERS} the standard errors are too small"
        for name, count in _cluster_counts(design, estimator).items()
        if count < FEW_CLUSTERS
    ]


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())


def _covariance(design: Design, estimator: str) -> dict[str, Any]:
    """Arguments of linearmodels' `fit` for the covariance of the model."""
    kind = design.model.covariance
    if kind == "conventional":
        return {"cov_type": "unadjusted"}
    if kind == "robust":
        return {"cov_type": "robust"}
    if kind == "driscoll_kraay":
        return {"cov_type": "driscoll-kraay"}
    by = _clusters(design, estimator)
    clusters = {"cov_type": "clustered", "cluster_entity": "country" in by, "group_debias": True}
    return clusters | ({"cluster_time": True} if "year" in by else {})


def _covariance_text(design: Design, estimator: str) -> str:
    kind = design.model.covariance
    if kind == "conventional":
        return "conventional covariance"
    if kind == "robust":
        return "covariance robust to heteroskedasticity"
    if kind == "driscoll_kraay":
        return "Driscoll-Kraay covariance (Bartlett kernel, lags in years of the panel)"
    return f"covariance clustered by {' and '.join(_clusters(design, estimator))}"


def _fixed_effects(design: Design) -> _Fit:
    refuse_unidentified_within(design)
    result = within_model(design).fit(auto_df=False, count_effects=True, **_covariance(design, "FE"))
    effects = "country effects, no year effects"
    if design.other_dummies:
        effects = f"country and {design.effects_text}"
    constant = f"; the constant is the {'' if design.weights is None else 'weighted '}average effect"
    df = _within_df(design, clusters={})
    counted = _within_df(
        design, clusters=design.codes(_clusters(design, "FE")) if _is_clustered(design) else {}
    )
    return _Fit(
        result,
        f"fixed effects (within), {effects}",
        constant,
        float(result.rsquared_within),
        df=df,
        cov_factor=int(result.df_resid) / counted,
    )


def _within_df(design: Design, clusters: Codes) -> int:
    """Rows less slopes, constant and effects; effects within clusters are not counted."""
    effects = design.codes(design.model.effects or ())
    return len(design.y) - design.x.shape[1] - n_parameters(effects, clusters)


def _random_effects(design: Design) -> _Fit:
    design.sample(design.other_dummies)
    result = RandomEffects(design.y, design.exog(design.other_dummies)).fit(**_covariance(design, "RE"))
    fitted = design.x @ result.params[list(design.x.columns)]
    overall = float(fitted.corr(design.y) ** 2)
    about = f"random effects (Swamy-Arora), {design.effects_text}"
    constant = "; the constant is the mean effect"
    return _Fit(result, about, constant, overall, is_normal=True)


def _pooled(design: Design) -> _Fit:
    design.sample(design.other_dummies)
    result = PooledOLS(design.y, design.exog(design.other_dummies), weights=design.weights).fit(
        **_covariance(design, "pooled")
    )
    return _Fit(
        result, f"pooled least squares, no country effects, {design.effects_text}", _first_year(design)
    )


def _first_year(design: Design) -> str:
    if not design.has_years:
        return ""
    return f"; the constant is that of {design.y.index.get_level_values('year').min()}, the omitted year"


def _between(design: Design) -> _Fit:
    n_columns = design.x.shape[1] + 1
    if design.n_entities <= n_columns:
        raise EstimationError(
            f"between: {design.n_entities} country means for {n_columns} coefficients",
            "use fewer regressors or more countries",
        )
    design.sample()
    result = BetweenOLS(design.y, design.exog()).fit(reweight=False, **_covariance(design, "between"))
    return _Fit(result, "between: least squares on the means of each country", "")


def _first_differences(design: Design) -> _Fit:
    refuse_constant_within(panel_sample(design.y, design.exog()))
    result = FirstDifferenceOLS(design.y, design.x).fit(**_covariance(design, "FD"))
    years = pd.Index(sorted(design.y.index.get_level_values("year").unique()))
    steps = np.diff(years.to_numpy())
    about = "first differences, no constant, from the year before it in the panel"
    if np.any(steps != 1):
        long = [f"{a}-{b}" for a, b, step in zip(years[:-1], years[1:], steps, strict=True) if step != 1]
        about += f" ({', '.join(long)} are longer than a year)"
    lost = len(design.y) - int(result.nobs)
    return _Fit(result, f"{about}; {lost} rows have none before them", "")


_ESTIMATORS: Final[dict[str, Callable[[Design], _Fit]]] = {
    "FE": _fixed_effects,
    "RE": _random_effects,
    "pooled": _pooled,
    "between": _between,
    "FD": _first_differences,
}
