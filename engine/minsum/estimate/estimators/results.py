"""Result of our estimators, with linearmodels' names."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from scipy import stats

from minsum.errors import EstimationError
from minsum.estimate.estimators.hypothesis import HypothesisTest, chi2_test
from minsum.estimate.estimators.panel_data import F64, PanelSample, named


@dataclass(frozen=True, slots=True)
class Counts:
    """How many parameters the model estimates."""

    covariances: int
    """Different elements of Sigma: 1, m or m(m+1)/2."""
    autocorrelations: int
    """Different rho: 0, 1 or m."""
    coefficients: int
    """Columns of exog, k."""


@dataclass(frozen=True, slots=True)
class PanelResult:
    """Estimates of one panel model. Statistics are z, compared with the standard normal distribution."""

    title: str
    """The estimator and what it assumes of the errors, in words."""
    dependent: str
    """Name of the dependent variable."""
    params: pd.Series
    """Coefficients, shape (k,)."""
    cov: pd.DataFrame
    """Covariance of the coefficients, shape (k, k)."""
    rho: float | pd.Series | None
    """Autocorrelation: one number (ar1), one per panel (psar1), None (independent)."""
    sigma: float | pd.Series | pd.DataFrame
    """Covariance across panels: sigma^2 (iid), sigma_i^2 (heteroskedastic), Sigma (correlated). Under
    autocorrelation it is that of the transformed errors."""
    resids: pd.Series
    """y - X b in the units of y, in the caller's row order, shape (N,)."""
    entity_info: pd.Series
    """Observations per entity: mean, median, max, min, total (the number of entities)."""
    constant: Hashable | None
    """Name of the constant column; None when exog has none."""
    counts: Counts
    """Numbers of parameters."""
    loglik: float | None
    """Log likelihood, where it is one: independent errors with igls, or iid."""
    rsquared: float | None
    """R squared of the least squares fit behind PCSE, on transformed data under autocorrelation; None for
    FGLS, which has none."""
    iterations: int
    """Steps of weighted least squares; 0 for PCSE."""
    notes: tuple[str, ...]
    """What the estimator assumed or left out, one sentence each."""

    @property
    def nobs(self) -> int:
        """Number of observations, N."""
        return len(self.resids)

    @property
    def df_model(self) -> int:
        """Number of coefficients but for the constant."""
        return len(self.params) - (self.constant is not None)

    @property
    def df_resid(self) -> int:
        """N - k. The statistics do not use it: they are asymptotic."""
        return self.nobs - len(self.params)

    @property
    def std_errors(self) -> pd.Series:
        """Standard errors, shape (k,)."""
        return pd.Series(np.sqrt(np.diag(self.cov)), index=self.params.index, name="std_error")

    @property
    def tstats(self) -> pd.Series:
        """z statistics b/se, shape (k,)."""
        return (self.params / self.std_errors).rename("tstat")

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p values of the z statistics, shape (k,)."""
        return pd.Series(2 * stats.norm.sf(np.abs(self.tstats)), index=self.params.index, name="pvalue")

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Confidence intervals of the coefficients, columns `lower` and `upper`, shape (k, 2)."""
        reach = stats.norm.ppf(0.5 + level / 2) * self.std_errors
        return pd.DataFrame({"lower": self.params - reach, "upper": self.params + reach})

    @property
    def wald(self) -> HypothesisTest:
        """Wald test that all coefficients but the constant are zero."""
        return self.wald_test([name for name in self.params.index if name != self.constant])

    def wald_test(self, terms: Sequence[Hashable]) -> HypothesisTest:
        """Wald test that the coefficients of the terms are all zero: b'V^-1 b against chi2.

        Raises
        ------
        EstimationError
            If a term is not in the model, there is none, or their covariance is singular.
        """
        unknown = [term for term in terms if term not in self.params.index]
        if unknown or not terms:
            what = f"no coefficient {named(unknown)}" if unknown else "no coefficient to test"
            raise EstimationError(what, f"the model has {named(self.params.index, 20)}")
        rows = self.params.index.get_indexer(pd.Index(list(terms)))
        b, errors = self.params.to_numpy()[rows], self.std_errors.to_numpy()[rows]
        correlation = self.cov.to_numpy()[np.ix_(rows, rows)] / np.outer(errors, errors)
        if np.linalg.matrix_rank(correlation, hermitian=True) < len(b):
            raise EstimationError(
                f"the covariance of {named(terms)} is singular: its rank is below {len(b)}",
                "test fewer terms at once",
            )
        z = b / errors
        null = f"{named(terms, 20)} = 0"
        return chi2_test(float(z @ np.linalg.solve(correlation, z)), len(b), name="Wald test", null=null)

    @property
    def summary(self) -> str:
        """The estimates as a text table."""
        return _summary(self)

    def __repr__(self) -> str:
        return self.summary


