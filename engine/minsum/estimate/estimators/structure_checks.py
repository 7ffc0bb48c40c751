"""Checks whether a sample identifies the covariance across panels that FGLS estimates and inverts."""

from __future__ import annotations

import numpy as np

from minsum.errors import EstimationError
from minsum.estimate.estimators.error_structure import Panels
from minsum.estimate.estimators.least_squares import LeastSquares
from minsum.estimate.estimators.panel_data import PanelSample, named
from minsum.estimate.estimators.refusals import spans_entity_dummies, spans_time_dummies, warn


def check_panels(ols: LeastSquares, *, panels: Panels, sample: PanelSample) -> None:
    """Refuse and warn of what the sample cannot carry.

    Parameters
    ----------
    ols
        The OLS fit on the columns of the sample, which tells what they span.
    panels
        The structure across panels.
    sample
        The sorted sample.

    Raises
    ------
    EstimationError
        If panels are correlated but unbalanced, more than the periods, or have singular residuals because
        of entity or time dummies.
    """
    if panels == "heteroskedastic":
        short = sample.counts <= 3
        if short.any():
            warn(
                f"heteroskedastic panels with 3 observations or fewer: {named(sample.entities[short])}; "
                "their variances are poorly estimated and weigh in all coefficients"
            )
    if panels != "correlated":
        return
    _refuse_unbalanced(sample)
    m, n_times = sample.n_panels, sample.n_times
    remedy = "use panels='heteroskedastic', or PanelPCSE, which does not invert the covariance"
    if n_times < m:
        raise EstimationError(
            f"correlated panels need at least as many periods as panels: {n_times} periods, {m} panels",
            remedy,
        )
    if n_times < m + 1 and spans_entity_dummies(ols, sample=sample):
        raise EstimationError(
            f"correlated panels with entity dummies need more periods than panels: {n_times} periods, "
            f"{m} panels; the dummies take one period",
            remedy,
        )
    if m > 1 and spans_time_dummies(ols, sample=sample):
        raise EstimationError(
            "correlated panels with time dummies: the residuals of each period sum to zero over the panels, "
            "so their covariance is singular",
            "leave out the time dummies, which the correlation replaces, or use panels='heteroskedastic'",
        )
    if n_times < 2 * m:
        warn(
            f"correlated panels with {n_times} periods for {m} panels, fewer than twice as many: "
            "the standard errors are far too small (Beck and Katz 1995); prefer PanelPCSE"
        )


def _refuse_unbalanced(sample: PanelSample) -> None:
    """Refuse panels that lack a period, and name the first of them with what it lacks."""
    short = np.flatnonzero(sample.counts < sample.n_times)
    if short.size:
        i = short[0]
        rows = slice(sample.starts[i], sample.starts[i] + sample.counts[i])
        lacking = np.setdiff1d(np.arange(sample.n_times), sample.time_codes[rows])
        raise EstimationError(
            f"correlated panels must be balanced: {short.size} of {sample.n_panels} panels lack some of the "
            f"{sample.n_times} times ({named(sample.entities[short])}); {sample.entities[i]} lacks "
            f"{named(sample.times[lacking])}",
            "use panels='heteroskedastic', or keep the times that all panels have",
        )
