"""Specification tests for panel models that linearmodels does not have."""

from __future__ import annotations

import numpy as np
import pandas as pd

from minsum.errors import EstimationError
from minsum.estimate.estimators.ar1 import follows, lag
from minsum.estimate.estimators.error_structure import panel_variances
from minsum.estimate.estimators.hypothesis import HypothesisTest, chi2_test, f_test
from minsum.estimate.estimators.least_squares import constant_within, least_squares
from minsum.estimate.estimators.panel_data import F64, Bool, PanelSample, named, panel_sample
from minsum.estimate.estimators.refusals import (
    EXACT_FIT,
    refuse_perfect_fit,
    refuse_short_panels,
    spans_entity_dummies,
)


def _residual_sample(residuals: pd.Series) -> PanelSample:
    """Residuals as a sample without regressors."""
    return panel_sample(residuals, pd.DataFrame(index=residuals.index))


def wooldridge_serial_correlation(
    dependent: pd.Series | pd.DataFrame, exog: pd.Series | pd.DataFrame
) -> HypothesisTest:
    """Wooldridge's test for serial correlation in the errors of a panel model with entity effects.

    Parameters
    ----------
    dependent, exog
        As for `PanelFGLS`. Columns of exog that never change within a panel (the constant, entity dummies)
        drop out of the differences.

    Returns
    -------
    F(1, G - 1), with G panels that have three successive periods.

    Raises
    ------
    EstimationError
        If fewer than two panels have three successive periods, or the differences cannot be regressed.

    Notes
    -----
    The residuals of the regression in first differences, without constant, are regressed on their own lags;
    without serial correlation the slope is -1/2. The covariance is clustered by panel. As Stata's xtserial:
    Drukker (2003), Stata Journal 3, 168-177. Pairs are one period apart in the time index.
    """
    full = panel_sample(dependent, exog)
    sample = full.select(~constant_within(full))
    has_lag = follows(sample, force=False)
    has_two = has_lag & np.concatenate(([False], has_lag[:-1]))
    has_three = sample.panel_sums(has_two.astype(np.float64)) > 0
    n_groups = int(has_three.sum())
    if n_groups < 2:
        raise EstimationError(
            f"Wooldridge's test needs two panels with three successive periods, found {n_groups}",
            "use more periods, or leave the test out",
        )
    residuals = _difference_residuals(sample, has_lag=has_lag)
    u_lag = np.where(has_two, lag(residuals), 0.0)
    u = np.where(has_two, residuals, 0.0)
    square = float(u_lag @ u_lag)
    slope = float(u @ u_lag) / square
    scores = sample.panel_sums(u_lag * (u - slope * u_lag))
    variance = n_groups / (n_groups - 1) * float(scores @ scores) / square**2
    return f_test(
        (slope + 0.5) ** 2 / variance,
        (1, n_groups - 1),
        name="Wooldridge test for serial correlation",
        null="no first-order autocorrelation of the errors",
    )


def _difference_residuals(sample: PanelSample, *, has_lag: Bool) -> F64:
    """Residuals of the regression in first differences, shape (N,); zero in rows without a predecessor."""
    dy = (sample.y - lag(sample.y))[has_lag]
    dx = (sample.x - lag(sample.x))[has_lag]
    if len(dy) <= dx.shape[1]:
        raise EstimationError(
            f"{len(dy)} first differences for {dx.shape[1]} regressors ({named(sample.columns)})",
            "use more periods or fewer regressors",
        )
    residuals = np.zeros(sample.n_obs)
    residuals[has_lag] = least_squares(dy, dx, sample=sample, what="exog in first differences").residuals
    if np.linalg.norm(residuals) <= EXACT_FIT * np.linalg.norm(dy):
        raise EstimationError(
            f"exog fits the first differences of {sample.dependent} without error",
            "a regressor holds the dependent variable itself, or an identity links them: drop it",
        )
    return residuals


def modified_wald_heteroskedasticity(residuals: pd.Series) -> HypothesisTest:
    """Modified Wald test for a variance that differs between panels.

    Parameters
    ----------
    residuals
        Residuals of a fixed-effects or FGLS model, with an (entity, time) MultiIndex.

    Returns
    -------
    chi2(m).

    Raises
    ------
    EstimationError
        If a panel has fewer than three observations, or residuals of one size, so that the variance of its
        variance is zero.

    Notes
    -----
    W = sum_i (s_i - s)^2 / V_i, s_i = e_i'e_i / T_i, V_i = sum_t (e_it^2 - s_i)^2 / (T_i (T_i - 1)), s the
    variance of all residuals with divisor N. As xttest3: Greene (2000), Econometric Analysis, p. 598.
    """
    sample = _residual_sample(residuals)
    refuse_short_panels(sample, at_least=3, what="the modified Wald test")
    variances = panel_variances(sample.y, sample=sample)
    spread = (sample.y**2 - np.repeat(variances, sample.counts)) ** 2
    of_variance = sample.panel_sums(spread) / (sample.counts * (sample.counts - 1))
    fixed = of_variance <= EXACT_FIT * variances**2
    if fixed.any():
        raise EstimationError(
            f"residuals of one size in panels {named(sample.entities[fixed])}: "
            "the variance of their variance is zero",
            "leave out these panels, or the test",
        )
    overall = float(np.var(sample.y))
    return chi2_test(
        float(np.sum((variances - overall) ** 2 / of_variance)),
        sample.n_panels,
        name="Modified Wald test for groupwise heteroskedasticity",
        null="the error variance is the same in all panels",
    )


