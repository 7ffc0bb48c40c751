"""The estimates stage: against published output, against dummies in statsmodels, and every refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm

from minsum.errors import EstimationError, MissingInputError
from minsum.estimate.fitted import term_table
from minsum.estimate.stage import estimate
from minsum.report.inputs import inputs_there
from minsum.report.options import PageOptions
from minsum.report.paper_tables import make_tables
from minsum.report.regression import regression_table, regression_tables
from minsum.report.render import render
from minsum.report.stage import write_report
from minsum.settings.load import Settings
from minsum.settings.specs import Specification
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_table
from oracle.grunfeld import assert_printed, greene_firms, large_firms

Row = dict[str, Any]


def put_panel(layout: Layout, frame: pl.DataFrame) -> None:
    """Publish a panel as its stage does."""
    footer = {
        "stage": "panel",
        "classification": "H2",
        "options": {"reference": "high_end", "reporters": [], "years": []},
        "rows": len(frame),
        "remarks": ["lr: SL.TLF.CACT.ZS / 100 (WDICSV.csv)", "lr: 1 of 9 missing (CHN 1)"],
        "digest": str(frame.hash_rows().sum()),
    }
    publish_table(frame.to_arrow(), layout.panel, footer=footer, layout=layout)
    publish_table(
        frame.drop("esi", strict=False).to_arrow(), layout.country_years, footer=footer, layout=layout
    )


def put_esi(layout: Layout, frame: pl.DataFrame) -> None:
    """Publish similarities, one file a year."""
    for (year,), rows in frame.sort("year", "reporter", "reference").group_by("year", maintain_order=True):
        target = layout.esi / "classification=H2" / f"{year}.parquet"
        publish_table(
            rows.to_arrow(), target, footer={"digest": f"{year} {rows.hash_rows().sum()}"}, layout=layout
        )


def found(layout: Layout, spec: Specification, name: str = "main") -> dict[tuple[str, str], Row]:
    """(model, term) to its row."""
    estimate(layout, spec, name=name)
    table = pl.read_parquet(layout.estimates / f"{name}.parquet")
    return {(row["model"], row["term"]): row for row in table.iter_rows(named=True)}


def told(layout: Layout, name: str = "main") -> dict[str, Any]:
    """What the footer says of each model."""
    return read_footer(layout.estimates / f"{name}.parquet")["models"]


def check(row: Row, coefficient: str, std_error: str | None = None) -> None:
    assert_printed(row["coefficient"], coefficient)
    if std_error:
        assert_printed(row["std_error"], std_error)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def firms(layout: Layout) -> Layout:
    """Grunfeld's ten large firms as a panel."""
    frame = pl.from_pandas(large_firms().drop(columns="const").reset_index())
    put_panel(layout, frame.rename({"firm": "reporter"}).sort("reporter", "year"))
    return layout


def firms_spec(**options: Any) -> Specification:
    return Specification(dependent="invest", regressors=("value", "capital"), **options)


def test_published_estimates_of_the_ten_firms(firms: Layout) -> None:
    spec = firms_spec(estimators=("FE", "RE", "pooled", "PCSE"), effects=("country",), diagnostics="all")
    rows = found(firms, spec)
    check(rows["FE", "value"], ".1101238", ".0118567")
    check(rows["FE", "capital"], ".3100653", ".0173545")
    check(rows["FE", "const"], "-58.74393", "12.45369")
    assert rows["FE", "value"]["distribution"] == "t(188)"
    check(rows["RE", "value"], ".1097811", ".0104927")
    check(rows["RE", "capital"], ".308113", ".0171805")
    check(rows["RE", "const"], "-57.83441", "28.89893")
    check(rows["pooled", "value"], ".1155622", ".0058357")
    check(rows["pooled", "capital"], ".2306785", ".0254758")
    assert rows["FE", "value"]["n_obs"] == 200
    assert rows["FE", "value"]["n_entities"] == 10
    assert_printed(rows["FE", "value"]["r_squared"], "0.7668")
    assert_printed(rows["pooled", "value"]["r_squared"], "0.8124")
    assert_printed(rows["FE", "value"]["r_squared_overall"], "0.8060")
    assert_printed(rows["RE", "value"]["r_squared_within"], "0.7668")
    assert_printed(rows["RE", "value"]["r_squared_overall"], "0.8061")
    tests = told(firms)["FE"]["diagnostics"]
    assert_printed(tests["effects"]["statistic"], "49.18")
    assert tests["effects"]["distribution"] == "F(9, 188)"
    assert_printed(tests["hausman"]["statistic"], "2.33")
    assert_printed(tests["xttest0"]["statistic"], "798.16")
    assert set(tests) == {
        "effects",
        "hausman",
        "xttest0",
        "xttest2",
        "xttest3",
        "xtserial",
        "poolability",
        "pesaran_cd",
    }
    assert all("refused" not in test for test in tests.values())


def test_published_pcse_of_the_ten_firms(firms: Layout) -> None:
    rows = found(firms, firms_spec(estimators=("PCSE",), effects=()))
    check(rows["PCSE", "value"], ".1155622", ".0072124")
    check(rows["PCSE", "capital"], ".2306785", ".0278862")
    check(rows["PCSE", "const"], "-42.71437", "6.780965")
    assert rows["PCSE", "value"]["distribution"] == "N(0, 1)"


