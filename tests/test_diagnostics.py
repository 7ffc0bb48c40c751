"""The specification tests against published output, other programs, closed forms, and their refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from linearmodels.panel import PanelOLS, RandomEffects
from scipy import stats

from minsum.errors import EstimationError
from minsum.estimate import (
    EstimationWarning,
    breusch_pagan_independence,
    breusch_pagan_random_effects,
    hausman,
    modified_wald_heteroskedasticity,
    panel_sample,
    slope_poolability,
    warn_irregular_lags,
    wooldridge_serial_correlation,
)
from naive_fgls import random_panel
from oracle.grunfeld import assert_printed, large_firms

UNBALANCED = [12, 7, 10, 12, 5, 9]


def split(table: pd.DataFrame) -> tuple[pd.Series, pd.DataFrame]:
    """Dependent variable and regressors."""
    return table.iloc[:, 0], table.iloc[:, 1:]


def within_residuals(table: pd.DataFrame) -> pd.Series:
    """Residuals of the fixed-effects model of linearmodels."""
    return PanelOLS(table["y"], table[["x0", "x1"]], entity_effects=True).fit().resids


def names(series: pd.Series) -> list[str]:
    """Entities of a series, sorted."""
    return sorted(series.index.get_level_values(0).unique())


# published ------------------------------------------------------------------------------------------------


def test_published_on_grunfeld() -> None:
    """R's plm on the ten firms: pooltest (within) and plmtest (bp); random effects and Hausman in methods."""
    table = large_firms()
    y, exog = split(table)
    pooled = slope_poolability(y, exog)
    assert pooled.df == (18, 170)
    assert_printed(pooled.statistic, "5.7805")
    assert_printed(breusch_pagan_random_effects(y, exog).statistic, "798.16")
    random = RandomEffects(y, exog).fit()
    assert_printed(random.params["value"], ".10978")
    assert_printed(random.params["capital"], ".30811")
    test = hausman(random, PanelOLS(y, exog, entity_effects=True).fit())
    assert_printed(test.statistic, "2.3304")
    assert (test.df, test.distribution) == ((2,), "chi2(2)")


# twins ------------------------------------------------------------------------------------------------------


def test_wooldridge_is_two_regressions_in_statsmodels() -> None:
    table = random_panel(1, sizes=UNBALANCED).drop([("E00", 2003), ("E03", 2006)])
    table["area"] = table.index.get_level_values(0).str[1:].astype(float)
    frame = table.reset_index()
    rows = []
    for entity, group in frame.groupby("entity"):
        known = group.set_index("year")
        for year in known.index:
            if year - 1 in known.index:
                step = known.loc[year, ["y", "x0", "x1"]] - known.loc[year - 1, ["y", "x0", "x1"]]
                rows.append({"entity": entity, "year": year, **step})
    steps = pd.DataFrame(rows).set_index(["entity", "year"]).astype(float)
    u = sm.OLS(steps["y"], steps[["x0", "x1"]]).fit().resid
    pairs = pd.DataFrame(
        [(e, u[e, t], u[e, t - 1]) for e, t in u.index if (e, t - 1) in u.index],
        columns=["entity", "u", "before"],
    )
    groups = pd.factorize(pairs["entity"])[0]
    fit = sm.OLS(pairs["u"], pairs["before"]).fit(cov_type="cluster", cov_kwds={"groups": groups})
    expected = (fit.params["before"] + 0.5) ** 2 / fit.cov_params().loc["before", "before"]
    test = wooldridge_serial_correlation(*split(table))
    assert test.statistic == pytest.approx(expected, rel=1e-9)
    assert (test.df, test.distribution) == ((1, 5), "F(1, 5)")
    assert test.p_value == pytest.approx(float(stats.f.sf(expected, 1, 5)), rel=1e-9)


def test_modified_wald_by_hand() -> None:
    residuals = within_residuals(random_panel(2, sizes=UNBALANCED))
    total, overall = 0.0, float(residuals @ residuals) / len(residuals)
    for name in names(residuals):
        square = residuals.loc[name].to_numpy() ** 2
        own, size = square.mean(), len(square)
        total += (own - overall) ** 2 / (((square - own) ** 2).sum() / size / (size - 1))
    test = modified_wald_heteroskedasticity(residuals)
    assert test.statistic == pytest.approx(total, rel=1e-10)
    assert (test.df, test.p_value) == ((6,), pytest.approx(float(stats.chi2.sf(total, 6))))


