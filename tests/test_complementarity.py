"""Exports of one country against imports of another: by hand, against the naive twin, and the options."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import naive
from conftest import Desk, similarities
from minsum.esi.stage import compute_esi
from minsum.workspace.footers import read_footer

CHN, USA, DEU = 156, 842, 276
Trade = dict[int, dict[str, dict[str, float]]]
# country to flow to product to USD
TRADE: Trade = {
    CHN: {"X": {"010121": 3.0, "020110": 1.0}, "M": {"030111": 1.0}},
    USA: {"X": {"030111": 2.0}, "M": {"010121": 1.0, "020110": 1.0, "640399": 2.0}},
    DEU: {"X": {"010121": 1.0}},
}


def fill(desk: Desk, trade: Trade) -> None:
    for reporter, flows in trade.items():
        rows = [
            {"reporterCode": reporter, "flowCode": flow, "cmdCode": code, "primaryValue": value}
            for flow, basket in flows.items()
            for code, value in basket.items()
        ]
        desk.put(rows, f"COMTRADE-FINAL-CA{reporter:03}2015H4[2024-03-10].gz")
    desk.ingest()


def compute(desk: Desk, **options: object) -> pl.DataFrame:
    compute_esi(desk.layout, similarities(complementarity={}, **options), progress=lambda *_: None)
    return pl.read_parquet(
        desk.layout.table("complementarity") / "*" / "2015.parquet", hive_partitioning=False
    )


def test_values_by_hand(desk: Desk) -> None:
    fill(desk, TRADE)
    table = compute(desk)
    # imports: USA 1/4, 1/4, 0, 1/2; CHN all of 030111; Germany files none
    assert table.select("reporter", "partner", "tci").rows() == [
        ("CHN", "USA", 0.5), ("DEU", "CHN", 0.0), ("DEU", "USA", 0.25), ("USA", "CHN", 1.0),
    ]  # fmt: skip
    assert table.row(0, named=True) == {
        "year": 2015, "reporter": "CHN", "partner": "USA", "tci": 0.5, "reporter_code": CHN, "partner_code": USA,
        "n_exports": 2, "n_imports": 3, "n_common": 2, "residual_exports": 0.0, "residual_imports": 0.0,
        "is_rebuilt": False, "reason": None,
    }  # fmt: skip


def test_random_world_equals_the_naive_twin(desk: Desk) -> None:
    rng = np.random.default_rng(8)
    codes = [f"{code:06}" for code in rng.choice(np.arange(10000, 970000), 50, replace=False)]
    trade: Trade = {
        reporter: {
            flow: {code: round(float(rng.pareto(0.5)) + 0.01, 2) for code in codes if rng.random() < 0.5}
            for flow in ("X", "M")
        }
        for reporter in (156, 842, 276, 704, 360)
    }
    fill(desk, trade)

    def shares(reporter: int, flow: str) -> list[float]:
        basket = trade[reporter][flow]
        return [basket.get(code, 0.0) / math.fsum(basket.values()) for code in codes]

    table = compute(desk)
    assert len(table) == 5 * 4
    for i, r, value in table.select("reporter_code", "partner_code", "tci").iter_rows():
        assert value == pytest.approx(naive.min_sum(shares(i, "X"), shares(r, "M")), abs=1e-13)
    both = {(i, r): value for i, r, value in table.select("reporter", "partner", "tci").iter_rows()}
    assert any(abs(both[i, r] - both[r, i]) > 0.01 for i, r in both), "it is not symmetric"


def test_residuals_are_told_on_both_sides_and_left_out(desk: Desk) -> None:
    fill(desk, {CHN: {"X": {"010121": 1.0, "999999": 3.0}}, USA: {"M": {"010121": 1.0, "9999AA": 1.0}}})
    row = compute(desk).row(0, named=True)
    assert (row["tci"], row["residual_exports"], row["residual_imports"]) == (1.0, 0.75, 0.5)
    assert compute(desk, residual="denominator")["tci"].to_list() == [0.25]


def test_level_guard_and_reporters(desk: Desk) -> None:
    fill(desk, TRADE)
    assert set(compute(desk, reporters=("DEU",))["reporter"]) == {"DEU"}
    guarded = compute(desk, min_products=2).filter(pl.col("reporter") == "CHN").row(0, named=True)
    assert (guarded["tci"], guarded["reason"]) == (0.5, None)
    assert compute(desk, min_products=2).filter(pl.col("reporter") == "DEU")["reason"].unique().to_list() == [
        "fewer than 2 products"
    ]
    assert read_footer(desk.layout.yearly("complementarity")[0])["options"]["min_products"] == 2


def test_unchanged_flows_are_not_computed_again(desk: Desk) -> None:
    fill(desk, TRADE)
    compute(desk)
    again = compute_esi(desk.layout, similarities(complementarity={}), progress=lambda *_: None)
    assert (again.computed, again.rows["complementarity"]) == ([], 0)
