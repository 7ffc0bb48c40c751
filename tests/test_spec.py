"""Model specifications: what may be written, what it means, and how a mistake is told."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import polars as pl
import pytest

from minsum.errors import SettingsError, UsageError
from minsum.settings.estimators import (
    DIAGNOSTICS,
    Cluster,
    Covariance,
    Diagnostic,
    Effect,
    Estimator,
    Fgls,
    Pcse,
    Sample,
)
from minsum.settings.load import load_settings, load_spec
from minsum.settings.panel import DEFAULT_VARIABLES
from minsum.settings.specs import Specification, labels
from minsum.settings.templates import template
from minsum.settings.terms import Term, evaluate, parse_term

DATA = pl.DataFrame(
    {
        "reporter": ["CHN", "CHN", "CHN", "VNM", "VNM"],
        "year": [2014, 2015, 2018, 2014, 2015],
        "esi": [0.5, 1.0, 0.25, 0.0, None],
        "gdp": [1.0, math.e, -1.0, 0.0, 2.0],
    },
    schema_overrides={"year": pl.Int16},
)


def test_terms_are_read_and_written_back() -> None:
    assert parse_term("esi") == Term("esi")
    assert parse_term(" lag( ln(reporter.gdp) ,2)") == Term("lag", (Term("ln", (Term("reporter.gdp"),)),), 2)
    assert str(parse_term(" lag( ln(reporter.gdp) ,2)")) == "lag(ln(reporter.gdp), 2)"
    assert parse_term("diff(NY.GDP.MKTP.CD)").columns == ("NY.GDP.MKTP.CD",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a column such as capital, or ln\\(capital\\), was expected"),
        ("ln()", "a column such as capital"),
        ("exp(esi)", "unknown function 'exp', expected one of ln, log, logit, square, gap, lag, diff"),
        ("ln(esi", "a closing bracket was expected after esi"),
        ("lag(esi, 0)", "a closing bracket was expected after esi"),
        ("ln(esi, 2)", "a closing bracket was expected after esi"),
        ("esi gdp", "'gdp' follows where it should end"),
        ("esi + gdp", r"'\+' has no meaning here"),
        ("2", "a column was expected, found the number 2"),
    ],
)
def test_what_is_no_term(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_term(text)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("esi", [0.5, 1.0, 0.25, 0.0, None]),
        ("ln(gdp)", [0.0, 1.0, None, None, math.log(2)]),
        ("log(gdp)", [0.0, 1.0, None, None, math.log(2)]),
        ("logit(esi)", [0.0, None, -math.log(3), None, None]),
        ("square(gdp)", [1.0, math.e**2, 1.0, 0.0, 4.0]),
        ("lag(gdp)", [None, 1.0, None, None, 0.0]),
        ("lag(gdp, 3)", [None, None, math.e, None, None]),
        ("diff(gdp)", [None, math.e - 1, None, None, 2.0]),
        ("lag(ln(gdp), 4)", [None, None, 0.0, None, None]),
    ],
)
def test_terms_are_evaluated_by_year_and_not_by_row(text: str, values: list[float | None]) -> None:
    shuffled = DATA.with_row_index().sample(fraction=1, shuffle=True, seed=3)
    found = shuffled.with_columns(x=evaluate(parse_term(text), shuffled, panel=["reporter"])).sort("index")[
        "x"
    ]
    assert found.dtype == pl.Float64
    for one, expected in zip(found, values, strict=True):
        assert one == pytest.approx(expected, abs=1e-15) if expected is not None else one is None


def write(folder: Path, text: str, name: str = "gravity.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_several_models_share_what_stands_above_them(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        regressors = ["lr", "lag(capital)"]
        estimators = ["FE", "RE"]
        [sample]
        exclude = ["CHN"]
        [fgls]
        panels = "heteroskedastic"
        [[models]]
        [[models]]
        name = "usa"
        reference = "USA"
        dependent = "logit(esi)"
        estimators = ["FGLS"]
        sample = { years = [2014] }
        fgls = { corr = "ar1" }
        """,
    )
    name, spec = load_spec(path)
    first, second = spec.resolved()
    assert name == "gravity"
    assert labels(first) == ("FE", "RE")
    assert first.effects == ("country",)
    assert labels(second) == ("usa",)
    assert second.regressors == ("lr", "lag(capital)")
    assert (second.sample.exclude, second.sample.years) == (("CHN",), (2014,))
    assert (second.fgls.panels, second.fgls.corr) == ("heteroskedastic", "ar1")


def test_defaults_depend_on_the_data() -> None:
    (panel,) = Specification().resolved()
    assert panel.estimators == ("FE", "RE", "FGLS")
    assert (panel.covariance, panel.clusters) == ("conventional", ())
    (pairs,) = Specification(data="pairs", regressors=("reporter.lr",)).resolved()
    assert (pairs.estimators, pairs.effects) == (("FE",), ("pair", "year"))
    assert (pairs.covariance, pairs.clusters) == ("clustered", ("dyad",))
    (named,) = Specification(name="m", diagnostics="all").resolved()
    assert labels(named) == ("m FE", "m RE", "m FGLS")
    assert named.diagnostics == DIAGNOSTICS


def test_the_section_of_minsum_toml_is_the_same_thing(tmp_path: Path) -> None:
    text = (
        '[panel]\n[estimate]\nregressors = ["lr"]\n[[estimate.models]]\nname = "a"\nestimators = ["pooled"]\n'
    )
    settings = load_settings(write(tmp_path, text, "minsum.toml"))
    assert settings.estimate is not None
    assert labels(settings.estimate.resolved()[0]) == ("a",)


