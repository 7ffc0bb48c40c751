"""Limits: what lies at each is on one side of it, the next value on the other."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from conftest import Desk, bulk_text, similarities
from minsum.errors import DataCheckError
from minsum.esi.bands import band
from minsum.esi.harmonised import Filed, _check_totals
from minsum.esi.largest_changes import largest_moves, merged
from minsum.esi.stage import compute_esi
from minsum.flows.verify import verify_partition
from minsum.harmonise.islands import Islands
from minsum.harmonise.messages import absences
from minsum.harmonise.shipped import nomenclature
from minsum.harmonise.weights import read_weights
from minsum.inspect.check import check_workspace
from minsum.inspect.nightly_checks import examine
from minsum.settings.check import Check
from minsum.settings.flows import Ingest
from minsum.sources.archives import unfold
from minsum.sources.files import Source
from minsum.workspace.layout import Layout
from minsum.workspace.runs import RunReport

# Rows and files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("usd", "is_rebuilt"), [(1_000_000.9, False), (1_000_001.1, True)])
def test_a_product_may_exceed_its_total_by_a_millionth(desk: Desk, usd: float, is_rebuilt: bool) -> None:
    total = {"cmdCode": "TOTAL", "primaryValue": 1_000_000}
    desk.put([total, {"primaryValue": usd}, {"partnerCode": 36, "primaryValue": 999_999}])
    desk.ingest()
    assert desk.rows()[0] == ("X", 0, "010121", 999_999.0 if is_rebuilt else usd, is_rebuilt)


def test_values_weights_and_quantities_end_at_1e21(desk: Desk) -> None:
    desk.options = Ingest(columns=("net_weight", "quantity"))
    largest, beyond = ({"primaryValue": one, "netWgt": one, "qty": one} for one in ("1e21", "1.001e21"))
    desk.put([largest, beyond | {"cmdCode": "010190"}, beyond | {"cmdCode": "020110", "primaryValue": 5}])
    desk.ingest()
    values = {row[2]: (row[3], *row[5:7]) for row in desk.rows()}
    assert values == {"010121": (1e21, 1e21, 1e21), "020110": (5.0, None, None)}
    assert desk.footer()["sources"][0]["rules"]["value"]["rows"] == 1  # type: ignore[index]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"period": 1900, "refYear": 1900}, None),
        ({"period": 2200, "refYear": 2200}, None),
        ({"period": 1899, "refYear": 1899}, "1899 is not a year"),
        ({"period": 2201, "refYear": 2201}, "2201 is not a year"),
        ({"partnerCode": 2**20 - 1}, None),
        ({"partnerCode": 2**20}, "a partner code is empty or out of range"),
        ({"reporterCode": 1}, None),
        ({"reporterCode": 10**7 - 1}, None),
        ({"reporterCode": 0}, "reporter code out of range"),
        ({"reporterCode": 10**7}, "reporter code out of range"),
    ],
)
@pytest.mark.parametrize("others", [[], [{"reporterCode": 842}]], ids=["alone", "beside another"])
def test_codes_and_years_end_where_they_are_said_to(
    desk: Desk, row: dict[str, object], reason: str | None, others: list[dict[str, object]]
) -> None:
    desk.put([*others, row], "x.gz")
    rejected = desk.ingest().rejected
    assert list(rejected) == ([] if reason is None else ["x.gz"])
    assert reason is None or reason in rejected["x.gz"][0]


@pytest.mark.slow
@pytest.mark.parametrize(("n_files", "n_found"), [(500, 500), (501, 1)])
def test_a_zip_may_hold_five_hundred_tables(tmp_path: Path, n_files: int, n_found: int) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(n_files):
            archive.writestr(f"{n}.csv", bulk_text([{}]))
    assert len(unfold([Source(path, path.stat().st_size, "0" * 64)])) == n_found


@pytest.mark.parametrize(
    ("name", "row"), [("MAX_PARTITION_ROWS", {}), ("MAX_PARTITIONS", {"reporterCode": 1})]
)
def test_so_many_rows_and_reporter_years_are_still_read(
    desk: Desk, name: str, row: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"minsum.flows.pending.{name}", 5)
    desk.put([{column: start + n for column, start in row.items()} for n in range(5)], "x.gz")
    assert desk.ingest().rejected == {}


def test_more_product_codes_than_are_remembered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minsum.flows.products._MAX_CACHED", 2)
    monkeypatch.setattr("minsum.flows.reader.BLOCK_BYTES", 500)
    codes = [f"{n:02}0101" for n in range(10, 90)]
    desk.put([{"cmdCode": code} for code in codes])
    desk.ingest()
    assert [row[2] for row in desk.rows()] == codes


# Checks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("beyond", "checks"), [(0, []), (0.01, ["residual_share", "total_vs_products", "world_vs_partners"])])  # fmt: skip
def test_figures_at_the_limit_agree(desk: Desk, beyond: float, checks: list[str]) -> None:
    desk.put([
        {"primaryValue": 75}, {"partnerCode": 36, "primaryValue": 75},
        {"cmdCode": "999999", "primaryValue": 25 + beyond}, {"cmdCode": "999999", "partnerCode": 36, "primaryValue": 50 + 2 * beyond},
        {"cmdCode": "TOTAL", "primaryValue": 80},
    ])  # fmt: skip
    desk.ingest()
    limits = Check(world_tolerance=0.25, total_tolerance=0.25, residual_share=0.25)
    found = [one.check for one in check_workspace(desk.layout, limits) if one.check != "world_unresolved"]
    assert sorted(found) == checks


def test_a_weight_may_be_zero_and_a_value_may_not(desk: Desk) -> None:
    desk.options = Ingest(columns=("net_weight", "quantity"))
    desk.put([{"netWgt": 0, "qty": 0}])
    desk.ingest()
    path, footer = desk.layout.partition("H4", 2015, 156), desk.footer()
    assert verify_partition(path, footer, path.read_bytes()) == []
    pl.read_parquet(path, hive_partitioning=False).with_columns(value_usd=pl.lit(0.0)).write_parquet(path)
    found = {what for _, what, _ in verify_partition(path, footer, path.read_bytes())}
    assert "values that are not above 0 and finite" in found


@pytest.mark.parametrize(("usd", "checks"), [(20, []), (20.01, ["conflicts"])])
def test_what_repeats_may_lose(desk: Desk, usd: float, checks: list[str]) -> None:
    desk.put([{"primaryValue": 80}, {"primaryValue": usd}])
    desk.ingest()
    assert [one.check for one in check_workspace(desk.layout, Check(conflict_share=0.25))] == checks


@pytest.mark.parametrize(("n", "told"), [(10, 10), (11, 11)])
def test_ten_findings_are_said_and_the_others_counted(tmp_path: Path, n: int, told: int) -> None:
    move = {"classification": "H4", "year": 2015, "reporter": "CHN", "reference": "USA", "before": 0.25}
    large, at_limit = (move | {"after": after} for after in (0.51, 0.5))
    report = RunReport(moves=[large] * n + [at_limit] * 3)
    examine(Layout(tmp_path), report, Check(esi_move=0.25))
    assert len(report.warnings) == told
    assert [one.message for one in report.warnings[10:]] == ["esi_move: 1 more"] * (n - 10)


@pytest.mark.parametrize(
    ("now", "year", "is_said"), [(50.0, 2012, False), (49.9, 2012, True), (49.9, 2011, False)]
)
def test_a_fall_is_seen_against_a_year_up_to_three_back(
    tmp_path: Path, now: float, year: int, is_said: bool
) -> None:
    layout = Layout(tmp_path)
    pl.DataFrame({"reporter": ["CHN"], "year": [year], "exports_usd": [100.0]}).write_parquet(layout.coverage)
    change = {"classification": "H4", "year": 2015, "reporter": "CHN", "exports_usd": now}
    report = RunReport(reporter_years=[change | {"exports_usd_before": None}])
    examine(layout, report, Check(exports_fall=0.5))
    assert len(report.warnings) == is_said


def test_the_twenty_largest_moves_are_kept_and_noise_is_none() -> None:
    names = [f"{n:02}" for n in range(30)]
    before = pl.DataFrame({"reporter": names, "reference": "USA", "esi": 0.0})
    size = [2e-12, 0.5e-12, *(0.01 * n for n in range(1, 29))]
    after = before.with_columns(esi=pl.Series(size))
    moves = largest_moves(before, after, classification="H4", year=2015)
    assert [one["reporter"] for one in moves] == names[:9:-1]
    assert len(merged(moves * 2)) == 20
    few = largest_moves(before[:2], after[:2], classification="H4", year=2015)
    assert [one["reporter"] for one in few] == ["00"]


# Similarities ---------------------------------------------------------------------------------------------------------


def test_who_has_just_enough_products_is_in_every_table(desk: Desk) -> None:
    for reporter, codes in ((156, ("010121", "020110")), (842, ("010121", "020110")), (276, ("010121",))):
        desk.put([{"reporterCode": reporter, "cmdCode": code} for code in codes], f"{reporter}.gz")
    desk.ingest()
    options = similarities(min_products=2)
    compute_esi(desk.layout, options, progress=lambda *_: None)
    for table, value in (("esi", "esi"), ("section_esi", "contribution")):
        rows = pl.read_parquet(desk.layout.yearly(table), hive_partitioning=False).drop_nulls(value)
        assert set(rows.select("reporter", "reference").rows()) == {("CHN", "USA"), ("USA", "CHN")}


# Vintages -------------------------------------------------------------------------------------------------------------


def test_what_is_worth_saying_of_unmatched_values_and_how_many_are_named() -> None:
    said = list(
        absences(
            SimpleNamespace(
                conversions=[], mirrored=[], unreachable={}, unmatched={"CHN 2015": 0.99, "USA 2015": 1.0}
            )
        )
    )
    assert [line.partition(" have no target")[0] for line in said] == ["1 USD of 1 reporter-years"]
    for n, more in ((8, ": a, b, c, d, e, f, g, h; "), (9, ": a, b, c, d, e, f, g, h and 1 more; ")):
        [line] = absences(
            SimpleNamespace(
                conversions=[], mirrored=[], unreachable={"why": list("abcdefghi"[:n])}, unmatched={}
            )
        )
        assert more in line
    for n, more in ((5, "(a, b, c, d, e)"), (6, "(a, b, c, d, e and 1 more)")):
        assert more in Islands({2022: {"H5": list("abcdef"[:n])}}, "H4").lines()[0]


@pytest.mark.parametrize(("share", "is_good"), [(0.5 + 0.9e-9, True), (0.5 - 0.9e-9, True), (0.5 + 1.1e-9, False), (0.5 - 1.1e-9, False)])  # fmt: skip
def test_weights_sum_to_one_within_a_billionth(tmp_path: Path, share: float, is_good: bool) -> None:
    path = tmp_path / "w.csv"
    path.write_text(f"H5,H4,weight\n010121,010121,0.5\n010121,010129,{share!r}\n")
    if is_good:
        assert read_weights(path, nomenclature()).shares.sum() == pytest.approx(1.0, abs=1e-15)
    else:
        with pytest.raises(DataCheckError, match="sum to"):
            read_weights(path, nomenclature())


@pytest.mark.parametrize(("moved", "is_good"), [(0.9e-12, True), (1.2e-12, False)])
def test_conversion_keeps_totals_to_the_last_digits(moved: float, is_good: bool) -> None:
    """Relative to what was filed, its negative values counted as they are large."""
    country = np.zeros(2, dtype=np.int32)
    filed = Filed(country, np.array([0, 1], dtype=np.uint32), np.array([0.75, -0.25]), ["H5"], ["a", "b"])
    converted = filed.usd + np.array([moved, 0.0])
    if is_good:
        _check_totals(filed, country, converted)
    else:
        with pytest.raises(DataCheckError, match="totals moved"):
            _check_totals(filed, country, converted)


# Bands ----------------------------------------------------------------------------------------------------------------


def test_a_band_is_as_wide_as_the_jackknife_says() -> None:
    """Of a mean the jackknife's standard error is s / sqrt(n), by hand."""
    values = np.random.default_rng(2).normal(size=40)
    means = (values.sum() - values) / 39
    low, high = band(values.mean(), means, "jackknife")
    error = values.std(ddof=1) / np.sqrt(40)
    assert (high - values.mean()) / error == pytest.approx(1.95996398454, abs=1e-10)
    assert (values.mean() - low) / error == pytest.approx(1.95996398454, abs=1e-10)


def test_a_bootstrap_band_holds_the_truth_as_often_as_it_says() -> None:
    """95 of 100 times: a band that is too wide fails as one that is too narrow does."""
    rng = np.random.default_rng(3)
    hits = Counter[bool]()
    for _ in range(1000):
        sample = rng.normal(size=50)
        draws = rng.choice(sample, size=(400, 50)).mean(axis=1)
        low, high = band(sample.mean(), draws, "bootstrap")
        hits[bool(low <= 0 <= high)] += 1
    assert 0.92 < hits[True] / 1000 < 0.965
