"""Panel-corrected standard errors (Beck and Katz 1995), in the conventions of Stata's xtpcse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
from minsum.estimate.estimators.error_structure import panel_variances
from minsum.estimate.estimators.least_squares import LeastSquares, least_squares
from minsum.estimate.estimators.panel_data import F64, Bool, PanelSample, named, panel_sample
from minsum.estimate.estimators.refusals import check_choice, refuse_perfect_fit
from minsum.estimate.estimators.results import (
    Counts,
    PanelResult,
    coefficient_tables,
    observations_per_entity,
)

SigmaRule = Literal["casewise", "pairwise", "hetonly"]


@dataclass(frozen=True, slots=True)
class _Autocorrelation:
    """rho as reported, rho of each panel as used, rows with a predecessor, and remarks."""

    rho: float | pd.Series | None
    used: F64
    has_lag: Bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Disturbances:
    """Sigma as reported and the middle of the sandwich, Q' Omega Q, shape (k, k)."""

    sigma: pd.Series | pd.DataFrame
    middle: F64
    notes: tuple[str, ...]


class PanelPCSE:
    """OLS or Prais-Winsten coefficients with panel-corrected standard errors.

    Parameters
    ----------
    dependent
        Dependent variable, a Series or a DataFrame of one column with an (entity, time) MultiIndex.
    exog
        Regressors with the same index. The constant and dummies are columns of exog.
    corr
        `independent`: OLS; `ar1` and `psar1`: Prais-Winsten with one rho (mean of rho_i weighted by
        T_i - 1) or one per panel. rho_i is bounded to [-1, 1].
    rho_type
        `regress`, `freg`, `tscorr` or `dw`: see `minsum.estimate.estimators.ar1.panel_rhos`.
    sigma
        How the covariance of the panels is estimated: `casewise` over the times that all panels have,
        `pairwise` over the times that two panels share, `hetonly` as a variance per panel.
    nmk
        Multiply the covariance of the coefficients by N / (N - k).
    force
        Take successive observations of a panel as one period apart. Without it pairs and the transformation
        restart after a gap in time.

    Notes
    -----
    V = (X'X)^-1 X' Omega X (X'X)^-1 with the Sigma of the times of each period; Omega is never formed.
    Beck and Katz (1995), American Political Science Review 89, 634-647.
    """

    def __init__(
        self,
        dependent: pd.Series | pd.DataFrame,
        exog: pd.Series | pd.DataFrame,
        *,
        corr: Correlation = "independent",
        rho_type: RhoType = "regress",
        sigma: SigmaRule = "casewise",
        nmk: bool = False,
        force: bool = False,
    ) -> None:
        check_choice("corr", corr, choices=Correlation)
        check_choice("rho_type", rho_type, choices=RhoType)
        check_choice("sigma", sigma, choices=SigmaRule)
        self._corr, self._rho_type, self._sigma = corr, rho_type, sigma
        self._nmk, self._force = nmk, force
        self._sample = panel_sample(dependent, exog)

    def fit(self) -> PanelResult:
        """Estimate the model.

        Raises
        ------
        EstimationError
            If the sample does not carry the model; the message names the column, panel or time.
        """
        sample = self._sample
        fit = least_squares(sample.y, sample.x, sample=sample)
        refuse_perfect_fit(fit, sample=sample)
        serial = self._autocorrelation(fit.residuals)
        y = sample.y
        if self._corr != "independent":
            y, x = prais_winsten(y, sample.x, rhos=serial.used, has_lag=serial.has_lag, sample=sample)
            fit = least_squares(y, x, sample=sample, what="exog after the Prais-Winsten transformation")
        disturbances = _disturbances(fit, rule=self._sigma, sample=sample)
        cov = self._covariance(fit, disturbances)
        params, cov_table = coefficient_tables(fit.beta, cov, columns=sample.columns)
        return PanelResult(
            title=self._title(),
            dependent=sample.dependent,
            params=params,
            cov=cov_table,
            rho=serial.rho,
            sigma=disturbances.sigma,
            resids=sample.place(sample.y - sample.x @ fit.beta, "residual"),
            entity_info=observations_per_entity(sample),
            constant=sample.constant,
            counts=self._counts(),
            loglik=None,
            rsquared=_r_squared(y, fit.residuals, centred=sample.constant is not None),
            iterations=0,
            notes=serial.notes + disturbances.notes,
        )

    def _autocorrelation(self, residuals: F64) -> _Autocorrelation:
        """Estimate and bound rho from OLS residuals, shape (N,)."""
        sample = self._sample
        if self._corr == "independent":
            return _Autocorrelation(None, np.zeros(sample.n_panels), np.zeros(sample.n_obs, np.bool_), ())
        has_lag = follows(sample, force=self._force)
        raw = panel_rhos(residuals, sample=sample, has_lag=has_lag, rho_type=self._rho_type)
        rhos = np.clip(raw, -1.0, 1.0)
        undefined = sample.entities[np.isnan(raw)]
        notes = _serial_notes(raw, has_lag=has_lag, sample=sample)
        if self._force:
            notes += ("Successive observations of a panel were assumed to be one period apart (force).",)
        if len(undefined) == sample.n_panels or (self._corr == "psar1" and len(undefined)):
            raise EstimationError(
                f"rho cannot be computed for {named(undefined)}: no two of their observations are "
                "one period apart, or they are fitted exactly",
                "use corr='independent'" + (" or corr='ar1'" if len(undefined) < sample.n_panels else ""),
            )
        if self._corr == "psar1":
            return _Autocorrelation(pd.Series(rhos, sample.entities, name="rho"), rhos, has_lag, notes)
        if len(undefined):
            notes += (f"No rho for {named(undefined)} (no neighbouring periods): not in the common rho.",)
        rho = common_rho(rhos, weights=sample.counts.astype(np.float64) - 1)
        return _Autocorrelation(rho, np.full(sample.n_panels, rho), has_lag, notes)

    def _covariance(self, fit: LeastSquares, disturbances: _Disturbances) -> F64:
        """The sandwich, shape (k, k), with positive variances."""
        cov = fit.sandwich(disturbances.middle)
        negative = np.diagonal(cov) <= 0
        if negative.any():
            raise EstimationError(
                f"the {self._sigma} covariance gives no positive variance for "
                f"{named(self._sample.columns[negative])}",
                "use sigma='casewise' or sigma='hetonly'"
                if self._sigma == "pairwise"
                else "use sigma='hetonly': too few times are common to all panels",
            )
        n_obs, k = fit.q.shape
        return cov * (n_obs / (n_obs - k)) if self._nmk else cov

    def _counts(self) -> Counts:
        """Numbers of parameters."""
        m = self._sample.n_panels
        covariances = m if self._sigma == "hetonly" else m * (m + 1) // 2
        autocorrelations = {"independent": 0, "ar1": 1, "psar1": m}[self._corr]
        return Counts(covariances, autocorrelations, self._sample.x.shape[1])

    def _title(self) -> str:
        """The estimator in words."""
        fit = {
            "independent": "OLS",
            "ar1": "Prais-Winsten, common AR(1)",
            "psar1": "Prais-Winsten, panel-specific AR(1)",
        }
        kind = "heteroskedastic" if self._sigma == "hetonly" else f"correlated ({self._sigma})"
        return f"{fit[self._corr]}; errors of {kind} panels{', N - k' if self._nmk else ''}"


