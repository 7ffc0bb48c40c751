"""Table 1 for any countries, references and years; the paper's printed values give its growth rates."""

from __future__ import annotations

import csv
import io
import json

import polars as pl
import pytest

from conftest import Desk, minsum
from minsum.countries.paper import PAPER_COUNTRIES
from minsum.errors import UsageError
from minsum.pipeline import Workspace
from minsum.report.growth import PAPER_NOTE, growth_table

# The paper's Table 1, 2006 and 2021, where the printed growth follows from them: percentage points a year.
PRINTED = {"PHL": (0.077, 0.144, 0.44)}


@pytest.fixture
def work(desk: Desk) -> Workspace:
    """Similarity with the USA: China 0, 0.25, 0.75 in 2010, 2012, 2015; Viet Nam 0.5 in 2012 and 2015."""
    baskets = {
        2010: {842: (1, 1), 156: (0, 0, 1)},
        2012: {842: (1, 1), 156: (1, 0, 3), 704: (1,)},
        2015: {842: (1, 1), 156: (1, 2, 1), 704: (1,)},
    }
    for year, by_country in baskets.items():
        for reporter, values in by_country.items():
            rows = [
                {"period": year, "reporterCode": reporter, "cmdCode": code, "primaryValue": value}
                for code, value in zip(("010121", "020110", "030111"), values, strict=False)
            ]
            desk.put(rows, f"COMTRADE-FINAL-CA{reporter:03}{year}H4[2024-03-10].gz")
    work = Workspace(desk.layout.root, jobs=2).init()
    work.ingest([desk.inbox])
    work.esi()
    return work


def test_growth_is_the_mean_yearly_change_in_points(work: Workspace) -> None:
    [table] = work.growth([], "USA")
    assert table.frame.rows() == [("CHN", 0.0, 0.25, 0.75, 15.0), ("VNM", None, 0.5, 0.5, 0.0)]
    assert table.notes[1] == "growth over other years: VNM 2012-2015."
    assert table.name == "growth_USA"


def test_any_countries_references_and_years(work: Workspace) -> None:
    usa, china = work.growth(("VNM", "FRA"), ["USA", "CHN"], years=(2012, 2015))
    assert usa.frame.rows() == [("VNM", 0.5, 0.5, 0.0)]
    assert usa.notes[-1] == "no similarity: FRA (no exports in the workspace)."
    assert china.frame.columns == ["reporter", "2012", "2015", "growth"]
    [table] = work.growth(["VNM", "TWN"], "USA")
    assert table.notes[-1] == "no similarity: S19 (no exports in the workspace)."
    assert "VNM       0.500  0.500   0.000\n" in repr(table)
    assert "<td>&quot;VNM&quot;</td>" in table._repr_html_()
    with pytest.raises(UsageError, match="no similarity with 'nobody'"):
        work.growth([], ["nobody"])


def test_a_country_with_one_year_has_no_growth() -> None:
    values = pl.DataFrame({"reporter": ["A", "A", "B"], "year": [2001, 2002, 2002], "esi": [0.1, None, 0.2]})
    table = growth_table(values, (), "X")
    assert table.frame["growth"].to_list() == [None, None]
    assert table.notes[1:] == ("one year, no growth: A 2001, B 2002.",)


def test_printed_growth_follows_from_the_printed_values() -> None:
    """(.144 - .077) over 15 years is .45 points, printed .44."""
    values = pl.DataFrame(
        [(country, year, value) for country, row in PRINTED.items() for year, value in zip((2006, 2021), row, strict=False)],
        schema=["reporter", "year", "esi"], orient="row",
    )  # fmt: skip
    growth = growth_table(values, (), "high_end").frame["growth"][0]
    assert growth == pytest.approx(0.4467, abs=5e-5)
    assert growth == pytest.approx(PRINTED["PHL"][2], abs=0.01)


def test_the_note_on_the_paper_stands_where_its_countries_stand() -> None:
    values = pl.DataFrame({"reporter": PAPER_COUNTRIES, "esi": [0.1] * 9}).with_columns(year=2006)
    assert PAPER_NOTE in growth_table(values, PAPER_COUNTRIES, "high_end", is_paper=True).notes
    assert PAPER_NOTE not in growth_table(values[1:], PAPER_COUNTRIES, "high_end", is_paper=True).notes
    assert PAPER_NOTE not in growth_table(values, PAPER_COUNTRIES, "high_end").notes, "another study"


def test_growth_on_the_command_line(work: Workspace) -> None:
    folder = work.layout.root
    out = minsum("growth", "CHN", "-r", "USA", "--years", "2010,2015", "-w", folder).stdout
    assert out == "reporter,2010,2015,growth\nCHN,0.0,0.75,15.0\n"
    assert (
        "Export similarity with USA" in minsum("growth", "-r", "USA", "--format", "text", "-w", folder).stdout
    )
    assert minsum("growth", "-r", "nobody", "-w", folder).exit_code == 2


def test_decompose_on_the_command_line(work: Workspace) -> None:
    folder = work.layout.root
    out = minsum("decompose", "CHN", "USA", "--by", "chapter", "--bands", "jackknife", "-w", folder).stdout
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [(row["year"], row["segment"], float(row["contribution"])) for row in rows if row["segment"] == "02"] == [
        ("2010", "02", 0.0), ("2012", "02", 0.0), ("2015", "02", 0.5),
    ]  # fmt: skip
    assert {"low", "high"} <= set(rows[0])
    rows = json.loads(
        minsum("decompose", "CHN", "USA", "--format", "json", "--years", "2015", "-w", folder).stdout
    )
    assert sum(row["contribution"] for row in rows) == 0.75
    table = minsum("decompose", "CHN", "USA", "--format", "text", "-w", folder).stdout
    assert "Similarity of CHN and USA, H4" in table
    assert "total" in table
