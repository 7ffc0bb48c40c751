"""PanelPCSE against published output, a naive twin, closed forms, and its own refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from minsum.errors import EstimationError, UsageError
from minsum.estimate import PanelPCSE, PanelResult
from naive_fgls import data_of, pcse, random_panel
from oracle.grunfeld import assert_printed, large_firms

UNBALANCED = [12, 7, 10, 12, 5, 9]
BALANCED = [16, 16, 16, 16]


def fit(table: pd.DataFrame, **options: object) -> PanelResult:
    """PanelPCSE of the first column on the others."""
    return PanelPCSE(table.iloc[:, 0], table.iloc[:, 1:], **options).fit()


PUBLISHED = [
    ({}, (".1155622", ".2306785", "-42.71437"), (".0072124", ".0278862", "6.780965"), "637.41", ".8124"),
    (
        {"corr": "ar1"},
        (".0950157", ".306005", "-39.12569"),
        (".0129934", ".0603718", "30.50355"),
        "93.71",
        ".5468",
    ),
    (
        {"corr": "ar1", "sigma": "hetonly"},
        (".0950157", ".306005", "-39.12569"),
        (".0130872", ".061432", "26.16935"),
        "91.72",
        ".5468",
    ),
    (
        {"corr": "psar1", "rho_type": "tscorr"},
        (".1052613", ".3386743", "-58.18714"),
        (".0086018", ".0367568", "12.63687"),
        "444.53",
        ".8670",
    ),
]


@pytest.mark.parametrize(("options", "coefficients", "errors", "wald", "r_squared"), PUBLISHED)
def test_published_xtpcse(
    options: dict[str, str],
    coefficients: tuple[str, ...],
    errors: tuple[str, ...],
    wald: str,
    r_squared: str,
) -> None:
    """Stata's manual on the ten large firms; under ar1 four rhos are bounded."""
    result = fit(large_firms(), **options)
    for found, printed in zip(result.params, coefficients, strict=True):
        assert_printed(found, printed)
    for found, printed in zip(result.std_errors, errors, strict=True):
        assert_printed(found, printed)
    assert_printed(result.wald.statistic, wald)
    assert_printed(result.rsquared, r_squared)


def test_published_rhos() -> None:
    result = fit(large_firms(), corr="ar1")
    assert_printed(result.rho, ".9059774")
    bounded = "Atlantic Refining, Diamond Match, General Electric, Goodyear"
    assert result.notes == (f"rho bounded to [-1, 1] for {bounded}.",)
    rho = fit(large_firms(), corr="psar1", rho_type="tscorr").rho
    assert_printed(rho["General Motors"], ".5135627")
    assert_printed(rho["US Steel"], ".87017")
    assert_printed(rho["General Electric"], ".9023497")
    assert_printed(rho["Chrysler"], ".63368")


@pytest.mark.parametrize("corr", ["independent", "ar1", "psar1"])
@pytest.mark.parametrize("rule", ["casewise", "pairwise", "hetonly"])
@pytest.mark.parametrize("gaps", [False, True])
def test_equals_the_naive_twin(rule: str, corr: str, gaps: bool) -> None:
    table = random_panel(1, sizes=UNBALANCED)
    if gaps:
        table = table.drop([("E00", 2003), ("E02", 2006), ("E02", 2007), ("E05", 2009)])
    result, naive = fit(table, corr=corr, sigma=rule), pcse(table, corr=corr, rule=rule)
    np.testing.assert_allclose(result.params, naive.beta, rtol=1e-10)
    np.testing.assert_allclose(result.cov, naive.cov, rtol=1e-9, atol=1e-14)
    sigma = np.diag(result.sigma) if rule == "hetonly" else result.sigma
    np.testing.assert_allclose(sigma, naive.sigma, rtol=1e-10)
    if corr != "independent":
        np.testing.assert_allclose(result.rho, naive.rhos[0] if corr == "ar1" else naive.rhos, rtol=1e-10)


@pytest.mark.parametrize("rho_type", ["regress", "freg", "tscorr", "dw"])
def test_rho_types_equal_the_naive_twin(rho_type: str) -> None:
    table = random_panel(2, sizes=UNBALANCED)
    result, naive = fit(table, corr="psar1", rho_type=rho_type), pcse(table, corr="psar1", rho_type=rho_type)
    np.testing.assert_allclose(result.rho, naive.rhos, rtol=1e-10)
    np.testing.assert_allclose(result.cov, naive.cov, rtol=1e-9, atol=1e-14)


