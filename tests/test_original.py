"""Whether a reporter-year is in the classification that was filed, or in one that the UN converted it to."""

from __future__ import annotations

import shutil

import polars as pl
import pytest

from conftest import COLUMNS, Desk
from minsum.esi.coverage import write_coverage
from minsum.harmonise.messages import absences
from minsum.settings.check import Check
from minsum.workspace.footers import read_footers
from test_formats import web
from test_harmonise import compute


def is_original(desk: Desk) -> dict[tuple[str, int, str], bool | None]:
    """Classification, year and reporter to what coverage says."""
    desk.ingest()
    write_coverage(desk.layout, read_footers(desk.layout.partitions()), Check())
    coverage = pl.read_parquet(desk.layout.coverage)
    assert coverage.schema["is_original"] == pl.Boolean
    found = coverage.select("classification", "year", "reporter", "is_original").rows()
    return {(kind, year, reporter): value for kind, year, reporter, value in found}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("true", "true"), True), (("False", "FALSE"), False), (("1", "1"), True), (("true", "false"), None),
        (("", ""), None), (("true", ""), None), (("perhaps", "perhaps"), None),
    ],
)  # fmt: skip
def test_a_bulk_file_says_so_in_every_row(desk: Desk, texts: tuple[str, str], expected: bool | None) -> None:
    desk.put(
        [
            {"cmdCode": code, "isOriginalClassification": text}
            for code, text in zip(("010121", "010129"), texts, strict=True)
        ]
    )
    assert is_original(desk) == {("H4", 2015, "CHN"): expected}


def test_a_file_without_the_column_does_not_say(desk: Desk) -> None:
    desk.put([{}], columns=[name for name in COLUMNS if name != "isOriginalClassification"])
    assert is_original(desk) == {("H4", 2015, "CHN"): None}


def test_reporter_years_of_one_download_are_told_apart_and_slices_must_agree(desk: Desk) -> None:
    def of(reporter: int, year: int, said: str) -> dict[str, object]:
        iso = {156: "CHN", 704: "VNM"}[reporter]
        return {
            "reporterCode": reporter,
            "reporterISO": iso,
            "period": year,
            "isOriginalClassification": said,
        }

    desk.put_bytes(web([of(156, 2015, "true"), of(704, 2015, "false"), of(156, 2016, "false")]), "one.csv")
    desk.put_bytes(
        web([of(704, 2015, "false") | {"flowCode": "M"}, of(156, 2016, "true") | {"flowCode": "M"}]),
        "two.csv",
    )
    assert is_original(desk) == {
        ("H4", 2015, "CHN"): True,
        ("H4", 2015, "VNM"): False,
        ("H4", 2016, "CHN"): None,
    }


def test_conversions_beside_filings_that_minsum_converts_are_said(desk: Desk) -> None:
    """The two ways of conversion differ: an old file of the UN's among filings."""
    for reporter, vintage, said in ((156, "H2", "false"), (842, "H5", "true"), (276, "H2", "true")):
        row = {
            "reporterCode": reporter,
            "classificationCode": vintage,
            "period": 2022,
            "isOriginalClassification": said,
        }
        desk.put([row], f"COMTRADE-FINAL-CA{reporter}2022{vintage}[2024-03-10].gz")
    report = compute(desk)
    assert report.conversions == ["CHN 2022"]
    [line] = absences(report)
    assert line.startswith(
        "1 reporter-years are the UN's conversions, compared with filings that minsum converted: CHN 2022;"
    )
    next(desk.inbox.glob("*842*")).unlink()
    shutil.rmtree(desk.layout.partition("H5", 2022, 842).parent)
    assert compute(desk).conversions == []  # all in the target: as the UN has them
