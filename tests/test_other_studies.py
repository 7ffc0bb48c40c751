"""Studies other than the paper's: nothing of the paper in them, unknown values refused, folders under any name."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import polars as pl
import pytest

import sketches
from conftest import Desk, bulk_text, minsum
from minsum.errors import SettingsError, UsageError
from minsum.inspect.status import read_status
from minsum.pipeline import Workspace
from minsum.report.choice import read_shown
from minsum.report.options import PageOptions
from minsum.settings.load import Settings, load_settings
from minsum.workspace.footers import read_footer
from minsum.workspace.similarities import one_row_a_country, preferred_codes
from test_absent_references import put, world
from test_docs import baci_files

PAPER_WORDS = ("the paper", "asean", "high_end")


@pytest.mark.parametrize("template", ["empty", "world"])
def test_only_the_paper_s_settings_know_of_the_paper(tmp_path: Path, template: str) -> None:
    work = Workspace(tmp_path / "w").init(template)
    text = work.layout.settings.read_text().casefold()
    assert [word for word in PAPER_WORDS if word in text] == []
    assert work.settings.esi.references == {}
    assert not work.settings.report.paper_notes
    paper = Workspace(tmp_path / "p").init("paper").settings
    assert list(paper.esi.references) == ["high_end"]
    assert paper.panel is not None
    assert len(paper.panel.bloc) == 11
    assert paper.report.paper_notes


@pytest.mark.slow
def test_a_plain_workspace_shows_the_largest_exporter_first(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    Workspace(folder).init()
    world(folder, (), "only")
    result = minsum("run", "-w", folder)
    assert result.exit_code == 0
    [shown] = read_shown(Workspace(folder).layout, PageOptions(Settings()))
    coverage = pl.read_parquet(folder / "coverage.parquet")
    assert shown.choice.reference == coverage.sort("exports_usd")["reporter"][-1]
    page = (folder / "report" / "index.html").read_text().casefold()
    said = page.partition('<script type="application/json"')[0]
    assert [word for word in PAPER_WORDS if word in said] == []


@pytest.mark.slow
def test_a_panel_of_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    Workspace(folder).init()
    world(folder, (), "only")
    settings = folder / "minsum.toml"
    settings.write_text("[panel]\n")
    refused = minsum("run", "-w", folder)
    assert refused.exit_code == 2
    assert "[panel] names no reference" in refused.stderr
    settings.write_text('[panel]\nreference = "USA"\n')
    assert minsum("run", "-w", folder).exit_code == 0
    assert pl.read_parquet(folder / "panel.parquet").columns == ["reporter", "year", "esi"]
    footer = read_footer(folder / "panel.parquet")
    assert footer["countries"] == ["CHN", "DEU", "VNM"]
    assert footer["remarks"] == [], "variables that nobody asked for are not missed"
    settings.write_text('[panel]\nreference = "USA"\n[panel.variables]\nroads = { indicator = "IS.ROD" }\n')
    minsum("run", "-w", folder)
    [line] = read_footer(folder / "panel.parquet")["remarks"]
    assert line.startswith("roads: absent")
    settings.write_text('[panel]\n[esi.references.big]\nmembers = ["USA", "DEU"]\n')
    assert minsum("run", "-w", folder).exit_code == 0, "the only composite is the reference"
    assert read_footer(folder / "panel.parquet")["options"]["reference"] == "big"


@pytest.mark.slow
def test_import_share_says_its_bloc_wherever_it_is_shown(finished_world: Workspace) -> None:
    note = "import_share: imports from CHN, BRN, KHM, IDN, LAO, MYS, MMR, PHL, SGP, THA, VNM, the country itself left out"
    tables = {table.name: table for table in finished_world.tables()}
    for name in ("table2", "table3"):
        assert any(line.startswith(note) for line in tables[name].notes), name
    assert not any(line.startswith(note) for line in tables["table1"].notes)
    assert note in minsum("status", "-w", finished_world.layout.root).stdout
    assert note in (finished_world.layout.tables / "table3.txt").read_text()
    page = finished_world.layout.page.read_text()
    assert f'<p class="note">{note}' in page.partition('id="estimates"')[2]
    assert (
        "import_share: imports from CHN, BRN" in (finished_world.layout.tables / "estimates.svg").read_text()
    )


@pytest.mark.slow
@pytest.mark.parametrize(("country", "usd", "share", "remark"), [
    (156, {0: [("TOTAL", 400)], 704: [("TOTAL", 100)]}, 0.25, None),
    (156, {0: [("010121", 300), ("020110", 100)], 704: [("010121", 100)], 276: [("020110", 300)]}, 0.25, "from the products"),
    (156, {0: [("010121", 300), ("02", 700)], 704: [("010121", 75), ("02", 700)]}, 0.25, "from the products"),
    (156, {0: [("010121", 300)]}, None, "imports from the World only, without partners"),
    (156, {}, None, "no imports in the data"),
])  # fmt: skip
def test_import_share_without_total(
    tmp_path: Path,
    country: int,
    usd: dict[int, list[tuple[str, float]]],
    share: float | None,
    remark: str | None,
) -> None:
    """From TOTAL, or from the finest products, or missing with a reason."""
    folder = tmp_path / "w"
    Workspace(folder).init()
    put(folder, "USA", 2015)
    rows: list[dict[str, object]] = [{"reporterCode": country}]
    rows += [
        {
            "reporterCode": country,
            "flowCode": "M",
            "partnerCode": partner,
            "cmdCode": code,
            "primaryValue": value,
        }
        for partner, cells in usd.items()
        for code, value in cells
    ]
    (folder / "raw" / "COMTRADE-FINAL-CA1562015H4[2024-03-10].gz").write_bytes(gzip.compress(bulk_text(rows)))
    (folder / "minsum.toml").write_text('[panel]\nreference = "USA"\nbloc = ["VNM"]\n')
    assert minsum("run", "-w", folder).exit_code in (0, 3)
    assert pl.read_parquet(folder / "panel.parquet")["import_share"].to_list() == [share]
    remarks = read_footer(folder / "panel.parquet")["remarks"]
    assert any(f"import_share: {remark}" in one for one in remarks) == (remark is not None)


@pytest.mark.slow
@pytest.mark.parametrize(("argument", "words"), [
    ({"by": "products"}, "by='products' is not known"),
    ({"by": "sections"}, "did you mean 'section'?"),
    ({"bands": "boostrap"}, "did you mean 'bootstrap'?"),
])  # fmt: skip
def test_unknown_values_of_arguments_are_refused(
    finished_world: Workspace, argument: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError) as refused:
        finished_world.decompose("VNM", "USA", **argument)  # type: ignore[arg-type]
    assert words in f"{refused.value.message}. {refused.value.hint}"


def test_jobs_below_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="jobs=0"):
        Workspace(tmp_path / "w", jobs=0)


def test_an_unknown_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="template='papr' is not known"):
        Workspace(tmp_path / "w").init("papr")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(
    "address", ["ftp://bucket/study", "https://example.org/x", "file:///tmp/x", "hdfs:/c"]
)
def test_addresses_are_refused_and_make_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert minsum("init", "here").exit_code == 0
    for arguments in (
        ["init", address], ["demo", address], ["synth", address], ["run", "-w", address],
        ["ingest", "-w", "here", address], ["estimate", "-w", "here", address],
    ):  # fmt: skip
        result = minsum(*arguments)
        assert result.exit_code == 2, arguments
        assert address in result.stderr
    for call in (
        lambda: Workspace(address), lambda: Workspace("here").ingest([address]),
        lambda: Workspace("here").estimate(address),
    ):  # fmt: skip
        with pytest.raises(UsageError, match="address"):
            call()
    (tmp_path / "here" / "minsum.toml").write_text(f'[panel]\nreference = "USA"\ncovariates = "{address}"\n')
    with pytest.raises(SettingsError, match="no folder of this machine"):
        load_settings(tmp_path / "here" / "minsum.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["here"]


def test_a_folder_that_looks_like_an_address_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert minsum("init", tmp_path / "s3:" / "x").exit_code == 0
    assert (tmp_path / "s3:" / "x" / "minsum.toml").is_file()


def test_a_mere_partner_is_no_reporter(tmp_path: Path) -> None:
    """BACI: Germany and Japan only buy in this file."""
    folder = tmp_path / "w"
    Workspace(folder).init()
    baci_files(folder / "raw")
    for path in (folder / "raw").glob("*.csv"):
        path.unlink()
    result = minsum("run", "-w", folder)
    assert "New reporter-years: CHN 2023 H5, USA 2023 H5, VNM 2023 H5\n" in result.stdout
    assert (
        "Without World exports (imports or partners only): JPN 2023 H5, DEU 2023 H5\n" in result.stdout
        or ("Without World exports (imports or partners only): DEU 2023 H5, JPN 2023 H5\n" in result.stdout)
    )
    status = read_status(Workspace(folder).layout, Workspace(folder).settings.ingest)
    assert [year["reporters"] for year in status["years"]] == [3]


@pytest.mark.slow
@pytest.mark.parametrize("name", [
    "Mémoire [2024] v1", "study [1]", "all* who?", "a [!b] {c,d} 'e' \"f\"", "[", "] 50% $HOME back\\slash",
])  # fmt: skip
def test_a_workspace_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Every path is taken literally: beside it lie folders that its name, as a pattern, would mean."""
    meant = ("study 1", "Mémoire 2 v1", "all of them whom", "a x {c,d} 'e' \"f\"", "ab")
    decoys = [tmp_path / one for one in meant]
    for number, folder in enumerate([*decoys, tmp_path / name]):
        Workspace(folder).init()
        for country in ("CHN", "VNM", "USA"):
            put(folder, country, 2015, n=3 + number)
    for folder in (tmp_path / name, decoys[0]):
        (folder / "minsum.toml").write_text('[panel]\nreference = "USA"\nbloc = ["CHN"]\n[complementarity]\n')
        with sketches.undrawn():
            result = minsum("run", "-w", folder)
        assert result.exit_code == 0, result.stderr
        assert minsum("check", "-w", folder).exit_code == 0
        assert minsum("status", "-w", folder).exit_code == 0
        for query in ("SELECT count(*) AS n FROM esi", "SELECT count(DISTINCT reporter) * 2 AS n FROM flows"):
            assert minsum("sql", query, "-w", folder).stdout == "n\n6\n"
        growth = minsum("growth", "CHN", "-r", "USA", "-w", folder).stdout
        there = pl.read_parquet(folder / "esi" / "classification=H4" / "2015.parquet", glob=False)
        value = there.filter(pl.col("reporter") == "CHN", pl.col("reference") == "USA")["esi"][0]
        assert growth == f"reporter,2015,growth\nCHN,{value},\n"
        assert there["n_reporter"].unique().to_list() == [8 if folder.name == name else 3]
        assert (folder / "panel.parquet").is_file()
        assert (folder / "report" / "index.html").is_file()
        shutil.rmtree(folder / "report")


