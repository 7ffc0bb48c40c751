"""Similarity within markets and its mean: by hand, against the naive twin, and every option."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import naive
from conftest import Desk, similarities
from minsum.errors import SettingsError
from minsum.esi.stage import compute_esi
from minsum.pipeline import Workspace
from minsum.schema import YEARLY
from minsum.settings.esi import MarketEsi
from minsum.settings.load import load_settings
from minsum.workspace.footers import read_footer

JPN, KOR = 392, 410
CHN, USA, DEU = 156, 842, 276
# exporter to market to product to USD
EXPORTS = {
    CHN: {JPN: {"010121": 60.0, "020110": 20.0}, KOR: {"010121": 5.0}},
    USA: {JPN: {"010121": 10.0, "030111": 30.0}},
    DEU: {JPN: {"020110": 1.0, "030111": 3.0}, KOR: {"020110": 7.0}},
}
Exports = dict[int, dict[int, dict[str, float]]]


def fill(desk: Desk, exports: Exports = EXPORTS, flow: str = "X") -> None:
    for reporter, markets in exports.items():
        rows = [
            {
                "reporterCode": reporter,
                "partnerCode": market,
                "cmdCode": code,
                "primaryValue": value,
                "flowCode": flow,
            }
            for market, basket in markets.items()
            for code, value in basket.items()
        ]
        desk.put(rows, f"COMTRADE-FINAL-CA{reporter:03}2015H4[2024-03-10].gz")
    desk.ingest()


def file_of(desk: Desk, table: str) -> Path:
    return desk.layout.table(table) / "classification=H4" / "2015.parquet"


def compute(
    desk: Desk, chosen: MarketEsi | None = None, **options: object
) -> tuple[pl.DataFrame, pl.DataFrame]:
    asked = similarities(market_esi=chosen or MarketEsi(), **options)
    compute_esi(desk.layout, asked, progress=lambda *_: None)
    tables = [
        pl.read_parquet(file_of(desk, name), hive_partitioning=False)
        for name in ("market_esi", "market_mean")
    ]
    return tables[0], tables[1]


def pairs(table: pl.DataFrame) -> dict[tuple[str, ...], float]:
    keys = [name for name in ("market", "reporter", "reference") if name in table.columns]
    return {tuple(row[:-1]): row[-1] for row in table.select(*keys, "esi").iter_rows()}


def test_values_by_hand(desk: Desk) -> None:
    fill(desk)
    markets, mean = compute(desk)
    # shares in Japan: CHN 3/4, 1/4, 0; USA 1/4, 0, 3/4; DEU 0, 1/4, 3/4. In Korea CHN and DEU share nothing.
    assert pairs(markets) == {
        ("JPN", "CHN", "DEU"): 0.25, ("JPN", "CHN", "USA"): 0.25, ("JPN", "DEU", "USA"): 0.75,
    }  # fmt: skip
    assert markets.row(0, named=True) == {
        "year": 2015, "market": "JPN", "reporter": "CHN", "reference": "DEU", "esi": 0.25,
        "market_code": JPN, "reporter_code": CHN, "reference_code": DEU,
    }  # fmt: skip
    # weights: exports of both to Japan over exports of both to everywhere
    assert pairs(mean) == pytest.approx({
        ("CHN", "DEU"): 0.25 * 84 / 96, ("CHN", "USA"): 0.25 * 120 / 125, ("DEU", "USA"): 0.75 * 44 / 51,
    })  # fmt: skip
    assert mean["n_markets"].to_list() == [1, 1, 1]


def test_random_world_equals_the_naive_twin_sorted_and_positive(desk: Desk) -> None:
    rng = np.random.default_rng(4)
    reporters, markets = [156, 842, 276, 704, 360, 764], [392, 410, 156, 842, 36]
    codes = [f"{code:06}" for code in rng.choice(np.arange(10000, 970000), 40, replace=False)]
    exports: Exports = {
        i: {
            m: {code: round(float(rng.pareto(0.6)) + 0.01, 2) for code in codes if rng.random() < 0.25}
            for m in markets
            if m != i and rng.random() < 0.8
        }
        for i in reporters
    }
    fill(desk, exports)
    table, mean = compute(desk)
    sums = {(i, m): math.fsum(basket.values()) for i, by in exports.items() for m, basket in by.items()}
    shares = {
        (m, codes.index(code), reporters.index(i)): value / sums[i, m]
        for i, by in exports.items()
        for m, basket in by.items()
        for code, value in basket.items()
    }
    twin = {
        (market, reporters[i], reporters[r]): similarity[i, r]
        for market, similarity in naive.market_min_sum(shares, len(reporters))
        for i in range(len(reporters))
        for r in range(len(reporters))
        if i != r and similarity[i, r] > 0
    }
    found = {
        tuple(row[:3]): row[3]
        for row in table.select("market_code", "reporter_code", "reference_code", "esi").iter_rows()
    }
    assert 2 * len(found) == len(twin) > 60
    for key, value in found.items():
        assert value == pytest.approx(twin[key], abs=1e-13)
    keys = table.select("market", "reporter", "reference").rows()
    assert keys == sorted(keys)
    assert all(reporter < reference for _, reporter, reference in keys)
    for i, r, value, n in mean.select("reporter_code", "reference_code", "esi", "n_markets").iter_rows():
        weights = {m: sums.get((i, m), 0) + sums.get((r, m), 0) for m in markets}
        total = math.fsum(weights.values())
        expected = math.fsum(weights[m] * twin.get((m, i, r), 0.0) for m in markets) / total
        assert value == pytest.approx(expected, abs=1e-13)
        assert n == sum((m, i, r) in twin for m in markets)


def test_a_flow_threshold_takes_pairs_out_of_values_and_weights(desk: Desk) -> None:
    fill(desk)
    markets, mean = compute(desk, MarketEsi(min_flow_usd=5.0))
    assert pairs(markets) == {("JPN", "CHN", "USA"): 0.25}
    assert pairs(mean) == pytest.approx({("CHN", "USA"): 0.25 * 120 / 125})
    assert compute(desk, MarketEsi(min_flow_usd=1e9))[0].is_empty()


def test_chosen_markets_and_reporters(desk: Desk) -> None:
    fill(desk, EXPORTS | {USA: EXPORTS[USA] | {KOR: {"010121": 1.0}}})
    assert set(pairs(compute(desk, MarketEsi(markets=("KOR",)))[0])) == {("KOR", "CHN", "USA")}
    assert set(pairs(compute(desk, reporters=("USA",))[0])) == {
        ("JPN", "CHN", "USA"), ("JPN", "DEU", "USA"), ("KOR", "CHN", "USA"),
    }  # fmt: skip
    with pytest.raises(ValueError, match="'KRO' is the label of no country"):
        MarketEsi(markets=("KRO",))


def test_residual_policies_by_hand(desk: Desk) -> None:
    fill(desk, {CHN: {JPN: {"010121": 20.0, "999999": 80.0}}, USA: {JPN: {"010121": 50.0, "999999": 50.0}}})
    found = {policy: pairs(compute(desk, residual=policy)[0])["JPN", "CHN", "USA"]
             for policy in ("exclude", "keep", "denominator")}  # fmt: skip
    assert found == pytest.approx({"exclude": 1.0, "keep": 0.7, "denominator": 0.2})


def test_level_adds_up_before_shares(desk: Desk) -> None:
    fill(desk, {CHN: {JPN: {"010121": 1.0, "010190": 1.0}}, USA: {JPN: {"010129": 2.0, "020110": 2.0}}})
    assert pairs(compute(desk, level=6)[0]) == {}
    assert pairs(compute(desk, level=4)[0]) == {("JPN", "CHN", "USA"): 0.5}


def test_basis_less_reexports_never_goes_below_zero(desk: Desk) -> None:
    for reporter, rows in {
        CHN: [("X", "010121", 10), ("X", "020110", 10), ("RX", "010121", 15)],
        USA: [("X", "010121", 10), ("X", "020110", 10)],
    }.items():
        desk.put(
            [{"reporterCode": reporter, "partnerCode": JPN, "flowCode": flow, "cmdCode": code, "primaryValue": value}
             for flow, code, value in rows],
            f"COMTRADE-FINAL-CA{reporter}2015H4[2024-03-10].gz",
        )  # fmt: skip
    desk.ingest()
    assert pairs(compute(desk, basis="X-RX")[0]) == {("JPN", "CHN", "USA"): 0.5}
    assert pairs(compute(desk)[0]) == {("JPN", "CHN", "USA"): 1.0}


def test_no_bilateral_flows_give_empty_tables(desk: Desk) -> None:
    desk.put([{}])
    desk.ingest()
    markets, mean = compute(desk)
    assert (len(markets), len(mean)) == (0, 0)
    assert markets.schema["market"] == pl.String


def test_a_state_and_its_predecessor_are_no_pair_and_groups_are_no_markets(desk: Desk) -> None:
    fill(
        desk,
        {
            276: {JPN: {"010121": 1.0}, 97: {"010121": 1.0}},
            280: {JPN: {"010121": 1.0}},
            CHN: {JPN: {"010121": 1.0}},
        },
    )
    table, _ = compute(desk)
    assert table.select("market", "reporter", "reference", "reference_code").rows() == [
        ("JPN", "CHN", "DEU", 276), ("JPN", "CHN", "DEU", 280),
    ]  # fmt: skip


def test_only_what_changed_and_the_footers_say_with_which_options(desk: Desk) -> None:
    fill(desk)
    options = similarities(market_esi=MarketEsi(min_flow_usd=2.0))
    first = compute_esi(desk.layout, options, progress=lambda *_: None)
    assert first.rows == {"esi": 6, "section_esi": 6, "market_esi": 3, "market_mean": 3}
    assert read_footer(file_of(desk, "market_esi"))["options"] == {
        "basis": "X", "level": 6, "residual": "exclude", "reporters": [],
        "market_esi": {"min_flow_usd": 2.0, "markets": []},
    }  # fmt: skip
    assert compute_esi(desk.layout, options, progress=lambda *_: None).computed == []
    before = file_of(desk, "market_esi").read_bytes()
    file_of(desk, "market_mean").unlink()
    again = compute_esi(desk.layout, options, progress=lambda *_: None)
    assert again.computed == ["H4/2015"]
    assert again.rows == {"esi": 0, "section_esi": 0, "market_esi": 0, "market_mean": 3}
    assert file_of(desk, "market_esi").read_bytes() == before
    desk.put([{"partnerCode": JPN, "primaryValue": 1}], "COMTRADE-FINAL-CA1562015H4[2025-03-10].gz")
    desk.ingest(accept=True)
    assert compute_esi(desk.layout, options, progress=lambda *_: None).rows["market_esi"] == 1


def test_a_market_is_a_row_group_of_its_own(desk: Desk) -> None:
    """A reader of one market skips the others."""
    import pyarrow.parquet as pq

    fill(desk, EXPORTS | {USA: EXPORTS[USA] | {KOR: {"010121": 1.0}}})
    compute(desk)
    metadata = pq.read_metadata(file_of(desk, "market_esi"))
    statistics = [metadata.row_group(group).column(1).statistics for group in range(metadata.num_row_groups)]
    assert [(one.min, one.max) for one in statistics] == [("JPN", "JPN"), ("KOR", "KOR")]


@pytest.mark.slow
def test_settings_ask_for_the_tables_and_sql_sees_them(desk: Desk) -> None:
    fill(desk)
    desk.layout.settings.write_text(
        "[esi]\nlevels = [4, 2]\n[esi.references.others]\nrule = 'world_minus_self'\n"
        "[market_esi]\nmin_flow_usd = 5\n[complementarity]\n[destination_esi]\n"
    )
    work = Workspace(desk.layout.root, jobs=2)
    work.esi()
    counts = {}
    for table in YEARLY:
        relation = work.sql(f"SELECT count(*), min(classification) FROM {table}")  # noqa: S608 - names of ours
        assert relation is not None
        [(counts[table], vintage)] = relation.fetchall()
        assert vintage in ("H4", None)
    assert counts == {
        "esi": 9,
        "esi_levels": 18,
        "section_esi": 6,
        "market_esi": 1,
        "market_mean": 1,
        "complementarity": 0,
        "destination_esi": 6,
    }
    assert not work.esi().changed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[esi.references.w]\nrule = 'world'\nmembers = ['USA']", "takes every reporter: leave members out"),
        ("[esi.references.w]\nrule = 'pooled'", "rule pooled needs members"),
        ("[esi.references.w]\nrule = 'worlds'", "Input should be 'pooled'"),
        ("[esi]\nlevels = [6, 5]", "level 5, expected 6, 4 or 2 digits"),
        ("[esi]\nlevels = [6, 6]", "a level occurs twice"),
        ("[market_esi]\nmin_flow_usd = -1", "greater than or equal to 0"),
        ("[market_esi]\nmin_flow = 1", "unknown setting 'market_esi.min_flow'"),
    ],
)
def test_wrong_settings_are_explained(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "minsum.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert words in str(caught.value)
    if "unknown" in words:
        assert caught.value.hint == "did you mean 'min_flow_usd'?"