def test_independence_uses_the_times_all_panels_have() -> None:
    residuals = within_residuals(random_panel(3, sizes=[12, 11, 12]).drop([("E02", 2005)]))
    wide = residuals.unstack(0).dropna()
    correlation = np.corrcoef(wide.to_numpy().T)
    expected = len(wide) * sum(correlation[i, j] ** 2 for i, j in ((0, 1), (0, 2), (1, 2)))
    test = breusch_pagan_independence(residuals)
    assert test.statistic == pytest.approx(expected, rel=1e-10)
    assert test.df == (3,)
    assert "(10 common times)" in test.name


def test_random_effects_closed_form_when_unbalanced() -> None:
    table = random_panel(4, sizes=UNBALANCED)
    y, exog = split(table)
    e = pd.Series(sm.OLS(y.to_numpy(), exog.to_numpy()).fit().resid, index=table.index)
    n_obs, sizes = len(e), e.groupby(level=0).size()
    ratio = float((e.groupby(level=0).sum() ** 2).sum() / (e**2).sum())
    expected = n_obs**2 / 2 * (1 - ratio) ** 2 / ((sizes**2).sum() - n_obs)
    test = breusch_pagan_random_effects(y, exog)
    assert ratio > 1
    assert test.statistic == pytest.approx(expected, rel=1e-10)
    assert test.p_value == pytest.approx(float(stats.chi2.sf(expected, 1)) / 2)
    assert test.distribution == "chibar2(01)"


def test_random_effects_without_variance_are_not_rejected() -> None:
    """Errors that cancel within every panel leave the effects a negative variance estimate."""
    table = random_panel(5, sizes=[8, 8, 8])
    y = table["x0"] + np.tile([1.0, -1.0], 12)
    test = breusch_pagan_random_effects(y, table[["x0", "const"]])
    assert (test.statistic, test.p_value) == (0.0, 1.0)


def test_poolability_is_a_comparison_of_regressions() -> None:
    table = random_panel(6, sizes=UNBALANCED)
    own = 0.0
    for name in names(table["y"]):
        part = table.loc[name]
        own += sm.OLS(part["y"], part[["x0", "x1", "const"]]).fit().ssr
    pooled = float(within_residuals(table) @ within_residuals(table))
    df = (5 * 2, 55 - 6 * 3)
    expected = (pooled - own) / df[0] / (own / df[1])
    test = slope_poolability(*split(table))
    assert test.statistic == pytest.approx(expected, rel=1e-9)
    assert test.df == df
    assert test.p_value == pytest.approx(float(stats.f.sf(expected, *df)), rel=1e-9)


def test_outcomes_do_not_depend_on_row_order() -> None:
    table = random_panel(7, sizes=UNBALANCED)
    shuffled = table.sample(frac=1, random_state=1)
    for test in (wooldridge_serial_correlation, breusch_pagan_random_effects, slope_poolability):
        assert test(*split(table)).statistic == pytest.approx(test(*split(shuffled)).statistic, rel=1e-9)
    assert "H0: the slopes are the same" in str(slope_poolability(*split(table)))


# refusals and warnings --------------------------------------------------------------------------------------


def test_wooldridge_refuses_too_few_periods() -> None:
    table = random_panel(8, sizes=[2, 2, 9])
    with pytest.raises(EstimationError, match="two panels with three successive periods, found 1"):
        wooldridge_serial_correlation(*split(table))
    table = random_panel(8, sizes=[3, 3], n_regressors=3)
    table["x3"] = np.arange(6.0) ** 2
    with pytest.raises(EstimationError, match="4 first differences for 4 regressors"):
        wooldridge_serial_correlation(*split(table.drop(columns="const")))


def test_wooldridge_refuses_exog_without_change() -> None:
    table = random_panel(8, sizes=[5, 5])
    with pytest.raises(EstimationError, match="exog in first differences has no columns"):
        wooldridge_serial_correlation(table["y"], table[["const"]])
    with pytest.raises(EstimationError, match="fits the first differences of y without error"):
        wooldridge_serial_correlation(table["x0"].rename("y"), table[["x0", "x1"]])


