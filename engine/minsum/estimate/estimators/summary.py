"""Estimates as a text table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minsum.errors import EstimationError

if TYPE_CHECKING:
    from minsum.estimate.estimators.results import PanelResult

_WIDTH = 78


def summary_text(result: PanelResult) -> str:
    """Lay out a result: header, coefficients with z statistics, notes."""
    rule = "=" * _WIDTH
    lines = [result.title, rule, *_header(result), "-" * _WIDTH, *_coefficients(result), rule]
    return "\n".join([*lines, *result.notes])


def _header(result: PanelResult) -> list[str]:
    """Pairs of label and value in two columns."""
    info, counts = result.entity_info, result.counts
    left = [
        ("Dependent", result.dependent),
        ("Estimated covariances", str(counts.covariances)),
        ("Estimated autocorrelations", str(counts.autocorrelations)),
        ("Estimated coefficients", str(counts.coefficients)),
        ("Iterations", str(result.iterations)),
    ]
    right = [
        ("Observations", str(result.nobs)),
        ("Entities", f"{info['total']:.0f}"),
        ("Obs. per entity", f"{info['min']:.0f} to {info['max']:.0f}, mean {info['mean']:.2f}"),
        _wald_cell(result),
        _fit_cell(result),
    ]
    if isinstance(result.rho, float):
        left.append(("Common rho", f"{result.rho:.4f}"))
        right.append(("", ""))
    return [
        f"{f'{name}: {value}':<40}{f'{label}: {number}' if label else ''}".rstrip()
        for (name, value), (label, number) in zip(left, right, strict=True)
    ]


def _wald_cell(result: PanelResult) -> tuple[str, str]:
    """The Wald test of the slopes, or why there is none."""
    try:
        test = result.wald
    except EstimationError as error:
        return "Wald", error.message
    return f"Wald {test.distribution}", f"{test.statistic:.2f} (p {test.p_value:.4f})"


def _fit_cell(result: PanelResult) -> tuple[str, str]:
    """Log likelihood or R squared, whichever the model has."""
    if result.loglik is not None:
        return "Log likelihood", f"{result.loglik:.4f}"
    if result.rsquared is not None:
        return "R squared", f"{result.rsquared:.4f}"
    return "Log likelihood", "none (not maximum likelihood)"


def _coefficients(result: PanelResult) -> list[str]:
    """One line per coefficient under a heading."""
    interval = result.conf_int().to_numpy()
    width = max(12, *(len(str(name)) for name in result.params.index))
    heads = ("coef.", "std. err.", "z", "P>|z|", "lower 95%", "upper 95%")
    lines = [" " * width + "".join(f"{head:>11}" for head in heads)]
    columns = (result.params.items(), result.std_errors, result.tstats, result.pvalues, interval)
    rows = zip(*columns, strict=True)
    for (name, coefficient), error, z, p, (lower, upper) in rows:
        numbers = f"{coefficient:>11.5g}{error:>11.4g}{z:>11.2f}{p:>11.4f}{lower:>11.4g}{upper:>11.4g}"
        lines.append(f"{name!s:<{width}}" + numbers)
    return lines