@pytest.mark.slow
def test_of_two_codes_with_one_label_one_is_shown(desk: Desk) -> None:
    """Italy under 380 and the older 381 in one year: one row everywhere for people, both in the table."""
    for code, usd in ((380, (1, 1)), (381, (3, 1)), (842, (1, 1)), (276, (1, 3))):
        for year in (2014, 2015):
            rows = [
                {"reporterCode": code, "period": year, "cmdCode": product, "primaryValue": value}
                for product, value in zip(("010121", "870323"), usd, strict=True)
            ]
            desk.put(rows, f"COMTRADE-FINAL-CA{code:03}{year}H4[2024-03-10].gz")
    work = Workspace(desk.layout.root).init()
    (work.layout.root / "minsum.toml").write_text('[panel]\nreference = "USA"\n')
    work.ingest([desk.inbox])
    assert work.run().exit_code == 0
    assert len(pl.read_parquet(work.layout.yearly("esi")[0], hive_partitioning=False)) == 12
    [usa] = work.growth([], "USA")
    assert usa.frame.rows() == [("DEU", 0.75, 0.75, 0.0), ("ITA", 1.0, 1.0, 0.0)]
    assert "ITA 2014: codes 380 and 381 carry this label; 380 is shown." in usa.notes
    [italy] = work.growth(["USA", "DEU"], ["ITA"])
    assert italy.frame.rows() == [("USA", 1.0, 1.0, 0.0), ("DEU", 0.75, 0.75, 0.0)]
    panel = pl.read_parquet(work.layout.panel)
    assert panel.filter(year=2015)["reporter"].to_list() == ["DEU", "ITA"]
    [shown] = read_shown(work.layout, PageOptions(Settings()))
    place = shown.cube.countries.index("USA")
    assert shown.cube.of("ITA")[:, place].tolist() == [1.0, 1.0]
    assert shown.cube.of("DEU")[:, place].tolist() == [0.75, 0.75]
    parts = (
        pl.read_parquet(work.layout.yearly("section_esi"), hive_partitioning=False)
        .group_by("year", "reporter", "reference")
        .agg(pl.col("contribution").sum())
    )
    one = parts.filter(year=2015, reporter="ITA", reference="USA")["contribution"].to_list()
    assert one == [1.0]


def test_the_code_in_use_is_preferred() -> None:
    assert preferred_codes([381, 380, 842, 841, 156]) == {380, 842, 156}
    assert preferred_codes([381, 156]) == {381, 156}
    esi = pl.DataFrame(
        {"year": [2015] * 3, "reporter": ["ITA", "ITA", "CHN"], "reference": ["big", "big", "ITA"],
         "reporter_code": [380, 381, 156], "reference_code": [None, None, 381], "esi": [0.1, 0.2, 0.3]}
    )  # fmt: skip
    rows, notes = one_row_a_country(esi.lazy())
    assert rows.collect()["esi"].to_list() == [0.1, 0.3], "the only code there is of the reference"
    assert notes == ["ITA 2015: codes 380 and 381 carry this label; 380 is shown."]
