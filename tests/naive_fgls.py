"""Obvious twins of the panel estimators: one panel at a time, every N x N matrix written out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


def random_panel(
    seed: int, *, sizes: list[int], n_regressors: int = 2, rho: float = 0.4, first_year: int = 2000
) -> pd.DataFrame:
    """A panel with the given number of years per entity: columns y, x0, x1, ..., const.

    Panels begin in different years, have variances of their own, a common shock per year and AR(1) errors.
    """
    rng = np.random.default_rng(seed)
    last = first_year + max(sizes)
    shocks = rng.normal(size=max(sizes))
    rows = []
    for i, size in enumerate(sizes):
        error = rng.normal()
        for year in range(last - size, last):
            error = rho * error + (1 + i % 4) * (rng.normal() + 0.5 * shocks[year - first_year])
            x = rng.normal(size=n_regressors) + 0.3 * i
            rows.append((f"E{i:02d}", year, 1.0 + x.sum() + error, *x, 1.0))
    names = ["entity", "year", "y", *(f"x{j}" for j in range(n_regressors)), "const"]
    return pd.DataFrame(rows, columns=names).set_index(["entity", "year"])


@dataclass
class Naive:
    """Coefficients, covariance, rho by panel, Sigma, and the N x N covariance of the errors."""

    beta: np.ndarray
    cov: np.ndarray
    rhos: np.ndarray
    sigma: np.ndarray
    omega: np.ndarray


def rho_of(e: np.ndarray, years: np.ndarray, rho_type: str) -> float:
    """Autocorrelation of the residuals of one panel, over pairs of neighbouring years."""
    pairs = [(e[t], e[t - 1]) for t in range(1, len(e)) if years[t] == years[t - 1] + 1]
    if not pairs:
        return float("nan")
    cross = sum(now * before for now, before in pairs)
    if rho_type == "regress":
        return cross / sum(before**2 for _, before in pairs)
    if rho_type == "freg":
        return cross / sum(now**2 for now, _ in pairs)
    if rho_type == "tscorr":
        return cross / sum(value**2 for value in e)
    return 1 - sum((now - before) ** 2 for now, before in pairs) / sum(value**2 for value in e) / 2


def transformation(years: np.ndarray, rho: float) -> np.ndarray:
    """The Prais-Winsten matrix of one panel, restarting after a gap."""
    p = np.zeros((len(years), len(years)))
    for t in range(len(years)):
        if t > 0 and years[t] == years[t - 1] + 1:
            p[t, t], p[t, t - 1] = 1.0, -rho
        else:
            p[t, t] = np.sqrt(1 - rho**2)
    return p


def block_diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    """Square blocks along the diagonal of one matrix."""
    n = sum(len(block) for block in blocks)
    out, at = np.zeros((n, n)), 0
    for block in blocks:
        out[at : at + len(block), at : at + len(block)] = block
        at += len(block)
    return out


def panel_lists(table: pd.DataFrame) -> list[np.ndarray]:
    """Years of each entity, entities and years sorted."""
    return [group.index.get_level_values(1).to_numpy() for _, group in table.sort_index().groupby(level=0)]


def data_of(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """y and X of a sorted table whose first column is y."""
    values = table.sort_index().to_numpy(dtype=np.float64)
    return values[:, 0], values[:, 1:]


def ols(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Least squares coefficients by the normal equations."""
    return np.linalg.solve(x.T @ x, x.T @ y)


def sigma_of(e: np.ndarray, years: list[np.ndarray], panels: str) -> np.ndarray:
    """Sigma, shape (m, m), from residuals."""
    split = np.split(e, np.cumsum([len(t) for t in years])[:-1])
    if panels == "iid":
        return np.eye(len(years)) * float(e @ e) / len(e)
    if panels == "heteroskedastic":
        return np.diag([float(part @ part) / len(part) for part in split])
    return np.array([[float(a @ b) / len(a) for b in split] for a in split])


