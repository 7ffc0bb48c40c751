"""Vintages brought together: by hand, along one path, against a truth known in every vintage, and on real data."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

import numpy as np
import polars as pl
import pytest

from conftest import Desk, one, similarities
from minsum.countries.suggestions import known_labels
from minsum.errors import MissingInputError
from minsum.esi.baskets import gather
from minsum.esi.decompose import Question, decompose
from minsum.esi.outcome import EsiReport
from minsum.esi.stage import compute_esi, esi_plan, files_of
from minsum.harmonise.harmoniser import Harmoniser
from minsum.harmonise.shipped import nomenclature, shipped
from minsum.harmonise.vintages import VINTAGES, rank, steps
from minsum.harmonise.workbooks import read_workbook
from minsum.pipeline import Workspace
from minsum.schema import HARMONISED
from minsum.settings.esi import Esi, Harmonise, MarketEsi, Rule
from minsum.workspace.footers import read_footer

Basket = dict[str, float]
TO_H2 = Harmonise(target="H2")
FURTHER = [column.name for column in HARMONISED["esi"]]


def put(
    desk: Desk,
    reporter: int,
    vintage: str,
    basket: Basket,
    *,
    year: int = 2022,
    partners: Iterable[int] = (0,),
) -> None:
    rows = [
        {"reporterCode": reporter, "classificationCode": vintage, "cmdCode": code, "primaryValue": repr(value),
         "period": year, "partnerCode": partner, "flowCode": flow}
        for flow in ("X", "M") for partner in partners for code, value in basket.items()
    ]  # fmt: skip
    desk.put(rows, f"COMTRADE-FINAL-CA{reporter:03}{year}{vintage}[2024-03-10].gz")


def compute(desk: Desk, harmonise: Harmonise | None = TO_H2, **options: object) -> EsiReport:
    desk.ingest()
    chosen = similarities(harmonise=harmonise, **options)  # type: ignore[arg-type]
    return compute_esi(desk.layout, chosen, progress=lambda *_: None)


def table(desk: Desk, name: str = "esi", *, vintage: str = "H2", year: int = 2022) -> pl.DataFrame:
    path = desk.layout.table(name) / f"classification={vintage}" / f"{year}.parquet"
    return pl.read_parquet(path, hive_partitioning=False)


def converted(basket: Basket, source: str, target: str) -> Basket:
    """Along the UN's Conversion sheets, one code after the other."""
    for step in steps(source, target):
        sheet = shipped()[step]
        goes = dict(zip(sheet.sources.tolist(), sheet.targets.tolist(), strict=True))
        after: Basket = {}
        for code, value in basket.items():
            new = f"{goes.get(int(code), 999999):06d}"
            after[new] = after.get(new, 0.0) + value
        basket = after
    return basket


# By hand. H6 to H2: 854231 (processors) was 854229 in H2; 010121 (pure-bred horses) 010110; 090111 (coffee) stays.
HANDS = {
    156: ("H6", {"090111": 60.0, "854231": 40.0}),
    842: ("H5", {"090111": 20.0, "010121": 80.0}),
    276: ("H2", {"090111": 50.0, "854229": 50.0}),
    704: ("H2", {"090111": 30.0, "010110": 70.0}),
}


