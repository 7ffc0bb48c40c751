"""What rests on tables of conversion more than a reader allows: left out of panel, pairs and estimates, and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm

from conftest import Desk
from minsum.errors import EstimationError, SettingsError
from minsum.estimate.pair_data import read_pairs
from minsum.estimate.stage import estimate
from minsum.pipeline import Workspace
from minsum.settings.specs import Specification
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout
from test_estimates import (
    PAIRS,
    clustered,
    dummies,
    found,
    made_esi,
    made_panel,
    near,
    pairs_table,
    put_esi,
    put_panel,
    told,
)
from test_harmonise import FIVE, put, world

pytestmark = pytest.mark.slow

YEARS = (2021, 2022, 2023)


@pytest.fixture
def folder(desk: Desk, tmp_path: Path) -> Path:
    """Five countries that file in five vintages, and a sixth beside the USA in H5."""
    rng = np.random.default_rng(5)
    vintages = FIVE | {360: "H5"}
    for year in YEARS:
        for reporter, vintage in vintages.items():
            [basket] = world(rng, [reporter], vintage).values()
            put(desk, reporter, vintage, basket, year=year)
    work = Workspace(tmp_path / "w", jobs=1, flags={"harmonise": {"target": "H2"}}).init()
    work.ingest([desk.inbox])
    work.esi()
    return work.layout.root


def opened(folder: Path, **panel: object) -> Workspace:
    return Workspace(
        folder, jobs=1, flags={"harmonise": {"target": "H2"}, "panel": {"reference": "USA"} | panel}
    )


def width_by_hand(work: Workspace) -> pl.DataFrame:
    esi = pl.concat(pl.read_parquet(path, hive_partitioning=False) for path in work.layout.yearly("esi"))
    width = pl.col("esi_high") - pl.col("esi_low")
    return esi.select("reporter", "reference", "year", "esi", esi_width=width)


def test_the_panel_leaves_out_what_is_wider_and_counts_it(folder: Path) -> None:
    work = opened(folder)
    work.panel()
    by_hand = width_by_hand(work).filter(reference="USA").drop("reference").sort("reporter", "year")
    assert pl.read_parquet(work.layout.panel).equals(by_hand)
    assert not any("max_width" in line for line in read_footer(work.layout.panel)["remarks"])
    limit = float(by_hand["esi_width"].median() or 0.0)
    again = opened(folder, max_width=limit)
    assert {one["what"] for one in again.status()["stale"]} == {"panel", "report"}
    again.panel()
    narrow = by_hand.filter(pl.col("esi_width") <= limit)
    assert 0 < len(narrow) < len(by_hand)
    assert pl.read_parquet(again.layout.panel).equals(narrow)
    [told] = [line for line in read_footer(again.layout.panel)["remarks"] if line.startswith("max_width")]
    gone = by_hand.filter(pl.col("esi_width") > limit)
    assert told.startswith(
        f"max_width {limit:g}: {len(gone)} of {len(by_hand)} similarities have a wider interval"
    )
    assert f"CHN {len(gone.filter(reporter='CHN'))}" in told


def test_pairs_and_another_reference_of_a_model_keep_to_it(folder: Path) -> None:
    by_hand = width_by_hand(opened(folder))
    limit = float(by_hand.filter(reference="USA")["esi_width"].median() or 0.0)
    work = opened(folder, max_width=limit)
    (folder / "covariates" / "x.csv").write_text(
        "iso3,year,x\n" + "".join(f"{iso},{year},{k * year % 7}\n" for k, iso in enumerate(["CHN", "DEU", "VNM", "IDN", "SGP"], 2) for year in YEARS)
    )  # fmt: skip
    work.panel()
    kept = by_hand.filter(pl.col("esi_width") <= limit)
    pairs, notes = read_pairs(work.layout.yearly("esi"), work.layout.country_years, max_width=limit)
    keys = ["reporter", "reference", "year"]
    assert sorted(pairs.select(pl.col(keys).cast(pl.String)).rows()) == sorted(
        kept.select(pl.col(keys).cast(pl.String)).rows()
    )
    assert pairs["esi_width"].max() <= limit  # type: ignore[operator]
    assert notes[0].startswith(
        f"max_width {limit:g}: {len(by_hand) - len(kept)} of {len(by_hand)} similarities"
    )
    model = {"regressors": ("reporter.x",), "data": "pairs", "effects": ("year",), "clusters": ("dyad",)}
    estimate(work.layout, Specification(**model), name="pairs")
    [told] = read_footer(work.layout.estimate("pairs"))["models"].values()
    assert notes[0] in told["warnings"]
    assert told["sample"]["total"] == len(kept)
    half = float(kept["esi_width"].median() or 0.0)
    narrow = Specification(**model, sample={"between": {"esi_width": (0.0, half)}})
    estimate(work.layout, narrow, name="narrow")
    [told] = read_footer(work.layout.estimate("narrow"))["models"].values()
    assert told["sample"]["left_out"] == {"between esi_width": len(kept.filter(pl.col("esi_width") > half))}
    other = Specification(regressors=("x",), reference="SGP", estimators=("pooled",), effects=())
    estimate(work.layout, other, name="other")
    [told] = read_footer(work.layout.estimate("other"))["models"].values()
    of_sgp = by_hand.filter(reference="SGP")
    assert any(
        f"{len(of_sgp.filter(pl.col('esi_width') > limit))} of {len(of_sgp)}" in line
        for line in told["warnings"]
    )


def weighted(values: pd.Series | pd.DataFrame, w: np.ndarray) -> pd.Series | pd.DataFrame:
    """Rows multiplied by the square root of their weight."""
    return values.mul(np.sqrt(w), axis=0)


@pytest.mark.parametrize("covariance", ["conventional", "robust", "clustered"])
@pytest.mark.parametrize(("effects", "estimator"), [(("country", "year"), "FE"), (("year",), "pooled")])
def test_weights_are_least_squares_on_rows_times_their_root(
    tmp_path: Path, effects: tuple[str, ...], estimator: str, covariance: str
) -> None:
    layout, frame = Layout(tmp_path), made_panel()
    width = np.random.default_rng(3).choice([0.0, 0.2, 0.7, 1.0], len(frame), p=[0.3, 0.3, 0.3, 0.1])
    frame = frame.with_columns(esi_width=width)
    put_panel(layout, frame)
    spec = Specification(
        regressors=("x", "z"), effects=effects, estimators=(estimator,), weights="width", covariance=covariance
    )  # fmt: skip
    rows = found(layout, spec)
    one = told(layout)[estimator]
    assert one["sample"]["left_out"] == {"weight 0": int((width == 1).sum())}
    assert "; a row counts 1 - (esi_high - esi_low), here 0.3 to 1; " in one["about"]
    frame = frame.filter(pl.col("esi_width") < 1)
    w = 1 - frame["esi_width"].to_numpy()
    y, x = dummies(frame, *(["reporter"] if estimator == "FE" else []), "year")
    groups = frame["reporter"].to_pandas()
    how = {"conventional": {}, "robust": {"cov_type": "HC1"}, "clustered": {"cov_type": "cluster", "cov_kwds": {"groups": groups}}}  # fmt: skip
    expected = sm.WLS(y, x, weights=w).fit(**how[covariance])
    n, k, nested = len(y), x.shape[1], groups.nunique() - 1
    is_nested = (covariance, estimator) == ("clustered", "FE")
    for term in ("x", "z"):
        near(rows[estimator, term], expected, term, np.sqrt((n - k) / (n - k + nested)) if is_nested else 1)
    by_hand = np.linalg.lstsq(weighted(x, w), weighted(y, w), rcond=None)[0]
    assert rows[estimator, "x"]["coefficient"] == pytest.approx(by_hand[0], rel=1e-9)
    if estimator == "FE":
        no_slopes = sm.WLS(
            y, x.drop(columns=["x", "z", *(c for c in x if c.startswith("year"))]), weights=w
        ).fit()
        entity_only = sm.WLS(y - frame.to_pandas()[["x", "z"]] @ expected.params[["x", "z"]], x.filter(like="reporter").assign(const=1.0), weights=w).fit()  # fmt: skip
        assert rows["FE", "x"]["r_squared"] == pytest.approx(1 - entity_only.ssr / no_slopes.ssr, rel=1e-9)
    else:
        assert rows["pooled", "x"]["r_squared"] == pytest.approx(expected.rsquared, rel=1e-9)


def test_weights_of_pairs(tmp_path: Path) -> None:
    layout, panel = Layout(tmp_path), made_panel(n=9, n_years=6)
    put_panel(layout, panel)
    esi = made_esi(panel)
    both = pl.min_horizontal("reporter", "reference") + pl.max_horizontal("reporter", "reference")
    width = (both + pl.col("year").cast(pl.String)).hash(1) % 11 / 10  # of a pair the same in both directions
    put_esi(layout, esi.with_columns(esi_low=pl.col("esi") - width / 2, esi_high=pl.col("esi") + width / 2))
    row = found(layout, Specification(**PAIRS, weights="width"))["FE", "reporter.x"]
    table = (
        pairs_table(layout)
        .with_columns(w=1 - (pl.col("esi_high") - pl.col("esi_low")))
        .drop_nulls(["x", "z"])
    )
    table = table.filter(pl.col("w") > 0)
    w = table["w"].to_numpy()
    y, x = dummies(table, "pair", "year")
    y, x = weighted(y, w), weighted(x, w)
    n, k = x.shape
    cov = clustered(y.to_numpy(), x.to_numpy(), [table["dyad"].to_list()])
    cov *= (n - 1) / (n - k + table["pair"].n_unique() - 1)
    assert row["n_obs"] == n
    assert row["coefficient"] == pytest.approx(np.linalg.lstsq(x, y, rcond=None)[0][0], rel=1e-9)
    assert row["std_error"] == pytest.approx(np.sqrt(cov[0, 0]), rel=1e-8)
    [one] = told(layout).values()
    assert one["sample"]["left_out"]["weight 0"] > 0
    assert "; a row counts 1 - (esi_high - esi_low), here " in one["about"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"estimators": ("FE", "FGLS")}, "weights are for FE and pooled, not for FGLS"),
        ({"estimators": ("RE",)}, "not for RE: give it a model of its own"),
        ({"dependent": "capital", "regressors": ("esi",)}, "capital is not made of that alone"),
        ({"dependent": "diff(esi)"}, r"diff\(esi\) is not made of that alone"),
        ({"diagnostics": "all"}, "diagnostics test a model without weights"),
    ],
)
def test_weights_that_have_no_meaning_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Specification.model_validate({"weights": "width"} | options)


def test_without_intervals_a_width_is_refused(tmp_path: Path) -> None:
    estimate_on = {"panel": {"reference": "USA"}, "estimate": {"weights": "width"}}
    for number, (flags, name) in enumerate(
        [({"panel": {"reference": "USA", "max_width": 0.05}}, "panel.max_width"), (estimate_on, "estimate.weights")]
    ):  # fmt: skip
        work = Workspace(tmp_path / f"w{number}", flags=flags).init()
        with pytest.raises(SettingsError, match=f"{name} needs \\[harmonise\\]"):
            _ = work.settings
    layout = Layout(tmp_path)
    put_panel(layout, made_panel())
    with pytest.raises(EstimationError, match="the similarities have no interval"):
        found(layout, Specification(regressors=("x",), weights="width"))
