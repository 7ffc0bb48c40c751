"""Covariance of the errors across panels: estimate, whitening and determinant, by panel and time block.

The covariance of all N errors is Sigma kron I (balanced) or its diagonal analogue; it is never formed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from minsum.errors import EstimationError
from minsum.estimate.estimators.panel_data import F64, PanelSample, named

Panels = Literal["iid", "heteroskedastic", "correlated"]

SINGULAR_SIGMA = 1e-9
"""Sigma is singular when the smallest singular value of the residuals, each panel scaled to length one, is
below this share of the largest. Time dummies leave 1e-16; panels correlated at 1 - 1e-9 leave 2e-5."""


class ErrorStructure(Protocol):
    """What the estimator needs of a covariance of the errors."""

    @property
    def sigma(self) -> float | pd.Series | pd.DataFrame:
        """The estimate as reported: sigma^2, sigma_i^2 by panel, or the matrix Sigma."""
        ...

    @property
    def log_det(self) -> float:
        """Log determinant of the covariance of all N errors."""
        ...

    def whiten(self, values: F64) -> F64:
        """Premultiply sorted rows, shape (N, c), by a root of the inverse covariance."""
        ...


@dataclass(frozen=True, slots=True)
class Iid:
    """The same variance everywhere."""

    sigma: float
    n_obs: int

    @property
    def log_det(self) -> float:
        """N ln sigma^2."""
        return self.n_obs * float(np.log(self.sigma))

    def whiten(self, values: F64) -> F64:
        """Divide by sigma."""
        white: F64 = values / np.sqrt(self.sigma)
        return white


@dataclass(frozen=True, slots=True)
class Heteroskedastic:
    """A variance for each panel."""

    variances: F64
    sample: PanelSample

    @property
    def sigma(self) -> pd.Series:
        """sigma_i^2 by panel, shape (m,)."""
        return pd.Series(self.variances, index=self.sample.entities, name="sigma2")

    @property
    def log_det(self) -> float:
        """sum_i T_i ln sigma_i^2."""
        return float(self.sample.counts @ np.log(self.variances))

    def whiten(self, values: F64) -> F64:
        """Divide the rows of panel i by sigma_i."""
        white: F64 = values / np.repeat(np.sqrt(self.variances), self.sample.counts)[:, None]
        return white


@dataclass(frozen=True, slots=True)
class Correlated:
    """A full covariance of the panels within each period; the sample is balanced."""

    root: F64
    """Lower triangular root with Sigma = root root', shape (m, m)."""
    inverse_root: F64
    """Its inverse, shape (m, m)."""
    sample: PanelSample

    @property
    def sigma(self) -> pd.DataFrame:
        """Sigma, shape (m, m)."""
        labels = self.sample.entities
        return pd.DataFrame(self.root @ self.root.T, index=labels, columns=labels)

    @property
    def log_det(self) -> float:
        """T ln |Sigma|."""
        return 2 * self.sample.n_times * float(np.sum(np.log(np.abs(np.diagonal(self.root)))))

    def whiten(self, values: F64) -> F64:
        """Multiply the m rows of each period by the inverse root, all periods at once."""
        by_panel = values.reshape(self.sample.n_panels, -1)
        return (self.inverse_root @ by_panel).reshape(values.shape)


def panel_variances(residuals: F64, *, sample: PanelSample) -> F64:
    """e_i'e_i / T_i, shape (m,)."""
    return sample.panel_sums(residuals**2) / sample.counts


def error_structure(panels: Panels, residuals: F64, *, sample: PanelSample) -> ErrorStructure:
    """Estimate the covariance across panels from residuals e, shape (N,).

    Raises
    ------
    EstimationError
        If panels are correlated and Sigma is singular.

    Notes
    -----
    iid e'e/N; heteroskedastic e_i'e_i/T_i; correlated E E'/T. No degrees of freedom are taken off.
    """
    if panels == "iid":
        return Iid(float(residuals @ residuals) / sample.n_obs, sample.n_obs)
    if panels == "heteroskedastic":
        return Heteroskedastic(panel_variances(residuals, sample=sample), sample)
    table = residuals.reshape(sample.n_panels, sample.n_times)
    _refuse_singular(table, sample=sample)
    upper: F64 = np.linalg.qr(table.T)[1]
    root = upper.T / np.sqrt(sample.n_times)
    return Correlated(root, np.linalg.inv(root), sample)


def _refuse_singular(table: F64, *, sample: PanelSample) -> None:
    """Refuse residuals, shape (m, T), whose covariance has no inverse, and name the panels that cause it."""
    lengths = np.linalg.norm(table, axis=1, keepdims=True)
    left, singular, _ = np.linalg.svd(table / np.where(lengths > 0, lengths, 1.0), full_matrices=False)
    if singular[-1] <= SINGULAR_SIGMA * singular[0]:
        involved = sample.entities[np.abs(left[:, -1]) > np.sqrt(SINGULAR_SIGMA)]
        rank = int(np.sum(singular > SINGULAR_SIGMA * singular[0]))
        raise EstimationError(
            f"the covariance of the {sample.n_panels} panels has rank {rank}, so it has no inverse; "
            f"the residuals of {named(involved)} are linearly dependent",
            "use panels='heteroskedastic', or PanelPCSE, which does not invert it",
        )