def coefficient_tables(beta: F64, cov: F64, *, columns: pd.Index) -> tuple[pd.Series, pd.DataFrame]:
    """Label coefficients and their covariance with the names of the columns."""
    return (
        pd.Series(beta, index=columns, name="parameter"),
        pd.DataFrame((cov + cov.T) / 2, index=columns, columns=columns),
    )


def observations_per_entity(sample: PanelSample) -> pd.Series:
    """Mean, median, max and min of T_i, and the number of entities under `total`, as linearmodels does."""
    counts = sample.counts
    values = [counts.mean(), np.median(counts), counts.max(), counts.min(), counts.size]
    names = ["mean", "median", "max", "min", "total"]
    return pd.Series(values, index=names, name="Observations per entity", dtype=np.float64)


_WIDTH: Final = 78


def _summary(result: PanelResult) -> str:
    """Lay out a result: header, coefficients with z statistics, notes."""
    rule = "=" * _WIDTH
    lines = [result.title, rule, *_header(result), "-" * _WIDTH, *_coefficients(result), rule]
    return "\n".join([*lines, *result.notes])


def _header(result: PanelResult) -> list[str]:
    """Pairs of label and value in two columns."""
    info, counts = result.entity_info, result.counts
    left = [
        ("Dependent", result.dependent),
        ("Estimated covariances", str(counts.covariances)),
        ("Estimated autocorrelations", str(counts.autocorrelations)),
        ("Estimated coefficients", str(counts.coefficients)),
        ("Iterations", str(result.iterations)),
    ]
    right = [
        ("Observations", str(result.nobs)),
        ("Entities", f"{info['total']:.0f}"),
        ("Obs. per entity", f"{info['min']:.0f} to {info['max']:.0f}, mean {info['mean']:.2f}"),
        _wald_cell(result),
        _fit_cell(result),
    ]
    if isinstance(result.rho, float):
        left.append(("Common rho", f"{result.rho:.4f}"))
        right.append(("", ""))
    return [
        f"{f'{name}: {value}':<40}{f'{label}: {number}' if label else ''}".rstrip()
        for (name, value), (label, number) in zip(left, right, strict=True)
    ]


def _wald_cell(result: PanelResult) -> tuple[str, str]:
    """The Wald test of the slopes, or why there is none."""
    try:
        test = result.wald
    except EstimationError as error:
        return "Wald", error.message
    return f"Wald {test.distribution}", f"{test.statistic:.2f} (p {test.p_value:.4f})"


def _fit_cell(result: PanelResult) -> tuple[str, str]:
    """Log likelihood or R squared, whichever the model has."""
    if result.loglik is not None:
        return "Log likelihood", f"{result.loglik:.4f}"
    if result.rsquared is not None:
        return "R squared", f"{result.rsquared:.4f}"
    return "Log likelihood", "none (not maximum likelihood)"


def _coefficients(result: PanelResult) -> list[str]:
    """One line per coefficient under a heading."""
    interval = result.conf_int().to_numpy()
    width = max(12, *(len(str(name)) for name in result.params.index))
    heads = ("coef.", "std. err.", "z", "P>|z|", "lower 95%", "upper 95%")
    lines = [" " * width + "".join(f"{head:>11}" for head in heads)]
    columns = (result.params.items(), result.std_errors, result.tstats, result.pvalues, interval)
    rows = zip(*columns, strict=True)
    for (name, coefficient), error, z, p, (lower, upper) in rows:
        numbers = f"{coefficient:>11.5g}{error:>11.4g}{z:>11.2f}{p:>11.4f}{lower:>11.4g}{upper:>11.4g}"
        lines.append(f"{name!s:<{width}}" + numbers)
    return lines
