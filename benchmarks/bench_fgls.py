"""Panel FGLS at scale, and beside statsmodels' GLS where the full covariance still fits in memory.

Run from the checkout: python benchmarks/bench_fgls.py
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm

from minsum.estimate import PanelFGLS, PanelPCSE
from record import record

LARGE, SMALL = (4_000, 20), (100, 20)
N_REGRESSORS = 8
LIMIT_SECONDS = 2.0
"""Heteroskedastic panels with AR(1) errors, 4,000 x 20 x 8, must be faster than this."""

Table = tuple[pd.Series, pd.DataFrame]


def world(shape: tuple[int, int], *, seed: int = 1) -> Table:
    """A balanced panel with known coefficients 1, 2, ..., variances by panel and AR(1) errors of 0.5."""
    n_panels, n_times = shape
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(n_panels, n_times))
    for t in range(1, n_times):
        errors[:, t] += 0.5 * errors[:, t - 1]
    errors *= rng.uniform(0.5, 3.0, size=(n_panels, 1))
    x = rng.normal(size=(n_panels * n_times, N_REGRESSORS))
    index = pd.MultiIndex.from_product(
        [range(n_panels), range(2000, 2000 + n_times)], names=["entity", "year"]
    )
    exog = pd.DataFrame(x, index=index, columns=[f"x{j + 1}" for j in range(N_REGRESSORS)])
    y = exog.to_numpy() @ np.arange(1.0, N_REGRESSORS + 1) + 3.0 + errors.ravel()
    return pd.Series(y, index=index, name="y"), exog.assign(const=1.0)


def ours(table: Table) -> np.ndarray:
    """The estimate under test."""
    return PanelFGLS(*table, panels="heteroskedastic", corr="ar1").fit().params.to_numpy()


def panel_specific(table: Table) -> np.ndarray:
    """One rho per panel."""
    model = PanelFGLS(*table, panels="heteroskedastic", corr="psar1", rho_type="tscorr")
    return model.fit().params.to_numpy()


def iterated(table: Table) -> np.ndarray:
    """Sigma and coefficients until they settle."""
    return PanelFGLS(*table, panels="heteroskedastic", corr="ar1", igls=True).fit().params.to_numpy()


def corrected(table: Table) -> np.ndarray:
    """Prais-Winsten with standard errors corrected for heteroskedasticity."""
    return PanelPCSE(*table, corr="ar1", sigma="hetonly").fit().params.to_numpy()


def full_covariance(table: Table) -> np.ndarray:
    """statsmodels' GLS on the N x N covariance of the same estimate of rho and sigma_i."""
    result = PanelFGLS(*table, panels="heteroskedastic", corr="ar1").fit()
    n_times = table[0].index.get_level_values(1).nunique()
    lags = np.abs(np.subtract.outer(np.arange(n_times), np.arange(n_times)))
    block = result.rho**lags / (1 - result.rho**2)
    omega = np.kron(np.diag(result.sigma), block)
    return np.asarray(sm.GLS(table[0], table[1], sigma=omega).fit().params)


def measure(run: Callable[[Table], np.ndarray], table: Table, *, repeats: int = 3) -> dict[str, Any]:
    """Median seconds of some runs, and the coefficients as a checksum."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        beta = run(table)
        seconds.append(time.perf_counter() - start)
    return {"seconds": float(np.median(seconds)), "checksum": float(np.sum(beta)), "beta": beta}


PROGRAMS: Sequence[tuple[str, tuple[int, int], Callable[[Table], np.ndarray]]] = (
    ("minsum FGLS heteroskedastic ar1", LARGE, ours),
    ("minsum FGLS heteroskedastic psar1", LARGE, panel_specific),
    ("minsum FGLS heteroskedastic ar1 igls", LARGE, iterated),
    ("minsum PCSE hetonly ar1", LARGE, corrected),
    ("minsum FGLS heteroskedastic ar1", SMALL, ours),
    ("statsmodels GLS full covariance", SMALL, full_covariance),
)


def rows() -> list[dict[str, Any]]:
    """One row per program and size; a program that is wrong or too slow is a failure."""
    measured = []
    for name, shape, run in PROGRAMS:
        table = world(shape)
        row = measure(run, table)
        truth = np.array([*range(1, N_REGRESSORS + 1), 3.0])
        gap = float(np.max(np.abs(row["beta"] - (ours(table) if run is full_covariance else truth))))
        allowed = 1e-9 if run is full_covariance else 0.1
        size = {"panels": shape[0], "times": shape[1], "regressors": N_REGRESSORS}
        found = {"name": name, **size, "seconds": row["seconds"], "checksum": row["checksum"], "gap": gap}
        if gap > allowed:
            found["failure"] = f"coefficients are {gap:.2g} away from what they should be"
        elif run is ours and row["seconds"] > LIMIT_SECONDS:
            found["failure"] = f"slower than {LIMIT_SECONDS} s"
        measured.append(found)
    return measured


if __name__ == "__main__":
    results = rows()
    for result in results:
        print(result)
    record("fgls", results)
