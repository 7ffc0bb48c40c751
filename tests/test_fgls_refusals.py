"""What PanelFGLS refuses and warns of, by its message."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from minsum.errors import EstimationError, UsageError
from minsum.estimate import EstimationWarning, PanelFGLS, PanelResult, panel_sample, refuse_constant_within
from naive_fgls import random_panel
from oracle.grunfeld import greene_firms

UNBALANCED = [12, 7, 10, 12, 5, 9]
BALANCED = [16, 16, 16, 16]


def fit(table: pd.DataFrame, **options: object) -> PanelResult:
    """PanelFGLS of the first column on the others."""
    return PanelFGLS(table.iloc[:, 0], table.iloc[:, 1:], **options).fit()


def refusal(table: pd.DataFrame, **options: object) -> str:
    """Message and hint of the refusal of a model."""
    with pytest.raises(EstimationError) as caught:
        fit(table, **options)
    return f"{caught.value.message} | {caught.value.hint}"


def dummies(table: pd.DataFrame, level: int) -> pd.DataFrame:
    """One dummy column per label of an index level but the first."""
    labels = table.index.get_level_values(level).astype(str)
    return pd.get_dummies(pd.Series(labels, index=table.index), drop_first=True)


def test_refuses_missing_and_infinite_values_and_counts_them() -> None:
    table = random_panel(20, sizes=UNBALANCED)
    table.iloc[3, 1], table.iloc[4, 1], table.iloc[4, 2] = np.nan, np.nan, np.inf
    message = refusal(table)
    assert "not finite in 2 of 55 rows" in message
    assert "x0 2 missing (first at E00, 2003)" in message
    assert "x1 1 infinite (first at E00, 2004)" in message
    assert "leaves 53" in message


def test_refuses_repeated_rows() -> None:
    table = random_panel(20, sizes=UNBALANCED)
    assert "1 rows that repeat an (entity, time): ('E00', 2000)" in refusal(
        pd.concat([table, table.iloc[:1]])
    )


def test_refuses_more_coefficients_than_observations() -> None:
    table = random_panel(20, sizes=[2, 2], n_regressors=3)
    assert "4 observations for 4 coefficients (x0, x1, x2, const)" in refusal(table)


def test_refuses_dependent_columns_by_name() -> None:
    table = random_panel(20, sizes=UNBALANCED)
    table["share"] = 1e6 * (table["x0"] - 2 * table["x1"])
    assert "share is a linear combination of x0, x1 |" in refusal(table)
    assert "rank 3: zero is zero in every row" in refusal(table.drop(columns="share").assign(zero=0.0))


def test_refuses_what_entity_dummies_absorb_and_says_so() -> None:
    table = random_panel(20, sizes=UNBALANCED)
    table["area"] = table.index.get_level_values(0).str[1:].astype(float) ** 2
    message = refusal(pd.concat([table, dummies(table, 0)], axis=1))
    assert "is a linear combination of" in message
    assert "area never changes within a panel, so the entity dummies already hold it" in message
    sample = panel_sample(table["y"], table[["x0", "area", "const"]])
    with pytest.raises(EstimationError, match="constant within every panel: area; the entity effects absorb"):
        refuse_constant_within(sample)
    refuse_constant_within(panel_sample(table["y"], table[["x0", "const"]]))


def test_refuses_a_perfect_fit() -> None:
    table = random_panel(20, sizes=UNBALANCED)
    assert "fits y without error in all 55 rows" in refusal(table.assign(y=2 * table["x0"] - 3))


@pytest.mark.parametrize("corr", ["ar1", "psar1"])
def test_refuses_gaps(corr: str) -> None:
    table = random_panel(20, sizes=UNBALANCED).drop([("E02", 2005), ("E03", 2007), ("E03", 2008)])
    message = refusal(table, corr=corr)
    assert "2 gaps in time within 2 panels (E02, E03); the first: E02 goes from 2004 to 2006" in message
    assert "force=True, which assumes that successive observations of a panel are one period apart" in message
    fit(table)


def test_refuses_the_irregular_years_of_the_paper() -> None:
    table = random_panel(20, sizes=[20, 20, 20], first_year=2002)
    kept = [2002, 2006, 2010, 2014, *range(2015, 2022)]
    table = table[table.index.get_level_values(1).isin(kept)]
    assert "9 gaps in time" in refusal(table, corr="ar1")
    assert "must be balanced" in refusal(table.drop([("E00", 2002)]), panels="correlated")


def test_refuses_times_without_a_unit() -> None:
    table = random_panel(20, sizes=UNBALANCED)
    text = table.set_axis(table.index.set_levels(table.index.levels[1].map("y{}".format), level=1))
    assert "do not say which of them are one period apart" in refusal(text, corr="ar1")


def test_refuses_single_observations_under_autocorrelation() -> None:
    table = random_panel(20, sizes=[9, 1, 9, 1])
    assert "panels with one observation: E01, E03" in refusal(table, corr="ar1")


def explosive() -> pd.DataFrame:
    """Three panels; the errors of the second grow every year."""
    table = random_panel(20, sizes=[9, 9, 9])
    growth = 20 * 1.5 ** np.arange(9.0)
    table.loc["E01", "y"] = table.loc["E01", "y"].to_numpy() + growth
    return table


def test_refuses_rho_outside_the_unit_interval() -> None:
    message = refusal(explosive(), corr="psar1")
    assert "rho is not between -1 and 1 for E01 (1." in message
    assert "rho_type='tscorr', which stays inside, or corr='ar1'" in message
    assert abs(fit(explosive(), corr="psar1", rho_type="tscorr").rho["E01"]) < 1
    assert fit(explosive(), corr="ar1").rho < 1
    only = random_panel(20, sizes=[9]).assign(y=1.5 ** np.arange(9.0), x0=(-1.0) ** np.arange(9))
    assert "for E00 (1." in refusal(only[["y", "x0"]], corr="ar1")


def test_published_psar1_needs_another_rho_type() -> None:
    """General Electric's rho is 1.0598: Stata drops its first year there, which is not a transformation."""
    assert "General Electric (1.0598)" in refusal(greene_firms(), corr="psar1")


