"""Refusals and warnings that several estimators share; every message names the column, panel or time."""

from __future__ import annotations

import warnings
from typing import get_args

import numpy as np

from minsum.errors import EstimationError, UsageError
from minsum.estimate.estimators.least_squares import LeastSquares, constant_within
from minsum.estimate.estimators.panel_data import F64, Bool, PanelSample, named

EXACT_FIT = 1e-9
"""Residuals below this share of the size of the data are rounding noise, not errors."""
SPAN_TOLERANCE = 1e-9
"""An indicator of n rows is in the span of the columns when its projection has length^2 n (1 - this)."""


class EstimationWarning(UserWarning):
    """The estimate exists, but what it says should be read with care."""


def warn(message: str) -> None:
    """Issue an EstimationWarning at the caller of the estimator."""
    warnings.warn(message, EstimationWarning, stacklevel=4)


def check_choice(name: str, value: object, *, choices: object) -> None:
    """Refuse an option that is not one of a Literal's values."""
    allowed = get_args(choices)
    if value not in allowed:
        raise UsageError(f"{name}={value!r}, expected one of {named(allowed)}", "choose one of these")


def spans_entity_dummies(fit: LeastSquares, *, sample: PanelSample) -> bool:
    """Whether the columns of the sample can reproduce the dummy of every panel.

    Notes
    -----
    With Q an orthonormal basis of the columns, the projection of the dummy of panel i has squared length
    |sum of the rows of Q in panel i|^2, which is T_i exactly when the dummy is in the span.
    """
    sums = sample.panel_sums(fit.q)
    lengths = np.einsum("ij,ij->i", sums, sums)
    return bool(np.all(lengths >= sample.counts * (1 - SPAN_TOLERANCE)))


def spans_time_dummies(fit: LeastSquares, *, sample: PanelSample) -> bool:
    """Whether the columns of the sample can reproduce the dummy of every time."""
    sums = np.zeros((sample.n_times, fit.q.shape[1]))
    np.add.at(sums, sample.time_codes, fit.q)
    lengths = np.einsum("ij,ij->i", sums, sums)
    rows = np.bincount(sample.time_codes, minlength=sample.n_times)
    return bool(np.all(lengths >= rows * (1 - SPAN_TOLERANCE)))


def refuse_perfect_fit(fit: LeastSquares, *, sample: PanelSample) -> None:
    """Refuse a sample that the regressors explain without error."""
    size = np.abs(sample.y) + np.abs(sample.x) @ np.abs(fit.beta)
    if np.linalg.norm(fit.residuals) <= EXACT_FIT * np.linalg.norm(size):
        raise EstimationError(
            f"exog fits {sample.dependent} without error in all {sample.n_obs} rows",
            "a regressor holds the dependent variable itself, or an identity links them: drop it",
        )


def refuse_exact_panels(residuals: F64, *, beta: F64, y: F64, x: F64, sample: PanelSample) -> None:
    """Refuse panels without residual variance: the weight 1 / sigma_i^2 has no bound and rho_i is 0 / 0.

    Parameters
    ----------
    residuals
        y - X beta, shape (N,).
    beta, y, x
        The coefficients, shape (k,), and the data they were fitted to, shapes (N,) and (N, k).
    sample
        Where the panels are.
    """
    size = np.abs(y) + np.abs(x) @ np.abs(beta)
    exact = sample.panel_sums(residuals**2) <= EXACT_FIT**2 * sample.panel_sums(size**2)
    if exact.any():
        raise EstimationError(
            f"panels fitted exactly: {named(sample.entities[exact])}; without errors they have "
            "neither a variance to weigh them by nor an autocorrelation",
            "drop these panels, or the dummies and regressors that fit them, or use panels='iid' with "
            "corr='independent'",
        )


def refuse_gaps(sample: PanelSample, *, has_lag: Bool) -> None:
    """Refuse panels with a gap in time; the rows come from `follows` without force."""
    expected = np.ones(sample.n_obs, dtype=np.bool_)
    expected[sample.starts] = False
    gaps = np.flatnonzero(expected & ~has_lag)
    if gaps.size:
        codes = sample.panel_codes[gaps]
        first = gaps[0]
        before, after = sample.times[sample.time_codes[[first - 1, first]]]
        raise EstimationError(
            f"{gaps.size} gaps in time within {np.unique(codes).size} panels "
            f"({named(sample.entities[np.unique(codes)])}); the first: {sample.entities[codes[0]]} "
            f"goes from {before} to {after}",
            "autocorrelation needs neighbouring periods: use corr='independent', or force=True, which "
            "assumes that successive observations of a panel are one period apart",
        )


def refuse_single_rows(sample: PanelSample) -> None:
    """Refuse panels of one row, which tell nothing about autocorrelation."""
    single = sample.counts == 1
    if single.any():
        raise EstimationError(
            f"panels with one observation: {named(sample.entities[single])}; "
            "autocorrelation needs two in each panel",
            "drop these panels yourself, or use corr='independent'",
        )


def refuse_short_panels(sample: PanelSample, *, at_least: int, what: str) -> None:
    """Refuse a test for which panels have too few observations."""
    short = sample.counts < at_least
    if short.any():
        raise EstimationError(
            f"{what} needs {at_least} observations in each panel; too few in {named(sample.entities[short])}",
            "leave out these panels, or the test",
        )


def refuse_constant_within(sample: PanelSample) -> None:
    """Refuse, for a model with entity effects, regressors that never change within a panel."""
    absorbed = sample.columns[constant_within(sample)].drop([sample.constant], errors="ignore")
    if len(absorbed):
        raise EstimationError(
            f"regressors constant within every panel: {named(absorbed)}; the entity effects absorb them",
            "drop them, or use random effects or a pooled model",
        )


def warn_irregular_lags(sample: PanelSample) -> None:
    """Warn, for a Driscoll-Kraay covariance, that its lags are positions when the times are irregular."""
    if sample.periods is None:
        return
    numbers = np.unique(sample.periods)
    jumps = np.flatnonzero(np.diff(numbers) != 1)
    if jumps.size:
        before, after = sample.times[[jumps[0], jumps[0] + 1]]
        warn(
            f"Driscoll-Kraay on irregular times: {jumps.size} gaps, the first from {before} to {after}; "
            "its lags count positions in the list of times, not periods"
        )
