"""The panel stage: import shares, covariates of other publishers and what is missing, on a hand-made lake."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conftest import NAME, bulk_text
from minsum.errors import DataCheckError, MissingInputError
from minsum.estimate.pair_data import read_pairs
from minsum.pipeline import Workspace
from minsum.workspace.footers import read_footer

pytestmark = pytest.mark.slow

SETTINGS = '[panel]\nreference = "USA"\nreporters = []\nbloc = ["CHN", "VNM"]\n'


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """Three reporters of 2015: CHN buys 100 of 400 from VNM, VNM names no partner, USA buys 60 of 90 from both."""
    workspace = Workspace(tmp_path / "w", jobs=2).init()
    imports = {
        156: {0: 400, 704: 100, 156: 50, 842: 250},
        704: {0: 70},
        842: {0: 90, 156: 40, 704: 20, 392: 30},
    }
    for reporter, partners in imports.items():
        rows: list[dict[str, Any]] = [{"reporterCode": reporter}]
        for code, usd in partners.items():
            row = {"flowCode": "M", "partnerCode": code, "cmdCode": "TOTAL", "primaryValue": usd}
            rows.append({"reporterCode": reporter, **row})
        name = NAME.replace("156", f"{reporter:03d}")
        (workspace.layout.raw / name).write_bytes(gzip.compress(bulk_text(rows)))
    settings = workspace.layout.settings
    settings.write_text(settings.read_text() + SETTINGS)
    workspace.run()
    return workspace


def panel(workspace: Workspace) -> pl.DataFrame:
    return pl.read_parquet(workspace.layout.panel)


def test_import_share_leaves_the_reporter_out_and_is_missing_without_partners(work: Workspace) -> None:
    shares = dict(panel(work).select("reporter", "import_share").iter_rows())
    assert shares == {"CHN": 100 / 400, "VNM": None}
    assert read_footer(work.layout.panel)["missing"] == {"import_share": {"VNM": 1}}


def test_any_reference_and_bloc(work: Workspace) -> None:
    text = work.layout.settings.read_text().replace('reference = "USA"', 'reference = "CHN"')
    work.layout.settings.write_text(text.replace('bloc = ["CHN", "VNM"]', 'bloc = ["JPN"]'))
    again = Workspace(work.layout.root, jobs=2)
    again.panel()
    shares = dict(panel(again).select("reporter", "import_share").iter_rows())
    assert shares == {"USA": 30 / 90, "VNM": None}


def test_covariates_join_and_what_is_missing_is_said(work: Workspace) -> None:
    folder = work.layout.root / "covariates"
    (folder / "WDICSV.csv").write_text(
        "Country Name,Country Code,Indicator Name,Indicator Code,2015\n"
        "Viet Nam,VNM,x,NE.GDI.FTOT.ZS,27.5\nWorld,WLD,x,NE.GDI.FTOT.ZS,25\n"
    )
    (folder / "roads.csv").write_text("iso3,year,roads\nCHN,2015,3\n")
    report = work.panel()
    assert panel(work).columns == ["reporter", "year", "esi", "import_share", "capital", "roads"]
    assert panel(work).select("reporter", "capital", "roads").rows() == [
        ("CHN", None, 3.0),
        ("VNM", 0.275, None),
    ]
    footer = read_footer(work.layout.panel)
    assert footer["missing"] == {"import_share": {"VNM": 1}, "capital": {"CHN": 1}, "roads": {"VNM": 1}}
    assert footer["remarks"] == report.stages[0].summary["remarks"]
    assert "capital: NE.GDI.FTOT.ZS / 100 (WDICSV.csv)" in footer["remarks"]
    assert "capital: 1 of 2 missing (CHN 1)" in footer["remarks"]
    assert "WDICSV.csv: 1 values of 1 places that are not Comtrade reporters (World)" in footer["remarks"]
    assert not work.panel().changed
    (folder / "roads.csv").write_text("iso3,year,roads\nCHN,2015,4\n")
    assert work.panel().changed
    assert panel(work)["roads"].to_list() == [4.0, None]


def test_a_wrong_unit_stops_the_stage_and_leaves_the_panel(work: Workspace) -> None:
    before = work.layout.panel.read_bytes()
    (work.layout.root / "covariates" / "lr.csv").write_text("iso3,year,lr\nCHN,2015,70.5\n")
    with pytest.raises(DataCheckError, match=r"a ratio was expected, .* they look like per cent"):
        work.panel()
    assert work.layout.panel.read_bytes() == before


def test_a_missing_folder_is_named(work: Workspace) -> None:
    (work.layout.root / "covariates").rmdir()
    with pytest.raises(MissingInputError, match=r"covariates: no such folder"):
        work.panel()


def test_a_workspace_named_like_a_pattern(work: Workspace, tmp_path: Path) -> None:
    """`Mémoire [2024] v1` stands for `Mémoire 2 v1` too, whose files are others."""
    before = work.layout.panel.read_bytes()
    folder = tmp_path / "Mémoire [2024] v1"
    shutil.copytree(work.layout.root, folder)
    (tmp_path / "Mémoire 2 v1").mkdir()
    (folder / "panel.parquet").unlink()
    named = Workspace(folder, jobs=2)
    assert named.panel().changed
    assert named.layout.panel.read_bytes() == before


def test_a_country_under_two_codes_is_one_row(tmp_path: Path) -> None:
    """Sudan's old code beside the new: the one in use today counts, as reporter and as reference, and it is said."""
    workspace = Workspace(tmp_path / "w", jobs=2).init()
    rows = ["t,i,j,k,v,q"]
    for exporter, values in {"842": (6, 4), "729": (1, 9), "736": (5, 5), "276": (3, 7)}.items():
        rows += [
            f"2012,{exporter},36,{code},{v},1" for code, v in zip(("010121", "090111"), values, strict=True)
        ]
    (workspace.layout.raw / "BACI_HS07_Y2012_V202401.csv").write_text("\n".join(rows) + "\n")
    settings = workspace.layout.settings
    before = settings.read_text()
    for reference, expected in (("USA", [("DEU", 0.7), ("SDN", 0.5)]), ("SDN", [("DEU", 0.8), ("USA", 0.5)])):
        settings.write_text(f'{before}[panel]\nreference = "{reference}"\nreporters = []\n')
        made = Workspace(workspace.layout.root, jobs=2)
        made.run()
        found = panel(made).select("reporter", "esi")
        assert [(label, round(esi, 12)) for label, esi in found.iter_rows()] == expected
        said = "SDN 2012: codes 729 and 736 carry this label; 729 is shown."
        assert said in read_footer(made.layout.panel)["remarks"]
    pairs, notes = read_pairs(made.layout.yearly("esi"), made.layout.country_years)
    assert len(pairs) == 6
    assert pairs.select("reporter", "reference").unique().height == 6
    assert [round(one, 12) for one in pairs.filter(reporter="SDN", reference="USA")["esi"]] == [0.5]
    assert notes == [said]
