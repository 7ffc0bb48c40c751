"""Hostile files, the short form of fuzz_flows.py, and bombs."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest

from conftest import Desk, bulk_text
from fuzz_flows import judge, run
from minsum.flows import reader
from minsum_kernels.fields import FieldReader
from trade_files import packed, texts


@pytest.fixture(autouse=True)
def _whole_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give back what the fuzzer sets."""
    monkeypatch.setattr(reader, "BLOCK_BYTES", reader.BLOCK_BYTES)
    monkeypatch.setitem(
        FieldReader.__init__.__kwdefaults__, "room", FieldReader.__init__.__kwdefaults__["room"]
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_files_give_what_they_hold_or_are_rejected(seed: int) -> None:
    found = run(seed, 100)
    assert not [key for key in found if key[1] == "wrong"]
    verdicts = {
        kind: sum(count for key, count in found.items() if key[1] == kind) for kind in ("same", "rejected")
    }
    assert verdicts["same"] > 20
    assert verdicts["rejected"] > 20


@pytest.mark.parametrize("form", texts(random.Random(0)))
def test_good_files_of_every_format_give_what_they_hold(form: str, tmp_path: Path) -> None:
    name, text, how = texts(random.Random(3))[form]
    assert judge(name, packed(text, how), tmp_path).kind == "same"


def test_a_gzip_bomb_of_one_endless_line(desk: Desk) -> None:
    desk.put_bytes(gzip.compress(bulk_text([{}]) + b"9" * 50_000_000), "bomb.gz")
    assert "a line of more than" in desk.ingest().rejected["bomb.gz"][0]


def test_a_gzip_bomb_of_blank_lines(desk: Desk) -> None:
    desk.put_bytes(gzip.compress(bulk_text([{}]) + b"\n" * 50_000_000), "bomb.gz")
    assert "blank lines" in desk.ingest().rejected["bomb.gz"][0]


def test_a_zip_bomb_of_zeros(desk: Desk) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.csv", bulk_text([{}]) + b"\0" * 50_000_000)
    desk.put_bytes(buffer.getvalue(), "bomb.zip")
    assert "a zero byte" in desk.ingest().rejected["bomb.zip"][0]


@pytest.mark.parametrize("removed", [{}, {"flowCode": "MIP"}])
def test_rows_without_end_are_no_reporter_year(
    desk: Desk, removed: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minsum.flows.pending.MAX_PARTITION_ROWS", 1000)
    desk.put([removed] * 1001, "bomb.gz")
    assert "bomb.gz: more than 1,000 rows for one reporter and year" in desk.ingest().rejected["bomb.gz"][0]


def test_reporters_without_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minsum.flows.pending.MAX_PARTITIONS", 100)
    desk.put([{"reporterCode": n + 1} for n in range(101)], "bomb.gz")
    assert "bomb.gz: more than 100 reporters and years" in desk.ingest().rejected["bomb.gz"][0]


def test_a_zip_in_a_zip_is_no_table(desk: Desk) -> None:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", bulk_text([{}]))
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
    desk.put_bytes(outer.getvalue(), "outer.zip")
    assert "outer.zip" in desk.ingest().rejected


def test_a_zip_whose_file_has_no_name(desk: Desk) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.csv", bulk_text([{}]))
    desk.put_bytes(buffer.getvalue().replace(b"data.csv", b"\0ata.csv"), "nameless.zip")
    assert "nameless.zip: corrupt zip" in desk.ingest().rejected["nameless.zip"][0]


def test_a_zip_of_thousands_of_files(desk: Desk) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(2000):
            archive.writestr(f"{n}.csv", bulk_text([{}]))
    desk.put_bytes(buffer.getvalue(), "many.zip")
    assert "expected one file in the zip, found 2000" in desk.ingest().rejected["many.zip"][0]
