"""Similarity of destinations and of cells: by hand, a slow twin, and across vintages."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from conftest import Desk, similarities
from minsum.esi.stage import compute_esi
from minsum.pipeline import Workspace
from minsum.settings.esi import Harmonise
from test_harmonise import converted, table

Flows = dict[tuple[int, str], float]
"""Partner and product to USD."""
HANDS: dict[int, Flows] = {
    156: {(842, "090111"): 60.0, (276, "640399"): 40.0},
    704: {(842, "640399"): 50.0, (276, "640399"): 25.0, (97, "640399"): 500.0, (36, "090111"): 25.0},
    360: {},
}


def fill(desk: Desk, flows: dict[int, Flows], vintage: str = "H4") -> None:
    for reporter, cells in flows.items():
        rows = [
            {"reporterCode": reporter, "classificationCode": vintage, "period": 2022, "flowCode": "X",
             "partnerCode": partner, "cmdCode": code, "primaryValue": repr(value)}
            for (partner, code), value in (cells | {(0, "090111"): 1.0}).items()
        ]  # fmt: skip
        desk.put(rows, f"COMTRADE-FINAL-CA{reporter:03}2022{vintage}[2024-03-10].gz")
    desk.ingest()


def compute(desk: Desk, **options: object) -> pl.DataFrame:
    chosen = similarities(**{"destination_esi": {}} | options)  # type: ignore[arg-type]
    compute_esi(desk.layout, chosen, progress=lambda *_: None)
    vintage = "H2" if options.get("harmonise") else "H4"
    return table(desk, "destination_esi", vintage=vintage)


def test_by_hand(desk: Desk) -> None:
    """A group of countries is no destination; a country without bilateral rows has no similarity."""
    fill(desk, HANDS)
    found = compute(desk)
    assert found.columns[:5] == ["year", "reporter", "reference", "partner_esi", "cell_esi"]
    assert found.select("reporter", "reference").rows() == [("CHN", "VNM"), ("VNM", "CHN")]
    assert found["partner_esi"].to_list() == pytest.approx([0.75, 0.75])
    assert found["cell_esi"].to_list() == pytest.approx([0.25, 0.25])
    assert compute(desk, reporters=("VNM",)).select("reporter", "reference").rows() == [("VNM", "CHN")]


def test_overlap_in_usd_on_request(desk: Desk) -> None:
    """Of 60 coffee and 40 shoes against 25 coffee and 75 shoes, wherever they go: 25 + 40."""
    fill(desk, HANDS)
    assert "overlap_usd" not in compute(desk).columns
    found = compute(desk, destination_esi={"overlap_usd": True})
    assert found["overlap_usd"].to_list() == [65.0, 65.0]
    work = Workspace(desk.layout.root, flags={"destination_esi": {"overlap_usd": True}}).init()
    assert not work.esi().changed  # the setting is this option


def random_flows(seed: int, vintage_codes: list[str]) -> dict[int, Flows]:
    rng = np.random.default_rng(seed)
    return {
        reporter: {
            (int(partner), code): round(float(rng.lognormal(5, 2)), 2)
            for partner in (36, 124, 276, 392, 826)
            for code in rng.choice(vintage_codes, 12, replace=False).tolist()
        }
        for reporter in (156, 704, 842)
    }


def test_against_a_slow_twin(desk: Desk) -> None:
    flows = random_flows(1, [f"{chapter:02d}0110" for chapter in range(1, 40)])
    fill(desk, flows)
    found = compute(desk)
    labels = {156: "CHN", 704: "VNM", 842: "USA"}
    for reporter, own in flows.items():
        for reference, other in flows.items():
            if reporter == reference:
                continue
            totals = [math.fsum(cells.values()) for cells in (own, other)]
            cell = math.fsum(
                min(own.get(key, 0.0) / totals[0], other.get(key, 0.0) / totals[1]) for key in {*own, *other}
            )
            sums = [
                {p: math.fsum(v for (q, _), v in cells.items() if q == p) / total for p, _ in cells}
                for cells, total in zip((own, other), totals, strict=True)
            ]
            partner = math.fsum(min(sums[0].get(p, 0.0), sums[1].get(p, 0.0)) for p in {*sums[0], *sums[1]})
            row = found.row(
                by_predicate=(pl.col("reporter") == labels[reporter])
                & (pl.col("reference") == labels[reference]),
                named=True,
            )
            assert row["cell_esi"] == pytest.approx(cell, abs=1e-12)
            assert row["partner_esi"] == pytest.approx(partner, abs=1e-12)
    assert (found["cell_esi"] <= found["partner_esi"] + 1e-12).all()


def test_harmonised_like_everything_else(desk: Desk) -> None:
    """Filed in H4 and brought to H2: cells of converted products, the same spread over destinations."""
    codes = ["010121", "010129", "030211", "854231", "854232", "640399", "090111", "870899", "900190", "220429",
             "300490", "847130", "851712", "620342"]  # fmt: skip
    flows = random_flows(2, codes)
    fill(desk, flows)
    plain, harmonised = compute(desk), compute(desk, harmonise=Harmonise(target="H2"))
    assert harmonised["partner_esi"].to_numpy() == pytest.approx(plain["partner_esi"].to_numpy(), abs=1e-12)
    shares: list[Flows] = []
    for reporter in (156, 704):
        cells: Flows = {}
        for (partner, code), value in flows[reporter].items():
            for target, usd in converted({code: value}, "H4", "H2").items():
                cells[partner, target] = cells.get((partner, target), 0.0) + usd
        total = math.fsum(cells.values())
        shares.append({key: value / total for key, value in cells.items()})
    expected = math.fsum(min(share, shares[1].get(key, 0.0)) for key, share in shares[0].items())
    row = harmonised.row(
        by_predicate=(pl.col("reporter") == "CHN") & (pl.col("reference") == "VNM"), named=True
    )
    assert row["cell_esi"] == pytest.approx(expected, abs=1e-12)
