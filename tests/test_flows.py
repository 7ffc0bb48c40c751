"""Sources: what is accepted, skipped, replaced and rejected, and that bad ones leave the rest intact."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from conftest import NAME, Desk, bulk_text
from minsum.errors import UsageError
from minsum.flows.cells import in_order
from minsum.flows.lake import as_parts
from minsum.workspace.layout import Layout
from minsum.workspace.publish import ROW_GROUP_ROWS, publish_parts

LATER = "COMTRADE-FINAL-CA1562015H4[2024-06-01].gz"
OTHER = "COMTRADE-FINAL-CA3602015H4[2024-03-10].gz"


def test_second_ingest_changes_nothing(desk: Desk) -> None:
    desk.put([{}])
    assert desk.ingest().added == [NAME]
    before = desk.lake()
    report = desk.ingest()
    assert (report.added, report.unchanged, report.n_partitions) == ([], [NAME], 0)
    assert desk.lake() == before


def test_a_copy_under_another_name_is_recognised(desk: Desk) -> None:
    desk.put([{}])
    desk.ingest()
    before = desk.lake()
    desk.put([{}], "copy of the same.gz")
    assert desk.ingest().copies == {"copy of the same.gz": NAME}
    assert desk.lake() == before


def test_the_later_publication_replaces_the_earlier_whole(desk: Desk) -> None:
    desk.put([{}, {"cmdCode": "010190"}])
    desk.ingest()
    desk.put([{"primaryValue": 180}], LATER)
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 180.0, False)]
    assert [one["name"] for one in desk.footer()["superseded"]] == [NAME]


def test_order_of_publications_does_not_matter(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes to be known of an earlier publication goes into the footer; the rows are not written again."""
    earlier, later = desk.put([{}, {"cmdCode": "010190"}]), desk.put([{"primaryValue": 180}], LATER)
    desk.ingest(later)
    with monkeypatch.context() as patched:
        patched.delattr("minsum.flows.lake.publish_parts")
        patched.delattr("minsum.flows.lake.read_rows")
        report = desk.ingest(earlier)
    assert report.superseded == [NAME]
    other = Desk(tmp_path_factory.mktemp("other"))
    other.ingest(earlier, later)
    assert desk.lake() == other.lake()
    assert set(desk.ingest().unchanged) == {NAME, LATER}


def test_new_content_under_the_same_name_replaces_the_old(desk: Desk) -> None:
    desk.put([{}])
    desk.ingest()
    desk.put([{"primaryValue": 80}])
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 80.0, False)]


@pytest.mark.slow
def test_result_does_not_depend_on_jobs(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    for reporter in range(100, 130):
        rows = [
            {"reporterCode": reporter, "cmdCode": f"01{n:04}", "partnerCode": n % 7, "primaryValue": n / 7}
            for n in range(300)
        ]
        desk.put(rows, f"COMTRADE-FINAL-CA{reporter}2015H4[2024-03-10].gz")
    desk.ingest(jobs=1)
    other = Desk(tmp_path_factory.mktemp("other"))
    other.ingest(desk.inbox, jobs=7)
    assert desk.lake() == other.lake()


@pytest.mark.parametrize("pack", ["gzip", "zip", "plain", "bom", "blank lines"])
def test_containers_and_marks(desk: Desk, pack: str) -> None:
    text = bulk_text([{}])
    if pack == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("../../evil/name.txt", text)
        desk.put_bytes(buffer.getvalue(), "file.zip")
    elif pack == "gzip":
        desk.put_bytes(gzip.compress(text), "file.gz")
    else:
        desk.put_bytes(
            {"plain": text, "bom": b"\xef\xbb\xbf" + text, "blank lines": text + b"\n\n"}[pack], "file.txt"
        )
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 100.0, False)]