def breusch_pagan_independence(residuals: pd.Series) -> HypothesisTest:
    """Breusch-Pagan LM test for errors correlated across panels.

    Parameters
    ----------
    residuals
        Residuals of a fixed-effects or FGLS model, with an (entity, time) MultiIndex.

    Returns
    -------
    chi2(m (m - 1) / 2).

    Raises
    ------
    EstimationError
        If there are no more common times than panels, or the correlation matrix is singular.

    Notes
    -----
    T sum_{i<j} r_ij^2, with the correlations over the T times that all panels have. As xttest2: Breusch and
    Pagan (1980), Review of Economic Studies 47, 239-253.
    """
    sample = _residual_sample(residuals)
    table = sample.wide(sample.y)
    common = table[~np.isnan(table).any(axis=1)]
    n_times, m = common.shape
    if m < 2:
        raise EstimationError("the LM test of independence needs two panels, found 1", "leave the test out")
    if n_times <= m:
        raise EstimationError(
            f"the LM test of independence needs more common times than panels: {n_times} times, {m} panels",
            "use Pesaran's CD test, which suits many panels and few periods",
        )
    centred = common - common.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    scaled = centred / np.where(lengths > 0, lengths, 1.0)
    correlation = scaled.T @ scaled
    if np.linalg.eigvalsh(correlation)[0] <= EXACT_FIT:
        raise EstimationError(
            f"the correlations of the residuals of {m} panels over {n_times} common times are singular",
            "leave out time dummies or use Pesaran's CD test",
        )
    upper = correlation[np.triu_indices(m, k=1)]
    return chi2_test(
        n_times * float(upper @ upper),
        m * (m - 1) // 2,
        name=f"Breusch-Pagan LM test of independence ({n_times} common times)",
        null="the errors of different panels are uncorrelated",
    )


def breusch_pagan_random_effects(
    dependent: pd.Series | pd.DataFrame, exog: pd.Series | pd.DataFrame
) -> HypothesisTest:
    """Breusch-Pagan LM test for random entity effects.

    Parameters
    ----------
    dependent, exog
        The pooled model, as for `PanelFGLS`, with the constant and without entity dummies.

    Returns
    -------
    chibar2(01): an even mixture of zero and chi2(1), because a variance cannot be negative.

    Raises
    ------
    EstimationError
        If no panel has two observations, or exog holds the entity dummies.

    Notes
    -----
    N^2 A^2 / (2 (sum T_i^2 - N)), A = 1 - sum_i (sum_t e_it)^2 / sum e^2, e from OLS; zero when A is
    positive, where the estimated variance of the effects is negative. As Stata's xttest0, also unbalanced:
    Breusch and Pagan (1980), Review of Economic Studies 47, 239-253; Baltagi and Li (1990).
    """
    sample = panel_sample(dependent, exog)
    fit = least_squares(sample.y, sample.x, sample=sample)
    refuse_perfect_fit(fit, sample=sample)
    if np.all(sample.counts == 1):
        raise EstimationError(
            "the LM test for random effects needs panels with two observations, found one in each",
            "use more periods, or leave the test out",
        )
    if spans_entity_dummies(fit, sample=sample):
        raise EstimationError(
            "exog holds the entity dummies, which leave no random effects to test for",
            "pass the pooled model: the constant and the regressors",
        )
    sums = sample.panel_sums(fit.residuals)
    excess = float(sums @ sums) / float(fit.residuals @ fit.residuals) - 1
    n_obs = sample.n_obs
    statistic = 0.5 * n_obs**2 * max(excess, 0.0) ** 2 / float(sample.counts @ sample.counts - n_obs)
    two_sided = chi2_test(
        statistic,
        1,
        name="Breusch-Pagan LM test for random effects",
        null="the entity effects have no variance",
    )
    p_value = two_sided.p_value / 2 if statistic > 0 else 1.0
    return HypothesisTest(two_sided.name, two_sided.null, statistic, (1,), p_value, "chibar2(01)")
