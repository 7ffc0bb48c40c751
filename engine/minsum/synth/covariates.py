"""Draws the covariates of a synthetic world, for which this regression is true:

    esi_it = effect_i + beta' x_it + error_it      for every reporter but the leaders

The coefficients are those of the paper's Table 3, the spread of the regressors that of its Table 2.
The regressors are drawn first; trade is then built so that the equation holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from minsum.countries.codes import iso3_of
from minsum.synth.economies import BLOC
from minsum.synth.spec import F64, WorldSpec

SIGMA: Final = 0.012
"""Standard deviation of the error."""
FLOOR: Final = 0.02
CEILING: Final = 0.60
_NO_PATENTS: Final = "MMR"
"""Has no patent counts at all, as in the paper, whose nine countries leave eight in the regression."""


@dataclass(frozen=True, slots=True)
class Regressor:
    """How one regressor is drawn.

    Attributes
    ----------
    name, beta
        Column and true coefficient.
    mean, between, within, trend
        Mean; standard deviation of country means, and of years around a country's own trend; mean change
        per decade (countries differ in it by 1.5 times `within`).
    low, high
        Bounds of the drawn values.
    missing
        Share of values withheld from the covariate file.
    """

    name: str
    beta: float
    mean: float
    between: float
    within: float
    trend: float
    low: float
    high: float
    missing: float


REGRESSORS: Final = (
    Regressor("import_share", 0.146, 0.448, 0.14, 0.06, 0.03, 0.105, 0.799, 0.0),
    Regressor("ln_fdi", 0.015, 9.342, 1.2, 0.35, 0.6, 6.18, 12.11, 0.01),
    Regressor("capital", -0.469, 0.277, 0.055, 0.028, 0.0, 0.162, 0.439, 0.06),
    Regressor("lr", -0.352, 0.678, 0.045, 0.012, -0.01, 0.547, 0.772, 0.01),
    Regressor("pa", 0.008, 8.572, 1.8, 0.25, 0.4, 3.258, 11.96, 0.12),
    Regressor("efi", 0.027, 6.857, 0.85, 0.25, 0.2, 3.69, 8.82, 0.01),
)
NAMES: Final = tuple(regressor.name for regressor in REGRESSORS)
BETA: Final = np.array([regressor.beta for regressor in REGRESSORS])
_IMPORTS_ELSEWHERE: Final = Regressor("import_share", 0.146, 0.24, 0.08, 0.03, 0.03, 0.04, 0.5, 0.0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Regressors before any trade exists.

    Attributes
    ----------
    codes
        Reporters, the leaders among them (their import shares are drawn, their ESI is not modelled).
    x
        Shape (n_reporters, n_years, n_regressors), in the order of `REGRESSORS`; rounded to what the
        covariate files print. The import share is a wish that trade then meets to the last mil.
    error
        Shape (n_reporters, n_years), unit 1.
    level
        Mean ESI each country starts from, shape (n_reporters,).
    withheld
        Values missing from the covariate files, shape of `x`.
    """

    codes: tuple[int, ...]
    x: F64
    error: F64
    level: F64
    withheld: npt.NDArray[np.bool_]


def draw_regressors(spec: WorldSpec) -> Drawn:
    """Regressors, errors and mean levels of every reporter and year."""
    shape = len(spec.codes), len(spec.years), len(REGRESSORS)
    x, error, level = np.empty(shape), np.empty(shape[:2]), np.empty(shape[0])
    withheld = np.zeros(shape, dtype=np.bool_)
    decade = (np.array(spec.years) - np.mean(spec.years)) / 10
    for i, code in enumerate(spec.codes):
        rng = spec.stream("covariates", code)
        iso3 = iso3_of(code)
        for k, regressor in enumerate(REGRESSORS):
            is_elsewhere = regressor.name == "import_share" and iso3 not in BLOC
            path = _path(_IMPORTS_ELSEWHERE if is_elsewhere else regressor, decade, rng)
            x[i, :, k] = _as_printed(path, regressor.name)
            withheld[i, :, k] = rng.random(len(decade)) < regressor.missing
        error[i] = rng.normal(0.0, SIGMA, len(decade))
        level[i] = 0.05 + 0.30 * rng.beta(1.3, 2.0)
        if withheld[i].any(axis=1).sum() > len(decade) - 2:
            withheld[i] = False
        if iso3 == _NO_PATENTS:
            withheld[i, :, NAMES.index("pa")] = True
    return Drawn(codes=spec.codes, x=x, error=error, level=level, withheld=withheld)


def _path(regressor: Regressor, decade: F64, rng: np.random.Generator) -> F64:
    """One country's values over the years."""
    low, high = regressor.low + 2 * regressor.within, regressor.high - 2 * regressor.within
    mean = np.clip(rng.normal(regressor.mean, regressor.between), low, high)
    trend = rng.normal(regressor.trend, 1.5 * regressor.within)
    values = mean + trend * decade + rng.normal(0.0, regressor.within, len(decade))
    return np.asarray(np.clip(values, regressor.low, regressor.high).round(6))


def _as_printed(values: F64, name: str) -> F64:
    """Logarithms of what the covariate files print: whole patents, FDI with one decimal."""
    decimals = {"pa": 0, "ln_fdi": 1}
    return np.log(np.exp(values).round(decimals[name])) if name in decimals else values


def effect_within_reach(level: float, rest: F64, *, lowest: float, highest: float) -> float:
    """Country effect that puts the mean ESI at `level`, shifted as little as keeps every year in reach.

    Parameters
    ----------
    level
        Wanted mean ESI.
    rest
        beta' x_t + error_t, shape (n_years,).
    lowest, highest
        ESI that the country's baskets can reach in every year.
    """
    effect = level - float(rest.mean())
    effect = min(effect, min(CEILING, highest) - float(rest.max()))
    return max(effect, max(FLOOR, lowest) - float(rest.min()))