def test_values_by_hand(desk: Desk) -> None:
    for reporter, (vintage, basket) in HANDS.items():
        put(desk, reporter, vintage, basket)
    compute(desk, references={"all": (("CHN", "USA", "DEU"), "pooled"), "old": (("DEU", "VNM"), "pooled")})
    esi = table(desk)
    assert esi.columns[-7:] == FURTHER
    assert sorted(path.parent.name for path in desk.layout.yearly("esi")) == ["classification=H2"]
    assert one(esi, "CHN", "DEU")["esi"] == pytest.approx(0.9)
    assert one(esi, "USA", "VNM")["esi"] == pytest.approx(0.9)
    assert one(esi, "CHN", "USA")["esi"] == pytest.approx(0.2)
    assert one(esi, "CHN", "DEU")["vintage_reporter"] == "H6"
    assert one(esi, "CHN", "DEU")["vintage_reference"] == "H2"
    assert one(esi, "VNM", "all")["vintage_reference"] == "mixed"
    assert one(esi, "CHN", "old")["vintage_reference"] == "H2"
    assert one(esi, "DEU", "VNM")["converted_reporter"] == 0.0
    assert one(esi, "CHN", "DEU")["converted_reporter"] == pytest.approx(0.4)  # processors have relatives
    row = one(esi, "DEU", "old")
    assert row["esi_low"] == row["esi"] == row["esi_high"]


def test_without_harmonise_every_vintage_stays_apart(desk: Desk) -> None:
    for reporter, (vintage, basket) in HANDS.items():
        put(desk, reporter, vintage, basket)
    compute(desk, None)
    assert [path.parent.name[-2:] for path in desk.layout.yearly("esi")] == ["H2", "H5", "H6"]
    assert set(FURTHER).isdisjoint(table(desk).columns)
    assert "reason" not in pl.read_parquet(desk.layout.coverage).columns
    assert "harmonise" not in read_footer(desk.layout.yearly("esi")[0])["options"]
    compute(desk)
    assert [path.parent.name[-2:] for path in desk.layout.yearly("esi")] == ["H2"]
    compute(desk, None)
    assert [path.parent.name[-2:] for path in desk.layout.yearly("esi")] == ["H2", "H5", "H6"]


def world(
    rng: np.random.Generator, reporters: Iterable[int], vintage: str = "H6", n: int = 900
) -> dict[int, Basket]:
    """Baskets of many products."""
    codes = nomenclature()[vintage]
    return {
        reporter: {
            f"{code:06d}": round(float(rng.lognormal(8, 2)), 2)
            for code in rng.choice(codes, n, replace=False)
        }
        for reporter in reporters
    }


FIVE = {156: "H6", 842: "H5", 276: "H4", 704: "H3", 702: "H2"}


@pytest.mark.slow
def test_a_world_filed_in_five_vintages_gives_the_values_of_one_path(tmp_path: Path) -> None:
    baskets = world(np.random.default_rng(5), FIVE)
    desks = []
    for name in ("one", "five"):
        (tmp_path / name).mkdir()
        desk = Desk(tmp_path / name)
        for reporter, basket in baskets.items():
            vintage = FIVE[reporter] if name == "five" else "H6"
            put(desk, reporter, vintage, converted(basket, "H6", vintage))
        compute(desk, references={"pool": (("USA", "VNM"), "pooled")})
        desks.append(table(desk))
    both = desks[0].join(desks[1], on=["reporter", "reference"], suffix="_five")
    assert len(both) == 5 * 4 + 5
    assert (both["esi"] - both["esi_five"]).abs().max() < 1e-12  # type: ignore[operator]
    narrower = both["esi_high_five"] - both["esi_low_five"] <= both["esi_high"] - both["esi_low"] + 1e-12
    assert narrower.all()


def true_paths(rng: np.random.Generator, n: int, *, target: str = "H2") -> list[dict[str, str]]:
    """Things that are traded, each with its code in every vintage from H6 to the target, along the UN's links."""
    older: dict[str, dict[int, list[int]]] = {}
    for newer, _ in steps("H6", target):
        links = shipped()[newer, VINTAGES[rank(newer) - 1]].links
        for one_code, other in links.tolist():
            older.setdefault(newer, {}).setdefault(one_code, []).append(other)
    paths = []
    for code in rng.choice(nomenclature()["H6"], n).tolist():
        path = {"H6": f"{code:06d}"}
        for newer, vintage in steps("H6", target):
            if code not in older[newer]:
                break
            code = int(rng.choice(older[newer][code]))
            path[vintage] = f"{code:06d}"
        else:
            paths.append(path)
    return paths