def test_modified_wald_refuses_too_few_periods() -> None:
    table = random_panel(9, sizes=[9, 2, 9, 1])
    with pytest.raises(EstimationError, match="needs 3 observations in each panel; too few in E01, E03"):
        modified_wald_heteroskedasticity(table["y"])
    same = table["y"].copy()
    same.loc["E00"] = np.tile([1.0, -1.0], 5)[:9]
    with pytest.raises(EstimationError, match="residuals of one size in panels E00"):
        modified_wald_heteroskedasticity(same.loc[["E00", "E02"]])


def test_independence_refuses_too_few_periods_and_time_dummies() -> None:
    table = random_panel(10, sizes=[5] * 5)
    with pytest.raises(EstimationError, match="more common times than panels: 5 times, 5 panels"):
        breusch_pagan_independence(table["y"])
    with pytest.raises(EstimationError, match="needs two panels"):
        breusch_pagan_independence(table.loc[["E00"], "y"])
    table = random_panel(10, sizes=[12] * 3)
    centred = table["y"] - table["y"].groupby(level=1).transform("mean")
    with pytest.raises(EstimationError, match="residuals of 3 panels over 12 common times are singular"):
        breusch_pagan_independence(centred)


def test_random_effects_refuse_single_periods_and_entity_dummies() -> None:
    table = random_panel(11, sizes=[6, 6, 6])
    dummies = pd.get_dummies(pd.Series(table.index.get_level_values(0), index=table.index))
    with pytest.raises(EstimationError, match="exog holds the entity dummies"):
        breusch_pagan_random_effects(table["y"], pd.concat([table[["x0"]], dummies], axis=1))
    last = table[table.index.get_level_values(1) == 2005]
    with pytest.raises(EstimationError, match="panels with two observations, found one in each"):
        breusch_pagan_random_effects(last["y"], last[["x0"]])


def test_poolability_refuses_what_it_cannot_compare() -> None:
    table = random_panel(12, sizes=[9, 2, 9])
    with pytest.raises(EstimationError, match="needs 3 observations in each panel; too few in E01"):
        slope_poolability(*split(table))
    with pytest.raises(EstimationError, match="no degrees of freedom: 9 observations for 3 regressions of 3"):
        slope_poolability(*split(random_panel(12, sizes=[3, 3, 3])))
    with pytest.raises(EstimationError, match="found 3 panels, 0 regressors"):
        slope_poolability(table["y"], table[["const"]])
    table = random_panel(12, sizes=[9, 9, 9])
    table.loc["E01", "x1"] = 4.0
    with pytest.raises(EstimationError, match="x1 does not vary or depends on others in panel E01"):
        slope_poolability(*split(table))


def test_hausman_refuses_an_indefinite_covariance() -> None:
    """A clustered pair, and a sample in which random effects are estimated less precisely than fixed."""
    table = large_firms()
    y, exog = split(table)
    random = RandomEffects(y, exog).fit()
    clustered = PanelOLS(y, exog, entity_effects=True).fit(cov_type="clustered", cluster_entity=True)
    with pytest.raises(EstimationError, match=r"cannot compare these results.*unadjusted"):
        hausman(random, clustered)
    for seed in range(50):
        table = random_panel(seed, sizes=[4, 4, 4, 4])
        random = RandomEffects(table["y"], table[["x0", "x1", "const"]]).fit()
        fixed = PanelOLS(table["y"], table[["x0", "x1", "const"]], entity_effects=True).fit()
        slopes = ["x0", "x1"]
        gap = fixed.cov.loc[slopes, slopes] - random.cov.loc[slopes, slopes]
        if np.linalg.eigvalsh(gap)[0] <= 0:
            with pytest.raises(EstimationError, match="V_FE - V_RE is not positive definite"):
                hausman(random, fixed)
            return
    pytest.fail("no sample had an indefinite covariance")


def test_driscoll_kraay_on_irregular_years_warns() -> None:
    table = random_panel(13, sizes=[9, 9])
    warn_irregular_lags(panel_sample(*split(table)))
    gone = table[~table.index.get_level_values(1).isin([2003, 2004])]
    with pytest.warns(
        EstimationWarning, match="1 gaps, the first from 2002 to 2005; its lags count positions"
    ):
        warn_irregular_lags(panel_sample(*split(gone)))