def test_balanced_panels_need_no_rule_and_are_ols() -> None:
    table = random_panel(3, sizes=BALANCED)
    casewise, pairwise = fit(table), fit(table, sigma="pairwise")
    pd.testing.assert_frame_equal(casewise.cov, pairwise.cov, rtol=1e-12)
    y, x = data_of(table)
    ols = sm.OLS(y, x).fit()
    np.testing.assert_allclose(casewise.params, ols.params, rtol=1e-10)
    assert casewise.rsquared == pytest.approx(ols.rsquared, rel=1e-12)
    assert fit(table.drop(columns="const")).rsquared == pytest.approx(sm.OLS(y, x[:, :2]).fit().rsquared)
    assert casewise.notes == ()


def test_nmk_scales_the_covariance() -> None:
    table = random_panel(3, sizes=UNBALANCED)
    np.testing.assert_allclose(fit(table, nmk=True).cov, fit(table).cov * 55 / 52, rtol=1e-13)


def test_row_order_and_labels_do_not_matter() -> None:
    table = random_panel(4, sizes=UNBALANCED)
    plain = fit(table, corr="ar1", sigma="pairwise")
    shuffled = table.sample(frac=1, random_state=1).rename(index={"E00": "Z"}, level=0)
    other = fit(shuffled, corr="ar1", sigma="pairwise")
    pd.testing.assert_series_equal(plain.params, other.params, rtol=1e-12)
    pd.testing.assert_frame_equal(plain.cov, other.cov, rtol=1e-12)


def test_restarts_bounds_and_common_times_are_told() -> None:
    table = random_panel(5, sizes=UNBALANCED).drop([("E00", 2003), ("E05", 2009)])
    result = fit(table, corr="ar1")
    assert "Autocorrelation restarts after 2 gaps in time." in result.notes
    assert "Sigma uses the 4 times that all panels have (mean 8.8 per panel)." in result.summary
    assert "(force)" in fit(table, corr="ar1", force=True).notes[0]


def test_panels_without_neighbouring_periods() -> None:
    table = random_panel(6, sizes=[12, 12, 12])
    odd = [("E01", year) for year in range(2000, 2012, 2)]
    table = table.drop(odd)
    result = fit(table, corr="ar1")
    assert "No rho for E01 (no neighbouring periods): not in the common rho." in result.notes
    np.testing.assert_allclose(result.rho, pcse(table, corr="ar1").rhos[0], rtol=1e-10)
    with pytest.raises(EstimationError, match="rho cannot be computed for E01: no two"):
        fit(table, corr="psar1")


def test_pairs_that_never_meet_are_told() -> None:
    table = random_panel(7, sizes=[12, 12, 12])
    early = [("E00", year) for year in range(2006, 2012)]
    late = [("E01", year) for year in range(2000, 2006)]
    result = fit(table.drop(early + late), sigma="pairwise")
    assert result.notes == ("1 pairs of panels share no time; their covariance is taken as zero.",)
    assert result.sigma.loc["E00", "E01"] == 0
    with pytest.raises(EstimationError, match="no time is common to all 3 panels"):
        fit(table.drop(early + late))


def test_refuses_a_negative_variance() -> None:
    """Two panels that meet once, in a year of huge errors: the pairwise Sigma is indefinite."""
    years = [("A", 1), ("A", 2), ("A", 3), ("A", 4), ("B", 4), ("B", 5), ("B", 6), ("B", 7)]
    index = pd.MultiIndex.from_tuples(years, names=["entity", "year"])
    x = pd.DataFrame({"x": [0.1, 0.1, 0.1, 5.0, -5.0, 0.1, 0.1, 0.1]}, index=index)
    y = pd.Series([0.1, -0.1, 0.1, 9.0, 9.0, 0.1, -0.1, 0.1], index=index, name="y")
    with pytest.raises(
        EstimationError, match="pairwise covariance gives no positive variance for x"
    ) as caught:
        PanelPCSE(y, x, sigma="pairwise").fit()
    assert "casewise" in caught.value.hint


def test_refuses_a_perfect_fit_and_missing_values() -> None:
    table = random_panel(8, sizes=UNBALANCED)
    with pytest.raises(EstimationError, match="fits y without error in all 55 rows"):
        fit(table.assign(y=2 * table["x0"]))
    table.iloc[0, 1] = np.nan
    with pytest.raises(EstimationError, match="x0 1 missing"):
        fit(table)


@pytest.mark.parametrize("option", ["corr", "rho_type", "sigma"])
def test_refuses_unknown_options(option: str) -> None:
    table = random_panel(8, sizes=UNBALANCED)
    with pytest.raises(UsageError, match=f"{option}='theil', expected one of"):
        PanelPCSE(table["y"], table[["x0"]], **{option: "theil"})