@pytest.mark.slow
@pytest.mark.parametrize("rule", get_args(Rule))
def test_intervals_hold_the_value_and_the_truth(desk: Desk, rule: str) -> None:
    """Each thing has its true code in every vintage; what a country files is the sum over its things."""
    rng = np.random.default_rng(7)
    paths = true_paths(rng, 1500)
    filed = {156: "H6", 842: "H5", 276: "H4", 704: "H3", 702: "H2", 360: "H2", 764: "H6"}
    exports = {
        reporter: rng.lognormal(5, 2, len(paths)) * (rng.random(len(paths)) < 0.5) for reporter in filed
    }

    def basket(reporter: int, vintage: str) -> Basket:
        sums: Basket = {}
        for path, value in zip(paths, exports[reporter].tolist(), strict=True):
            if value:
                sums[path[vintage]] = sums.get(path[vintage], 0.0) + value
        return sums

    members = () if rule.startswith("world") else ("USA", "VNM")
    for reporter, vintage in filed.items():
        put(desk, reporter, vintage, basket(reporter, vintage))
    compute(desk, references={"group": (members, rule)}, levels=(4, 2))
    esi = table(desk)
    true = Desk.__new__(Desk)
    folder = desk.layout.root.parent / "true"
    folder.mkdir()
    true.__init__(folder)  # type: ignore[misc]
    for reporter in filed:
        put(true, reporter, "H2", basket(reporter, "H2"))
    compute(true, None, references={"group": (members, rule)}, levels=(4, 2))
    for name, keys in (("esi", []), ("esi_levels", ["level"])):
        both = table(desk, name).join(table(true, name), on=["reporter", "reference", *keys], suffix="_true")
        assert len(both) == (7 * 6 + 7) * (2 if keys else 1)
        assert (both["esi_low"] <= both["esi"]).all()
        assert (both["esi"] <= both["esi_high"]).all()
        assert (both["esi_low"] <= both["esi_true"] + 1e-12).all()
        assert (both["esi_true"] <= both["esi_high"] + 1e-12).all()
    row = one(esi, "SGP", "IDN")
    assert row["esi_low"] == row["esi"] == row["esi_high"]
    assert (esi["esi_high"] - esi["esi_low"]).max() > 0.05  # type: ignore[operator]


def test_the_newest_filing_counts_once(desk: Desk) -> None:
    put(desk, 156, "H5", {"090111": 1.0, "010121": 1.0})
    put(desk, 156, "H2", {"090111": 1.0})
    put(desk, 842, "H2", {"090111": 1.0})
    compute(desk)
    assert one(table(desk), "CHN", "USA")["esi"] == pytest.approx(0.5)
    coverage = pl.read_parquet(desk.layout.coverage).filter(reporter="CHN").sort("classification")
    assert coverage["harmonised_to"].to_list() == [None, "H2"]
    assert coverage["reason"].to_list() == ["filed in H5 too, which counts", None]


def test_an_older_filing_is_absent_with_its_reason_unless_there_are_weights(
    desk: Desk, tmp_path: Path
) -> None:
    put(desk, 156, "H5", {"090111": 1.0})
    put(desk, 842, "H2", {"090111": 1.0})
    put(desk, 704, "H1", {"090111": 3.0, "010210": 1.0})
    report = compute(desk)
    reason = "filed in H1, older than H2: no weights H1 to H2"
    assert report.unreachable == {reason: ["VNM 2022"]}
    assert set(table(desk)["reporter"]) == {"CHN", "USA"}
    coverage = pl.read_parquet(desk.layout.coverage).filter(reporter="VNM")
    assert coverage["reason"].to_list() == [reason]
    further = [column.name for column in HARMONISED["coverage"]]
    assert coverage.columns[-len(further) :] == further
    folder = tmp_path / "tables"
    folder.mkdir()
    text = "H1,H2,weight,group_id\n90111,90111,1.0,1\n010210,010210,.75,2\n010210,010290,.25,2\n"
    (folder / "H1_to_H2.csv").write_text(text, encoding="utf-8")
    with_weights = Harmonise(target="H2", method="weights", tables=str(folder))
    assert compute(desk, with_weights).unreachable == {}
    assert one(table(desk), "VNM", "USA")["esi"] == pytest.approx(0.75)
    assert one(table(desk), "VNM", "USA")["n_reporter"] == 3
    assert read_footer(desk.layout.yearly("esi")[0])["options"]["harmonise"]["weights"] == ["H1-H2"]


