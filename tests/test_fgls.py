"""PanelFGLS against published output, other programs, a naive twin, and its own refusals."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings
from datetime import date

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.panel import PanelOLS
from scipy import stats

from minsum.errors import EstimationError
from minsum.estimate import EstimationWarning, PanelFGLS, PanelResult
from minsum.estimate.estimators.least_squares import tall_qr
from minsum.estimate.estimators.periods import period_numbers
from naive_fgls import cross_omega, data_of, fgls, ols, panel_lists, random_panel
from oracle.grunfeld import assert_printed, greene_firms

UNBALANCED = [12, 7, 10, 12, 5, 9]
BALANCED = [16, 16, 16, 16]


def fit(table: pd.DataFrame, **options: object) -> PanelResult:
    """PanelFGLS of the first column on the others."""
    return PanelFGLS(table.iloc[:, 0], table.iloc[:, 1:], **options).fit()


def dummies(table: pd.DataFrame, level: int) -> pd.DataFrame:
    """One dummy column per label of an index level but the first."""
    labels = table.index.get_level_values(level).astype(str)
    return pd.get_dummies(pd.Series(labels, index=table.index), drop_first=True)


# published numbers -----------------------------------------------------------------------------------------

PUBLISHED = [
    (
        {"panels": "iid"},
        {"market": (".1050854", None), "stock": (".3053655", None), "const": ("-48.02974", None)},
    ),
    (
        {"panels": "heteroskedastic"},
        {
            "market": (".0949905", ".007409"),
            "stock": (".3378129", ".0302254"),
            "const": ("-36.2537", "6.124363"),
        },
    ),
    (
        {"panels": "correlated"},
        {
            "market": (".0961894", ".0054752"),
            "stock": (".3095321", ".0179851"),
            "const": ("-38.36128", "5.344871"),
        },
    ),
    (
        {"panels": "heteroskedastic", "corr": "ar1"},
        {
            "market": (".0744315", ".0097937"),
            "stock": (".2874294", ".0475391"),
            "const": ("-18.96238", "17.64943"),
        },
    ),
    (
        {"panels": "correlated", "igls": True},
        {
            "market": (".023631", ".004291"),
            "stock": (".1709472", ".0152526"),
            "const": ("-2.216508", "1.958845"),
        },
    ),
]


@pytest.mark.parametrize(
    ("options", "printed"), PUBLISHED, ids=lambda value: "-".join(map(str, value.values()))
)
def test_published_xtgls(options: dict[str, object], printed: dict[str, tuple[str, str | None]]) -> None:
    result = fit(greene_firms(), **options)
    for name, (coefficient, error) in printed.items():
        assert_printed(result.params[name], coefficient)
        if error is not None:
            assert_printed(result.std_errors[name], error)


def test_published_rho_and_log_likelihoods() -> None:
    table = greene_firms()
    assert_printed(fit(table, panels="heteroskedastic", corr="ar1").rho, ".8651")
    assert_printed(fit(table).loglik, "-624.9928")
    assert_printed(fit(table, panels="correlated", igls=True).loglik, "-515.4222")


# other programs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("corr", ["independent", "ar1", "psar1"])
@pytest.mark.parametrize("panels", ["iid", "heteroskedastic"])
@pytest.mark.parametrize("seed", [1, 2])
def test_equals_gls_on_the_full_covariance(panels: str, corr: str, seed: int) -> None:
    """Omega in closed form: sigma_i^2 rho_i^|t-s| / (1 - rho_i^2) within a panel, zero between panels."""
    table = random_panel(seed, sizes=UNBALANCED)
    result = fit(table, panels=panels, corr=corr, rho_type="tscorr")
    y, x = data_of(table)
    entities = table.sort_index().index.get_level_values(0).to_numpy()
    years = table.sort_index().index.get_level_values(1).to_numpy()
    rho = (
        pd.Series(0.0 if result.rho is None else result.rho, index=np.unique(entities))
        .loc[entities]
        .to_numpy()
    )
    variance = pd.Series(result.sigma, index=np.unique(entities)).loc[entities].to_numpy()
    lags = np.abs(years[:, None] - years)
    omega = np.where(entities[:, None] == entities, variance * rho**lags / (1 - rho**2), 0.0)
    gls = sm.GLS(y, x, sigma=omega).fit()
    np.testing.assert_allclose(result.params, gls.params, rtol=1e-10)
    np.testing.assert_allclose(result.cov, gls.normalized_cov_params, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("corr", ["independent", "ar1", "psar1"])
def test_correlated_equals_gls_on_the_full_covariance(corr: str) -> None:
    table = random_panel(3, sizes=BALANCED)
    result = fit(table, panels="correlated", corr=corr, rho_type="tscorr")
    gls = sm.GLS(
        *data_of(table), sigma=fgls(table, panels="correlated", corr=corr, rho_type="tscorr").omega
    ).fit()
    np.testing.assert_allclose(result.params, gls.params, rtol=1e-10)
    np.testing.assert_allclose(result.cov, gls.normalized_cov_params, rtol=1e-10, atol=1e-14)


def test_iid_with_entity_dummies_is_fixed_effects() -> None:
    """The FGLS column of Table 3 in the paper: FE slopes, and z / t = sqrt(N / (N - n - k0))."""
    table = random_panel(4, sizes=UNBALANCED)
    slopes = ["x0", "x1"]
    within = PanelOLS(table["y"], table[slopes], entity_effects=True).fit()
    result = fit(pd.concat([table, dummies(table, 0)], axis=1))
    n_obs, n, k0 = len(table), len(UNBALANCED), len(slopes)
    np.testing.assert_allclose(result.params[slopes], within.params, rtol=1e-10)
    ratio = result.tstats[slopes] / within.tstats
    np.testing.assert_allclose(ratio, np.sqrt(n_obs / (n_obs - n - k0)), rtol=1e-10)
    np.testing.assert_allclose(result.pvalues, 2 * stats.norm.sf(np.abs(result.tstats)), rtol=1e-12)


@pytest.mark.parametrize("panels", ["heteroskedastic", "correlated"])
def test_log_likelihood_is_the_normal_density(panels: str) -> None:
    table = random_panel(5, sizes=BALANCED)
    result = fit(table, panels=panels, igls=True)
    sigma = result.sigma if panels == "correlated" else np.diag(result.sigma)
    omega = cross_omega(np.asarray(sigma), panel_lists(table))
    density = stats.multivariate_normal(np.zeros(len(table)), omega).logpdf(result.resids.sort_index())
    assert result.loglik == pytest.approx(float(density), rel=1e-10)


def test_only_likelihoods_are_reported() -> None:
    table = random_panel(6, sizes=BALANCED)
    assert fit(table, panels="heteroskedastic").loglik is None
    assert fit(table, corr="ar1", igls=True).loglik is None
    assert fit(table).loglik == pytest.approx(sm.OLS(*data_of(table)).fit().llf, rel=1e-12)


# naive twin ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rho_type", ["regress", "freg", "tscorr", "dw"])
@pytest.mark.parametrize("corr", ["ar1", "psar1"])
@pytest.mark.parametrize("panels", ["iid", "heteroskedastic", "correlated"])
def test_equals_the_naive_twin(panels: str, corr: str, rho_type: str) -> None:
    table = random_panel(7, sizes=BALANCED if panels == "correlated" else UNBALANCED)
    options = {"panels": panels, "corr": corr, "rho_type": rho_type}
    result, naive = fit(table, **options), fgls(table, **options)
    np.testing.assert_allclose(result.params, naive.beta, rtol=1e-9)
    np.testing.assert_allclose(result.cov, naive.cov, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(result.rho, naive.rhos[0] if corr == "ar1" else naive.rhos, rtol=1e-10)


@pytest.mark.parametrize("corr", ["independent", "ar1", "psar1"])
@pytest.mark.parametrize("panels", ["iid", "heteroskedastic", "correlated"])
def test_igls_equals_the_naive_twin_and_settles(panels: str, corr: str) -> None:
    table = random_panel(8, sizes=BALANCED if panels == "correlated" else UNBALANCED)
    result = fit(table, panels=panels, corr=corr, igls=True)
    naive = fgls(table, panels=panels, corr=corr, steps=result.iterations)
    before = fgls(table, panels=panels, corr=corr, steps=result.iterations - 1)
    np.testing.assert_allclose(result.params, naive.beta, rtol=1e-8)
    np.testing.assert_allclose(result.cov, naive.cov, rtol=1e-8, atol=1e-14)
    assert np.max(np.abs(naive.beta - before.beta) / (np.abs(before.beta) + 1)) <= 1e-7


def test_sigma_and_rho_are_labelled_by_entity() -> None:
    table = random_panel(9, sizes=BALANCED)
    naive = fgls(table, panels="correlated", corr="psar1")
    result = fit(table, panels="correlated", corr="psar1")
    entities = ["E00", "E01", "E02", "E03"]
    assert list(result.rho.index) == list(result.sigma.index) == list(result.sigma.columns) == entities
    np.testing.assert_allclose(result.sigma, naive.sigma, rtol=1e-10)
    naive = fgls(table, panels="heteroskedastic")
    np.testing.assert_allclose(fit(table, panels="heteroskedastic").sigma, np.diag(naive.sigma), rtol=1e-10)


def test_identity_sigma_is_ols() -> None:
    """Errors with orthonormal panels that exog cannot explain: the estimate of Sigma is the identity."""
    m, n_times = 4, 16
    table = random_panel(10, sizes=[n_times] * m)
    rng = np.random.default_rng(10)
    e = (np.linalg.qr(rng.normal(size=(n_times, m)))[0].T * np.sqrt(n_times)).ravel()
    x = table[["x0", "x1"]].to_numpy()
    x = x - np.outer(e, e @ x) / (e @ e)
    exog = pd.DataFrame(x, index=table.index, columns=["x0", "x1"])
    y = pd.Series(x @ [2.0, -1.0] + e, index=table.index)
    for panels in ("iid", "heteroskedastic", "correlated"):
        result = PanelFGLS(y, exog, panels=panels).fit()
        np.testing.assert_allclose(result.params, ols(y.to_numpy(), x), rtol=1e-10)
        np.testing.assert_allclose(result.cov, np.linalg.inv(x.T @ x), rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(result.sigma, np.eye(m), atol=1e-12)


@pytest.mark.parametrize("n_rows", [100, 11_000, 40_001])
def test_qr_in_blocks_is_a_qr(n_rows: int) -> None:
    """Also with a column that is zero in all blocks but the first, as a dummy is."""
    x = np.random.default_rng(n_rows).normal(size=(n_rows, 3))
    x[20:, 1] = 0.0
    q, r = tall_qr(x)
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-13)
    np.testing.assert_allclose(q @ r, x, atol=1e-12)
    assert np.all(np.tril(r, -1) == 0)


@pytest.mark.slow
def test_many_panels_equal_gls_panel_by_panel() -> None:
    """Thousands of rows go through the blocked factorization."""
    table = random_panel(30, sizes=[6, 5, 4, 7] * 500)
    result = fit(table, panels="heteroskedastic", corr="ar1")
    rho, sigma = result.rho, result.sigma
    left, right = np.zeros((3, 3)), np.zeros(3)
    for name, part in table.groupby(level=0):
        lags = np.abs(np.subtract.outer(np.arange(len(part)), np.arange(len(part))))
        weight = np.linalg.inv(sigma[name] * rho**lags / (1 - rho**2))
        x = part.iloc[:, 1:].to_numpy()
        left, right = left + x.T @ weight @ x, right + x.T @ weight @ part["y"].to_numpy()
    np.testing.assert_allclose(result.params, np.linalg.solve(left, right), rtol=1e-9)
    np.testing.assert_allclose(result.cov, np.linalg.inv(left), rtol=1e-9, atol=1e-16)


# invariances -----------------------------------------------------------------------------------------------

MODELS = [
    {"panels": "heteroskedastic", "corr": "psar1", "rho_type": "tscorr"},
    {"panels": "correlated", "corr": "ar1", "rho_type": "tscorr"},
    {"panels": "correlated", "igls": True},
]


@pytest.mark.parametrize("options", MODELS, ids=lambda value: "-".join(map(str, value.values())))
def test_row_order_does_not_matter(options: dict[str, object]) -> None:
    table = random_panel(11, sizes=BALANCED)
    y, exog = table["y"].sample(frac=1, random_state=1), table.iloc[:, 1:].sample(frac=1, random_state=2)
    plain, shuffled = fit(table, **options), PanelFGLS(y, exog, **options).fit()
    pd.testing.assert_series_equal(plain.params, shuffled.params, rtol=1e-12)
    pd.testing.assert_frame_equal(plain.cov, shuffled.cov, rtol=1e-12)
    assert shuffled.resids.index.equals(y.index)
    pd.testing.assert_series_equal(plain.resids, shuffled.resids.loc[plain.resids.index])


@pytest.mark.parametrize("options", MODELS, ids=lambda value: "-".join(map(str, value.values())))
def test_entity_labels_do_not_matter(options: dict[str, object]) -> None:
    table = random_panel(12, sizes=BALANCED)
    renamed = table.rename(index={"E00": "Z", "E02": "A"}, level=0)
    plain, other = fit(table, **options), fit(renamed, **options)
    pd.testing.assert_series_equal(plain.params, other.params, rtol=1e-8)
    pd.testing.assert_frame_equal(plain.cov, other.cov, rtol=1e-7)


@settings(max_examples=15, deadline=None)
@given(
    scale=st.floats(1e-6, 1e6),
    shift=st.floats(-5.0, 5.0),
    seed=st.integers(0, 10_000),
    options=st.sampled_from(MODELS[:2]),
)
def test_units_do_not_matter(scale: float, shift: float, seed: int, options: dict[str, object]) -> None:
    """A rescaled regressor rescales its coefficient; y shifted by a regressor shifts its coefficient."""
    table = random_panel(seed, sizes=[12, 12, 12])
    changed = table.assign(x0=table["x0"] * scale, y=table["y"] * 3 + shift * table["x1"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EstimationWarning)
        plain, other = fit(table, **options), fit(changed, **options)
    expected = plain.params * 3 / [scale, 1, 1] + [0, shift, 0]
    np.testing.assert_allclose(other.params, expected, rtol=1e-7, atol=1e-9 / min(scale, 1))
    np.testing.assert_allclose(other.std_errors, plain.std_errors * 3 / [scale, 1, 1], rtol=1e-7)


# the result ------------------------------------------------------------------------------------------------


def test_result_has_what_linearmodels_results_have() -> None:
    table = random_panel(13, sizes=UNBALANCED)
    result = fit(table, panels="heteroskedastic")
    other = PanelOLS(table["y"], table[["x0", "x1", "const"]]).fit()
    pd.testing.assert_series_equal(result.entity_info, other.entity_info.rename(result.entity_info.name))
    assert (result.nobs, result.df_model, result.df_resid) == (55, 2, 52)
    pd.testing.assert_series_equal(
        result.resids, table["y"] - table.iloc[:, 1:] @ result.params, check_names=False
    )
    interval = result.conf_int(0.9)
    np.testing.assert_allclose(
        (interval["upper"] - interval["lower"]) / result.std_errors, 2 * stats.norm.ppf(0.95), rtol=1e-12
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.loglik = 0.0  # type: ignore[misc]


def test_wald_tests_the_slopes() -> None:
    table = random_panel(13, sizes=UNBALANCED)
    result = fit(table, panels="heteroskedastic")
    b, v = result.params[["x0", "x1"]], result.cov.loc[["x0", "x1"], ["x0", "x1"]]
    assert result.wald.statistic == pytest.approx(float(b @ np.linalg.inv(v) @ b), rel=1e-10)
    assert (result.wald.df, result.wald.distribution, result.wald.null) == ((2,), "chi2(2)", "x0, x1 = 0")
    assert result.wald_test(["x1"]).statistic == pytest.approx(result.tstats["x1"] ** 2, rel=1e-10)
    with pytest.raises(EstimationError, match="no coefficient nothing"):
        result.wald_test(["x0", "nothing"])


def test_nmk_scales_the_covariance() -> None:
    table = random_panel(14, sizes=UNBALANCED)
    plain, scaled = fit(table, panels="heteroskedastic"), fit(table, panels="heteroskedastic", nmk=True)
    np.testing.assert_allclose(scaled.cov, plain.cov * 55 / 52, rtol=1e-13)
    pd.testing.assert_series_equal(plain.params, scaled.params)


@pytest.mark.slow
def test_import_leaves_linearmodels_alone() -> None:
    code = "import sys, minsum.estimate; print(sorted({'linearmodels', 'statsmodels'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_summary_names_the_model_and_counts_its_parameters() -> None:
    table = random_panel(15, sizes=UNBALANCED)
    text = fit(table, panels="heteroskedastic", corr="psar1").summary
    for part in ("heteroskedastic panels, panel-specific AR(1)", "Observations: 55", "Entities: 6"):
        assert part in text
    for part in ("covariances: 6", "autocorrelations: 6", "coefficients: 3", "5 to 12, mean 9.17", "x0"):
        assert part in text
    assert "Common rho" in fit(table, corr="ar1").summary
    result = fit(random_panel(15, sizes=BALANCED), panels="correlated")
    assert (result.counts.covariances, result.counts.autocorrelations) == (10, 0)


# periods ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (pd.Index([2002, 2006, 2007]), [2002, 2006, 2007]),
        (pd.Index([1935.0, 1936.0]), [1935, 1936]),
        (pd.to_datetime(["2002-01-31", "2002-02-28", "2002-04-30"]), [384, 385, 387]),
        (pd.to_datetime(["2002-01-01", "2003-01-01", "2005-01-01"]), [32, 33, 35]),
        (pd.PeriodIndex(["2020Q1", "2020Q2", "2020Q4"], freq="Q"), [200, 201, 203]),
        (pd.Index([date(2002, 1, 1), date(2004, 1, 1)]), [32, 34]),
        (pd.Index(["first", "second"]), None),
        (pd.Index([0.5, 1.0]), None),
    ],
)
def test_period_numbers(times: pd.Index, expected: list[int] | None) -> None:
    numbers = period_numbers(times)
    assert (None if numbers is None else numbers.tolist()) == expected


@pytest.mark.parametrize("convert", [lambda t: pd.to_datetime(t.astype(str)), lambda t: t.astype(float)])
def test_the_kind_of_time_index_does_not_matter(convert: object) -> None:
    table = random_panel(16, sizes=UNBALANCED)
    years = table.index.get_level_values(1)
    other = table.set_axis(pd.MultiIndex.from_arrays([table.index.get_level_values(0), convert(years)]))
    plain = fit(table, corr="psar1", rho_type="tscorr")
    pd.testing.assert_series_equal(plain.params, fit(other, corr="psar1", rho_type="tscorr").params)


def test_force_takes_successive_observations_as_neighbours() -> None:
    table = random_panel(17, sizes=[9, 9, 9])
    gap = table.drop([("E01", 2003), ("E01", 2004)])
    closed = gap.copy()
    years = [year + 2 if entity == "E01" and year < 2003 else year for entity, year in gap.index]
    closed.index = pd.MultiIndex.from_arrays([gap.index.get_level_values(0), years])
    forced, plain = fit(gap, corr="ar1", force=True), fit(closed, corr="ar1")
    np.testing.assert_allclose(forced.params, plain.params, rtol=1e-12)
    assert "one period apart (force)" in forced.summary
    text = gap.set_axis(gap.index.set_levels(gap.index.levels[1].map("y{}".format), level=1))
    np.testing.assert_allclose(fit(text, corr="ar1", force=True).params, plain.params, rtol=1e-12)