def test_published_fgls_of_the_five_firms(layout: Layout) -> None:
    frame = pl.from_pandas(greene_firms().drop(columns="const").reset_index())
    put_panel(layout, frame.rename({"firm": "reporter"}).sort("reporter", "year"))
    kinds = {
        "iid": {},
        "het": {"panels": "heteroskedastic"},
        "corr": {"panels": "correlated"},
        "ar1": {"panels": "heteroskedastic", "corr": "ar1"},
    }
    models = [{"name": name, "fgls": options} for name, options in kinds.items()]
    spec = Specification(
        dependent="invest", regressors=("market", "stock"), effects=(), estimators=("FGLS",), models=models
    )
    rows = found(layout, spec)
    check(rows["iid", "market"], ".1050854")
    check(rows["het", "market"], ".0949905", ".007409")
    check(rows["corr", "stock"], ".3095321", ".0179851")
    check(rows["ar1", "const"], "-18.96238", "17.64943")
    assert "rho 0.8651" in told(layout)["ar1"]["about"]
    assert told(layout)["iid"]["about"].startswith("feasible GLS with iid errors, variance e'e/N")


def made_panel(n: int = 12, n_years: int = 9, seed: int = 5) -> pl.DataFrame:
    """A panel with effects, of which some rows are missing: columns esi, x, z."""
    rng = np.random.default_rng(seed)
    names = [f"C{i:02d}" for i in range(n)]
    x, z = rng.normal(size=(2, n, n_years)) + rng.normal(size=(2, n, 1))
    noise = rng.normal(size=(n, n_years)) * np.linspace(0.5, 2, n)[:, None]
    esi = 1 + 0.5 * x - 0.3 * z + rng.normal(size=(n, 1)) + rng.normal(size=n_years) + noise
    frame = pl.DataFrame(
        {
            "reporter": np.repeat(names, n_years),
            "year": np.tile(np.arange(2002, 2002 + n_years, dtype=np.int16), n),
            "esi": esi.ravel(),
            "x": x.ravel(),
            "z": z.ravel(),
        }
    )
    return frame.filter(pl.Series(rng.random(n * n_years) > 0.1))


def dummies(frame: pl.DataFrame, *levels: str) -> tuple[pd.Series, pd.DataFrame]:
    """Dependent and design with a dummy for each category but the first."""
    table = frame.to_pandas()
    parts = [table[["x", "z"]].assign(const=1.0)]
    parts += [
        pd.get_dummies(table[level].astype(str), prefix=level, drop_first=True, dtype=float)
        for level in levels
    ]
    return table["esi"], pd.concat(parts, axis=1)


def near(row: Row, result: Any, term: str, factor: float = 1.0) -> None:
    assert row["coefficient"] == pytest.approx(result.params[term], rel=1e-9)
    assert row["std_error"] == pytest.approx(result.bse[term] * factor, rel=1e-9)


@pytest.mark.parametrize("effects", [("country",), ("country", "year")])
def test_fixed_effects_equal_dummies(layout: Layout, effects: tuple[str, ...]) -> None:
    frame = made_panel()
    put_panel(layout, frame)
    rows = found(layout, Specification(regressors=("x", "z"), effects=effects, estimators=("FE",)))
    levels = ["reporter", *(["year"] if "year" in effects else [])]
    expected = sm.OLS(*dummies(frame, *levels)).fit()
    for term in ("x", "z"):
        near(rows["FE", term], expected, term)
    assert rows["FE", "x"]["p_value"] == pytest.approx(expected.pvalues["x"], rel=1e-8)
    assert rows["FE", "x"]["distribution"] == f"t({int(expected.df_resid)})"


def test_clustered_errors_have_the_degrees_of_freedom_of_their_clusters(layout: Layout) -> None:
    """As xtreg, fe vce(cluster): effects nested in the clusters are not counted; t(G - 1)."""
    frame = made_panel()
    put_panel(layout, frame)
    spec = Specification(regressors=("x", "z"), estimators=("FE",), covariance="clustered")
    row = found(layout, spec)["FE", "x"]
    y, x = dummies(frame, "reporter")
    expected = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": frame["reporter"].to_pandas()})
    n, k, g = len(y), 2, frame["reporter"].n_unique()
    near(row, expected, "x", np.sqrt((n - k - g) / (n - k - 1)))
    assert row["distribution"] == "t(11)"
    assert any("12 clusters of country: with fewer than 30" in one for one in told(layout)["FE"]["warnings"])


def test_published_clustered_errors_of_the_ten_firms(firms: Layout) -> None:
    """gretl's and Stata's output (xtreg invest value capital, fe vce(cluster firm)), the constant too."""
    rows = found(firms, firms_spec(estimators=("FE",), covariance="clustered"))
    check(rows["FE", "value"], "0.1101238", ".0151945")
    check(rows["FE", "capital"], "0.3100653", ".0527518")
    check(rows["FE", "const"], "-58.74393", "27.60286")


