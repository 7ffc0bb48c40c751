"""Test of whether all panels of a sample have the same slopes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from minsum.errors import EstimationError
from minsum.estimate.estimators.hypothesis import HypothesisTest, f_test
from minsum.estimate.estimators.least_squares import RANK_TOLERANCE, constant_within, least_squares
from minsum.estimate.estimators.panel_data import F64, PanelSample, panel_sample
from minsum.estimate.estimators.refusals import EXACT_FIT, refuse_short_panels


def slope_poolability(dependent: pd.Series | pd.DataFrame, exog: pd.Series | pd.DataFrame) -> HypothesisTest:
    """F test that all panels share their slopes, each with an intercept of its own.

    Parameters
    ----------
    dependent, exog
        As for `PanelFGLS`. Columns that never change within a panel are the intercepts and not tested.

    Returns
    -------
    F((m - 1) k0, N - m (k0 + 1)), with k0 slopes.

    Raises
    ------
    EstimationError
        If a panel has too few observations for its own regression or a regressor does not vary in it, or
        there are no degrees of freedom.

    Notes
    -----
    Chow (1960), Econometrica 28, 591-605; Baltagi (2021), Econometric Analysis of Panel Data, section 4.1.
    """
    full = panel_sample(dependent, exog)
    sample = full.select(~constant_within(full))
    m, k = sample.n_panels, sample.x.shape[1]
    df = ((m - 1) * k, sample.n_obs - m * (k + 1))
    if m < 2 or k == 0:
        raise EstimationError(
            f"slope poolability needs two panels and a varying regressor, found {m} panels, {k} regressors",
            "leave the test out",
        )
    refuse_short_panels(sample, at_least=k + 1, what=f"a regression with {k} slopes in each panel")
    if df[1] <= 0:
        raise EstimationError(
            f"no degrees of freedom: {sample.n_obs} observations for {m} regressions of {k + 1} coefficients",
            "use more periods or fewer regressors",
        )
    means = sample.panel_sums(np.column_stack((sample.y, sample.x))) / sample.counts[:, None]
    within = np.column_stack((sample.y, sample.x)) - np.repeat(means, sample.counts, axis=0)
    pooled = least_squares(within[:, 0], within[:, 1:], sample=sample, what="exog within panels").residuals
    rss_pooled, rss_own = float(pooled @ pooled), _own_regressions(within, sample=sample)
    if rss_own <= EXACT_FIT**2 * float(within[:, 0] @ within[:, 0]):
        raise EstimationError("exog fits every panel without error", "drop the regressor that does it")
    return f_test(
        (rss_pooled - rss_own) / df[0] / (rss_own / df[1]),
        df,
        name="Test of slope poolability",
        null="the slopes are the same in all panels",
    )


def _own_regressions(within: F64, *, sample: PanelSample) -> float:
    """Sum of squared residuals of a regression in each panel, from its demeaned rows, shape (N, 1 + k)."""
    position = np.arange(sample.n_obs) - np.repeat(sample.starts, sample.counts)
    block = np.zeros((sample.n_panels, int(sample.counts.max()), within.shape[1]))
    block[sample.panel_codes, position] = within  # a row of zeros changes no regression
    lengths = np.linalg.norm(block, axis=1, keepdims=True)
    q, r = np.linalg.qr((block / np.where(lengths > 0, lengths, 1.0))[:, :, 1:])
    short = np.abs(np.diagonal(r, axis1=1, axis2=2)) <= np.sqrt(RANK_TOLERANCE)
    if short.any():
        i, j = np.argwhere(short)[0]
        raise EstimationError(
            f"{sample.columns[j]} does not vary or depends on others in panel {sample.entities[i]} "
            f"({int(short.any(axis=1).sum())} such panels)",
            "leave out the regressor or these panels",
        )
    y = block[:, :, 0]
    residuals = y - np.einsum("itk,ik->it", q, np.einsum("itk,it->ik", q, y))
    return float(np.sum(residuals**2))
