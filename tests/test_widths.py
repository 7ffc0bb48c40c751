"""What rests on tables of conversion more than a reader allows: left out of panel, pairs and estimates, and counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from conftest import Desk
from minsum.errors import SettingsError
from minsum.estimate.pairs import read_pairs
from minsum.estimate.stage import estimate
from minsum.pipeline import Workspace
from minsum.settings.specs import Specification
from minsum.workspace.footers import read_footer
from test_harmonise import FIVE, put, world

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


def test_without_intervals_a_width_is_refused(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "w", flags={"panel": {"reference": "USA", "max_width": 0.05}}).init()
    with pytest.raises(SettingsError, match="max_width needs \\[harmonise\\]"):
        _ = work.settings
