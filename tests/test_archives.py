"""Archives: of several files, in each other, of every packing; what accompanies tables is passed over, nothing else."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import pytest

from conftest import NAME, Desk, bulk_text
from minsum import scan
from minsum.sources.compression import MAX_INNER_BYTES
from test_covariates import workbook
from test_formats import HORSES, web
from test_shapes import FIELDS, RECORD, TRIMMED

USA = "COMTRADE-FINAL-CA8422015H4[2024-03-10].gz"
TEXT, OTHER = bulk_text([{}]), bulk_text([{"reporterCode": 842}])
GZ, OTHER_GZ = gzip.compress(TEXT), gzip.compress(OTHER)


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def tarred(files: dict[str, bytes], how: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=how, format=tarfile.GNU_FORMAT) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


BOTH = {NAME: GZ, USA: OTHER_GZ}
JUNK = {"__MACOSX/._data.csv": b"\0\5\x16\7", "d/.DS_Store": b"\0\0\0\1Bud1", "Thumbs.db": b"\xd0\xcf\x11\xe0", "readme.txt": b"read me\n",
        "notes.pdf": b"%PDF-1.7\n", "map.png": b"\x89PNG\r\n\x1a\n"}  # fmt: skip
ONE = {
    "zip of gz": zipped({NAME: GZ}),
    "tar of gz": tarred({NAME: GZ}),
    "tar.gz": tarred({"a.txt": TEXT}, "w:gz"),
    "tar.bz2": tarred({"a.txt": TEXT}, "w:bz2"),
    "tar.xz": tarred({"a.txt": TEXT}, "w:xz"),
    "bz2": bz2.compress(TEXT),
    "xz": lzma.compress(TEXT),
    "gz of gz": gzip.compress(GZ),
    "zip in zip": zipped({"inner.zip": zipped({"a.txt": TEXT})}),
    "zip in zip in tar.gz": tarred({"b.zip": zipped({"inner.zip": zipped({"a.txt": TEXT})})}, "w:gz"),
    "zip with what macOS adds": zipped(
        {"d/": b"", "d/data.csv": TEXT, "__MACOSX/d/._data.csv": b"\0\5\x16\7", "d/.DS_Store": b"x"}
    ),
}
SEVERAL = {
    "two gz in a zip": zipped(BOTH),
    "two gz in a tar": tarred(BOTH),
    "tar.gz of two gz": tarred(BOTH, "w:gz"),
    "zip of zips": zipped({"a.zip": zipped({NAME: GZ}), "b.zip": zipped({USA: OTHER_GZ})}),
    "zip of a zip of two": zipped({"inner.zip": zipped(BOTH)}),
    "folders with files of one name": zipped({"CHN/data.txt": TEXT, "USA/data.txt": OTHER}),
    "junk beside": zipped(BOTH | JUNK),
}


@pytest.mark.parametrize("how", ONE)
def test_an_archive_of_one_table_is_that_table(desk: Desk, how: str) -> None:
    path = desk.put_bytes(ONE[how], "file.bin")
    report = desk.ingest()
    assert (report.added, report.rejected) == (["file.bin"], {})
    assert desk.rows() == HORSES
    assert desk.ingest().unchanged == ["file.bin"]
    assert scan(path).collect().height == 1


@pytest.mark.parametrize("how", SEVERAL)
def test_each_table_of_an_archive_is_a_source_of_its_own(desk: Desk, how: str) -> None:
    desk.put_bytes(SEVERAL[how], "file.bin")
    report = desk.ingest()
    assert (len(report.added), report.rejected) == (2, {})
    assert len(set(report.added)) == 2
    assert all(name.endswith(" in file.bin") for name in report.added)
    assert desk.rows() == desk.rows(reporter=842) == HORSES
    again = desk.ingest()
    assert (sorted(again.unchanged), again.copies) == (sorted(report.added), {})


def test_the_name_of_the_only_file_says_what_the_archive_does_not(desk: Desk) -> None:
    desk.put_bytes(zipped({NAME: GZ}), "download.zip")
    desk.ingest()
    assert desk.footer()["sources"][0]["published"] == "2024-03-10"
    desk.put_bytes(zipped({USA: GZ}), "download (1).zip")
    assert "156 in the rows, 842 in the file's name" in desk.ingest().rejected["download (1).zip"][0]


def test_a_file_called_as_the_archive_in_which_it_is(desk: Desk) -> None:
    desk.put_bytes(zipped({"a.gz": zipped({"a.gz": GZ, "b.gz": OTHER_GZ})}), "all.zip")
    assert sorted(desk.ingest().added) == ["a.gz in all.zip", "b.gz in all.zip"]


def test_a_table_that_nearly_fits_is_told_and_not_passed_over(desk: Desk) -> None:
    near = TRIMMED.replace(b"primaryValue", b"value")
    files = {NAME: GZ, "near.csv": near, "data.parquet": b"PAR1\x15\x04", "codes.csv": b"code,name\n1,a\n"}
    desk.put_bytes(zipped(files), "file.zip")
    rejected = desk.ingest().rejected
    assert sorted(rejected) == ["data.parquet in file.zip", "near.csv in file.zip"]
    assert "without primaryValue" in rejected["near.csv in file.zip"][0]
    assert "a Parquet file" in rejected["data.parquet in file.zip"][0]


def test_an_archive_of_tables_that_nearly_fit_tells_each(desk: Desk) -> None:
    twice = TRIMMED.replace(b"primaryValue", b"cmdCode")
    desk.put_bytes(
        zipped({"a.csv": TRIMMED.replace(b"primaryValue", b"x"), "b.csv": twice, "c.txt": b"c"}), "file.zip"
    )
    rejected = desk.ingest().rejected
    assert sorted(rejected) == ["a.csv in file.zip", "b.csv in file.zip"]
    assert "without primaryValue" in rejected["a.csv in file.zip"][0]


def test_tables_of_several_kinds_in_one_archive(desk: Desk) -> None:
    row = [2015, 842, "X", 0, "H4", "010121", 100]
    files = {
        "a.csv": web([{}]),
        "b.xlsx": workbook({"s": [FIELDS, row]}),
        "c/d.csv": TRIMMED.replace(b"156", b"36").decode().encode("utf-16"),
    }
    desk.put_bytes(zipped(files), "file.zip")
    assert desk.ingest().rejected == {}
    assert desk.rows() == desk.rows(reporter=842) == desk.rows(reporter=36) == HORSES
    assert RECORD["reporterCode"] == 156


def test_an_archive_without_a_table_says_what_is_in_it(desk: Desk) -> None:
    desk.put_bytes(zipped({"a.txt": b"a", "b.txt": b"b"}), "file.zip")
    desk.put_bytes(zipped({}) + b"", "empty.zip")
    desk.put_bytes(zipped({"a.pdf": b"%PDF-1.7\n"}), "pdf.zip")
    rejected = desk.ingest().rejected
    assert "an archive of 2 files without a table that minsum reads: a.txt, b.txt" in rejected["file.zip"][0]
    assert "an empty or split zip" in rejected["empty.zip"][0]
    assert "a PDF, not a table" in rejected["pdf.zip"][0]


def test_a_damaged_file_in_an_archive_is_rejected_and_the_others_are_read(desk: Desk) -> None:
    desk.put_bytes(zipped({NAME: GZ, USA: OTHER_GZ[:-9]}), "file.zip")
    report = desk.ingest()
    assert report.added == [f"{NAME} in file.zip"]
    assert "truncated" in report.rejected[f"{USA} in file.zip"][0]


@pytest.mark.parametrize(
    "content", [tarred(BOTH, "w:gz")[:-60], tarred(BOTH)[:700], zipped({"a.zip": zipped(BOTH)[:-30]})]
)
def test_archives_that_are_cut(desk: Desk, content: bytes) -> None:
    desk.put_bytes(content, "file.bin")
    (reason, _), *others = desk.ingest().rejected.values()
    assert "truncated" in reason or "corrupt" in reason
    assert not others


def test_archives_without_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    content = TEXT
    for _ in range(7):
        content = gzip.compress(content)
    desk.put_bytes(content, "deep.gz")
    monkeypatch.setattr("minsum.sources.compression.MAX_INNER_BYTES", 100)
    desk.put_bytes(tarred({"a.txt": TEXT}, "w:gz"), "large.tar.gz")
    rejected = desk.ingest().rejected
    assert "more than 6 archives in each other" in rejected["deep.gz"][0]
    assert "inside another packing" in rejected["large.tar.gz"][0]
    assert MAX_INNER_BYTES == 512 << 20


@pytest.mark.parametrize("kept", [0, 100])
def test_a_tar_that_is_cut_between_its_files(desk: Desk, kept: int) -> None:
    whole = tarred({"a.txt": TEXT, "b.txt": OTHER})
    second = whole.index(b"b.txt")
    desk.put_bytes(whole[: second + kept], "cut.tar")
    assert "truncated" in desk.ingest().rejected["cut.tar"][0]


def test_one_name_twice_in_an_archive(desk: Desk) -> None:
    desk.put_bytes(tarred({"a.txt": TEXT}) + b"", "file.tar")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for content in (TEXT, OTHER):
            member = tarfile.TarInfo("a.txt")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    desk.put_bytes(buffer.getvalue(), "twice.tar")
    assert "two files in the archive have the name a.txt" in desk.ingest().rejected["twice.tar"][0]