def test_nothing_can_be_brought_to_the_target(desk: Desk) -> None:
    put(desk, 704, "H1", {"090111": 3.0})
    with pytest.raises(MissingInputError, match="can be brought to H2") as caught:
        compute(desk)
    assert 'target = "H1"' in caught.value.hint
    assert pl.read_parquet(desk.layout.coverage)["harmonised_to"].to_list() == [None]


def test_what_has_no_target_is_counted_and_totals_stay(desk: Desk) -> None:
    """A code that its vintage does not have, and BACI's 271000, which stays."""
    put(desk, 156, "H5", {"090111": 60.0, "123456": 30.0, "271000": 10.0, "999999": 5.0, "9999AA": 5.0})
    put(desk, 842, "H2", {"090111": 1.0, "271000": 1.0})
    report = compute(desk)
    assert report.unmatched == {"H5/2022/156": 30.0}
    row = one(table(desk), "CHN", "USA")
    assert row["esi"] == pytest.approx(0.5 + 1 / 7)
    assert row["residual_reporter"] == pytest.approx(40 / 110)
    assert row["converted_reporter"] == pytest.approx(0.3)
    compute(desk, residual="keep")
    row = one(table(desk), "CHN", "USA")
    assert row["esi"] == pytest.approx(0.5 + 10 / 110)
    coverage = pl.read_parquet(desk.layout.coverage).filter(reporter="CHN")
    assert coverage["unmatched_usd"].to_list() == [30.0]


