"""Result of an estimate in the form that all estimators share, and the table of estimates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from minsum.errors import EstimationError

if TYPE_CHECKING:
    import pandas as pd

    from minsum.estimate.estimators.panel_data import F64

FEW_CLUSTERS: Final = 30
"""With fewer clusters, clustered standard errors are unreliable (Cameron and Miller 2015)."""

_SCHEMA: Final = pa.schema(
    [
        ("model", pa.string()),
        ("term", pa.string()),
        *((name, pa.float64()) for name in ("coefficient", "std_error", "statistic", "p_value")),
        ("stars", pa.string()),
        ("n_obs", pa.int32()),
        ("n_entities", pa.int32()),
        ("r_squared", pa.float64()),
        ("estimator", pa.string()),
        ("dependent", pa.string()),
        ("distribution", pa.string()),
        ("spec", pa.string()),
        ("r_squared_within", pa.float64()),
        ("r_squared_overall", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """One estimate.

    Attributes
    ----------
    label
        Heading of its column in tables.
    estimator, dependent
        Estimator and dependent variable.
    about
        Description: effects, covariance, degrees of freedom, meaning of the constant.
    terms
        Indexed by term: coefficient, std_error, statistic, p_value.
    distribution
        Distribution of the statistic under the null: t(54) or N(0, 1).
    n_obs, n_entities
        Number of rows and of countries (pairs, for data of pairs).
    r_squared
        Within for FE, overall for RE and others, None for FGLS.
    warnings
        Warnings for readers of the estimate.
    within, overall
        R squared within countries (for pairs: within the effects), and the squared correlation of the dependent variable
        and X b; None where an estimator has none.
    """

    label: str
    estimator: str
    dependent: str
    about: str
    terms: pd.DataFrame
    distribution: str
    n_obs: int
    n_entities: int
    r_squared: float | None
    warnings: tuple[str, ...] = ()
    within: float | None = None
    overall: float | None = None

    def record(self) -> dict[str, Any]:
        """Record for the footer."""
        return {
            "estimator": self.estimator,
            "dependent": self.dependent,
            "about": self.about,
            "distribution": self.distribution,
            "warnings": list(self.warnings),
        }


def term_table(params: pd.Series, cov: pd.DataFrame, *, df: int | None) -> pd.DataFrame:
    """Coefficients, their standard errors, statistics and two-sided p values.

    Parameters
    ----------
    params, cov
        Coefficients by term, and their covariance.
    df
        Degrees of freedom of t; None for the normal distribution.

    Raises
    ------
    EstimationError
        If a variance is not positive, as clustering in two ways can give.

    See Also
    --------
    split_constant : takes out a constant without a variance first.
    """
    import numpy as np
    import pandas as pd
    from scipy import stats

    variances = pd.Series(np.diag(cov), index=params.index)
    if not (variances > 0).all():
        culprits = ", ".join(map(str, params.index[~(variances > 0)]))
        raise EstimationError(
            f"the covariance gives no positive variance for {culprits}",
            "cluster in one way, by the coarser of the two, or leave out what hardly varies",
        )
    std_errors = np.sqrt(variances)
    statistic: pd.Series = params / std_errors
    tail = stats.norm.sf(statistic.abs()) if df is None else stats.t.sf(statistic.abs(), df)
    columns = {"coefficient": params, "std_error": std_errors, "statistic": statistic, "p_value": 2 * tail}
    return pd.DataFrame(columns)


def split_constant(
    params: pd.Series, cov: pd.DataFrame, *, smallest: float
) -> tuple[pd.Series, pd.DataFrame, tuple[str, ...]]:
    """Drop a constant whose variance is not positive; the slopes stay valid.

    Parameters
    ----------
    params, cov
        Coefficients by term, and their covariance.
    smallest
        Variances up to this are rounding noise.

    Returns
    -------
    Coefficients and covariance without the constant, and a warning; or both unchanged, and no warning.

    Notes
    -----
    In a model with effects the residuals of each cluster sum to zero. The clustered variance of the constant,
    ybar - xbar'b, then is only xbar'V xbar: zero for centred regressors, and possibly negative for two-way clustering.
    The constant is the average of the effects, not a parameter of its own.
    """
    variances = dict(zip(params.index, cov.to_numpy().diagonal(), strict=True))
    if variances.get("const", math.inf) > smallest:
        return params, cov, ()
    warning = f"the constant, {params['const']:.6g}, is left out of the table: this covariance gives it no positive variance"
    return params.drop("const"), cov.drop(index="const", columns="const"), (warning,)


def squared_correlation(y: F64, fit: F64, weights: F64 | None = None) -> float:
    """Squared correlation of data and fit; 0 where the fit is the same in every row.

    Parameters
    ----------
    y, fit
        Shape (n_rows,).
    weights
        Weight of each row; None for equal weights.
    """
    import numpy as np

    (yy, yx), (_, xx) = np.cov(y, fit, aweights=weights)
    return float(yx**2 / (yy * xx)) if xx > 0 else 0.0


def distribution(df: int | None) -> str:
    """Distribution of a statistic when the coefficient is 0."""
    return "N(0, 1)" if df is None else f"t({df})"


def stars(p_value: float) -> str:
    """*** 1 %, ** 5 %, * 10 %."""
    return "*" * sum(p_value < level for level in (0.01, 0.05, 0.10))


def estimates_table(fitted: Sequence[Fitted], spec: str) -> pa.Table:
    """One row for each term of each estimate."""
    rows = [
        {
            "model": one.label,
            "term": str(term),
            **values,
            "stars": stars(values["p_value"]),
            "n_obs": one.n_obs,
            "n_entities": one.n_entities,
            "r_squared": one.r_squared,
            "estimator": one.estimator,
            "dependent": one.dependent,
            "distribution": one.distribution,
            "spec": spec,
            "r_squared_within": one.within,
            "r_squared_overall": one.overall,
        }
        for one in fitted
        for term, values in one.terms.to_dict("index").items()
    ]
    return pa.Table.from_pylist(rows, schema=_SCHEMA)
