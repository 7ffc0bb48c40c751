"""Estimates panel models by fixed effects, random effects, pooled, between and first differences (linearmodels)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from linearmodels import BetweenOLS, FirstDifferenceOLS, PanelOLS, PooledOLS, RandomEffects

from minsum.errors import EstimationError
from minsum.estimate.design import Design, refuse_unidentified_within
from minsum.estimate.estimators.panel_data import panel_sample
from minsum.estimate.estimators.refusals import EstimationWarning, refuse_constant_within, warn_irregular_lags
from minsum.estimate.fitted import FEW_CLUSTERS, Fitted, distribution, split_constant, term_table
from minsum.estimate.nesting import Codes, count, n_nested

_LEVELS: Final = {"country": "reporter", "year": "year"}
_NOISE: Final = 1e-20
"""Share of the variance of a mean below which a variance is rounding; sums of 1e6 residuals leave 1e-26."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """A result of linearmodels, what it is in words, its R squared (None takes the result's own), and what its
    covariance is to be multiplied by."""

    result: Any
    about: str
    constant: str
    r_squared: float | None = None
    is_normal: bool = False
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
    df = None if fit.is_normal else _degrees_of_freedom(design, result, estimator)
    params, cov, notes = split_constant(
        result.params,
        result.cov * fit.cov_factor,
        smallest=_NOISE * float(result.resid_ss) / len(design.y) ** 2,
    )
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
    )


def _degrees_of_freedom(design: Design, result: Any, estimator: str) -> int:
    """Of t: residual ones; with a clustered covariance, the smallest number of clusters less one."""
    if design.model.covariance != "clustered":
        return int(result.df_resid)
    return min(_cluster_counts(design, estimator).values()) - 1


def _clusters(design: Design, estimator: str) -> tuple[str, ...]:
    """First differences know clusters of countries only."""
    return ("country",) if estimator == "FD" else design.model.clusters


def _codes(design: Design, names: Sequence[str]) -> Codes:
    """Number of each row's country or year."""
    return {name: pd.factorize(design.y.index.get_level_values(_LEVELS[name]))[0] for name in names}


def _cluster_counts(design: Design, estimator: str) -> dict[str, int]:
    return {name: count(codes) for name, codes in _codes(design, _clusters(design, estimator)).items()}


def _few_clusters(design: Design, estimator: str) -> list[str]:
    if design.model.covariance != "clustered":
        return []
    return [
        f"{count} clusters of {name}: with fewer than {FEW_CLUSTERS} the standard errors are too small"
        for name, count in _cluster_counts(design, estimator).items()
        if count < FEW_CLUSTERS
    ]


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())


def _covariance(design: Design, estimator: str) -> dict[str, Any]:
    """Arguments of fit for the covariance asked for."""
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


def _year_text(design: Design) -> str:
    return "year effects" if design.has_years else "no year effects"


def _fixed_effects(design: Design) -> _Fit:
    refuse_unidentified_within(design)
    model = PanelOLS(
        design.y, design.exog(), entity_effects=True, time_effects=design.has_years, weights=design.weights
    )
    result = model.fit(auto_df=False, count_effects=True, **_covariance(design, "FE"))
    effects = "country and year effects" if design.has_years else "country effects, no year effects"
    within = float(result.rsquared_within)
    about = f"fixed effects (within), {effects}"
    constant = f"; the constant is the {'' if design.weights is None else 'weighted '}average effect"
    return _Fit(result, about, constant, within, cov_factor=_without_nested(design, int(result.df_resid)))


def _without_nested(design: Design, df: int) -> float:
    """What turns a covariance with all effects counted into one without those nested in the clusters."""
    if design.model.covariance != "clustered":
        return 1.0
    nested = n_nested(_codes(design, design.model.effects or ()), _codes(design, design.model.clusters))
    return df / (df + nested)


def _random_effects(design: Design) -> _Fit:
    design.sample(design.year_dummies)
    result = RandomEffects(design.y, design.exog(design.year_dummies)).fit(**_covariance(design, "RE"))
    fitted = design.x @ result.params[list(design.x.columns)]
    overall = float(fitted.corr(design.y) ** 2)
    about = f"random effects (Swamy-Arora), {_year_text(design)}"
    constant = "; the constant is the mean effect; r_squared is the squared correlation of fit and data"
    return _Fit(result, about, constant, overall, is_normal=True)


def _pooled(design: Design) -> _Fit:
    design.sample(design.year_dummies)
    result = PooledOLS(design.y, design.exog(design.year_dummies), weights=design.weights).fit(
        **_covariance(design, "pooled")
    )
    return _Fit(
        result, f"pooled least squares, no country effects, {_year_text(design)}", _first_year(design)
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
