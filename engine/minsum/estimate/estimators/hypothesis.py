"""The outcome of a hypothesis test."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats


@dataclass(frozen=True, slots=True)
class HypothesisTest:
    """One test: what is tested, the statistic and its tail probability under the null."""

    name: str
    """What the test is called, with its source."""
    null: str
    """The null hypothesis in words."""
    statistic: float
    """The statistic, unit 1."""
    df: tuple[int, ...]
    """Degrees of freedom: one number for a chi-squared statistic, numerator and denominator for an F."""
    p_value: float
    """Probability of a larger statistic under the null."""
    distribution: str
    """Distribution under the null, such as chi2(10) or F(1, 9)."""

    def __str__(self) -> str:
        outcome = f"{self.distribution} = {self.statistic:.4f}, p = {self.p_value:.4f}"
        return f"{self.name}: {outcome}\nH0: {self.null}"


def chi2_test(statistic: float, df: int, *, name: str, null: str) -> HypothesisTest:
    """Compare a statistic with the chi-squared distribution."""
    p_value = float(stats.chi2.sf(statistic, df))
    return HypothesisTest(name, null, float(statistic), (df,), p_value, f"chi2({df})")


def f_test(statistic: float, df: tuple[int, int], *, name: str, null: str) -> HypothesisTest:
    """Compare a statistic with the F distribution."""
    p_value = float(stats.f.sf(statistic, *df))
    return HypothesisTest(name, null, float(statistic), df, p_value, f"F({df[0]}, {df[1]})")