@pytest.mark.parametrize(
    ("effects", "clusters", "value", "capital"),
    [
        (("country",), ("year",), ".0173279", ".0322789"),
        (("country",), ("country", "year"), ".0126119", ".0450481"),
        (("country", "year"), ("country",), ".0108244", ".0478484"),
        (("country", "year"), ("year",), ".0191638", ".052539"),
        (("country", "year"), ("country", "year"), ".0118642", ".0465178"),
    ],
)
def test_clustered_errors_of_pyfixest(
    firms: Layout, effects: tuple[str, ...], clusters: tuple[str, ...], value: str, capital: str
) -> None:
    """pyfixest, feols("invest ~ value + capital | firm + year", ssc=ssc(G_df="conventional")) on the same rows."""
    spec = firms_spec(estimators=("FE",), effects=effects, covariance="clustered", clusters=clusters)
    rows = found(firms, spec)
    assert_printed(rows["FE", "value"]["std_error"], value)
    assert_printed(rows["FE", "capital"]["std_error"], capital)


WAYS = [("country",), ("year",), ("country", "year")]


@pytest.mark.parametrize("effects", [("country",), ("country", "year")])
@pytest.mark.parametrize("clusters", WAYS)
def test_effects_within_clusters_are_no_parameters(
    layout: Layout, effects: tuple[str, ...], clusters: tuple[str, ...]
) -> None:
    """Against dummies: K = slopes + constant + (number - 1) of every other set of effects, as reghdfe and fixest."""
    frame = made_panel()
    put_panel(layout, frame)
    spec = Specification(
        regressors=("x", "z"), effects=effects, estimators=("FE",), covariance="clustered", clusters=clusters
    )
    rows = found(layout, spec)
    level = {"country": "reporter", "year": "year"}
    y, x = dummies(frame, *(level[one] for one in effects))
    cov = clustered(
        y.to_numpy(), x.to_numpy(), [frame[level[one]].cast(pl.String).to_list() for one in clusters]
    )
    n_parameters = 3 + sum(frame[level[one]].n_unique() - 1 for one in effects if one not in clusters)
    cov *= (len(y) - 1) / (len(y) - n_parameters)
    for place, term in enumerate(("x", "z")):
        assert rows["FE", term]["std_error"] == pytest.approx(np.sqrt(cov[place, place]), rel=1e-9)
    assert (
        rows["FE", "x"]["distribution"] == f"t({min(frame[level[one]].n_unique() for one in clusters) - 1})"
    )


@pytest.mark.parametrize("clusters", WAYS)
def test_a_constant_without_a_variance_stops_nothing(layout: Layout, clusters: tuple[str, ...]) -> None:
    """With centred regressors the constant is the mean of the effects, which the clusters leave without an error."""
    frame = made_panel().with_columns(pl.col("x", "z") - pl.col("x", "z").mean())
    put_panel(layout, frame)
    spec = Specification(
        regressors=("x", "z"), effects=("country", "year"), estimators=("FE",), covariance="clustered", clusters=clusters,
    )  # fmt: skip
    rows = found(layout, spec)
    assert set(rows) == {("FE", "x"), ("FE", "z")}
    warning = f"the constant, {frame['esi'].mean():.6g}, is left out of the table"
    assert any(one.startswith(warning) for one in told(layout)["FE"]["warnings"])
    (table,) = regression_tables([layout.estimates / "main.parquet"])
    assert warning in " ".join(table.notes)


def swamy_arora(frame: pl.DataFrame, *levels: str) -> dict[str, tuple[float, float]]:
    """Random effects by hand: coefficient and standard error of every column (methods: Stata's xtreg, re)."""
    y, table = dummies(frame, *levels)
    x, y = table.to_numpy(), y.to_numpy()
    group = pd.factorize(frame["reporter"].to_pandas())[0]
    length = np.bincount(group)
    n, k = len(length), x.shape[1]
    x_mean = np.stack([np.bincount(group, column) / length for column in x.T], axis=1)
    y_mean = np.bincount(group, y) / length
    within = (x - x_mean[group])[:, [j for j in range(k) if table.columns[j] != "const"]]
    e = y - y_mean[group]
    e = e - within @ np.linalg.lstsq(within, e, rcond=None)[0]
    s_e2 = e @ e / (len(y) - n - within.shape[1])
    u = y_mean - x_mean @ np.linalg.lstsq(x_mean, y_mean, rcond=None)[0]
    s_u2 = max(0.0, u @ u / (n - np.linalg.matrix_rank(x_mean)) - s_e2 / (n / np.sum(1 / length)))
    theta = (1 - np.sqrt(s_e2 / (length * s_u2 + s_e2)))[group]
    x, y = x - theta[:, None] * x_mean[group], y - theta * y_mean[group]
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    cov = np.linalg.inv(x.T @ x) * np.sum((y - x @ beta) ** 2) / (len(y) - k)
    return dict(zip(table.columns, zip(beta, np.sqrt(np.diag(cov)), strict=True), strict=True))


@pytest.mark.parametrize("effects", [("country",), ("country", "year")])
@pytest.mark.parametrize("n", [12, 30])
def test_random_effects_by_hand(layout: Layout, effects: tuple[str, ...], n: int) -> None:
    """With year effects linearmodels gives these numbers from 7.1 on."""
    frame = made_panel(n=n)
    put_panel(layout, frame)
    rows = found(layout, Specification(regressors=("x", "z"), effects=effects, estimators=("RE",)))
    for term, (coefficient, std_error) in swamy_arora(frame, *effects[1:]).items():
        if term in ("x", "z", "const"):
            assert rows["RE", term]["coefficient"] == pytest.approx(coefficient, rel=1e-10)
            assert rows["RE", term]["std_error"] == pytest.approx(std_error, rel=1e-10)


