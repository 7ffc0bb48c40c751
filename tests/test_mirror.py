"""Countries that filed nothing, from their partners' imports."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from conftest import Desk, one, similarities
from minsum.errors import MissingInputError, SettingsError
from minsum.esi.stage import compute_esi
from minsum.harmonise.messages import absences
from minsum.pipeline import Workspace
from minsum.report.growth import where_exports
from minsum.schema import MIRRORED
from minsum.settings.esi import MarketEsi, Mirror
from test_harmonise import TO_H2, converted, table

PARTNERS = {156: "H6", 842: "H5", 276: "H2", 702: "H3"}
FROM_VIETNAM = {
    156: {"854231": 40.0, "090111": 1.5},
    842: {"010121": 7.25, "090111": 3.0},
    276: {"090111": 10.0},
    702: {"090111": 2.0, "999999": 1.0},
}
REFERENCES = {
    "everyone": ((), "world"), "others": ((), "world_minus_self"), "pair": (("USA", "VNM"), "pooled")
}  # fmt: skip
MIRROR = Mirror(reporters=("VNM",), min_partners=3)


def put(
    desk: Desk, reporter: int, vintage: str, rows: list[tuple[str, int, str, float]], year: int = 2022
) -> None:
    lines = [
        {"reporterCode": reporter, "classificationCode": vintage, "period": year, "flowCode": flow,
         "partnerCode": partner, "cmdCode": code, "primaryValue": repr(value)}
        for flow, partner, code, value in rows
    ]  # fmt: skip
    desk.put(lines, f"COMTRADE-FINAL-CA{reporter:03}{year}{vintage}[2024-03-10].gz")


def fill(desk: Desk, year: int = 2022) -> None:
    """Four partners of different vintages; a country that files nothing, and one that only one of them knows."""
    for k, (reporter, vintage) in enumerate(PARTNERS.items()):
        exports = {"090111": 10.0 + k, "010110" if vintage == "H2" else "010129": 5.0, "640399": 1.0 + 3 * k}
        rows = [("X", partner, code, value) for partner in (0, 704) for code, value in exports.items()]
        rows += [("M", 704, code, value) for code, value in FROM_VIETNAM[reporter].items()]
        put(desk, reporter, vintage, rows, year)
    put(desk, 360, "H5", [("X", 0, "090111", 1.0), ("M", 116, "090111", 5.0)], year)


def compute(desk: Desk, mirror: Mirror | None = MIRROR, **options: object) -> pl.DataFrame:
    chosen = similarities(harmonise=TO_H2, mirror=mirror, references=REFERENCES, **options)  # type: ignore[arg-type]
    compute_esi(desk.layout, chosen, progress=lambda *_: None)
    return table(desk)


def test_a_mirrored_basket_is_the_sum_of_its_partners_imports(desk: Desk) -> None:
    fill(desk)
    desk.ingest()
    esi = compute(desk)
    basket: dict[str, float] = {}
    for reporter, imports in FROM_VIETNAM.items():
        for code, value in converted(imports, PARTNERS[reporter], "H2").items():
            basket[code] = basket.get(code, 0.0) + value
    basket.pop("999999")
    total = math.fsum(basket.values())
    germany = {"090111": 12.0, "010110": 5.0, "640399": 7.0}
    expected = math.fsum(min(basket.get(code, 0.0) / total, value / 24.0) for code, value in germany.items())
    row = one(esi, "VNM", "DEU")
    assert row["esi"] == pytest.approx(expected, abs=1e-15)
    assert (row["source_reporter"], row["source_reference"]) == ("mirror", "reported")
    assert esi.columns[-2:] == [column.name for column in MIRRORED]
    assert (row["n_reporter"], row["vintage_reporter"]) == (len(basket), "mixed")
    assert row["residual_reporter"] == pytest.approx(1 / (total + 1))
    assert row["esi_low"] <= row["esi"] <= row["esi_high"]
    assert one(esi, "DEU", "pair")["source_reference"] == "mirror"
    assert one(esi, "DEU", "VNM")["esi"] == row["esi"]
    assert "KHM" not in set(esi["reporter"])  # one partner only, and not asked for
    coverage = pl.read_parquet(desk.layout.coverage).filter(format="mirror")
    assert coverage.select("classification", "year", "reporter", "source", "n_partners").rows() == [
        ("H2", 2022, "VNM", "imports of 4 partners", 4)
    ]
    assert coverage["exports_usd"].item() == pytest.approx((total + 1) / 1.06)
    assert coverage["partners_share"].item() is None


@pytest.mark.slow
@pytest.mark.parametrize("levels", [(), (4,)])
def test_nobody_elses_numbers_move(desk: Desk, levels: tuple[int, ...]) -> None:
    fill(desk)
    desk.ingest()
    without = compute(desk, None, levels=levels)
    mirrored = compute(desk, levels=levels)
    columns = [name for name in without.columns if name != "year"]
    kept = mirrored.filter((pl.col("reporter") != "VNM") & ~pl.col("reference").is_in(["VNM", "pair"]))
    assert kept.select(columns).equals(without.select(columns))
    inside = compute(desk, MIRROR.model_copy(update={"in_world": True}), levels=levels)
    assert one(inside, "DEU", "everyone")["esi"] != one(without, "DEU", "everyone")["esi"]
    assert one(mirrored, "VNM", "others")["n_reference"] == one(mirrored, "VNM", "everyone")["n_reference"]


def test_cif_cancels_in_shares(desk: Desk) -> None:
    fill(desk)
    desk.ingest()
    first, second = (
        compute(desk, MIRROR.model_copy(update={"cif": cif})).filter(pl.col("reference") != "pair")
        for cif in (1.06, 1.5)
    )  # a pool of members is made of their values
    assert first["esi"].to_numpy() == pytest.approx(second["esi"].to_numpy(), abs=1e-15)


@pytest.mark.slow
def test_too_few_partners_and_filings_of_the_same_year(desk: Desk) -> None:
    fill(desk)
    desk.ingest()
    assert "VNM" in set(compute(desk, MIRROR.model_copy(update={"min_partners": 4}))["reporter"])
    assert "VNM" not in set(compute(desk, MIRROR.model_copy(update={"min_partners": 5}))["reporter"])
    assert set(compute(desk, Mirror(min_partners=1))["reporter"]) >= {"VNM", "KHM"}
    put(desk, 704, "H1", [("X", 0, "090111", 1.0)])
    desk.ingest()
    assert "VNM" not in set(compute(desk)["reporter"])  # it filed, though in a vintage that cannot be reached


def test_how_much_the_partners_took_when_it_filed(desk: Desk) -> None:
    fill(desk)
    rows = [
        ("X", partner, "090111", value) for partner, value in ((0, 10.0), (156, 6.0), (842, 1.0), (36, 3.0))
    ]
    put(desk, 704, "H5", rows, year=2019)
    put(desk, 704, "H5", [("X", 0, "090111", 1.0), ("X", 36, "090111", 1.0)], year=2015)
    desk.ingest()
    compute(desk)
    coverage = pl.read_parquet(desk.layout.coverage).filter(format="mirror")
    assert coverage.select("year", "reporter").rows() == [(2022, "VNM")]
    assert coverage["partners_share"].item() == pytest.approx(0.7)


@pytest.mark.slow
def test_off_by_default_and_only_with_harmonise(desk: Desk, tmp_path: Path) -> None:
    fill(desk)
    work = Workspace(tmp_path / "w", jobs=1, flags={"harmonise": {"target": "H2"}}).init()
    work.ingest([desk.inbox])
    work.esi()
    frame = pl.read_parquet(work.layout.yearly("esi")[0], hive_partitioning=False)
    assert "VNM" not in set(frame["reporter"])
    assert "source_reporter" not in frame.columns
    on = Workspace(tmp_path / "w", flags={"harmonise": {"target": "H2"}, "mirror": {"min_partners": 3}})
    assert on.esi().changed
    frame = pl.read_parquet(on.layout.yearly("esi")[0], hive_partitioning=False)
    assert set(frame.filter(source_reporter="mirror")["reporter"]) == {"VNM"}
    assert not on.esi().changed
    assert {one["what"] for one in on.status()["stale"]} == {"report"}  # not made yet
    assert on.check() == []
    on.report()
    assert on.status()["stale"] == []
    with pytest.raises(SettingsError, match="needs \\[harmonise\\]"):
        _ = Workspace(tmp_path / "w", flags={"mirror": {}}).settings


@pytest.mark.slow
def test_what_has_no_mirrors_is_said(desk: Desk) -> None:
    fill(desk)
    desk.ingest()
    chosen = similarities(harmonise=TO_H2, mirror=MIRROR, complementarity={}, market_esi=MarketEsi())
    report = compute_esi(desk.layout, chosen, progress=lambda *_: None)
    [line] = [one for one in absences(report) if "mirrored" in one]
    assert line.startswith(
        "1 reporter-years are mirrored (VNM 2022) in similarities only: market_esi, market_mean, complementarity hold"
    )
    assert "VNM" not in set(table(desk, "complementarity")["reporter"])
    assert where_exports(desk.layout, ["VNM", "CHN"]) == {
        "VNM": "exports in H2 2022 (a mirror, from its partners' imports: in similarities only)",
        "CHN": "exports in H6 2022",
    }
    work = Workspace(
        desk.layout.root, flags={"harmonise": {"target": "H2"}, "mirror": {"min_partners": 3}}
    ).init()
    with pytest.raises(MissingInputError) as caught:
        work.decompose("VNM", "USA")
    assert "in similarities only" in str(caught.value.hint)
    compute(desk)
    assert not any(
        "mirrored" in one
        for one in absences(
            compute_esi(
                desk.layout,
                chosen.model_copy(update={"complementarity": None, "market_esi": None}),
                progress=lambda *_: None,
            )
        )
    )