WRONG = {
    'regresors = ["lr"]': "unknown setting 'regresors'",
    "[sample]\nyeers = [2014]": "unknown setting 'sample.yeers'",
    '[[models]]\nfgls = { panel = "iid" }': "unknown setting 'models.0.fgls.panel'",
    'dependent = "exp(esi)"': "dependent: 'exp\\(esi\\)': unknown function 'exp'",
    'regressors = ["lr", "ln(lr"]': "regressors.1: .* a closing bracket was expected",
    'estimators = ["OLS"]': "estimators.*found 'OLS'",
    "regressors = []": "no regressors",
    'regressors = ["esi"]': "esi is dependent and regressor at once",
    'regressors = ["lr", "lr"]': "a regressor occurs twice",
    'effects = ["pair"]': "effects 'pair' is not for data = 'panel', which has country, year",
    'data = "pairs"\neffects = ["country"]': "effects 'country' is not for data = 'pairs'",
    'covariance = "clustered"\nestimators = ["FE"]\nclusters = ["dyad"]': "clusters 'dyad' is not for data = 'panel'",
    'data = "pairs"\nclusters = ["pair", "year", "reporter"]': "3 clusters, expected one or two",
    'clusters = ["country"]': 'clusters need covariance = "clustered"',
    'data = "pairs"\nestimators = ["RE"]': 'data = "pairs" is estimated with effects',
    'data = "pairs"\neffects = []': "no effects, expected some of pair, dyad",
    'data = "pairs"\ncovariance = "driscoll_kraay"': "driscoll_kraay is not for pairs",
    'data = "pairs"\ndiagnostics = "all"': 'diagnostics are for data = "panel"',
    'data = "pairs"\nreference = "USA"': 'data = "pairs" has every reference',
    "effects = []": 'FE needs effects = \\["country"\\]',
    'effects = ["country", "year"]\nestimators = ["FD"]': "FD is estimated without year effects",
    'covariance = "robust"': "covariance = 'robust' is not for FGLS, which has its own",
    'covariance = "clustered"\nestimators = ["between"]': "between has one row a country",
    'covariance = "driscoll_kraay"\nestimators = ["FD"]': "driscoll_kraay is not for FD",
    '[sample]\nreferences = ["USA"]': 'references and dyads are for data = "pairs"',
    "[sample]\nmin_years = 0": "sample.min_years: .*greater than or equal to 1",
    "[[models]]\n[[models]]": "two models are called 'FE'",
    '[[models]]\nname = "a b"': "letters, digits, - and _ only",
    '[[models]]\nname = "x"\nregressors = []': "model 'x': no regressors",
    "dependent = ": "not valid TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_spec_says_where_and_why(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=WRONG[text]) as caught:
        load_spec(write(tmp_path, text))
    assert "gravity.toml" in caught.value.message


def test_a_misspelt_name_gets_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_spec(write(tmp_path, '[pcse]\nsigmas = "hetonly"'))
    assert caught.value.hint == "did you mean 'sigma'?"
    with pytest.raises(SettingsError, match=r"unknown setting 'estimate.models.0.sample.year'") as caught:
        load_settings(
            write(tmp_path, "[panel]\n[[estimate.models]]\nsample = { year = [2014] }", "minsum.toml")
        )
    assert caught.value.hint == "did you mean 'years'?"


def test_a_spec_needs_a_name_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere\.toml: no such spec file"):
        load_spec(tmp_path / "nowhere.toml")
    with pytest.raises(UsageError, match="the estimates would be called 'main'"):
        load_spec(write(tmp_path, "", "main.toml"))


DOCS = Path(__file__).parents[1] / "docs"


def block(page: str, first_line: str) -> str:
    """An indented block of a page of the docs, from its first line."""
    text = (DOCS / page).read_text(encoding="utf-8")
    lines = text[text.index(f"    {first_line}") :].splitlines()
    end = next((n for n, line in enumerate(lines) if line and not line.startswith("    ")), len(lines))
    return "\n".join(line[4:] for line in lines[:end])


def test_the_specification_in_the_docs_is_one(tmp_path: Path) -> None:
    _, spec = load_spec(write(tmp_path, block("estimation.md", "# what stands here is shared")))
    first, second = spec.resolved()
    assert (first.reference, first.sample.first_year, first.fgls.panels) == ("USA", 2006, "heteroskedastic")
    assert labels(first) == ("usa FE", "usa RE", "usa FGLS")
    assert (labels(second), second.clusters) == (("clustered",), ("country",))


def test_every_choice_is_in_the_docs() -> None:
    text = (DOCS / "estimation.md").read_text(encoding="utf-8")
    for field in {*Specification.model_fields} - {"models", "name"}:
        assert f"`{field}`" in text or f"[{field}]" in text, field
    for choices in (Estimator, Covariance, Effect, Cluster, Diagnostic):
        for choice in get_args(choices):
            assert f"`{choice}`" in text, choice
    for section in (Sample, Fgls, Pcse):
        for field in section.model_fields:
            assert field in text, field


def test_the_variables_in_the_docs_and_in_the_paper_s_template_are_the_defaults(tmp_path: Path) -> None:
    docs = write(tmp_path, block("covariates.md", "[panel.variables]"), "docs.toml")
    written = write(tmp_path, template("paper"), "minsum.toml")
    for path in (docs, written):
        settings = load_settings(path)
        assert settings.panel is not None
        assert settings.panel.variables == DEFAULT_VARIABLES
    paper = load_settings(written)
    assert paper.estimate is not None
    (model,) = paper.estimate.resolved()
    assert (model.estimators, model.effects) == (("FE", "RE", "FGLS"), ("country",))
    assert model.covariance == "conventional"
