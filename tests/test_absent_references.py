"""A reference that is missing somewhere never fails a night: every default, every place, and what is said."""

from __future__ import annotations

import gzip
from collections.abc import Collection
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conftest import bulk_text, minsum
from minsum.cli import main
from minsum.pipeline import Workspace
from minsum.report import figures

pytestmark = pytest.mark.slow

CODES = {"CHN": 156, "VNM": 704, "USA": 842, "DEU": 276}
YEARS = (2013, 2014, 2015)
HIGH_END = '[esi.references.high_end]\nmembers = ["USA", "DEU"]\nrule = "{}"\n'
SETTINGS = {
    "plain": "",
    "pooled": HIGH_END.format("pooled"),
    "mean_esi": HIGH_END.format("mean_esi"),
    "common": HIGH_END.format("common"),
    "others": '[esi.references.others]\nrule = "world_minus_self"\n',
}


def put(folder: Path, country: str, year: int, *, n: int = 12, vintage: str = "H4", flow: str = "X") -> None:
    """A bulk file of a country's exports (or imports) of n products."""
    code = CODES[country]
    rows = [
        {"reporterCode": code, "period": year, "classificationCode": vintage, "flowCode": flow,
         "cmdCode": f"{10 + k}0121", "primaryValue": (code * (k + 3) + year * k * k) % 97 + 1}
        for k in range(n)
    ]  # fmt: skip
    name = f"COMTRADE-FINAL-CA{code:03}{year}{vintage}[2024-03-10].gz"
    (folder / "raw" / name).write_bytes(gzip.compress(bulk_text(rows), mtime=0))


def run(folder: Path) -> Result:
    return minsum("run", "-w", folder)


def settled(folder: Path) -> None:
    """Nothing is left to be made, and everything is as it was written."""
    work = Workspace(folder)
    assert work.status()["stale"] == []
    assert work.check() == []
    assert not work.run().changed


def world(folder: Path, absent: Collection[str], where: str) -> None:
    """Four countries in three years, or in one, the absent ones missing (or with half of their products) in one year."""
    gone = {"first": 2013, "middle": 2014}.get(where, 2015)
    for year in (2015,) if where == "only" else YEARS:
        for country in CODES:
            is_gone = country in absent and year == gone
            if not is_gone or where == "half":
                put(folder, country, year, n=6 if is_gone else 12)


WHERE = ("first", "middle", "last", "only", "half")
ABSENT = (("USA",), ("DEU",), ("USA", "DEU"))
PAIRS = [
    (list(SETTINGS)[(i + j) % len(SETTINGS)], absent, where)
    for i, absent in enumerate(ABSENT)
    for j, where in enumerate(WHERE)
]
"""A fifth of all combinations: the absent countries meet every setting and every place."""


@pytest.mark.parametrize(("settings", "absent", "where"), PAIRS)
def test_a_missing_reference_never_fails_a_night(
    tmp_path: Path, settings: str, absent: tuple[str, ...], where: str
) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    (folder / "minsum.toml").write_text(SETTINGS[settings])
    world(folder, absent, where)
    result = run(folder)
    assert result.exit_code in (0, 3), result.stderr
    assert "Traceback" not in result.output
    assert "could not be made" not in result.output
    assert (folder / "report" / "index.html").is_file()
    assert (folder / "report" / "esi_over_time.svg").is_file()
    assert (folder / "report" / "esi_matrix.png").is_file()
    if where != "half" and "high_end" in SETTINGS[settings]:
        missing = ", ".join(sorted(absent, reverse=True))
        year = {"first": 2013, "middle": 2014}.get(where, 2015)
        assert f"H4/{year}: no similarity with high_end: no data of {missing}" in result.stderr


@pytest.mark.parametrize("where", WHERE)
def test_the_panel_of_the_paper_with_a_member_missing(tmp_path: Path, where: str) -> None:
    """Without a year that has the reference there is no panel: that is said, and the report is there."""
    folder = tmp_path / "work"
    Workspace(folder).init("paper")
    settings = (folder / "minsum.toml").read_text()
    (folder / "minsum.toml").write_text(
        settings.rpartition("[estimate]\n")[0].replace("years = [2002", "years = [2013")
    )
    world(folder, ["DEU"], where)
    result = run(folder)
    assert result.exit_code == (0 if where in ("first", "middle", "last") else 3), result.stderr
    assert (folder / "report" / "index.html").is_file()
    assert (folder / "panel.parquet").is_file() == (where != "only")
    if where == "only":
        assert (
            "warning: no similarity with 'high_end' for the chosen reporters and years in H2" in result.stderr
        )
        assert "panel, estimates and their tables stay as they were" in result.stderr