def _serial_notes(rhos: F64, *, has_lag: Bool, sample: PanelSample) -> tuple[str, ...]:
    """Remarks on bounded rhos and on restarts after gaps."""
    notes = []
    outside = np.abs(rhos) > 1
    if outside.any():
        notes.append(f"rho bounded to [-1, 1] for {named(sample.entities[outside])}.")
    restarts = sample.n_obs - sample.n_panels - int(has_lag.sum())
    if restarts:
        notes.append(f"Autocorrelation restarts after {restarts} gaps in time.")
    return tuple(notes)


def _disturbances(fit: LeastSquares, *, rule: SigmaRule, sample: PanelSample) -> _Disturbances:
    """Estimate Sigma from the residuals and sum Q_t' Sigma_t Q_t over the times."""
    if rule == "hetonly":
        variances = panel_variances(fit.residuals, sample=sample)
        weighted = fit.q * np.repeat(variances, sample.counts)[:, None]
        return _Disturbances(pd.Series(variances, sample.entities, name="sigma2"), fit.q.T @ weighted, ())
    sigma, notes = _panel_covariance(sample.wide(fit.residuals), rule=rule, sample=sample)
    middle = np.zeros((fit.q.shape[1],) * 2)
    by_time = np.argsort(sample.time_codes, kind="stable")
    ends = np.cumsum(np.bincount(sample.time_codes, minlength=sample.n_times))[:-1]
    for rows in np.split(by_time, ends):
        present = sample.panel_codes[rows]
        block = sigma if present.size == sample.n_panels else sigma[np.ix_(present, present)]
        middle += fit.q[rows].T @ block @ fit.q[rows]
    table = pd.DataFrame(sigma, index=sample.entities, columns=sample.entities)
    return _Disturbances(table, middle, notes)


def _panel_covariance(table: F64, *, rule: SigmaRule, sample: PanelSample) -> tuple[F64, tuple[str, ...]]:
    """Sigma, shape (m, m), from residuals by time and panel, shape (T, m), NaN where there is none."""
    is_there = ~np.isnan(table)
    if rule == "casewise":
        common = table[is_there.all(axis=1)]
        if not len(common):
            raise EstimationError(
                f"no time is common to all {sample.n_panels} panels, so there is no casewise covariance",
                "use sigma='pairwise' or sigma='hetonly', or drop the shortest panels "
                f"({named(sample.entities[np.argsort(sample.counts, kind='stable')], 3)})",
            )
        used, mean = len(common), sample.counts.mean()
        note = f"Sigma uses the {used} times that all panels have (mean {mean:.1f} per panel)."
        return common.T @ common / used, (note,) if used < sample.n_times else ()
    filled = np.where(is_there, table, 0.0)
    shared = is_there.T.astype(np.float64) @ is_there
    sigma = np.divide(filled.T @ filled, shared, out=np.zeros_like(shared), where=shared > 0)
    n_apart = int(np.sum(shared == 0)) // 2
    note = f"{n_apart} pairs of panels share no time; their covariance is taken as zero."
    return sigma, (note,) if n_apart else ()


def _r_squared(y: F64, residuals: F64, *, centred: bool) -> float:
    """1 - e'e / y'y, about the mean when exog has a constant."""
    total = y - y.mean() if centred else y
    return 1.0 - float(residuals @ residuals) / float(total @ total)
