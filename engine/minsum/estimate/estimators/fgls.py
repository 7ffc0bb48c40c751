"""Feasible generalized least squares for panels (Parks 1967), in the conventions of Stata's xtgls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from minsum.errors import EstimationError
from minsum.estimate.estimators.ar1 import (
    Correlation,
    RhoType,
    common_rho,
    follows,
    panel_rhos,
    prais_winsten,
)
from minsum.estimate.estimators.error_structure import ErrorStructure, Panels, error_structure
from minsum.estimate.estimators.least_squares import LeastSquares, least_squares
from minsum.estimate.estimators.panel_data import F64, PanelSample, named, panel_sample
from minsum.estimate.estimators.refusals import (
    check_choice,
    refuse_exact_panels,
    refuse_gaps,
    refuse_perfect_fit,
    refuse_single_rows,
)
from minsum.estimate.estimators.results import (
    Counts,
    PanelResult,
    coefficient_tables,
    observations_per_entity,
)
from minsum.estimate.estimators.structure_checks import check_panels


@dataclass(frozen=True, slots=True)
class _Options:
    panels: Panels
    corr: Correlation
    rho_type: RhoType
    nmk: bool
    igls: bool
    force: bool


@dataclass(frozen=True, slots=True)
class _Transformed:
    """Data after Prais-Winsten, the rho it used and what there is to say about it."""

    y: F64
    x: F64
    rho: float | pd.Series | None
    notes: tuple[str, ...]


class PanelFGLS:
    """Panel FGLS: errors heteroskedastic or correlated across panels, autocorrelated within.

    Parameters
    ----------
    dependent
        Dependent variable, a Series or a DataFrame of one column with an (entity, time) MultiIndex.
    exog
        Regressors with the same index. The constant and dummies are columns of exog.
    panels
        `iid`: one variance; `heteroskedastic`: one per panel; `correlated`: a full covariance of the panels
        within each period, for balanced data with more periods than panels.
    corr
        `independent`; `ar1`: one rho, the mean of rho_i weighted by T_i; `psar1`: one rho per panel.
    rho_type
        `regress`, `freg`, `tscorr` or `dw`: see `minsum.estimate.estimators.ar1.panel_rhos`.
    nmk
        Multiply the covariance of the coefficients by N / (N - k).
    igls
        Iterate Sigma and the coefficients until convergence; rho stays fixed.
    force
        Estimate ar1 and psar1 in spite of gaps in time: successive observations of a panel are assumed to
        be one period apart.

    Notes
    -----
    Whole-number times are periods as they stand; dates count in the longest calendar unit that tells them
    apart (see `minsum.estimate.estimators.periods`). Statistics are z and Sigma has divisors N, T_i or T, as in Stata.
    Parks (1967), Journal of the American Statistical Association 62, 500-509.
    """

    def __init__(
        self,
        dependent: pd.Series | pd.DataFrame,
        exog: pd.Series | pd.DataFrame,
        *,
        panels: Panels = "iid",
        corr: Correlation = "independent",
        rho_type: RhoType = "regress",
        nmk: bool = False,
        igls: bool = False,
        force: bool = False,
    ) -> None:
        check_choice("panels", panels, choices=Panels)
        check_choice("corr", corr, choices=Correlation)
        check_choice("rho_type", rho_type, choices=RhoType)
        self._options = _Options(panels, corr, rho_type, nmk, igls, force)
        self._sample = panel_sample(dependent, exog)

    def fit(self, *, tolerance: float = 1e-7, max_iterations: int = 16_000) -> PanelResult:
        """Estimate the model.

        Parameters
        ----------
        tolerance
            With igls, the largest `|b - b_old| / (|b_old| + 1)` at convergence.
        max_iterations
            With igls, the steps after which to give up. Grunfeld's five firms with correlated panels
            take 1,047.

        Raises
        ------
        EstimationError
            If the sample does not carry the model; the message names the column, panel or time.
        """
        sample, options = self._sample, self._options
        ols = least_squares(sample.y, sample.x, sample=sample)
        refuse_perfect_fit(ols, sample=sample)
        check_panels(ols, panels=options.panels, sample=sample)
        data = _transform(ols, options=options, sample=sample)
        steps = max_iterations if options.igls else 1
        fit, structure, iterations = _reweigh(
            data, options=options, sample=sample, steps=steps, tolerance=tolerance
        )
        cov = fit.inverse * (sample.n_obs / (sample.n_obs - len(fit.beta)) if options.nmk else 1.0)
        params, cov_table = coefficient_tables(fit.beta, cov, columns=sample.columns)
        return PanelResult(
            title=_title(options),
            dependent=sample.dependent,
            params=params,
            cov=cov_table,
            rho=data.rho,
            sigma=structure.sigma,
            resids=sample.place(sample.y - sample.x @ fit.beta, "residual"),
            entity_info=observations_per_entity(sample),
            constant=sample.constant,
            counts=_counts(options, sample=sample),
            loglik=_log_likelihood(fit, structure, options=options),
            rsquared=None,
            iterations=iterations,
            notes=data.notes,
        )


def _transform(ols: LeastSquares, *, options: _Options, sample: PanelSample) -> _Transformed:
    """Estimate rho from the OLS residuals and remove the autocorrelation from the data."""
    if options.corr == "independent":
        return _Transformed(sample.y, sample.x, None, ())
    refuse_single_rows(sample)
    refuse_exact_panels(ols.residuals, beta=ols.beta, y=sample.y, x=sample.x, sample=sample)
    has_lag = follows(sample, force=options.force)
    refuse_gaps(sample, has_lag=has_lag)
    rhos = panel_rhos(ols.residuals, sample=sample, has_lag=has_lag, rho_type=options.rho_type)
    rho: float | pd.Series
    if options.corr == "ar1":
        rho = common_rho(rhos, weights=sample.counts.astype(np.float64))
        used = np.full(sample.n_panels, rho)
    else:
        rho = pd.Series(rhos, index=sample.entities, name="rho")
        used = rhos
    _refuse_unstable(used, rhos=rhos, options=options, sample=sample)
    y, x = prais_winsten(sample.y, sample.x, rhos=used, has_lag=has_lag, sample=sample)
    note = "Successive observations of a panel were assumed to be one period apart (force)."
    return _Transformed(y, x, rho, (note,) if options.force else ())


def _refuse_unstable(used: F64, *, rhos: F64, options: _Options, sample: PanelSample) -> None:
    """Refuse a rho outside (-1, 1), for which the first observation of a panel has no transformation."""
    bad = ~(np.abs(used) < 1)
    if not bad.any():
        return
    panels = bad if options.corr == "psar1" else ~(np.abs(rhos) < 1)
    found = [f"{label} ({rho:.4f})" for label, rho in zip(sample.entities[panels], rhos[panels], strict=True)]
    others = "rho_type='tscorr', which stays inside,"
    raise EstimationError(
        f"rho is not between -1 and 1 for {named(found)} under corr={options.corr!r}, "
        f"rho_type={options.rho_type!r}",
        f"use {others} or corr='ar1'" if options.corr == "psar1" else f"use {others} or corr='independent'",
    )


def _reweigh(
    data: _Transformed, *, options: _Options, sample: PanelSample, steps: int, tolerance: float
) -> tuple[LeastSquares, ErrorStructure, int]:
    """Estimate Sigma from residuals and the coefficients from Sigma, once or until convergence.

    Returns
    -------
    The weighted fit (its residuals are whitened), the structure it used and the number of steps.
    """
    what = "exog after the Prais-Winsten transformation" if data.rho is not None else "exog"
    fit = least_squares(data.y, data.x, sample=sample, what=what)
    residuals, beta = fit.residuals, fit.beta
    both = np.column_stack((data.y, data.x))
    change = np.inf
    for step in range(1, steps + 1):
        if options.panels != "iid":
            refuse_exact_panels(residuals, beta=beta, y=data.y, x=data.x, sample=sample)
        structure = error_structure(options.panels, residuals, sample=sample)
        white = structure.whiten(both)
        fit = least_squares(white[:, 0], white[:, 1:], sample=sample, what="weighted exog")
        change = float(np.max(np.abs(fit.beta - beta) / (np.abs(beta) + 1)))
        beta = fit.beta
        residuals = data.y - data.x @ beta
        if not options.igls or (step > 1 and change <= tolerance):
            return fit, structure, step
    raise EstimationError(
        f"igls did not converge in {steps} steps: the coefficients still change by {change:.1e}, "
        f"more than {tolerance:.1e}",
        "raise max_iterations or tolerance, or use the two-step estimate (igls=False)",
    )


def _log_likelihood(fit: LeastSquares, structure: ErrorStructure, *, options: _Options) -> float | None:
    """Gaussian log likelihood, where the estimate maximizes it."""
    if options.corr != "independent" or not (options.igls or options.panels == "iid"):
        return None
    white = fit.residuals
    return -0.5 * (white.size * float(np.log(2 * np.pi)) + structure.log_det + float(white @ white))


def _counts(options: _Options, *, sample: PanelSample) -> Counts:
    """Numbers of parameters."""
    m = sample.n_panels
    covariances = {"iid": 1, "heteroskedastic": m, "correlated": m * (m + 1) // 2}[options.panels]
    autocorrelations = {"independent": 0, "ar1": 1, "psar1": m}[options.corr]
    return Counts(covariances, autocorrelations, sample.x.shape[1])


def _title(options: _Options) -> str:
    """The estimator in words."""
    within = {"independent": "no autocorrelation", "ar1": "common AR(1)", "psar1": "panel-specific AR(1)"}
    steps = "iterated" if options.igls else "two-step"
    scale = ", N - k" if options.nmk else ""
    return f"Panel FGLS, {steps}: {options.panels} panels, {within[options.corr]}{scale}"