def test_robust_and_two_way_clustered_pooled(layout: Layout) -> None:
    frame = made_panel()
    put_panel(layout, frame)
    models = [
        {"name": "robust", "covariance": "robust"},
        {"name": "two", "covariance": "clustered", "clusters": ("country", "year")},
    ]
    spec = Specification(regressors=("x", "z"), estimators=("pooled",), models=models)
    rows = found(layout, spec)
    ols = sm.OLS(*dummies(frame))
    near(rows["robust", "x"], ols.fit(cov_type="HC1"), "x")
    assert rows["two", "x"]["distribution"] == "t(8)"
    assert "clustered by country and year" in told(layout)["two"]["about"]


def test_between_and_first_differences(layout: Layout) -> None:
    frame = made_panel()
    put_panel(layout, frame)
    rows = found(layout, Specification(regressors=("x", "z"), estimators=("between", "FD")))
    means = frame.group_by("reporter").mean().sort("reporter")
    near(rows["between", "x"], sm.OLS(*dummies(means)).fit(), "x")
    sorted_frame = frame.sort("reporter", "year")
    step = pl.col("year").diff().over("reporter")
    changes = sorted_frame.with_columns(pl.col("esi", "x", "z").diff().over("reporter"), step=step).filter(
        pl.col("step") == 1
    )
    y, x = dummies(changes)
    near(rows["FD", "z"], sm.OLS(y, x[["x", "z"]]).fit(), "z")
    assert rows["FD", "z"]["n_obs"] == len(changes)
    assert ("FD", "const") not in rows


def test_first_differences_name_longer_steps_and_driscoll_kraay_irregular_years(layout: Layout) -> None:
    put_panel(layout, made_panel().filter(~pl.col("year").is_in([2004, 2005])))
    models = [{"estimators": ("FD",)}, {"name": "dk", "estimators": ("FE",), "covariance": "driscoll_kraay"}]
    found(layout, Specification(regressors=("x",), models=models))
    assert "(2003-2006 are longer than a year)" in told(layout)["FD"]["about"]
    assert (
        "Driscoll-Kraay on irregular times: 1 gaps, the first from 2003 to 2006"
        in told(layout)["dk"]["warnings"][0]
    )


def test_warnings_of_fgls_reach_the_footer(firms: Layout) -> None:
    spec = firms_spec(
        estimators=("FGLS",), effects=(), fgls={"panels": "correlated"}, sample={"first_year": 1940}
    )
    found(firms, spec)
    assert any("prefer PanelPCSE" in one for one in told(firms)["FGLS"]["warnings"])


def test_every_row_that_is_left_out_is_counted(layout: Layout) -> None:
    frame = pl.DataFrame(
        {
            "reporter": ["A"] * 6 + ["B"] * 6 + ["C"] * 6,
            "year": [*range(2010, 2016)] * 3,
            "esi": [0.1, 0.2, 0.4, 0.3, 0.5, 0.2, 0.0, 0.3, 0.2, 0.6, 0.4, 0.3, *[0.2] * 6],
            "x": [1.0, 3, 2, 5, 4, 7, 2, None, 3, 1, 5, 2, 4, 1, 3, 5, 2, 3],
        },
        schema_overrides={"year": pl.Int16},
    )
    put_panel(layout, frame)
    spec = Specification(
        dependent="logit(esi)", regressors=("lag(x)",), estimators=("pooled",), effects=(),
        sample={"exclude": ["C"], "first_year": 2011, "min_years": 4, "between": {"x": [0, 6]}},
    )  # fmt: skip
    rows = found(layout, spec)
    sample = told(layout)["pooled"]["sample"]
    assert sample["left_out"] == {"exclude": 6, "first_year": 2, "between x": 2, "min_years": 3}
    assert sample["incomplete"] == {"lag(x)": {"B": 1}}
    assert sample["undefined"] == {"lag(x)": {"B": 1}}
    assert (sample["total"], sample["rows"]) == (18, 4)
    assert rows["pooled", "lag(x)"]["n_obs"] == 4
    assert sample["rows"] + sum(sample["left_out"].values()) + 1 == sample["total"]


def test_lags_look_at_rows_outside_the_sample(layout: Layout) -> None:
    frame = made_panel()
    put_panel(layout, frame)
    spec = Specification(
        regressors=("lag(x)",), estimators=("pooled",), effects=(), sample={"first_year": 2005}
    )
    found(layout, spec)
    has_2005 = frame.filter(pl.col("year") == 2005)["reporter"].to_list()
    has_2004 = frame.filter(pl.col("year") == 2004)["reporter"].to_list()
    assert set(has_2004) & set(has_2005)
    assert sum(told(layout)["pooled"]["sample"]["incomplete"]["lag(x)"].values()) < len(frame)
    used = told(layout)["pooled"]["sample"]["rows"]
    years = frame.filter(pl.col("year") >= 2005)
    expected = years.join(frame.with_columns(pl.col("year") + 1), on=["reporter", "year"], how="semi")
    assert used == len(expected)


