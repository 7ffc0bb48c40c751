"""Real files, where they are: totals and published figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from minsum.pipeline import Workspace

pytestmark = pytest.mark.slow

INDONESIA_BN_USD = {2014: 176.04, 2016: 144.49, 2017: 168.83, 2018: 180.22, 2019: 167.68, 2021: 231.52}


def test_six_reporter_years_of_indonesia(shared_data: Callable[[str], Path], workspace: Workspace) -> None:
    folder = shared_data("comtrade-legacy-web")
    report = workspace.ingest([folder])
    assert (report.exit_code, report.stages[0].summary["n_partitions"]) == (0, 6)
    totals = workspace.sql(
        "SELECT year, sum(value_usd) / 1e9 FROM flows WHERE flow = 'X' GROUP BY year ORDER BY year"
    )
    assert totals is not None
    assert {year: round(total, 2) for year, total in totals.fetchall()} == INDONESIA_BN_USD
    before = {path: path.read_bytes() for path in workspace.layout.partitions()}
    assert not workspace.ingest([folder]).changed
    assert {path: path.read_bytes() for path in workspace.layout.partitions()} == before


def test_an_overlapping_copy_is_recognised(
    shared_data: Callable[[str], Path], workspace: Workspace, tmp_path: Path
) -> None:
    original = shared_data("comtrade-legacy-web") / "comtrade (3).csv"
    workspace.ingest([original])
    whole = tmp_path / "again.csv"
    whole.write_bytes(original.read_bytes())
    assert workspace.ingest([whole]).stages[0].summary["copies"] == {"again.csv": "comtrade (3).csv"}
    part = tmp_path / "part.csv"
    part.write_bytes(b"".join(original.read_bytes().splitlines(keepends=True)[:1000]))
    before = pl.read_parquet(workspace.layout.partitions())
    workspace.ingest([part])
    assert pl.read_parquet(workspace.layout.partitions()).equals(before)


def test_baci_example_equals_its_own_sums(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    file = shared_data("baci/ExampleTradeData_from_rda.csv")
    work = Workspace(tmp_path / "w", flags={"ingest": {"classification": "H5"}}).init()
    assert work.ingest([file]).exit_code == 0
    own = (
        pl.read_csv(file, infer_schema=False)
        .group_by("i")
        .agg(pl.col("v").cast(pl.Float64).sum() * 1000)
        .sort("i")
    )
    ours = work.sql(
        "SELECT reporter, sum(value_usd) FROM flows WHERE flow = 'X' AND partner_code = 0 AND product_code <> 'TOTAL' "
        "GROUP BY reporter ORDER BY reporter"
    )
    assert ours is not None
    found = dict(ours.fetchall())
    assert found == pytest.approx({int(i): usd for i, usd in own.rows()}, rel=1e-12)


PUBLISHED = {
    ("CHN", "USA"): 0.4115, ("CHN", "DEU"): 0.4669, ("SGP", "USA"): 0.3871, ("SGP", "DEU"): 0.3057,
    ("THA", "USA"): 0.3919, ("MMR", "USA"): 0.0579, ("KHM", "DEU"): 0.1016, ("CHN", "high_end"): 0.4572,
    ("MYS", "high_end"): 0.3415,
}  # fmt: skip
"""Computed independently of minsum, beside the data."""


def test_the_real_2024_world(shared_data: Callable[[str], Path], real_2024: Workspace) -> None:
    """Published figures, and every value against the naive twin."""
    world = pl.scan_parquet(shared_data("baci/baci_hs17_2024_bilateral.parquet"))
    esi = pl.read_parquet(real_2024.layout.esi / "classification=H5" / "2024.parquet")
    ours = {(row[0], row[1]): row[2] for row in esi.select("reporter", "reference", "esi").iter_rows()}
    assert len(ours) == 226 * 225 + 226
    for pair, value in PUBLISHED.items():
        assert ours[pair] == pytest.approx(value, abs=5e-5)
    exports = world.group_by("exporter", "hs6").agg(pl.col("value_usd").sum()).collect()
    products, place = np.unique(exports["hs6"].cast(pl.String).to_numpy(), return_inverse=True)
    countries, row = np.unique(exports["exporter"].cast(pl.String).to_numpy(), return_inverse=True)
    shares = np.zeros((len(countries), len(products)))
    shares[row, place] = exports["value_usd"].to_numpy()
    shares /= shares.sum(axis=1, keepdims=True)
    for i, country in enumerate(countries):
        naive = np.minimum(shares[i], shares).sum(axis=1)
        for reference, value in zip(countries, naive, strict=True):
            if reference != country:
                assert abs(ours[country, reference] - value) < 1e-12, (country, reference)
                assert ours[country, reference] == ours[reference, country]
