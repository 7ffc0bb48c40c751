"""Interactions, groups and covariates of pairs in model specifications: against dummies and plain joins."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
from polars.testing import assert_frame_equal

from minsum.errors import DataCheckError, EstimationError
from minsum.estimate.stage import estimate
from minsum.export.tables import variables_of
from minsum.panel.covariates import Covariates, covariate_remarks, read_covariates
from minsum.pipeline import Workspace
from minsum.report.labels import label_of
from minsum.report.regression import regression_tables
from minsum.report.render import as_latex, as_markdown
from minsum.settings.panel import DEFAULT_VARIABLES
from minsum.settings.specs import Specification
from minsum.settings.terms import evaluate, parse_term
from minsum.sources.files import Source
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_table
from test_estimates import (
    PAIRS,
    clustered,
    found,
    made_esi,
    made_panel,
    pairs_table,
    put_esi,
    put_panel,
    told,
)

LABELS = ["CHN", "DEU", "FRA", "IDN", "KHM", "POL", "USA", "VNM"]
GROUPS: dict[str, Any] = {
    "asean": ["ASEAN"],
    "region": {"asia": ["ASEAN", "CHN"], "europe": ["DEU", "FRA", "POL"]},
}
ASEAN = ["IDN", "KHM", "VNM"]
EUROPE = ["DEU", "FRA", "POL"]


def in_groups(frame: pl.DataFrame, side: str = "reporter", prefix: str = "") -> pl.DataFrame:
    """The groups of each country, by hand."""
    one = pl.col(side).cast(pl.String)
    region = pl.when(one.is_in([*ASEAN, "CHN"])).then(pl.lit("asia"))
    region = region.when(one.is_in(EUROPE)).then(pl.lit("europe")).otherwise(pl.lit("other"))
    asean = one.is_in(ASEAN).cast(pl.Float64)
    return frame.with_columns(asean.alias(f"{prefix}asean"), region.alias(f"{prefix}region"))


@pytest.fixture(scope="module")
def panel() -> pl.DataFrame:
    frame = made_panel(n=len(LABELS), n_years=6)
    return frame.with_columns(
        pl.col("reporter").str.tail(2).cast(pl.Int32).replace_strict(dict(enumerate(LABELS)))
    )


@pytest.fixture
def world(panel: pl.DataFrame, tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    put_panel(layout, panel)
    put_esi(layout, made_esi(panel))
    return layout


def dummies(frame: pl.DataFrame, regressors: list[str], *levels: str) -> tuple[np.ndarray, pd.DataFrame]:
    table = frame.to_pandas()
    parts = [table[regressors].assign(const=1.0)]
    parts += [
        pd.get_dummies(table[one].astype(str), prefix=one, drop_first=True, dtype=float) for one in levels
    ]
    x = pd.concat(parts, axis=1)
    left = np.abs(np.diagonal(np.linalg.qr(x.to_numpy(), mode="r")))
    return table["esi"].to_numpy(), x.loc[:, left > 1e-8]


def check(row: dict[str, Any], result: Any, term: str) -> None:
    assert row["coefficient"] == pytest.approx(result.params[term], rel=1e-8)
    assert row["std_error"] == pytest.approx(result.bse[term], rel=1e-8)


def test_products_and_gaps_of_terms() -> None:
    data = pl.DataFrame(
        {
            "year": [1, 2],
            "reporter": ["A", "A"],
            "x": [2.0, None],
            "reporter.z": [1.0, 5.0],
            "reference.z": [4.0, 2.0],
        }
    )
    product = parse_term("ln(x) : square(reporter.z):reference.z")
    assert str(product) == "ln(x):square(reporter.z):reference.z"
    assert product.columns == ("x", "reporter.z", "reference.z")
    assert evaluate(product, data, panel=["reporter"]).to_list() == [pytest.approx(np.log(2) * 4), None]
    gap = parse_term("gap(ln(z))").of_two_countries("reporter.")
    assert gap.columns == ("reporter.z", "reference.z")
    assert evaluate(gap, data, panel=["reporter"]).to_list() == [
        pytest.approx(np.log(4)),
        pytest.approx(np.log(2.5)),
    ]
    assert evaluate(parse_term("lag(x:reporter.z)"), data, panel=["reporter"]).to_list() == [None, 2.0]


@pytest.mark.parametrize("text", ["x:", ":x", "x::z", "x:2", "ln(x:)"])
def test_what_is_no_product(text: str) -> None:
    with pytest.raises(ValueError, match="is no term"):
        parse_term(text)


def test_region_years_beside_countries_equal_dummies(world: Layout, panel: pl.DataFrame) -> None:
    """Slopes, standard errors and degrees of freedom, whose number is the rank of the dummies."""
    spec = Specification(
        regressors=("x", "x:asean"),
        effects=("country", "region:year"),
        groups=GROUPS,
        estimators=("FE", "pooled", "FGLS"),
    )
    rows = found(world, spec)
    table = in_groups(panel).with_columns(
        xa=pl.col("x") * pl.col("asean"), ry=pl.col("region") + pl.col("year").cast(pl.String)
    )
    expected = sm.OLS(*dummies(table, ["x", "xa"], "reporter", "ry")).fit()
    for term, name in (("x", "x"), ("x:asean", "xa")):
        check(rows["FE", term], expected, name)
        assert rows["FGLS", term]["coefficient"] == pytest.approx(expected.params[name], rel=1e-8)
    assert rows["FE", "x"]["distribution"] == f"t({int(expected.df_resid)})"
    check(rows["pooled", "x"], sm.OLS(*dummies(table, ["x", "xa"], "ry")).fit(), "x")
    assert "country and region:year effects" in told(world)["FE"]["about"]
    assert "country and region:year effects by dummies" in told(world)["FGLS"]["about"]


def test_years_within_region_years_are_counted_once(world: Layout) -> None:
    both = Specification(
        regressors=("x",),
        effects=("country", "year", "region", "region:year"),
        groups=GROUPS,
        estimators=("FE",),
    )
    one = both.model_copy(update={"effects": ("country", "region:year")})
    first, second = (found(world, spec, name)["FE", "x"] for spec, name in ((both, "a"), (one, "b")))
    assert first | {"spec": ""} == second | {"spec": ""}


def test_a_slope_for_each_group(world: Layout, panel: pl.DataFrame) -> None:
    spec = Specification(regressors=("x:region", "z"), groups=GROUPS, estimators=("FE",), diagnostics="all")
    rows = found(world, spec)
    table = in_groups(panel)
    parts = {
        f"x:region[{one}]": pl.col("x") * (pl.col("region") == one) for one in ("asia", "europe", "other")
    }
    expected = sm.OLS(*dummies(table.with_columns(**parts), [*parts, "z"], "reporter")).fit()
    assert {term for _, term in rows} == {*parts, "z", "const"}
    for term in parts:
        check(rows["FE", term], expected, term)
    only = Specification(
        regressors=("x:region",), groups=GROUPS, estimators=("FE",), sample={"reporters": EUROPE}
    )
    assert {term for _, term in found(world, only, "europe")} == {"x:region[europe]", "const"}


def test_members_are_those_of_the_year(tmp_path: Path) -> None:
    """Cambodia joined ASEAN in 1999, Croatia the EU in 2013."""
    layout, rng = Layout(tmp_path), np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "reporter": ["KHM"] * 4 + ["USA"] * 4,
            "year": [1997, 1998, 1999, 2000] * 2,
            "esi": rng.normal(size=8),
        }
    )
    put_panel(layout, frame.with_columns(pl.col("year").cast(pl.Int16)))
    rows = found(
        layout, Specification(regressors=("asean",), effects=(), estimators=("pooled",), groups=GROUPS)
    )
    member = (frame["reporter"] == "KHM") & (frame["year"] >= 1999)
    assert rows["pooled", "asean"]["coefficient"] == pytest.approx(
        frame["esi"].filter(member).mean() - frame["esi"].filter(~member).mean()
    )


@pytest.mark.parametrize(("effects", "covariance"), [
    (("pair", "reporter_year"), "conventional"),
    (("dyad",), "clustered"),
    (("reporter:year", "reference:year"), "conventional"),
    (("reporter:year", "reference:year"), "robust"),
    (("reporter.region:reference.region:year", "pair"), "conventional"),
    (("reporter.region:reference.region:year", "pair"), "clustered"),
])  # fmt: skip
def test_pairs_with_groups_equal_dummies(world: Layout, effects: tuple[str, ...], covariance: str) -> None:
    """Any effects: the parameters are the rank of the dummies, without those within the clusters."""
    regressors = ("gap(x)", "reporter.asean:reference.asean:esi_z")
    every = (
        pl.DataFrame({"reporter": LABELS})
        .join(pl.DataFrame({"reference": LABELS}), how="cross")
        .with_columns(year=pl.lit(None, pl.Int16))
    )
    every = every.with_columns(
        esi_z=(pl.col("reporter").rank("dense") * pl.col("reference").rank("dense") ** 2).cast(pl.Float64)
        / 50
    )
    publish_table(every.to_arrow(), world.pair_years, footer={"digest": "pairs"}, layout=world)
    varies = "pair" not in effects and "dyad" not in effects
    spec = Specification(
        data="pairs",
        regressors=regressors if varies else regressors[:1],
        groups=GROUPS,
        effects=effects,
        covariance=covariance,
    )
    rows = found(world, spec)
    table = (
        pairs_table(world)
        .drop_nulls(["x", "z"])
        .join(every.drop("year"), on=["reporter", "reference"], how="left")
    )
    for side in ("reporter", "reference"):
        table = in_groups(table, side, f"{side}.")
    year = pl.col("year").cast(pl.String)
    table = table.with_columns(
        gap=(pl.col("x") - pl.col("z")).abs(), both=pl.col("reporter.asean") * pl.col("reference.asean") * pl.col("esi_z"),
        ry=pl.col("reporter") + year, sy=pl.col("reference") + year, gy=pl.col("reporter.region") + pl.col("reference.region") + year,
    )  # fmt: skip
    column = {
        "reporter_year": "ry",
        "reporter:year": "ry",
        "reference:year": "sy",
        "reporter.region:reference.region:year": "gy",
    }
    levels = [column.get(one, one) for one in effects]
    names = ["gap", "both"] if varies else ["gap"]
    y, x = dummies(table, names, *levels)
    kept, n = x.to_numpy(), len(y)
    result = sm.OLS(y, kept).fit(**({"cov_type": "HC1"} if covariance == "robust" else {}))
    std_errors = result.bse[: len(names)]
    if covariance == "clustered":
        counted = [one for one in levels if one not in ("pair", "dyad")]
        rank = dummies(table, names, *counted)[1].shape[1]
        cov = clustered(y, kept, [table["dyad"].to_list()]) * (n - 1) / (n - rank)
        std_errors = np.sqrt(np.diagonal(cov)[: len(names)])
    for place, term in enumerate(spec.regressors):
        assert rows["FE", term]["coefficient"] == pytest.approx(result.params[place], rel=1e-7)
        assert rows["FE", term]["std_error"] == pytest.approx(std_errors[place], rel=1e-7)


def test_variables_of_the_panel_s_reference(world: Layout, panel: pl.DataFrame) -> None:
    spec = Specification(regressors=("gap(x)", "x:reference.z"), reference="USA", estimators=("FE",))
    rows = found(world, spec)
    esi = pl.concat(
        [pl.read_parquet(path, hive_partitioning=False) for path in sorted(world.esi.glob("*/*.parquet"))]
    )
    table = panel.drop("esi").join(
        esi.filter(pl.col("reference") == "USA").select("reporter", "year", "esi"), on=["reporter", "year"]
    )
    usa = panel.filter(pl.col("reporter") == "USA").select("year", rx="x", rz="z")
    table = (
        table.join(usa, on="year")
        .with_columns(gap=(pl.col("x") - pl.col("rx")).abs(), xz=pl.col("x") * pl.col("rz"))
        .drop_nulls()
    )
    expected = sm.OLS(*dummies(table, ["gap", "xz"], "reporter")).fit()
    check(rows["FE", "gap(x)"], expected, "gap")
    check(rows["FE", "x:reference.z"], expected, "xz")
    with pytest.raises(EstimationError, match="high_end is a composite and has no variables of its own"):
        estimate(world, Specification(regressors=("x", "reference.x"), estimators=("FE",)), name="b")


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown group": ({"effects": ("country", "regoin:year")}, "effects 'regoin' is not for data = 'panel', which has country, year, asean, region"),
    "a group without its side": ({"data": "pairs", "effects": ("region:year",)}, "'region' is not for data = 'pairs', which has reporter, reference, year, reporter.asean"),
    "a name twice": ({"effects": ("country", "year:year")}, "names something twice"),
    "no members": ({"groups": {"none": ()}}, "groups.none has no members"),
    "no country": ({"groups": {"bad": ("XYZ",)}}, "'XYZ' is the label of no country"),
    "a part without members": ({"groups": {"region": {"asia": ()}}}, "groups.region has no members"),
    "an odd name": ({"groups": {"Region": ("CHN",)}}, "should match pattern"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_groups_that_mean_nothing(case: str) -> None:
    options, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        Specification(**({"regressors": ("x",), "groups": GROUPS, "estimators": ("FE",)} | options))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a division by itself": ({"regressors": ("region",)}, "region: region is a division into groups, not a number"),
    "a division in a function": ({"regressors": ("ln(region):x",)}, "is a division into groups"),
    "a column's name": ({"groups": {"z": ["CHN"]}}, "groups.z: the data have a column 'z'"),
    "two parts": ({"groups": {"g": {"a": ["CHN"], "b": ["USA", "CHN"]}}}, "CHN is in a and in b in 20"),
    "three sets of effects": (
        {"groups": {**GROUPS, "big": ["CHN", "DEU", "IDN"]}, "effects": ("country", "region:year", "big:year"), "estimators": ("FE",)},
        "FE takes two sets of effects, not country, region:year, big:year",
    ),
    "what a group's years absorb": (
        {"effects": ("country", "region:year"), "regressors": ("x", "w"), "estimators": ("FE",)}, "a linear combination",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(world: Layout, panel: pl.DataFrame, case: str) -> None:
    options, message = REFUSED[case]
    put_panel(
        world,
        in_groups(panel)
        .with_columns(w=(pl.col("region") == "asia") * pl.col("year").cast(pl.Float64))
        .drop("asean", "region"),
    )
    with pytest.raises(EstimationError, match=message) as caught:
        estimate(
            world,
            Specification(**({"regressors": ("x",), "groups": GROUPS, "estimators": ("pooled",)} | options)),
            name="main",
        )
    assert caught.value.hint


def covariates(folder: Path, **files: str) -> Covariates:
    sources = []
    for name, text in files.items():
        path = folder / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        sources.append(Source(path, len(text), name))
    return read_covariates(sources, DEFAULT_VARIABLES)


OWN = "iso3,partner,ln_dist\nCHN,USA,9.1234\nDEU,FRA,6.5\nS19,KOR,7.25\n"
SHAPES = {
    "the user's own": OWN,
    "both directions": "iso3,partner,ln_dist\nCHN,USA,9.1234\nUSA,CHN,9.1234\nDEU,FRA,6.5\nFRA,DEU,6.5\nS19,KOR,7.25\nKOR,S19,7.25\n",
    "CEPII": "iso_o,iso_d,ln_dist\nCHN,USA,9.1234\nDEU,FRA,6.5\nTWN,KOR,7.25\n",
    "CEPII's gravity": "country_id_o;country_id_d;iso3_o;iso3_d;ln_dist\nCHN;USA;CHN;USA;9.1234\nDEU;FRA;DEU;FRA;6.5\nTWN;KOR;TWN;KOR;7.25\n",
    "names": "exporter,importer,ln_dist\nChina,United States,9.1234\nGermany,France,6.5\nTaiwan,\"Korea, Rep.\",7.25\n",
    "with a place that is none": OWN + "CHN,WLD,1.5\n",
    "with a text": "iso3,partner,note,ln_dist\nCHN,USA,far,9.1234\nDEU,FRA,near,6.5\nTWN,KOR,near,7.25\n",
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_files_of_pairs(tmp_path: Path, shape: str) -> None:
    read = covariates(tmp_path, dist=SHAPES[shape])
    pairs = [("CHN", "USA", 9.1234), ("DEU", "FRA", 6.5), ("S19", "KOR", 7.25)]
    both = [*pairs, *((b, a, value) for a, b, value in pairs)]
    expected = pl.DataFrame(both, schema=["reporter", "reference", "ln_dist"], orient="row").sort(
        "reporter", "reference"
    )
    assert_frame_equal(read.pairs.select("reporter", "reference", "ln_dist"), expected)
    assert read.pairs["year"].null_count() == len(read.pairs)
    lines = covariate_remarks(read.report)
    assert "ln_dist: of pairs of countries, as given (dist.csv)" in lines
    assert ("dist.csv: each pair is there in one direction, and counts in both" in lines) == (
        shape != "both directions"
    )
    if shape == "with a place that is none":
        assert any("1 values of 1 places that are not Comtrade reporters (WLD)" in line for line in lines)


def test_variables_of_pairs_with_years_and_without(world: Layout, tmp_path: Path) -> None:
    years = "iso3,partner,year,fta\n" + "".join(
        f"{a},{b},{2002 + n},{(n + len(a) * i + j) % 2}\n"
        for i, a in enumerate(LABELS)
        for j, b in enumerate(LABELS)
        if a != b
        for n in range(6)
    )
    dist = "iso3,partner,dist\n" + "".join(
        f"{a},{b},{100 + 7 * i * j + i + j}\n"
        for i, a in enumerate(LABELS)
        for j, b in enumerate(LABELS)
        if i < j
    )
    read = covariates(tmp_path, dist=dist, fta=years)
    publish_table(read.pairs.to_arrow(), world.pair_years, footer={"digest": "x"}, layout=world)
    spec = Specification(
        data="pairs",
        regressors=("ln(dist)", "fta"),
        effects=("reporter_year", "reference_year"),
        covariance="conventional",
    )
    rows = found(world, spec)
    table = pairs_table(world).with_columns(
        dist=pl.struct("reporter", "reference").map_elements(lambda r: float(100 + 7 * LABELS.index(r["reporter"]) * LABELS.index(r["reference"]) + LABELS.index(r["reporter"]) + LABELS.index(r["reference"])), return_dtype=pl.Float64).log(),
        fta=pl.struct("reporter", "reference", "year").map_elements(lambda r: float((r["year"] - 2002 + 3 * LABELS.index(r["reporter"]) + LABELS.index(r["reference"])) % 2), return_dtype=pl.Float64),
        sy=pl.col("reference") + pl.col("year").cast(pl.String),
    )  # fmt: skip
    expected = sm.OLS(*dummies(table, ["dist", "fta"], "reporter_year", "sy")).fit()
    check(rows["FE", "ln(dist)"], expected, "dist")
    check(rows["FE", "fta"], expected, "fta")


@pytest.mark.parametrize(("files", "message"), [
    ({"a": OWN + "USA,CHN,3.5\nCHN,USA,4.5\n"}, r"a.csv: CHN with USA has two values of ln_dist: 9.1234 \(line 2\) and 4.5 \(line 6\)"),
    ({"a": OWN, "b": OWN}, "a.csv and b.csv both give 'ln_dist' of pairs"),
    ({"a": OWN + "CHN,,3.5\n"}, "a.csv, line 5, column partner: no country"),
    ({"a": OWN + "CHN,DEU,9.1x\n"}, "a.csv, line 5, column ln_dist: '9.1x' is not a number"),
    ({"a": "iso3,partner,esi\nCHN,USA,0.5\n"}, "a column has the name 'esi', which the pairs have"),
    ({"a": "iso3,partner,year,x\nCHN,USA,twenty,0.5\n"}, "a.csv, line 2, column year: 'twenty' is not a year"),
    ({"a": "iso3,partner,x\nCHN,Nowhere,0.5\n"}, "no known country"),
])  # fmt: skip
def test_wrong_files_of_pairs(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(DataCheckError, match=message):
        covariates(tmp_path, **files)


def test_a_pair_of_one_set_within_the_clusters(world: Layout) -> None:
    """One set of effects, within the clusters: it takes no degrees of freedom, and once only."""
    row = found(world, Specification(**PAIRS, effects=("pair",)))["FE", "reporter.x"]
    table = pairs_table(world).drop_nulls(["x", "z"])
    y, x = dummies(table, ["x", "z"], "pair")
    cov = clustered(y, x.to_numpy(), [table["dyad"].to_list()]) * (len(y) - 1) / (len(y) - 3)
    assert row["std_error"] == pytest.approx(np.sqrt(cov[0, 0]), rel=1e-8)


@pytest.mark.slow
def test_models_of_several_files_side_by_side(world: Layout) -> None:
    labels = {"x": "Exports", "asean": "ASEAN", "second": "With both"}
    found(
        world,
        Specification(regressors=("x", "x:asean"), estimators=("FE", "pooled"), groups=GROUPS, labels=labels),
    )
    models = [
        {"name": "second", "effects": ("country", "asean:year"), "groups": GROUPS},
        {"estimators": ("FE", "FD")},
    ]
    found(world, Specification(regressors=("lag(x)", "z"), estimators=("FE",), models=models), "other")
    (table,) = regression_tables([world.estimates / f"{name}.parquet" for name in ("main", "other")])
    assert table.frame.columns == ["term", "main FE", "pooled", "second", "other FE", "FD"]
    cells = {row[0]: row[1:] for row in table.frame.rows()}
    assert [bool(cell) for cell in cells["x:asean"]] == [True, True, False, False, False]
    assert cells["country effects"] == ("yes", "no", "yes", "yes", "differenced")
    assert cells["asean:year effects"] == ("no", "no", "yes", "no", "no")
    assert [bool(cell) for cell in cells["R squared"]] == [False, False, False, False, True]
    assert "main FE, pooled: " in " ".join(table.notes)
    text = as_markdown(table)
    for words in (
        "| Exports × ASEAN |",
        "| lag(Exports) |",
        "| With both |",
        "| ASEAN × year effects |",
        "| R² overall |",
    ):
        assert words in text


@pytest.mark.parametrize(("name", "label"), [
    ("capital", "Capital"), ("gdp", "gdp"), ("reporter.capital", "Capital (reporter)"), ("ln(gdp)", "ln(gdp)"),
    ("lag(ln(capital), 2):reporter.gdp", "lag(ln(Capital), 2) × reporter.gdp"), ("capital:region[asia]", "Capital × Asia"),
    ("square(capital:gdp)", "square(Capital × gdp)"), ("gap(capital)", "gap(Capital)"), ("whole:term", "A term"),
])  # fmt: skip
def test_labels_of_terms(name: str, label: str) -> None:
    assert label_of(name, {"capital": "Capital", "asia": "Asia", "whole:term": "A term"}) == label


def test_a_release_says_what_own_variables_are(tmp_path: Path) -> None:
    """A column of a plain table has no recipe, and so no unit; a variable of pairs has files."""
    layout = Layout(tmp_path)
    covariates = {
        "variables": {"own": {"recipe": "as given", "files": ["own.csv"]}},
        "pair_variables": {"ln_dist": {"files": ["dist.csv"], "has_years": False}},
    }
    footer = {"covariates": covariates, "options": {"variables": {}}}
    publish_table(pl.DataFrame({"reporter": ["CHN"]}).to_arrow(), layout.panel, footer=footer, layout=layout)
    told = variables_of(layout)
    assert told["own"].about == "as given, from own.csv"
    assert told["ln_dist"].about == "of pairs of countries, as given, from dist.csv"


@pytest.mark.slow
def test_the_models_to_copy_run(finished_world: Workspace, tmp_path: Path) -> None:
    """Every file of docs/examples/models, on a synthetic world with distances, and all of them in one table."""
    folder = tmp_path / "world"
    shutil.copytree(finished_world.layout.root, folder, copy_function=os.link)
    labels = pl.read_parquet(folder / "coverage.parquet")["reporter"].unique().sort().to_list()
    lines = [
        f"{a},{b},{5 + (7 * i + 3 * j) % 11 / 4}"
        for i, a in enumerate(labels)
        for j, b in enumerate(labels)
        if i < j
    ]
    (folder / "covariates" / "dist.csv").write_text("\n".join(["iso3,partner,ln_dist", *lines]) + "\n")
    years = range(2002, 2025)
    gdp = [
        f"{one},{year},{10 + i / 3 + (year * (i + 2)) % 7 / 10:.4f}"
        for i, one in enumerate(labels)
        for year in years
    ]
    (folder / "covariates" / "gdp.csv").write_text("\n".join(["iso3,year,ln_gdp", *gdp]) + "\n")
    work = Workspace(folder)
    work.panel()
    specs = sorted((Path(__file__).parents[1] / "docs" / "examples" / "models").glob("*.toml"))
    assert len(specs) > 5
    for spec in specs:
        work.estimate(spec)
    table, *_tests = work.regression_tables(*(one.stem for one in specs))
    estimates = pl.read_parquet(work.layout.estimates / "*.parquet").filter(pl.col("spec") != "main")
    assert len(table.frame.columns) - 1 == estimates.select("spec", "model").n_unique()
    assert "Distance (ln)" in as_markdown(table)
    assert {"paper FE", "countries", "country-years"} <= set(table.frame.columns)
    assert as_latex(table).count(r"\caption") == 1