@cache
def bad_inputs() -> dict[str, tuple[str, bytes, str]]:
    good = gzip.compress(
        bulk_text([{"reporterCode": 360, "cmdCode": f"01{n:04}"} for n in range(2000)]), mtime=0
    )
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 0xFF
    text = bulk_text([{"reporterCode": 360}])
    return {
        "truncated gzip": (OTHER, good[:-200], "truncated"),
        "truncated trailer": (OTHER, good[:-3], "truncated"),
        "flipped byte": (OTHER, bytes(flipped), "corrupt|fields|lines"),
        "wrong checksum": (OTHER, good[:-8] + bytes([good[-8] ^ 1]) + good[-7:], "corrupt"),
        "empty file": (OTHER, b"", "the file is empty"),
        "empty gzip": (OTHER, gzip.compress(b""), "no header line"),
        "header only": (OTHER, gzip.compress(bulk_text([])), "no rows"),
        "web page": (OTHER, b"<!DOCTYPE html><html><body>Error 500</body></html>", "a web page"),
        "web page in gzip": (OTHER, gzip.compress(b"<html></html>"), "a web page"),
        "unknown header": ("notes.csv", b"a,b,c\n1,2,3\n", "fits no format.*'a,b,c'"),
        "reporter contradicts the name": (OTHER, gzip.compress(bulk_text([{}])), "reporterCode 156 in the rows, 360 in the file's name"),
        "period contradicts the name": (OTHER, gzip.compress(bulk_text([{"reporterCode": 360, "period": 2016}])), "period 2016 in the rows, 2015"),
        "monthly": ("m.gz", gzip.compress(bulk_text([{"period": 201501}])), "201501 is not a year"),
        "SITC": ("s.gz", gzip.compress(bulk_text([{"classificationCode": "S2"}])), "classification 'S2'"),
        "short line": (OTHER, gzip.compress(text[:-20] + b"\n"), "line 2: too few fields: 27, where the header has 34"),
        "text in a number": (OTHER, gzip.compress(bulk_text([{"reporterCode": 360, "primaryValue": "12x"}])), "primaryValue"),
        "no reporter": ("r.gz", gzip.compress(bulk_text([{"reporterCode": ""}])), "without reporter"),
        "partner out of range": ("p.gz", gzip.compress(bulk_text([{"partnerCode": -4}])), "partner code"),
        "endless line": ("e.gz", gzip.compress(bulk_text([{}]) + b"9" * 20_000_000), "a line of more than"),
        "two files in a zip": ("two.zip", two_in_a_zip(), "an archive of 2 files without a table that minsum reads: a.txt, b.txt"),
    }  # fmt: skip


def two_in_a_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "a")
        archive.writestr("b.txt", "b")
    return buffer.getvalue()


@pytest.mark.parametrize("case", bad_inputs())
def test_a_bad_source_is_rejected_by_name_and_reason_and_the_rest_stays(desk: Desk, case: str) -> None:
    name, content, reason = bad_inputs()[case]
    desk.put([{}])
    desk.ingest()
    before = desk.lake()
    desk.put_bytes(content, name)
    report = desk.ingest()
    assert list(report.rejected) == [name]
    message, hint = report.rejected[name]
    assert name in message
    assert hint
    assert re.search(reason, message)
    assert desk.lake() == before


def test_a_rejected_source_is_remembered_and_forgotten_when_mended(desk: Desk) -> None:
    desk.put_bytes(b"", NAME)
    assert NAME in desk.ingest().rejected
    assert NAME in desk.ingest().rejected
    desk.put([{}])
    assert desk.ingest().rejected == {}
    assert not list(desk.layout.rejected.glob("*"))


def test_a_broken_later_publication_leaves_the_earlier_one(desk: Desk) -> None:
    desk.put([{}])
    desk.ingest()
    desk.put_bytes(gzip.compress(bulk_text([{}] * 500))[:-30], LATER)
    assert LATER in desk.ingest().rejected
    assert desk.rows() == [("X", 0, "010121", 100.0, False)]


def test_row_groups_tell_their_flow_partners_and_products(tmp_path: Path) -> None:
    """A reader of one flow, partner or product skips the groups without it; World's exports and imports are groups of their own."""
    flows, n_partners, n_products = ["DX", "M", "X"], 40, 1_000
    n_rows = len(flows) * n_partners * n_products
    rows = in_order(pl.DataFrame({
        "flow": pl.Series(np.repeat(flows, n_partners * n_products), dtype=pl.Categorical),
        "partner_code": np.tile(np.repeat(np.arange(n_partners, dtype=np.int32), n_products), len(flows)),
        "product_code": pl.Series([f"{n:06}" for n in range(n_products)] * (n_rows // n_products), dtype=pl.Categorical),
        "value_usd": np.ones(n_rows),
    })).drop("cell")  # fmt: skip
    path = tmp_path / "flows.parquet"
    publish_parts(as_parts(rows), path, footer={}, layout=Layout(tmp_path))
    file = pq.ParquetFile(path)
    told, found = [], []
    for group in range(file.num_row_groups):
        columns, table = file.metadata.row_group(group), file.read_row_group(group)
        told.append([(one.min, one.max) for one in (columns.column(place).statistics for place in range(3))])
        found.append(
            [(min(one), max(one)) for one in (table.column(place).to_pylist() for place in range(3))]
        )
    assert told == found
    assert [group[0] for group in told if group[1] == (0, 0)] == [("M", "M"), ("X", "X")]
    assert (
        max(file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)) == ROW_GROUP_ROWS
    )
    assert len(as_parts(rows.gather_every(8))) == 1


def test_no_such_folder(desk: Desk) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        desk.ingest(desk.inbox / "nowhere")


LEGACY = (
    "Classification,Period,Trade Flow Code,Reporter Code,Partner Code,2nd Partner Code,Customs Proc. Code,"
    "Mode of Transport Code,Commodity Code,Commodity,Is Leaf Code,Trade Value (US$),Flag"
)


def legacy(*rows: str) -> bytes:
    return "\r\n".join([LEGACY, *rows, ""]).encode()


def test_legacy_web_slices_add_up_and_overlaps_are_not_summed(desk: Desk) -> None:
    first = 'H4,2015,2,156,0,,,,010121,"Horses; live, pure-bred",0,100,0'
    second = "H4,2015,1,156,0,,,,010190,Mules,1,30,0"
    desk.put_bytes(legacy(first), "exports.csv")
    desk.ingest()
    desk.put_bytes(legacy(first, second), "both.csv")
    desk.ingest()
    assert desk.rows() == [("M", 0, "010190", 30.0, False), ("X", 0, "010121", 100.0, False)]
    assert desk.footer()["repairs"] == {"duplicates": {"rows": 1, "usd": 100.0}}
    assert set(desk.ingest().unchanged) == {"exports.csv", "both.csv"}


def test_legacy_codes_that_lost_a_zero_are_padded_and_counted(desk: Desk) -> None:
    desk.put_bytes(legacy("H4,2015,2,156,0,,,,10121,Horses,1,100,0"), "excel.csv")
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 100.0, False)]
    assert desk.footer()["sources"][0]["mended"]["codes_padded"]["rows"] == 1