def test_imports_only_in_one_classification_beside_another(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    put(folder, "VNM", 2015, vintage="H3", flow="M")
    for country in ("CHN", "USA"):
        put(folder, country, 2015)
    result = run(folder)
    assert result.exit_code == 0
    assert "esi: H3/2015: no similarity: nobody has exports there (imports only: VNM)" in result.stderr
    page = (folder / "report" / "index.html").read_text()
    assert "H3, 2015: nobody has exports, so there is no pair to compare." in page
    asked = ["growth", "CHN", "VNM", "-r", "USA", "-w", str(folder)]
    growth = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert growth.stdout.startswith("reporter,2015,growth\nCHN,")
    assert "no similarity: VNM (no exports in the workspace)." in growth.stderr


def test_a_country_in_another_vintage_is_said_to_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    put(folder, "VNM", 2015, vintage="H3")
    for country in ("CHN", "USA"):
        put(folder, country, 2015)
    assert "esi: H3/2015: no similarity: only VNM has exports there" in run(folder).stderr
    for asked, told in (
        (["growth", "CHN", "VNM", "-r", "USA"], "no similarity: VNM (exports in H3 2015)."),
        (["growth", "CHN", "-r", "VNM"], "VNM: exports in H3 2015"),
        (
            ["decompose", "VNM", "USA", "--classification", "H4"],
            "VNM: exports in H3 2015; USA: exports in H4 2015",
        ),
        (["growth", "CHN", "-r", "FRA"], "no similarity with 'FRA' in the workspace"),
    ):
        result = CliRunner().invoke(main, [*asked, "-w", str(folder)], catch_exceptions=False)
        assert told in result.stderr, asked


def test_one_country_has_a_page_that_says_why_it_shows_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    put(folder, "CHN", 2015)
    result = run(folder)
    assert result.exit_code == 0
    assert "H4, 2015: only China has exports" in (folder / "report" / "index.html").read_text()
    assert not list((folder / "report").glob("*.svg"))
    settled(folder)


def test_a_figure_that_fails_is_a_warning_and_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    world(folder, (), "only")
    assert run(folder).exit_code == 0
    put(folder, "USA", 2014)
    put(folder, "CHN", 2014)

    def broken(*_: object) -> object:
        raise ValueError("SVG has an invalid size")

    with monkeypatch.context() as patch:
        patch.setattr(figures, "_matrix", broken)
        result = run(folder)
    assert result.exit_code == 3
    assert (
        "warning: report: figure esi_matrix could not be made: ValueError: SVG has an invalid size"
        in result.stderr
    )
    assert not (folder / "report" / "esi_matrix.svg").exists(), "the old figure shows old data"
    [stale] = Workspace(folder).status()["stale"]
    assert stale["which"] == ["esi_matrix.svg", "esi_matrix.png"]
    assert (folder / "report" / "esi_ranks.svg").is_file()
    assert run(folder).exit_code == 0, "tried again"
    assert (folder / "report" / "esi_matrix.svg").is_file()
    settled(folder)


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    for country, year in (("CHN", 2014), ("USA", 2014), ("CHN", 2015), ("DEU", 2015)):
        put(folder, country, year)
    (folder / "minsum.toml").write_text('[esi]\nreporters = ["CHN"]\n')
    result = run(folder)
    assert result.exit_code == 0
    assert "report: figure esi_ranks not drawn: ranks need two years with a similarity with" in result.stderr
    settled(folder)
    ranks = folder / "report" / "esi_ranks.svg"
    ranks.write_text("an old one")
    assert [one["which"] for one in Workspace(folder).status()["stale"]] == [["esi_ranks.svg"]]
    assert run(folder).exit_code == 0
    assert not ranks.exists()
    settled(folder)


def test_a_new_vintage_that_the_panel_must_choose_from_does_not_keep_the_report(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    (folder / "minsum.toml").write_text('[panel]\nreference = "USA"\n')
    world(folder, (), "only")
    assert run(folder).exit_code == 0
    for country in ("CHN", "USA"):
        put(folder, country, 2017, vintage="H5")
    result = run(folder)
    assert result.exit_code == 2
    assert "panel.classification is not set and the workspace holds H4, H5" in result.stderr
    assert '"classification":"H5"' in (folder / "report" / "index.html").read_text()


def test_models_that_cannot_be_estimated_do_not_keep_the_report(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    world(folder, (), "only")
    (folder / "minsum.toml").write_text('[panel]\nreference = "USA"\n[estimate]\nregressors = ["gone"]\n')
    result = run(folder)
    assert result.exit_code == 5
    assert (folder / "report" / "index.html").is_file()


def test_one_country_with_the_rest_of_the_world_has_nothing_to_compare(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    Workspace(folder).init()
    (folder / "minsum.toml").write_text(SETTINGS["others"])
    put(folder, "CHN", 2015)
    result = run(folder)
    assert result.exit_code == 0, result.stderr
    assert "H4, 2015: only China has exports" in (folder / "report" / "index.html").read_text()