def test_a_common_sample_is_what_every_model_has(layout: Layout) -> None:
    frame = made_panel().with_columns(w=pl.when(pl.col("year") > 2003).then(pl.col("x") ** 2))
    put_panel(layout, frame)
    models = [{"name": "a", "regressors": ("x",)}, {"name": "b", "regressors": ("x", "w")}]
    spec = Specification(estimators=("FE",), models=models, common_sample=True)
    rows = found(layout, spec)
    complete = len(frame.drop_nulls())
    assert {row["n_obs"] for row in rows.values()} == {complete}
    assert told(layout)["a"]["sample"]["left_out"]["common_sample"] == len(frame) - complete


def made_esi(panel: pl.DataFrame, seed: int = 2) -> pl.DataFrame:
    """Symmetric similarities of every pair of a panel's countries, and of each with a composite."""
    rng = np.random.default_rng(seed)
    names = sorted(panel["reporter"].unique())
    years = sorted(panel["year"].unique())
    base = rng.normal(size=(len(names),) * 2)
    rows = []
    for year in years:
        noise = rng.normal(size=base.shape)
        values = base + base.T + noise + noise.T + 0.1 * (year - 2000)
        rows += [
            (year, a, b, i, j, values[i, j])
            for i, a in enumerate(names)
            for j, b in enumerate(names)
            if i != j and rng.random() > (0.03 if i < j else 0)
        ]
        rows += [(year, a, "high_end", i, None, float(values[i].mean())) for i, a in enumerate(names)]
    schema = {
        "year": pl.Int16, "reporter": pl.String, "reference": pl.String, "reporter_code": pl.Int32,
        "reference_code": pl.Int32, "esi": pl.Float64,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    counts = {f"n_{one}": pl.lit(5, pl.Int32) for one in ("reporter", "reference", "common")}
    shares = {f"residual_{one}": pl.lit(0.0) for one in ("reporter", "reference")}
    return frame.with_columns(**counts, **shares)


@pytest.fixture
def world(layout: Layout) -> Layout:
    panel = made_panel(n=9, n_years=6)
    put_panel(layout, panel)
    put_esi(layout, made_esi(panel))
    return layout


def pairs_table(world: Layout, sides: Path | None = None) -> pl.DataFrame:
    """All pairs with both sides' x, by plain joins."""
    pairs = pl.concat(
        [pl.read_parquet(path, hive_partitioning=False) for path in sorted(world.esi.glob("*/*.parquet"))]
    ).drop_nulls("reference_code")
    for side, column in (("reporter", "x"), ("reference", "z")):
        of_side = pl.read_parquet(sides or world.panel).select(
            pl.col("reporter").alias(side), "year", pl.col("x").alias(column)
        )
        pairs = pairs.join(of_side, on=[side, "year"], how="left")
    return pairs.with_columns(
        pair=pl.col("reporter") + pl.col("reference"),
        dyad=pl.min_horizontal("reporter", "reference") + pl.max_horizontal("reporter", "reference"),
        reporter_year=pl.col("reporter") + pl.col("year").cast(pl.String),
    )


def clustered(y: np.ndarray, x: np.ndarray, clusters: list[list[str]]) -> np.ndarray:
    """Clustered covariance, in one or two ways (Cameron, Gelbach and Miller), each with G / (G - 1)."""
    bread = np.linalg.inv(x.T @ x)
    scores = x * (y - x @ bread @ x.T @ y)[:, None]
    ways = [(1, clusters[0])]
    if len(clusters) == 2:
        ways += [(1, clusters[1]), (-1, [a + b for a, b in zip(*clusters, strict=True)])]
    middle = np.zeros_like(bread)
    for sign, groups in ways:
        sums = pd.DataFrame(scores).groupby(groups).sum().to_numpy()
        middle += sign * sums.T @ sums * len(sums) / (len(sums) - 1)
    return bread @ middle @ bread


PAIRS = {"data": "pairs", "regressors": ("reporter.x", "reference.x")}


@pytest.mark.parametrize(
    ("effects", "clusters", "nested"),
    [
        (("pair", "year"), ("dyad",), ("pair",)),
        (("pair", "year"), ("pair",), ("pair",)),
        (("reporter", "reference", "year"), ("reporter",), ("reporter",)),
        (("dyad", "year"), ("reporter", "reference"), ()),
        (("pair", "year"), ("pair", "year"), ("pair", "year")),
        (("pair", "year"), ("reporter", "reference"), ("pair",)),
    ],
)
def test_pairs_equal_dummies(
    world: Layout, effects: tuple[str, ...], clusters: tuple[str, ...], nested: tuple[str, ...]
) -> None:
    spec = Specification(**PAIRS, effects=effects, clusters=clusters, covariance="clustered")
    row = found(world, spec)["FE", "reporter.x"]
    table = pairs_table(world).drop_nulls(["x", "z"])
    y, x = dummies(table, *effects)
    n, k = len(y), x.shape[1]
    n_nested = sum(table[name].n_unique() - 1 for name in nested)
    groups = [table[name].cast(pl.String).to_list() for name in clusters]
    cov = clustered(y.to_numpy(), x.to_numpy(), groups)
    cov *= (n - 1) / (n - k + n_nested)
    beta = np.linalg.lstsq(x.to_numpy(), y.to_numpy(), rcond=None)[0]
    assert row["coefficient"] == pytest.approx(beta[0], rel=1e-9)
    assert row["std_error"] == pytest.approx(np.sqrt(cov[0, 0]), rel=1e-8)
    assert row["n_obs"] == n
    assert row["n_entities"] == table["pair"].n_unique()
    assert row["distribution"] == f"t({min(table[name].n_unique() for name in clusters) - 1})"


def test_pairs_with_country_year_effects(world: Layout) -> None:
    spec = Specification(
        data="pairs",
        regressors=("reference.x",),
        effects=("pair", "reporter_year"),
        covariance="conventional",
    )
    row = found(world, spec)["FE", "reference.x"]
    table = pairs_table(world).drop_nulls("z")
    y, x = dummies(table, "pair", "reporter_year")
    x = x.drop(columns="x")
    beta = np.linalg.lstsq(x.to_numpy(), y.to_numpy(), rcond=None)[0]
    assert row["coefficient"] == pytest.approx(beta[list(x.columns).index("z")], rel=1e-8)


def test_pairs_once_or_twice(world: Layout) -> None:
    twice = Specification(**PAIRS, covariance="robust")
    found(world, twice, "twice")
    warned = told(world, "twice")["FE"]["warnings"][0]
    assert warned.startswith("36 pairs occur in both directions with the same similarity")
    once = Specification(
        **PAIRS, covariance="robust", sample={"dyads": "once", "references": [f"C0{i}" for i in range(8)]}
    )
    rows = found(world, once, "once")
    assert told(world, "once")["FE"]["warnings"] == []
    sample = told(world, "once")["FE"]["sample"]
    assert sample["left_out"]["references"] > 0
    assert rows["FE", "reporter.x"]["n_entities"] == 36, (
        "C08 with each of the eight, and they among themselves"
    )


def test_regressors_of_a_reference_without_a_row_in_the_panel_are_not_lost(world: Layout) -> None:
    """C00, with which the panel's similarity is, has none with itself; its variables count in the pairs."""
    rows = found(world, Specification(**PAIRS), "all")
    footer = read_footer(world.panel) | {"digest": "without C00"}
    without = pl.read_parquet(world.panel).filter(pl.col("reporter") != "C00")
    publish_table(without.to_arrow(), world.panel, footer=footer, layout=world)
    assert found(world, Specification(**PAIRS), "again") == {
        key: row | {"spec": "again"} for key, row in rows.items()
    }


def test_the_panel_s_sample_is_of_reporters_and_once_keeps_every_pair(world: Layout) -> None:
    options = {"reference": "high_end", "reporters": ["C07", "C08"], "years": []}
    footer = read_footer(world.panel) | {"digest": "two", "options": options}
    two = pl.read_parquet(world.panel).filter(pl.col("reporter").is_in(["C07", "C08"]))
    publish_table(two.to_arrow(), world.panel, footer=footer, layout=world)
    rows = found(world, Specification(**PAIRS, sample={"dyads": "once"}))
    of_two = pairs_table(world, sides=world.country_years).filter(pl.col("reporter").is_in(["C07", "C08"]))
    assert rows["FE", "reporter.x"]["n_obs"] == of_two.drop_nulls(["x", "z"]).unique(["dyad", "year"]).height


def test_another_reference_than_the_panel_s(world: Layout) -> None:
    models = [{"name": "own"}, {"name": "c1", "reference": "C01"}]
    rows = found(world, Specification(regressors=("x",), estimators=("FE",), models=models))
    esi = pl.read_parquet(world.esi / "*" / "*.parquet", hive_partitioning=False).filter(reference="C01")
    joined = pl.read_parquet(world.panel).drop("esi").join(esi, on=["reporter", "year"])
    y, x = dummies(joined, "reporter")
    expected = sm.OLS(y, x.drop(columns="z")).fit()
    near(rows["c1", "x"], expected, "x")
    assert rows["own", "x"]["coefficient"] != rows["c1", "x"]["coefficient"]
    assert told(world)["c1"]["sample"]["incomplete"]["esi"]["C01"] > 0


def test_nothing_is_done_twice(world: Layout) -> None:
    panel_only = Specification(regressors=("x",), estimators=("FE",))
    pairs = Specification(**PAIRS)
    assert estimate(world, panel_only, name="main").changed
    assert estimate(world, pairs, name="pairs").changed
    assert not estimate(world, panel_only, name="main").changed
    put_esi(world, made_esi(pl.read_parquet(world.panel), seed=9))
    report = estimate(world, panel_only, name="main")
    assert (report.changed, report.models) == (False, {"FE": report.models["FE"]})
    assert estimate(world, pairs, name="pairs").changed
    assert estimate(world, Specification(regressors=("z",), estimators=("FE",)), name="main").changed


Change = Callable[[pl.DataFrame], pl.DataFrame]
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown column": ({"regressors": ("gdp",)}, r"the panel has no column 'gdp'; it has esi, x, z"),
    "an unknown column of pairs": (
        {"data": "pairs", "regressors": ("x",)},
        r"the pairs have no column 'x'; they have esi, n_reporter, .*reporter\.x",
    ),
    "a filter on an unknown column": ({"sample": {"between": {"gdp": [0, 1]}}}, "no column 'gdp'"),
    "filters that take all": (
        {"sample": {"reporters": ["FRA"]}},
        r"no row is left after the sample's filters; they take reporters \d+ of \d+ rows",
    ),
    "nothing complete": (
        {"regressors": ("lag(x, 90)",)},
        r"no row of the data is complete; rows that lack each variable: lag\(x, 90\) \d+",
    ),
    "nothing long enough": ({"sample": {"min_years": 90}}, r"left out: min_years \d+"),
    "a regressor that never changes in a country": (
        {"regressors": ("x", "fixed"), "estimators": ("FE",)},
        "regressors constant within every panel: fixed; the entity effects absorb them",
    ),
    "the same in first differences": (
        {"regressors": ("x", "fixed"), "estimators": ("FD",)},
        "regressors constant within every panel: fixed",
    ),
    "a regressor that is a combination of others": (
        {"regressors": ("x", "z", "both"), "estimators": ("RE",)},
        "both is a linear combination of x, z",
    ),
    "a combination within countries only": (
        {"regressors": ("x", "shifted"), "estimators": ("FE",)},
        "a linear combination",
    ),
    "a year variable beside year effects": (
        {"regressors": ("x", "trend"), "estimators": ("FE",), "effects": ("country", "year")},
        "a linear combination",
    ),
    "a perfect fit": ({"dependent": "x", "regressors": ("twice",), "estimators": ("pooled",)}, "fits x without error"),
    "one row a country": (
        {"estimators": ("FE",), "sample": {"years": [2002]}},
        r"every country has one row \(\d+ in all\)",
    ),
    "too few countries between": (
        {"estimators": ("between",), "sample": {"reporters": ["C00", "C01", "C02"]}},
        "between: 3 country means for 3 coefficients",
    ),
    "too few rows": (
        {"estimators": ("pooled",), "sample": {"reporters": ["C00"], "last_year": 2004}},
        r"\d observations for 3 coefficients",
    ),
    "gaps under autocorrelation": (
        {"estimators": ("FGLS",), "fgls": {"corr": "ar1"}},
        "gaps in time within",
    ),
    "unbalanced and correlated": (
        {"estimators": ("FGLS",), "fgls": {"panels": "correlated"}},
        "correlated panels must be balanced",
    ),
    "an absorbed regressor of pairs": (
        {**PAIRS, "effects": ("pair", "reporter_year")},
        "reporter.x does not vary beside the effects pair, reporter_year",
    ),
    "pairs with more effects than rows": (
        {**PAIRS, "effects": ("pair", "reporter_year", "reference_year"), "sample": {"years": [2003]}},
        r"FE: \d+ rows for \d+ coefficients and effects",
    ),
    "one cluster": (
        {**PAIRS, "effects": ("year",), "covariance": "clustered", "clusters": ("reporter",), "sample": {"reporters": ["C00"]}},
        "one cluster of reporter: nothing to compare",
    ),
    "an unknown reference": ({"reference": "XXX"}, "no similarity with 'XXX'"),
    "a common sample of different data": (
        {"common_sample": True, "models": [{"name": "a"}, {**PAIRS, "name": "b"}]},
        "common_sample = true, but some models use the panel and others pairs",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(world: Layout, case: str) -> None:
    options, message = REFUSED[case]
    panel = pl.read_parquet(world.panel)
    put_panel(
        world,
        panel.with_columns(
            fixed=pl.col("reporter").rank("dense").cast(pl.Float64),
            both=pl.col("x") - 2 * pl.col("z"),
            shifted=pl.col("x") + pl.col("reporter").rank("dense"),
            trend=pl.col("year").cast(pl.Float64),
            twice=2 * pl.col("x") + 1,
        ).select("reporter", "year", "esi", "x", "z", "fixed", "both", "shifted", "trend", "twice"),
    )
    with pytest.raises(EstimationError, match=message) as caught:
        estimate(world, Specification(**({"regressors": ("x", "z")} | options)), name="main")
    assert caught.value.hint
    assert not (world.estimates / "main.parquet").exists()


def test_a_variance_that_is_not_positive_is_refused() -> None:
    """Clustering in two ways subtracts a covariance, which can leave less than nothing."""
    cov = pd.DataFrame([[1.0, 0.0], [0.0, -1e-9]])
    with pytest.raises(EstimationError, match="the covariance gives no positive variance for z") as caught:
        term_table(pd.Series({"x": 1.0, "z": 2.0}), cov, df=5)
    assert "cluster in one way" in caught.value.hint


def test_no_panel_yet(layout: Layout) -> None:
    with pytest.raises(MissingInputError, match="no panel yet"):
        estimate(layout, Specification(), name="main")


def test_a_test_that_cannot_be_computed_says_why_and_stops_nothing(world: Layout) -> None:
    put_panel(world, pl.read_parquet(world.panel).filter(pl.col("year").is_in([2002, 2004, 2007])))
    found(
        world,
        Specification(regressors=("x",), estimators=("FE",), diagnostics=("xtserial", "xttest2", "effects")),
    )
    tests = told(world)["FE"]["diagnostics"]
    assert "two panels with three successive periods, found 0" in tests["xtserial"]["refused"]
    assert "more common times than panels" in tests["xttest2"]["refused"]
    assert tests["effects"]["distribution"].startswith("F(8, ")
    frame = regression_tables([world.estimates / "main.parquet"])[1].frame
    assert frame["test"].to_list() == ["effects", "xttest2", "xtserial"]
    assert frame["null"][2].startswith("not computed: Wooldridge's test needs two panels")
    assert frame["statistic"][2] is None


PAPER = [
    ("import_share", ("0.146*", "(1.91)"), ("0.042", "(0.60)"), ("0.146**", "(2.14)")),
    ("const", ("0.071", "(0.66)"), ("0.053", "(0.47)"), ("-0.034", "(-0.37)")),
]


def paper_estimates() -> tuple[pl.DataFrame, dict[str, Any]]:
    """Two lines of the paper's Table 3, as the stage would give them."""
    rows = []
    for term, *cells in PAPER:
        for model, (coefficient, bracket) in zip(("FE", "RE", "FGLS"), cells, strict=True):
            bare = coefficient.rstrip("*")
            rows.append(
                {
                    "model": model, "term": term, "coefficient": float(bare), "std_error": 1.0,
                    "statistic": float(bracket.strip("()")), "p_value": 0.5, "stars": coefficient[len(bare):],
                    "n_obs": 68, "n_entities": 8, "r_squared": {"FE": 0.423, "RE": 0.346, "FGLS": None}[model],
                    "estimator": model, "dependent": "esi", "distribution": "t(54)" if model == "FE" else "N(0, 1)",
                    "spec": "main", "r_squared_within": 0.423 if model == "FE" else None,
                    "r_squared_overall": 0.346 if model == "RE" else None,
                }
            )  # fmt: skip
    rows.append(rows[-1] | {"term": "reporter_IDN"})
    sample = {"total": 99, "rows": 68, "left_out": {}, "incomplete": {"pa": {"MMR": 19}}, "undefined": {}}
    said = {
        model: {"about": f"about {model}", "warnings": [], "sample": sample, "data": "panel"}
        for model in ("FE", "RE", "FGLS")
    }
    return pl.DataFrame(rows), said


def test_table_3_has_the_paper_s_layout() -> None:
    estimates, said = paper_estimates()
    table = regression_table(estimates, "table3", title="Table 3. Regressions", told=said)
    assert table.frame.columns == ["term", "FE", "RE", "FGLS"]
    assert table.frame.rows() == [
        ("import_share", "0.146*", "0.042", "0.146**"),
        ("", "(1.91)", "(0.60)", "(2.14)"),
        ("const", "0.071", "0.053", "-0.034"),
        ("", "(0.66)", "(0.47)", "(-0.37)"),
        ("observations", "68", "68", "68"),
        ("countries", "8", "8", "8"),
        ("R squared within", "0.423", "", ""),
        ("R squared overall", "", "0.346", ""),
    ]
    assert table.notes[0] == "In brackets: t (FE) or z (RE, FGLS) statistics. *** 1 %, ** 5 %, * 10 %."
    assert table.notes[1:] == (
        "FE: about FE.",
        "RE: about RE.",
        "FGLS: about FGLS.",
        "68 of 99 rows are used.",
        "19 rows without pa are left out (MMR).",
    )


def test_a_small_coefficient_keeps_three_digits() -> None:
    estimates, said = paper_estimates()
    small = estimates.with_columns(coefficient=pl.col("coefficient") / 1_000)
    table = regression_table(small, "table3", title="Table 3. Regressions", told=said)
    assert table.frame.row(0) == ("import_share", "0.000146*", "4.2e-05", "0.000146**")


def test_tables_in_every_form() -> None:
    estimates, said = paper_estimates()
    table = regression_table(estimates, "table3", title="Table 3. Regressions", told=said)
    forms = render(table)
    assert forms["csv"].splitlines()[1] == "import_share,0.146*,0.042,0.146**"
    assert "import_share       0.146*  0.042   0.146**" in forms["txt"]
    assert "19 rows without pa are left out (MMR)." in forms["txt"]
    assert r"import\_\allowbreak{}share & 0.146* & 0.042 & 0.146** \\" in forms["tex"]
    assert r"const & 0.071 & 0.053 & $-$0.034 \\" in forms["tex"]
    assert r"& (0.66) & (0.47) & ($-$0.37) \\" in forms["tex"]
    assert r"*** 1 \%, ** 5 \%, * 10 \%" in forms["tex"]
    assert ">0.146**</td>" in forms["html"]
    assert "*** 1 %, ** 5 %, * 10 %." in forms["html"]
    assert render(table) == forms


def write_tables(world: Layout) -> bool:
    """The report of a world without similarities to show: its tables."""
    names = ["main", "gravity"]
    inputs = replace(inputs_there(world, estimates=names, with_panel=True), esi={}, sections={}, markets={})
    return write_report(world, PageOptions(Settings(), estimates=names), inputs).changed


def test_tables_are_written_once_for_every_spec(world: Layout) -> None:
    found(world, Specification(regressors=("x",), estimators=("FE",)))
    found(world, Specification(**PAIRS), "gravity")
    names = [table.name for table in make_tables(world, [], ["main", "gravity"])]
    assert names == ["table1", "table2", "table3", "table3-gravity"]
    assert write_tables(world)
    assert {path.suffix for path in world.tables.glob("table3-gravity.*")} == {
        ".csv",
        ".txt",
        ".tex",
        ".html",
    }
    second = (world.tables / "table2.txt").read_text()
    assert "lr: SL.TLF.CACT.ZS / 100 (WDICSV.csv)" in second
    assert "lr: 1 of 9 missing (CHN 1)" in second
    assert "pairs" in (world.tables / "table3-gravity.txt").read_text()
    assert not write_tables(world)
    found(world, Specification(regressors=("z",), estimators=("FE",)))
    assert write_tables(world)