def cross_omega(sigma: np.ndarray, years: list[np.ndarray]) -> np.ndarray:
    """N x N covariance with Sigma_ij where panels i and j meet in a year, and zero elsewhere."""
    rows = [(i, year) for i, part in enumerate(years) for year in part]
    return np.array([[sigma[i, j] if s == t else 0.0 for j, t in rows] for i, s in rows])


def rhos_of(
    e: np.ndarray, years: list[np.ndarray], *, corr: str, rho_type: str, lost: int, clip: bool
) -> np.ndarray:
    """rho of every panel; the common one weighted by T_i - lost."""
    if corr == "independent":
        return np.zeros(len(years))
    split = np.split(e, np.cumsum([len(t) for t in years])[:-1])
    rhos = np.array([rho_of(part, t, rho_type) for part, t in zip(split, years, strict=True)])
    if clip:
        rhos = np.clip(rhos, -1, 1)
    if corr == "psar1":
        return rhos
    weights = np.array([len(t) - lost for t in years], dtype=float)
    known = np.isfinite(rhos)
    return np.full(len(years), (rhos[known] * weights[known]).sum() / weights[known].sum())


def fgls(
    table: pd.DataFrame, *, panels: str, corr: str = "independent", rho_type: str = "regress", steps: int = 1
) -> Naive:
    """Parks' estimator with `steps` rounds of Sigma and coefficients."""
    y, x = data_of(table)
    years = panel_lists(table)
    rhos = rhos_of(y - x @ ols(y, x), years, corr=corr, rho_type=rho_type, lost=0, clip=False)
    p = block_diagonal([transformation(t, rho) for t, rho in zip(years, rhos, strict=True)])
    ys, xs = p @ y, p @ x
    beta = ols(ys, xs)
    for _ in range(steps):
        sigma = sigma_of(ys - xs @ beta, years, panels)
        inverse = np.linalg.inv(cross_omega(sigma, years))
        cov = np.linalg.inv(xs.T @ inverse @ xs)
        beta = cov @ xs.T @ inverse @ ys
    back = np.linalg.inv(p)
    return Naive(beta, cov, rhos, sigma, back @ cross_omega(sigma, years) @ back.T)


def pcse(
    table: pd.DataFrame, *, corr: str = "independent", rho_type: str = "regress", rule: str = "casewise"
) -> Naive:
    """Beck and Katz: least squares with Omega written out."""
    y, x = data_of(table)
    years = panel_lists(table)
    rhos = rhos_of(y - x @ ols(y, x), years, corr=corr, rho_type=rho_type, lost=1, clip=True)
    p = block_diagonal([transformation(t, rho) for t, rho in zip(years, rhos, strict=True)])
    ys, xs = p @ y, p @ x
    beta = ols(ys, xs)
    sigma = disturbance_covariance(ys - xs @ beta, years, rule)
    omega = cross_omega(sigma, years)
    bread = np.linalg.inv(xs.T @ xs)
    return Naive(beta, bread @ xs.T @ omega @ xs @ bread, rhos, sigma, omega)


def disturbance_covariance(e: np.ndarray, years: list[np.ndarray], rule: str) -> np.ndarray:
    """Sigma over the years common to all panels, to each pair, or of each panel alone."""
    split = np.split(e, np.cumsum([len(t) for t in years])[:-1])
    by_year = [dict(zip(t.tolist(), part, strict=True)) for t, part in zip(years, split, strict=True)]
    common = set.intersection(*(set(part) for part in by_year))
    sigma = np.zeros((len(years), len(years)))
    for i, a in enumerate(by_year):
        for j, b in enumerate(by_year):
            used = common if rule == "casewise" else set(a) & set(b)
            if rule != "hetonly" or i == j:
                sigma[i, j] = sum(a[t] * b[t] for t in used) / len(used) if used else 0.0
    return sigma
