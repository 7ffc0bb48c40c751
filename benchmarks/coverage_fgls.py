"""How often the 95 % interval of FGLS and PCSE covers the truth, by Monte Carlo.

Run from the checkout: python benchmarks/coverage_fgls.py
Prints the table of docs/estimation.md. FGLS with correlated panels is known to be far too sure of itself when
there are few periods for each panel (Beck and Katz 1995); PCSE is the answer.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from minsum.errors import EstimationError
from minsum.estimate import EstimationWarning, PanelFGLS, PanelPCSE, PanelResult
from record import record

REPETITIONS = 400
SEED = 1
Z = 1.959964
Table = tuple[pd.Series, pd.DataFrame]
Estimator = Callable[[pd.Series, pd.DataFrame], PanelResult]


def draw(size: tuple[int, int], rng: np.random.Generator, *, rho: float, shared: float) -> Table:
    """y = 1 + x + e on a balanced panel.

    Parameters
    ----------
    size
        Panels and periods.
    rng
        Source of all draws.
    rho
        Autocorrelation of the errors within a panel.
    shared
        Standard deviation of the part of the errors that all panels have in common in a period; the other
        part has 1. Both are scaled by panel from 0.5 to 2.
    """
    n_panels, n_times = size
    common = rng.normal(size=n_times) * shared
    errors = rng.normal(size=size) + common
    errors[:, 0] /= np.sqrt(1 - rho**2)
    for t in range(1, n_times):
        errors[:, t] += rho * errors[:, t - 1]
    errors *= np.linspace(0.5, 2, n_panels)[:, None]
    x = rng.normal(size=size) + np.cumsum(rng.normal(size=n_times)) * 0.3
    index = pd.MultiIndex.from_product([range(n_panels), range(n_times)])
    y = pd.Series((1 + x + errors).ravel(), index, name="y")
    return y, pd.DataFrame({"x": x.ravel(), "const": 1.0}, index)


def coverage(
    size: tuple[int, int], rng: np.random.Generator, *, rho: float, shared: float, fit: Estimator
) -> float:
    """Share of samples whose interval for the slope holds its true value, 1."""
    hits = []
    for _ in range(REPETITIONS):
        table = draw(size, rng, rho=rho, shared=shared)
        try:
            result = fit(*table)
        except EstimationError:
            continue
        hits.append(abs(result.params["x"] - 1) <= Z * result.std_errors["x"])
    return float(np.mean(hits))


def heteroskedastic(y: pd.Series, x: pd.DataFrame) -> PanelResult:
    """FGLS with a variance by panel."""
    return PanelFGLS(y, x, panels="heteroskedastic").fit()


def autocorrelated(y: pd.Series, x: pd.DataFrame) -> PanelResult:
    """FGLS with a variance by panel and a common AR(1)."""
    return PanelFGLS(y, x, panels="heteroskedastic", corr="ar1").fit()


def correlated(y: pd.Series, x: pd.DataFrame) -> PanelResult:
    """FGLS with correlated panels."""
    return PanelFGLS(y, x, panels="correlated").fit()


def corrected(y: pd.Series, x: pd.DataFrame) -> PanelResult:
    """OLS with panel-corrected standard errors."""
    return PanelPCSE(y, x).fit()


DESIGNS: tuple[tuple[str, tuple[int, int], float, float, Estimator], ...] = (
    ("FGLS heteroskedastic", (20, 20), 0.0, 0.0, heteroskedastic),
    ("FGLS heteroskedastic ar1", (20, 20), 0.5, 0.0, autocorrelated),
    ("FGLS correlated", (10, 12), 0.0, 1.0, correlated),
    ("PCSE", (10, 12), 0.0, 1.0, corrected),
    ("FGLS correlated", (10, 20), 0.0, 1.0, correlated),
    ("PCSE", (10, 20), 0.0, 1.0, corrected),
    ("FGLS correlated", (10, 40), 0.0, 1.0, correlated),
    ("PCSE", (10, 40), 0.0, 1.0, corrected),
)


if __name__ == "__main__":
    warnings.simplefilter("ignore", EstimationWarning)
    generator = np.random.default_rng(SEED)
    rows = []
    print("| estimator | panels | periods | coverage |\n|---|---|---|---|")
    for name, size, rho, shared, fit in DESIGNS:
        start = time.perf_counter()
        covered = coverage(size, generator, rho=rho, shared=shared, fit=fit)
        print(f"| {name} | {size[0]} | {size[1]} | {covered:.3f} |")
        about = {"name": name, "panels": size[0], "times": size[1], "repetitions": REPETITIONS}
        rows.append(about | {"seconds": time.perf_counter() - start, "checksum": covered})
    record("coverage", rows)
