"""Whether a reporter-year is in the classification that was filed, or in one that the UN converted it to."""

from __future__ import annotations

import polars as pl
import pytest

from conftest import COLUMNS, Desk
from minsum.coverage import write_coverage
from minsum.workspace import read_footers
from test_formats import web


def is_original(desk: Desk) -> dict[tuple[str, int, str], bool | None]:
    """Classification, year and reporter to what coverage says."""
    desk.ingest()
    write_coverage(desk.layout, read_footers(desk.layout.partitions()))
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