def test_refuses_unbalanced_correlated_panels() -> None:
    table = random_panel(20, sizes=[12, 12, 9])
    message = refusal(table, panels="correlated")
    assert (
        "must be balanced: 1 of 3 panels lack some of the 12 times (E02); E02 lacks 2000, 2001, 2002"
        in message
    )
    # the same number of rows in each panel is not enough
    table = random_panel(20, sizes=[12, 12, 12]).drop([("E00", 2000), ("E01", 2001), ("E02", 2002)])
    assert "3 of 3 panels" in refusal(table, panels="correlated")


def test_refuses_more_correlated_panels_than_periods() -> None:
    assert "5 periods, 6 panels" in refusal(random_panel(20, sizes=[5] * 6), panels="correlated")


def test_refuses_entity_dummies_when_periods_equal_panels() -> None:
    table = random_panel(20, sizes=[6] * 6)
    with pytest.warns(EstimationWarning, match="6 periods for 6 panels"):
        fit(table, panels="correlated")
    named_anyhow = dummies(table, 0).to_numpy() @ np.triu(np.ones((5, 5)))
    columns = pd.DataFrame(named_anyhow, index=table.index, columns=list("abcde"))
    message = refusal(pd.concat([table, columns], axis=1), panels="correlated")
    assert (
        "correlated panels with entity dummies need more periods than panels: 6 periods, 6 panels" in message
    )


def test_refuses_time_dummies_with_correlated_panels() -> None:
    table = random_panel(20, sizes=BALANCED)
    both = pd.concat([table, dummies(table, 1)], axis=1)
    assert "correlated panels with time dummies" in refusal(both, panels="correlated")
    fit(both, panels="heteroskedastic")


def test_refuses_a_singular_sigma_and_names_the_panels() -> None:
    table = random_panel(20, sizes=BALANCED)
    table.loc["E03"] = table.loc["E01"].to_numpy()
    message = refusal(table, panels="correlated")
    assert "rank 3, so it has no inverse; the residuals of E01, E03 are linearly dependent" in message


@pytest.mark.parametrize("panels", ["heteroskedastic", "correlated"])
def test_refuses_panels_fitted_exactly(panels: str) -> None:
    table = random_panel(20, sizes=[16, 16, 16])
    cells = {f"d{year}": table.index == ("E01", year) for year in range(2000, 2016)}
    message = refusal(table.assign(**cells), panels=panels)
    assert "panels fitted exactly: E01;" in message
    assert "panels fitted exactly: E01;" in refusal(table.assign(**cells), corr="ar1")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: t.reset_index(drop=True), "expected (entity, time)"),
        (lambda t: t.assign(x0="text"), "column x0 holds"),
        (lambda t: t[["y"]], "exog has no columns"),
        (lambda t: t[["y", "x0", "x0"]], "exog names columns twice: x0"),
        (
            lambda t: t.set_axis(t.index.set_codes([-1, *t.index.codes[0][1:]], level=0)),
            "1 rows without entity",
        ),
    ],
)
def test_refuses_malformed_tables(change: object, expected: str) -> None:
    assert expected in refusal(change(random_panel(20, sizes=UNBALANCED)))


def test_refuses_different_rows_and_several_dependents() -> None:
    table = random_panel(20, sizes=UNBALANCED)
    with pytest.raises(EstimationError, match=r"1 only in dependent \(\('E00', 2000\)\), 0 only in exog"):
        PanelFGLS(table["y"], table.iloc[1:, 1:])
    with pytest.raises(EstimationError, match=r"dependent has 2 columns \(y, x0\)"):
        PanelFGLS(table[["y", "x0"]], table[["x1"]])


@pytest.mark.parametrize("option", ["panels", "corr", "rho_type"])
def test_refuses_unknown_options(option: str) -> None:
    table = random_panel(20, sizes=UNBALANCED)
    with pytest.raises(UsageError, match=f"{option}='theil', expected one of"):
        PanelFGLS(table["y"], table[["x0"]], **{option: "theil"})


def test_refuses_igls_that_does_not_settle() -> None:
    table = greene_firms()
    model = PanelFGLS(table["invest"], table.iloc[:, 1:], panels="correlated", igls=True)
    with pytest.raises(EstimationError, match="did not converge in 5 steps"):
        model.fit(max_iterations=5)


def test_warns_of_few_periods() -> None:
    with pytest.warns(EstimationWarning, match=r"5 periods for 3 panels.*far too small"):
        fit(random_panel(20, sizes=[5, 5, 5]), panels="correlated")
    with pytest.warns(EstimationWarning, match=r"with 3 observations or fewer: E01, E03"):
        fit(random_panel(20, sizes=[9, 3, 4, 2, 9]), panels="heteroskedastic")
