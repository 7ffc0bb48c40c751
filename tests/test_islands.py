"""What is said where HS vintages stay apart, and what the panel takes where they are brought together."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from conftest import Desk
from minsum.errors import SettingsError
from minsum.harmonise.islands import islands
from minsum.pipeline import Workspace
from test_harmonise import put


def fill(desk: Desk) -> None:
    """China files H6, the USA and Germany H5 (China's is there too, converted by the UN), Viet Nam H4."""
    for reporter, vintages in ((156, ("H6", "H5")), (842, ("H5",)), (276, ("H5",)), (704, ("H4",))):
        for vintage in vintages:
            put(desk, reporter, vintage, {"090111": 1.0, "854231": 1.0, "TOTAL": 2.0}, partners=(0, 156, 36))


def workspace_of(desk: Desk, folder: Path, **flags: object) -> Workspace:
    fill(desk)
    work = Workspace(folder, jobs=1, flags=dict(flags)).init()
    work.ingest([desk.inbox])
    work.esi()
    return work


def test_islands_and_the_vintage_that_joins_them() -> None:
    keys = [("H6", 2022, 156), ("H5", 2022, 156), ("H5", 2022, 842), ("H4", 2022, 704), ("H4", 2021, 97)]
    found = islands(keys, groups={97})
    assert found.years == {2022: {"H4": ["VNM"], "H5": ["CHN", "USA"], "H6": ["CHN"]}}
    assert found.target == "H4"
    assert found.lines()[0] == "2022: H4 1 country (VNM); H5 2 countries (CHN, USA); H6 1 country (CHN)"
    assert '[harmonise] target = "H4"' in found.lines()[-1]
    together = islands([("H6", 2022, 156), ("H5", 2022, 156), ("H5", 2022, 842)], groups=())
    assert (together.years, together.target, together.lines()) == ({}, None, [])


@pytest.mark.slow
def test_status_says_who_is_apart(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from minsum.cli import main

    work = workspace_of(desk, tmp_path / "apart")
    status = work.status()
    assert status["islands"]["target"] == "H4"
    assert {one["classification"]: one["esi"] for one in status["years"]} == dict.fromkeys(
        ("H4", "H5", "H6"), "yes"
    )
    with pytest.raises(SystemExit) as ended:
        main(["status", "-w", str(tmp_path / "apart")])
    assert ended.value.code == 0
    assert "Countries are compared only within an HS vintage" in (said := capsys.readouterr().out)
    assert '[harmonise] target = "H4"' in said


def test_growth_names_who_is_on_another_island(desk: Desk, tmp_path: Path) -> None:
    work = workspace_of(desk, tmp_path / "apart")
    [table] = work.growth([], "USA")  # only H5 has two countries
    assert table.title == "Export similarity with USA, H5"
    assert table.notes[-2:] == (
        "no similarity: VNM 2022 (exports in H4).",
        'to compare across vintages: [harmonise] target = "H4" in minsum.toml (docs/vintages.md).',
    )
    advice = table.notes[-1]
    [table] = work.growth(["CHN", "VNM"], ["USA"])
    assert table.notes[-2:] == ("no similarity: VNM (exports in H4 2022).", advice)
    put(desk, 360, "H4", {"090111": 1.0})
    work.ingest([desk.inbox])
    work.esi()
    with pytest.raises(SettingsError) as caught:
        work.growth([], "USA")
    assert "[harmonise] target" in caught.value.hint


@pytest.mark.slow
def test_brought_together_nobody_is_apart(desk: Desk, tmp_path: Path) -> None:
    work = workspace_of(desk, tmp_path / "one", harmonise={"target": "H4"})
    status = work.status()
    assert status["islands"] == {"years": {}, "target": None}
    assert {one["classification"]: one["esi"] for one in status["years"]} == {
        "H4": "yes",
        "H5": "in H4",
        "H6": "in H4",
    }
    assert {one["what"] for one in status["stale"]} == {"report"}  # not made yet
    [table] = work.growth([], "USA")
    assert set(table.frame["reporter"]) == {"CHN", "DEU", "VNM"}
    assert not any("vintage" in note for note in table.notes)
    work.report()
    page = work.layout.page.read_text(encoding="utf-8")
    assert "Every reporter-year was brought to H4" in page
    assert work.status()["stale"] == []


@pytest.mark.slow
def test_the_page_says_who_is_apart(desk: Desk, tmp_path: Path) -> None:
    work = workspace_of(desk, tmp_path / "apart")
    work.report()
    assert "H4 1 country (VNM)" in work.layout.page.read_text(encoding="utf-8")


def test_import_shares_come_from_the_filing_that_counts(desk: Desk, tmp_path: Path) -> None:
    panel = {"reference": "USA", "reporters": ["VNM", "DEU", "CHN"], "bloc": ["CHN"]}
    work = workspace_of(desk, tmp_path / "one", harmonise={"target": "H4"}, panel=panel)
    work.panel()
    rows = pl.read_parquet(work.layout.panel).sort("reporter")
    assert rows["reporter"].to_list() == ["CHN", "DEU", "VNM"]
    assert rows["import_share"].to_list() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(("template", "target"), [("paper", "H2"), ("world", "H2"), ("empty", None)])
def test_templates(template: str, target: str | None, tmp_path: Path) -> None:
    settings = Workspace(tmp_path / "w").init(template).settings
    assert (settings.harmonise and settings.harmonise.target) == target
