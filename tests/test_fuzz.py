"""Hostile files, the short form of fuzz_flows.py, and bombs."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest

from conftest import COLUMNS, Desk, bulk_text
from fuzz_flows import FAULTS, judge, run
from minsum.flows import pending, reader
from minsum_kernels.fields import FieldReader
from naive_flows import read
from trade_files import packed, texts


@pytest.fixture(autouse=True)
def _whole_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give back what the fuzzer sets."""
    monkeypatch.setattr(reader, "BLOCK_BYTES", reader.BLOCK_BYTES)
    monkeypatch.setattr(pending, "SPILL_ROWS", pending.SPILL_ROWS)
    monkeypatch.setitem(
        FieldReader.__init__.__kwdefaults__, "batch_rows", FieldReader.__init__.__kwdefaults__["batch_rows"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_files_give_what_they_hold_or_are_rejected(seed: int) -> None:
    found = run(seed, 30)
    assert not [key for key in found if key[1] in FAULTS]
    verdicts = {
        kind: sum(count for key, count in found.items() if key[1] == kind) for kind in ("same", "rejected")
    }
    assert verdicts["same"] > 8
    assert verdicts["rejected"] > 8


@pytest.mark.parametrize("form", texts(random.Random(0)))
def test_good_files_of_every_format_give_what_they_hold(form: str, tmp_path: Path) -> None:
    name, text, how = texts(random.Random(3))[form]
    assert judge(name, packed(text, how), tmp_path).kind == "same"


_MAY_LACK = ("partner2Code", "customsCode", "mosCode", "motCode")


def _dense(rng: random.Random) -> bytes:
    """Many rows of few cells, so that every repair meets something."""
    odd = ["", "0", "-1", "NaN", "1e300", "0.1", "1e15"]
    values = rng.choice([["5"] * 20, [str(rng.randrange(1, 50)) for _ in range(9)]]) + odd
    choices = {
        "reporterCode": ["156", "156", "36"], "flowCode": ["X", "X", "M", "RX", "FM", "Export", "x"],
        "partnerCode": ["0", "0", "842", "36"], "cmdCode": ["010121", "010190", "9999AA", "TOTAL", "0101", "10121.0", "'010190"],
        "partner2Code": ["0"] * 9 + ["", "36"], "customsCode": ["C00"] * 9 + ["", "C01", "C02"],
        "mosCode": ["0", "-1", "0 ", ""] * 2 + ["1"],
        "motCode": ["0"] * rng.choice([0, 0, 4]) + ["", "1000", "2000", "2100", "2200", "-1"],
        "primaryValue": values,
    }  # fmt: skip
    rows = [
        {name: rng.choice(some) for name, some in choices.items()} for _ in range(rng.choice([20, 60, 400]))
    ]
    return bulk_text(rows, [name for name in COLUMNS if rng.random() < 0.95 or name not in _MAY_LACK])


@pytest.mark.parametrize("seed", range(12))
def test_few_cells_of_many_rows_give_what_the_naive_reader_finds(seed: int, tmp_path: Path) -> None:
    outcome = judge("bulk.txt", _dense(random.Random(seed)), tmp_path)
    assert (outcome.kind, outcome.about) == ("same", "")


def test_they_meet_every_repair() -> None:
    contents = [one for seed in range(12) for one in read(_dense(random.Random(seed)), "bulk.txt").values()]
    assert len({name for content in contents for name in content.repairs}) == 9


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


def test_a_zip_whose_file_has_no_name(desk: Desk) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.csv", bulk_text([{}]))
    desk.put_bytes(buffer.getvalue().replace(b"data.csv", b"\0ata.csv"), "nameless.zip")
    assert "nameless.zip: corrupt archive" in desk.ingest().rejected["nameless.zip"][0]


def test_a_zip_of_thousands_of_files(desk: Desk) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(2000):
            archive.writestr(f"{n}.csv", bulk_text([{}]))
    desk.put_bytes(buffer.getvalue(), "many.zip")
    assert "an archive of 2,000 files" in desk.ingest().rejected["many.zip"][0]
