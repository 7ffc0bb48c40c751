"""First-order autocorrelation within panels: the estimate of rho and the Prais-Winsten transformation."""

from __future__ import annotations

from typing import Literal

import numpy as np

from minsum.errors import EstimationError
from minsum.estimate.estimators.panel_data import F64, Bool, PanelSample, named

Correlation = Literal["independent", "ar1", "psar1"]
RhoType = Literal["regress", "freg", "tscorr", "dw"]


def follows(sample: PanelSample, *, force: bool) -> Bool:
    """Which rows come one period after the row before them in the same panel, shape (N,).

    Parameters
    ----------
    sample
        The sorted sample.
    force
        Assume that successive rows of a panel are one period apart, whatever their times say.

    Raises
    ------
    EstimationError
        If the time labels have no unit and `force` is not set.
    """
    same_panel = np.ones(sample.n_obs, dtype=np.bool_)
    same_panel[sample.starts] = False
    if force:
        return same_panel
    if sample.periods is None:
        raise EstimationError(
            f"the times ({named(sample.times, 3)}) do not say which of them are one period apart",
            "use whole numbers, dates or periods as times, or force=True to take successive observations "
            "as one period apart",
        )
    steps = np.diff(sample.periods, prepend=sample.periods[:1])
    is_next: Bool = same_panel & (steps == 1)
    return is_next


def lag(values: F64) -> F64:
    """The row before, shape (N, ...) as given; the first row, which has none, repeats itself."""
    return np.concatenate((values[:1], values[:-1]))


def panel_rhos(residuals: F64, *, sample: PanelSample, has_lag: Bool, rho_type: RhoType) -> F64:
    """Autocorrelation of the residuals of each panel.

    Parameters
    ----------
    residuals
        OLS residuals e, shape (N,).
    sample, has_lag
        The sample and the rows whose predecessor is one period earlier, shape (N,).
    rho_type
        `regress`: sum e_t e_{t-1} / sum e_{t-1}^2 over pairs; `freg`: the same over sum e_t^2 of the pairs;
        `tscorr`: sum e_t e_{t-1} / sum of all e^2; `dw`: 1 - DW/2 with DW = sum (e_t - e_{t-1})^2 / sum of
        all e^2.

    Returns
    -------
    rho_i, shape (m,); NaN for a panel without a pair or with zero residuals.
    """
    before = lag(residuals)
    n_pairs = sample.panel_sums(has_lag.astype(np.float64))
    if rho_type == "dw":
        numerator = sample.panel_sums(np.where(has_lag, (residuals - before) ** 2, 0.0))
    else:
        numerator = sample.panel_sums(np.where(has_lag, residuals * before, 0.0))
    squares = {"regress": np.where(has_lag, before**2, 0.0), "freg": np.where(has_lag, residuals**2, 0.0)}
    denominator = sample.panel_sums(squares.get(rho_type, residuals**2))
    defined = (n_pairs > 0) & (denominator > 0)
    ratio = np.full(sample.n_panels, np.nan)
    np.divide(numerator, denominator, out=ratio, where=defined)
    return 1 - ratio / 2 if rho_type == "dw" else ratio


def common_rho(rhos: F64, *, weights: F64) -> float:
    """Weighted mean of the defined rho_i; NaN when there is none."""
    defined = np.isfinite(rhos)
    total = float(weights[defined].sum())
    return float(rhos[defined] @ weights[defined]) / total if total > 0 else float("nan")


def prais_winsten(y: F64, x: F64, *, rhos: F64, has_lag: Bool, sample: PanelSample) -> tuple[F64, F64]:
    """Transform the data to serially uncorrelated errors, keeping the first row of every unbroken run.

    Parameters
    ----------
    y, x
        Sorted data, shapes (N,) and (N, k), constant and dummies included.
    rhos
        rho of each panel, shape (m,), in [-1, 1].
    has_lag
        Rows whose predecessor is one period earlier, shape (N,).
    sample
        Where the panels are.

    Returns
    -------
    y and x as z_t - rho z_{t-1} where there is a predecessor, sqrt(1 - rho^2) z_t where a run begins.
    """
    rho = np.repeat(rhos, sample.counts)
    factor = np.where(has_lag, 1.0, np.sqrt(1.0 - rho**2))
    carried = np.where(has_lag, rho, 0.0)
    return factor * y - carried * lag(y), factor[:, None] * x - carried[:, None] * lag(x)