def test_a_slice_is_never_taken_for_the_world(desk: Desk) -> None:
    desk.put_bytes(legacy("H4,2015,2,156,842,,,,010121,Horses,1,100,0"), "to-usa.csv")
    desk.ingest()
    assert desk.rows() == [("X", 842, "010121", 100.0, False)]


def test_latin1_text_is_read(desk: Desk) -> None:
    row = "H4,2015,2,156,0,,,,010121,Chevaux \xe9lev\xe9s,1,100,0".encode("latin-1")
    desk.put_bytes(LEGACY.encode() + b"\r\n" + row + b"\r\n", "latin.csv")
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 100.0, False)]


BACI = "BACI_HS12_Y2015_V202301.csv"


def test_baci_is_in_thousands_mirrored_and_summed_to_world_and_total(desk: Desk) -> None:
    desk.put_bytes(b"t,i,j,k,v,q\n2015,156,842,10121,1.5,           NA\n2015,156,36,010190,2,  1.0\n", BACI)
    desk.put_bytes(b"country_code,country_name\n4,Afghanistan\n", "country_codes_V202301.csv")
    report = desk.ingest()
    assert report.passed_over == ["country_codes_V202301.csv"]
    assert desk.rows() == [
        ("X", 0, "010121", 1500.0, False),
        ("X", 0, "010190", 2000.0, False),
        ("X", 0, "TOTAL", 3500.0, False),
        ("X", 36, "010190", 2000.0, False),
        ("X", 36, "TOTAL", 2000.0, False),
        ("X", 842, "010121", 1500.0, False),
        ("X", 842, "TOTAL", 1500.0, False),
    ]
    assert desk.rows(reporter=842) == [
        ("M", 0, "010121", 1500.0, False),
        ("M", 0, "TOTAL", 1500.0, False),
        ("M", 156, "010121", 1500.0, False),
        ("M", 156, "TOTAL", 1500.0, False),
    ]


def test_baci_under_another_name_needs_its_vintage(desk: Desk) -> None:
    desk.put_bytes(b"t,i,j,k,v,q\n2015,156,842,010121,1.5,NA\n", "mine.csv")
    message, hint = desk.ingest().rejected["mine.csv"]
    assert "HS vintage" in message
    assert "--classification" in hint


def test_two_publishers_are_never_mixed(desk: Desk) -> None:
    desk.put([{}])
    desk.ingest()
    before = desk.lake()
    desk.put_bytes(b"t,i,j,k,v,q\n2015,156,842,010121,1.5,NA\n", BACI)
    message, _ = desk.ingest().rejected[BACI]
    assert "CEPII BACI data for reporter 156, 2015, H4" in message
    assert desk.lake() == before


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_of_two_publishers_in_one_run_the_first_named_is_kept(desk: Desk, jobs: int) -> None:
    """However long each takes to read."""
    rows = b"".join(b"2015,156,842,01%04d,1.5,NA\n" % n for n in range(9_000))
    desk.put_bytes(b"t,i,j,k,v,q\n" + rows, BACI)
    desk.put([{}])
    report = desk.ingest(jobs=jobs)
    assert [*report.rejected] == [NAME]
    assert report.added == [BACI]


def test_places_of_categories_outlive_the_columns_that_had_them() -> None:
    """Places are remembered from file to file: they must not come to stand for other texts meanwhile."""
    code = (
        "import gc, polars as pl, minsum.flows.repairs\n"
        "def place(*texts): return pl.Series(texts, dtype=pl.Categorical).to_physical()[-1]\n"
        "before = place('010121')\n"
        "gc.collect()\n"
        "assert place('H4', 'X', '010121') == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_of_values_next_to_nothing_there_is_no_ratio(desk: Desk) -> None:
    desk.put([{"cmdCode": "TOTAL", "primaryValue": 5e-324}, {"primaryValue": 1e9}])
    assert desk.ingest().added == [NAME]
    assert desk.footer()["checks"]["X"]["total_vs_products"] is None