@pytest.mark.parametrize("method", ["un", "weights"])
def test_totals_in_are_totals_out(desk: Desk, method: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    folder = None
    if method == "weights":
        folder = tmp_path / "tables"
        folder.mkdir()
        lines = ["H5,H4,weight,group_id"]
        for code in nomenclature()["H5"].tolist():
            share = float(rng.random())
            targets = rng.choice(nomenclature()["H4"], 2, replace=False)
            lines += [f"{code},{targets[0]},{share!r},1", f"{code},{targets[1]},{1 - share!r},1"]
        (folder / "H5_to_H4.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    baskets = world(rng, (156, 842), "H5", 2000)
    for reporter, basket in baskets.items():
        put(desk, reporter, "H5", basket)
    desk.ingest()
    how = Harmonise(target="H0", method=method, tables=folder and str(folder))  # type: ignore[arg-type]
    [found] = gather(
        desk.layout.partitions(), basis="X", residual="keep", harmoniser=Harmoniser(how, desk.layout.root)
    )
    for reporter, total in zip(found.codes.tolist(), found.values.sum(axis=1).tolist(), strict=True):
        assert total == pytest.approx(math.fsum(baskets[reporter].values()), rel=1e-12)
    assert found.provenance is not None
    lost = found.values[:, found.products.index("999999")] if "999999" in found.products else np.zeros(2)
    unmatched = [one["unmatched_usd"] for one in found.provenance.filings.values()]
    assert unmatched == pytest.approx(lost)


def test_stale_when_settings_or_tables_change(desk: Desk, tmp_path: Path) -> None:
    def stale(harmonise: Harmonise) -> set[str]:
        footers = {path: read_footer(path) for path in desk.layout.partitions()}
        coverage, tables = esi_plan(desk.layout, similarities(harmonise=harmonise), footers)
        assert not coverage.remove
        assert not tables.remove
        return {str(path.relative_to(desk.layout.root)) for path in (*coverage.redo, *tables.redo)}

    year = "classification=H2/2022.parquet"
    both = {"coverage.parquet", f"esi/{year}", f"section_esi/{year}"}
    for reporter, (vintage, basket) in HANDS.items():
        put(desk, reporter, vintage, basket)
    assert compute(desk).computed == ["H2/2022"]
    assert compute(desk).computed == []
    assert stale(TO_H2) == set()
    folder = tmp_path / "tables"
    folder.mkdir()
    path = folder / "H6_to_H5.csv"
    lines = ["H6,H5,weight,group_id", *(f"{code},{code},1,0" for code in (90111, 854231))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    weighted = Harmonise(target="H2", method="weights", tables=str(folder))
    assert stale(weighted) == both
    assert compute(desk, weighted).computed == ["H2/2022"]
    assert compute(desk, weighted).computed == []
    assert stale(weighted) == set()
    path.write_text("\n".join([*lines, "010121,010121,1,0"]) + "\n", encoding="utf-8")
    assert compute(desk, weighted).computed == ["H2/2022"]
    put(desk, 360, "H3", {"090111": 1.0})
    desk.ingest()
    assert stale(weighted) == both


@pytest.mark.slow
def test_other_tables_use_the_same_converted_values(desk: Desk, tmp_path: Path) -> None:
    """Filed in several vintages or converted beforehand: markets, complementarity and sections are the same."""
    rng = np.random.default_rng(3)
    baskets = world(rng, (156, 842, 276), "H6", 300)
    filed = {156: "H6", 842: "H5", 276: "H3"}
    (tmp_path / "plain").mkdir()
    plain = Desk(tmp_path / "plain")
    for reporter, basket in baskets.items():
        put(desk, reporter, filed[reporter], converted(basket, "H6", filed[reporter]), partners=(0, 36, 554))
        put(plain, reporter, "H2", converted(basket, "H6", "H2"), partners=(0, 36, 554))
    asked = {"market_esi": MarketEsi(), "complementarity": {}, "levels": (4,)}
    compute(desk, **asked)
    compute(plain, None, **asked)
    for name, value in (
        ("market_esi", "esi"),
        ("market_mean", "esi"),
        ("complementarity", "tci"),
        ("esi_levels", "esi"),
    ):
        ours, theirs = table(desk, name), table(plain, name)
        assert len(ours) == len(theirs) > 0
        assert ours[value].to_numpy() == pytest.approx(theirs[value].to_numpy(), abs=1e-12)
    harmoniser = Harmoniser(TO_H2, desk.layout.root)
    question = Question("CHN", "USA")
    ours = decompose(
        files_of(desk.layout, "H2", (), harmoniser=harmoniser), "H2", options=Esi(), question=question,
        harmoniser=harmoniser,
    )  # fmt: skip
    theirs = decompose(files_of(plain.layout, "H2", ()), "H2", options=Esi(), question=question)
    assert ours.contributions == pytest.approx(theirs.contributions, abs=1e-12)
    assert ours.contributions.sum() == pytest.approx(one(table(desk), "CHN", "USA")["esi"], abs=1e-12)


def test_a_flow_that_weights_split_goes_to_every_market_in_parts(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    lines = ["H3,H2,weight,group_id", "090111,090111,.25,0", "090111,010110,.75,0", "010110,010110,1,0"]
    (folder / "w.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    put(desk, 156, "H3", {"090111": 4.0, "010110": 4.0}, partners=(0, 36))
    put(desk, 842, "H2", {"090111": 1.0, "010110": 1.0}, partners=(0, 36))
    compute(desk, Harmonise(target="H2", method="weights", tables=str(folder)), market_esi=MarketEsi())
    assert table(desk, "market_esi")["esi"].to_list() == pytest.approx([0.125 + 0.5])
    assert one(table(desk), "CHN", "USA")["esi"] == pytest.approx(0.625)


@pytest.mark.slow
def test_settings_reach_the_stage_and_the_run_says_what_is_absent(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(tmp_path)
    put(desk, 156, "H5", {"090111": 1.0, "123456": 1000.0})
    put(desk, 842, "H4", {"090111": 1.0})
    put(desk, 704, "H1", {"090111": 1.0})
    settings = workspace.layout.settings
    settings.write_text(
        settings.read_text(encoding="utf-8") + '\n[harmonise]\ntarget = "H2"\n', encoding="utf-8"
    )
    work = Workspace(workspace.layout.root, jobs=1)
    work.ingest([desk.inbox])
    with caplog.at_level(logging.WARNING, logger="minsum"):
        work.esi()
    said = [record.message for record in caplog.records]
    assert any("filed in H1, older than H2" in line and "VNM 2022" in line for line in said)
    assert not any(hasattr(record, "hint") for record in caplog.records)  # text logs leave such records out
    assert any("1,000 USD of 1 reporter-years have no target" in line for line in said)
    assert work.decompose("CHN", "USA").years == [2022]
    work.report()
    assert not work.run().changed


@pytest.mark.slow
def test_successors_as_one_unit_over_all_years(desk: Desk) -> None:
    """Serbia and Montenegro to 2006; then Serbia in one vintage and Montenegro in another, added up."""
    put(desk, 891, "H2", {"090111": 3.0, "010110": 1.0}, year=2005, partners=(0, 36))
    put(desk, 688, "H3", {"090111": 2.0}, year=2008, partners=(0, 36))
    put(desk, 499, "H2", {"010110": 2.0}, year=2008, partners=(0, 36))
    put(desk, 56, "H2", {"090111": 1.0}, year=2008, partners=(0,))
    for year in (2005, 2008):
        put(desk, 842, "H2", {"090111": 3.0, "010110": 1.0}, year=year, partners=(0, 36, 688, 499))
    merge = Harmonise(target="H2", successors="merge")
    compute(desk, merge, references={"all": ((), "world")}, market_esi=MarketEsi(), complementarity={})
    before, after = (table(desk, year=year) for year in (2005, 2008))
    assert one(before, "SCG", "USA")["esi"] == pytest.approx(1.0)
    assert one(after, "SCG", "USA")["esi"] == pytest.approx(0.75)
    assert set(after["reporter"]) == {"BEL", "SCG", "USA"}
    row = one(after, "SCG", "USA")
    assert (row["vintage_reporter"], row["is_merged"]) == ("mixed", True)
    assert (one(after, "BEL", "USA")["is_merged"], one(after, "BEL", "all")["is_merged"]) == (False, True)
    markets = table(desk, "market_esi", year=2008)
    assert markets.filter(reporter="SCG")["esi"].to_list() == pytest.approx([0.75])
    coverage = pl.read_parquet(desk.layout.coverage).sort("year", "reporter_code")
    assert coverage.filter(pl.col("reporter").is_in(["SRB", "MNE"]))["unit"].to_list() == ["SCG", "SCG"]
    assert coverage.filter(reporter="BEL")["unit"].to_list() == [None]
    harmoniser = Harmoniser(merge, desk.layout.root)
    files = files_of(desk.layout, "H2", (), harmoniser=harmoniser)
    parts = decompose(files, "H2", options=Esi(), question=Question("SCG", "USA"), harmoniser=harmoniser)
    assert parts.years == [2005, 2008]
    assert parts.contributions.sum(axis=1) == pytest.approx([1.0, 0.75])
    compute(desk)
    assert set(table(desk, year=2008)["reporter"]) == {"BEL", "MNE", "SRB", "USA"}
    assert compute(desk, merge).computed == ["H2/2005", "H2/2008"]


def test_a_successor_alone_is_no_unit(desk: Desk) -> None:
    put(desk, 688, "H3", {"090111": 2.0})
    put(desk, 499, "H3", {"090111": 2.0})
    compute(desk, Harmonise(target="H2", successors="merge"))
    assert set(table(desk)["reporter"]) == {"MNE", "SRB"}
    assert not table(desk)["is_merged"].any()


@pytest.mark.parametrize("name", ["TWN", "S19"])
def test_taiwan_under_either_name(desk: Desk, name: str) -> None:
    put(desk, 490, "H5", {"090111": 2.0})
    put(desk, 842, "H5", {"090111": 2.0, "010110": 2.0})
    members = known_labels((name, "USA"))  # as the settings read them
    compute(desk, None, references={"chips": (members, "pooled")}, reporters=members[:1])
    frame = table(desk, vintage="H5")
    assert frame.select("reporter", "reference").rows() == [("S19", "USA"), ("S19", "chips")]
    parts = decompose(files_of(desk.layout, "H5", ()), "H5", options=Esi(), question=Question(name, "USA"))
    assert parts.contributions.sum() == pytest.approx(0.5)


KNOWN_2024 = {
    ("CHN", "USA"): 0.4161, ("CHN", "DEU"): 0.4688, ("SGP", "USA"): 0.3900, ("SGP", "DEU"): 0.3144,
    ("THA", "USA"): 0.4068, ("MMR", "USA"): 0.0588, ("KHM", "DEU"): 0.1031,
}  # fmt: skip


def harmonised_2024(real_2024: Workspace, target: str) -> tuple[list[str], list[str], np.ndarray]:
    """Labels of the 100 largest exporters of the real 2024 world, its products in the target, and shares."""
    [found] = gather(
        real_2024.layout.partitions(), basis="X", residual="exclude",
        harmoniser=Harmoniser(Harmonise(target=target), Path()),
    )  # fmt: skip
    largest = np.argsort(-found.values.sum(axis=1))[:100]
    assert found.provenance is not None
    assert all(one["unmatched_usd"] == 0 for one in found.provenance.filings.values())
    return [found.labels[k] for k in largest], found.products, found.shares()[largest]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "n_products", "mean"), [("H5", 5079, 0.1404), ("H4", 4962, 0.1411), ("H3", 4798, 0.1416), ("H2", 4698, 0.1425)]
)  # fmt: skip
def test_known_means_of_2024(real_2024: Workspace, target: str, n_products: int, mean: float) -> None:
    _, products, shares = harmonised_2024(real_2024, target)
    assert len(products) == n_products
    similarity = [
        np.minimum(shares[i], shares[j]).sum() for i in range(len(shares)) for j in range(i)
    ]  # fmt: skip
    assert round(float(np.mean(similarity)), 4) == mean


@pytest.mark.slow
def test_known_pairs_of_2024(real_2024: Workspace, tmp_path: Path) -> None:
    work = Workspace(tmp_path / "w", jobs=2, flags={"harmonise": {"target": "H2"}}).init()
    work.layout.flows.symlink_to(real_2024.layout.flows)
    work.esi()
    esi = table_of(work)
    for (reporter, reference), value in KNOWN_2024.items():
        row = one(esi, reporter, reference)
        assert round(row["esi"], 4) == value  # type: ignore[call-overload]
        assert row["vintage_reporter"] == row["vintage_reference"] == "H5"
    assert (esi["esi_low"] <= esi["esi"]).all()
    assert (esi["esi"] <= esi["esi_high"]).all()
    before = pl.read_parquet(work.layout.coverage)["exports_usd"].sum()
    assert pl.read_parquet(work.layout.coverage)["unmatched_usd"].sum() == 0.0
    assert before > 1e13


PAPER_2024 = {  # as filed, by the UN's direct table, by the chain; largest error of a pair with one side by each
    "PHL": (0.2230, 0.2252, 0.2248, -0.028), "KHM": (0.0942, 0.0957, 0.0955, -0.004), "MYS": (0.3415, 0.3481, 0.3453, -0.035),
    "THA": (0.4131, 0.4252, 0.4226, -0.031), "SGP": (0.3674, 0.3726, 0.3725, -0.041), "IDN": (0.2263, 0.2280, 0.2275, -0.009),
    "MMR": (0.0621, 0.0632, 0.0632, -0.001), "VNM": (0.2381, 0.2449, 0.2445, -0.031), "CHN": (0.4572, 0.4593, 0.4589, -0.033),
}  # fmt: skip


def test_what_the_path_to_h2_changes_for_the_paper(
    real_2024: Workspace, shared_data: Callable[[str], Path]
) -> None:
    """docs/replication.md: the figures of its table."""
    un = shared_data("concordances/un") / "HS2017toHS2002ConversionAndCorrelationTables.xlsx"
    direct = read_workbook(un)
    goes = dict(zip(direct.sources.tolist(), direct.targets.tolist(), strict=True))
    files = real_2024.layout.partitions()
    [filed] = gather(files, basis="X", residual="exclude")
    [chained] = gather(files, basis="X", residual="exclude", harmoniser=Harmoniser(TO_H2, Path()))
    targets = [f"{goes[int(code)]:06d}" for code in filed.products]
    products = sorted({*targets, *chained.products})
    by_table = np.zeros((len(filed.labels), len(products)))
    by_chain = np.zeros_like(by_table)
    np.add.at(by_table, (slice(None), np.searchsorted(products, targets)), filed.values)
    by_chain[:, np.searchsorted(products, chained.products)] = chained.values

    def similarity(of_country: np.ndarray, of_reference: np.ndarray, country: str) -> float:
        own = of_country[filed.labels.index(country)]
        pool = of_reference[[filed.labels.index(one) for one in ("USA", "DEU")]].sum(axis=0)
        return float(np.minimum(own / own.sum(), pool / pool.sum()).sum())

    found = {}
    for country in PAPER_2024:
        values = [similarity(one, one, country) for one in (filed.values, by_table, by_chain)]
        mixed = [similarity(*both, country) for both in ((by_chain, by_table), (by_table, by_chain))]
        error = max((one - values[2] for one in mixed), key=abs)
        found[country] = (*(round(value, 4) for value in values), round(error, 3))
    assert found == PAPER_2024


def table_of(work: Workspace) -> pl.DataFrame:
    return pl.read_parquet(work.layout.yearly("esi")[0], hive_partitioning=False)


@pytest.mark.slow
def test_indonesia_with_itself_across_its_change_of_vintage(
    shared_data: Callable[[str], Path], workspace: Workspace
) -> None:
    """H4 to 2016, H5 from 2017: harmonised, the first pair of years does not stand out."""
    workspace.ingest([shared_data("comtrade-legacy-web")])

    def similarity(first: int, harmoniser: Harmoniser | None) -> float:
        shares = []
        for year in (first, first + 1):
            files = [path for path in workspace.layout.partitions() if f"year={year}" in str(path)]
            [found] = gather(files, basis="X", residual="exclude", harmoniser=harmoniser)
            shares.append(dict(zip(found.products, found.shares()[0].tolist(), strict=True)))
        return math.fsum(min(share, shares[1].get(code, 0.0)) for code, share in shares[0].items())

    known = {2016: 0.8856, 2017: 0.8908, 2018: 0.8834}
    harmoniser = Harmoniser(TO_H2, workspace.layout.root)
    assert {year: round(similarity(year, harmoniser), 4) for year in known} == known
    plain = {year: similarity(year, None) for year in known}
    assert round((plain[2017] + plain[2018]) / 2 - plain[2016], 4) == 0.0135
