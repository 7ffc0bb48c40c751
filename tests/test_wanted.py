"""What is wanted decides, not what is there: damage, removed settings, strays and kills; `status` says what `run` does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import ESI, MODELS, NAME, SPECS, bulk_text, cut, flipped
from forked import forked
from minsum.errors import DataCheckError, MissingInputError, SettingsError
from minsum.inspect.check import check_workspace
from minsum.inspect.strays import find_strays
from minsum.pipeline import Workspace
from minsum.report.file_digests import ReportFiles
from minsum.settings.check import Check
from minsum.workspace.footers import FOOTER_KEY
from minsum.workspace.layout import Layout
from minsum.workspace.marks import UNWANTED

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]


@pytest.fixture
def folder(every_output: Path, tmp_path: Path) -> Path:
    """A copy (with other times and inodes), to be spoilt."""
    shutil.copytree(every_output, tmp_path / "w", copy_function=shutil.copy)
    return tmp_path / "w"


def outputs(folder: Path) -> dict[str, bytes]:
    """Bytes of everything published."""
    places = (
        "flows",
        "esi",
        "esi_levels",
        "section_esi",
        "market_esi",
        "market_mean",
        "complementarity",
        "estimates",
        "report",
    )
    files = [path for place in places for path in (folder / place).rglob("*") if path.is_file()]
    files += [folder / f"{name}.parquet" for name in ("coverage", "panel", "country_years", "pair_years")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(files) if path.is_file()}


def stale(folder: Path) -> dict[str, set[str]]:
    """What `status` names, by stage."""
    found: dict[str, set[str]] = {}
    for one in Workspace(folder).status()["stale"]:
        found.setdefault(one["what"], set()).update(one["which"])
    return found


def settle(folder: Path) -> dict[str, bytes]:
    """Run once; then status has nothing to say, and a second run nothing to do."""
    assert Workspace(folder).run().exit_code == 0
    assert stale(folder) == {}
    assert not Workspace(folder).run().changed
    return outputs(folder)


def test_a_copy_is_up_to_date(every_output: Path, folder: Path) -> None:
    for path in folder.rglob("*"):  # restored from a backup: any time, in any order
        os.utime(path, (hash(path.name) % 10**9, hash(path.name) % 10**9))
    assert stale(folder).keys() <= {"raw"}  # never looked at under this path: ingest hashes them
    assert settle(folder) == outputs(every_output)
    assert check_workspace(Layout(folder), Check()) == []


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    """Another program wrote zeros for every figure and kept the footer."""
    table = pq.read_table(path, partitioning=None)
    metadata = pq.read_metadata(path).metadata
    for place, name in enumerate(table.schema.names):
        if pa.types.is_floating(table.schema.field(name).type):
            table = table.set_column(place, name, pa.array([0.0] * len(table)))
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({FOOTER_KEY: metadata[FOOTER_KEY]})


DAMAGES: list[Callable[[Path], None]] = [cut, emptied, flipped, zeroed, Path.unlink]
TABLES = [
    ["esi/classification=H4/2015.parquet"],
    ["panel.parquet", "market_esi/classification=H4/2016.parquet"],
    ["estimates/main.parquet", "section_esi/classification=H4/2015.parquet"],
    ["coverage.parquet", "esi_levels/classification=H4/2015.parquet", "complementarity/classification=H4/2014.parquet"],
]  # fmt: skip
"""Damaged together: none is made from another of them, so each is made anew for its own damage."""


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("names", TABLES)
def test_a_damaged_table_is_found_told_and_made_anew(
    every_output: Path, folder: Path, names: list[str], damage: Callable[[Path], None]
) -> None:
    for name in names:
        damage(folder / name)
    if damage is not Path.unlink:
        assert set(names) <= {one.place for one in check_workspace(Layout(folder), Check())}
    assert {name.partition("/")[0].removesuffix(".parquet") for name in names} <= stale(folder).keys()
    assert Workspace(folder).run().exit_code == 0
    assert stale(folder) == {}
    assert outputs(folder) == outputs(every_output)


def test_of_tables_made_in_one_pass_the_damaged_one_is_written(every_output: Path, folder: Path) -> None:
    whole, damaged = (
        folder / table / "classification=H4" / "2015.parquet" for table in ("market_esi", "market_mean")
    )
    flipped(damaged)
    assert stale(folder).keys() == {"raw", "market_mean"}  # the copied sources were never looked at
    inode = whole.stat().st_ino
    assert settle(folder) == outputs(every_output)
    assert whole.stat().st_ino == inode


def test_status_of_an_empty_lake_names_what_stands_on_nothing(folder: Path) -> None:
    shutil.rmtree(folder / "flows")
    for path in (folder / "raw").iterdir():
        path.unlink()
    before = outputs(folder)
    for why in ("made from other inputs", None):  # of coverage
        told = Workspace(folder).status()["stale"]
        names = {one["what"]: set(one["which"]) for one in told}
        assert names["esi"] == {"H4/2014", "H4/2015", "H4/2016"}
        assert names["estimates"] == {"main.parquet", "other.parquet"}
        stays = "no flows of the chosen years and reporters: stays as it is"
        assert {one["why"] for one in told} == {stays, *filter(None, [why])}
        with pytest.raises(MissingInputError):
            Workspace(folder).run()
    assert outputs(folder) == before | {"coverage.parquet": (folder / "coverage.parquet").read_bytes()}


def test_status_of_a_panel_that_cannot_be_made_promises_no_removal(folder: Path) -> None:
    settings, before = folder / "minsum.toml", outputs(folder)
    settings.write_text(settings.read_text().replace("[panel]", '[panel]\nclassification = "H6"'))
    for anew in ({"report": {"index.html"}}, {}):  # the page says what is asked for
        told = stale(folder)
        assert {what: told[what] for what in told.keys() - {"raw", "panel"}} == anew
        with pytest.raises(SettingsError):
            Workspace(folder).run()
    after = outputs(folder)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed == {"report/index.html", "report/files.json"}


@pytest.mark.parametrize("stage", ["panel", "estimate", "report"])
@pytest.mark.parametrize("damage", [flipped, zeroed])
def test_what_a_stage_is_about_to_use_is_proven(
    folder: Path, stage: str, damage: Callable[[Path], None]
) -> None:
    """The stage alone does not make its input anew: it ends with 4, and what was there stays."""
    name = {
        "panel": "esi/classification=H4/2015.parquet",
        "estimate": "panel.parquet",
        "report": "panel.parquet",
    }[stage]
    gone = {"panel": "panel.parquet", "estimate": "estimates/main.parquet", "report": "report/table1.tex"}[
        stage
    ]
    damage(folder / name)
    (folder / gone).unlink()
    with pytest.raises(DataCheckError, match=Path(name).name):
        getattr(Workspace(folder), stage)()
    assert not (folder / gone).exists()


def test_damaged_flows_are_not_compared(folder: Path) -> None:
    path = folder / "flows" / "classification=H4" / "year=2015" / "reporter=392" / "flows.parquet"
    flipped(path)
    shutil.rmtree(folder / "esi")
    with pytest.raises(DataCheckError, match="reporter=392"):
        Workspace(folder).esi()
    assert not (folder / "esi" / "classification=H4" / "2015.parquet").exists()


@pytest.mark.parametrize("damage", [cut, emptied, flipped, Path.unlink])
def test_any_file_of_the_report_is_made_anew(
    every_output: Path, folder: Path, damage: Callable[[Path], None]
) -> None:
    names = sorted(path.name for path in (folder / "report").iterdir())
    assert {"files.json", "index.html", "table1.tex", "tests.csv", "table3-other.txt", "esi_matrix.svg", "estimates.png"} <= set(names)  # fmt: skip
    for name in names:
        damage(folder / "report" / name)
    assert stale(folder)["report"] == set(names) - {"files.json"}
    assert settle(folder) == outputs(every_output)
    one = folder / "report" / "table1.tex"
    before = {path: path.stat().st_ino for path in (folder / "report").iterdir()}
    damage(one)
    assert stale(folder) == {"report": {"table1.tex"}}
    assert settle(folder) == outputs(every_output)
    written = {path.name for path, inode in before.items() if path.stat().st_ino != inode}
    assert written <= {"table1.tex", "files.json"}


@pytest.mark.parametrize("content", [b"[]", b"{", b'{"table1.tex": 7, "../x": {}}', b"[" * 10**5, b"\xff"])
def test_a_list_of_the_report_that_is_none(every_output: Path, folder: Path, content: bytes) -> None:
    (folder / "report" / "files.json").write_bytes(content)
    assert settle(folder) == outputs(every_output)


CHANGES = {
    "sections": (SPECS + MODELS, {"esi_levels/", "market_esi/", "market_mean/", "complementarity/"}),
    "a spec": (ESI + MODELS, {"estimates/other.parquet", "report/table3-other."}),
    "the estimates": (ESI + MODELS.partition("[estimate]")[0], {"estimates/main.parquet", "estimates/other.parquet",
        "report/table3", "report/tests", "report/estimates."}),
    "the panel": (ESI, {"panel.parquet", "country_years.parquet", "pair_years.parquet", "estimates/", "report/table", "report/tests", "report/estimates."}),
    "years": (SPECS + "[esi]\nyears = [2014, 2015]\n" + MODELS, {"esi/classification=H4/2016.parquet"}),
    "all but one year": ("[esi]\nyears = [2014]\n", {"report/esi_ranks."}),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_settings_no_longer_name_goes(every_output: Path, folder: Path, change: str) -> None:
    text, gone = CHANGES[change]
    settings = folder / "minsum.toml"
    before = settings.read_text()
    settings.write_text(text)
    told = [f"{one['why']} {one['which']}" for one in Workspace(folder).status()["stale"]]
    assert any("no longer asked for: will be removed" in one for one in told)
    after = settle(folder)
    for place in gone:
        assert any(name.startswith(place) for name in outputs(every_output))
        assert not any(name.startswith(place) for name in after)
    fresh = folder.parent / "fresh"
    Workspace(fresh).init()
    for name in ("raw", "covariates"):
        shutil.copytree(folder / name, fresh / name, dirs_exist_ok=True)
    for name in ("minsum.toml", "other.toml"):
        shutil.copy(folder / name, fresh / name)
    Workspace(fresh).run()
    assert after == outputs(fresh)
    settings.write_text(before)
    assert settle(folder) == outputs(every_output)


def test_status_says_why(folder: Path) -> None:
    settings = folder / "minsum.toml"
    settings.write_text(settings.read_text().replace("levels = [4]", "levels = [4]\nmin_products = 2"))
    (folder / "panel.parquet").unlink()
    found = Workspace(folder).status()["stale"]
    why = {(one["what"], name): one["why"] for one in found for name in one["which"]}
    assert why["esi", "H4/2014"] == "made under other settings"
    assert why["panel", "panel.parquet"] == "not there"
    assert why["panel", "country_years.parquet"] == "made from other inputs"
    assert why["estimates", "main.parquet"] == "made from other inputs"
    settings.write_text(settings.read_text().replace("[panel]", '[panel]\nclassification = "H5"'))
    [entry] = [one for one in Workspace(folder).status()["stale"] if one["what"] == "panel"]
    assert "cannot be made: panel.classification: H5 is not in the workspace" in entry["why"]


def test_a_spec_asked_for_by_command_stays_and_is_kept_up_to_date(folder: Path) -> None:
    spec = folder / "mine.toml"
    spec.write_text('estimators = ["pooled"]\n[[models]]\nname = "a"\nregressors = ["lr"]\n')
    Workspace(folder).estimate(spec)
    spec.unlink()
    settle(folder)
    before = (folder / "estimates" / "mine.parquet").read_bytes()
    lines = (folder / "covariates" / "lr.csv").read_text().splitlines()
    (folder / "covariates" / "lr.csv").write_text("\n".join([*lines[:-1], "USA,2016,0.99", ""]))
    assert "mine.parquet" in stale(folder)["estimates"]
    assert "report/table3-mine.tex" in settle(folder)
    assert (folder / "estimates" / "mine.parquet").read_bytes() != before
    (folder / "estimates" / "mine.parquet").unlink()
    assert "report/table3-mine.tex" not in settle(folder)


def test_the_contributions_of_an_earlier_version_go(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    former = layout.tables / "section_esi.parquet"
    layout.tables.mkdir()
    former.touch()
    assert ReportFiles(layout).plan({}).remove == {former: UNWANTED}
    assert list(find_strays(layout)) == []


STRAYS = {
    "esi/classification=H4/2014 (copy).parquet": "esi/classification=H4/2014.parquet",
    "esi/classification=H4 (copy)/2014.parquet": "esi/classification=H4/2014.parquet",
    "market_esi/classification=H4/x.parquet": "esi/classification=H4/2014.parquet",
    "estimates/main (copy).parquet": "estimates/main.parquet",
    "estimates/old.parquet": "estimates/main.parquet",
    "report/table1 (copy).tex": "report/table1.tex",
}


def test_strays_are_told_and_not_read(every_output: Path, folder: Path) -> None:
    for copy, name in STRAYS.items():
        (folder / copy).parent.mkdir(exist_ok=True)
        shutil.copy(folder / name, folder / copy)
    assert set(Workspace(folder).status()["strays"]) == STRAYS.keys()
    places = {one.place for one in check_workspace(Layout(folder), Check()) if one.check == "stray"}
    assert places == STRAYS.keys()
    (folder / "panel.parquet").unlink()
    shutil.rmtree(folder / "report")
    assert Workspace(folder).run().exit_code == 0
    for copy in STRAYS:
        (folder / copy).unlink(missing_ok=True)
    assert outputs(folder) == outputs(every_output)
    count = Workspace(folder).sql("SELECT count(DISTINCT year) FROM esi")
    assert count is not None
    assert count.fetchall() == [(3,)]


@pytest.mark.parametrize("text", [SPECS + ESI + MODELS, ESI])
def test_a_file_of_the_users_own_is_never_removed(folder: Path, text: str) -> None:
    pq.write_table(pa.table({"x": [1]}), folder / "estimates" / "mine.parquet")
    (folder / "estimates" / "notes.parquet").write_text("my notes")
    (folder / "report" / "notes.txt").write_text("my notes")
    (folder / "minsum.toml").write_text(text)
    Workspace(folder).run()
    own = {"estimates/mine.parquet", "estimates/notes.parquet", "report/notes.txt"}
    assert set(Workspace(folder).status()["strays"]) == own
    assert all((folder / name).exists() for name in own)
    Workspace(folder).report()


def test_an_output_in_the_place_of_another(every_output: Path, folder: Path) -> None:
    year = folder / "esi" / "classification=H4"
    shutil.copy(year / "2014.parquet", year / "2015.parquet")
    shutil.copy(folder / "estimates" / "other.parquet", folder / "estimates" / "main.parquet")
    shutil.copy(folder / "report" / "table1.tex", folder / "report" / "table2.tex")
    assert stale(folder)["esi"] == {"H4/2015"}
    assert stale(folder)["estimates"] == {"main.parquet"}
    assert "table2.tex" in stale(folder)["report"]
    assert settle(folder) == outputs(every_output)


STAGES = {
    "flows": ["flows/classification=H4/year=2015/reporter=392/flows.parquet"],
    "esi": ["esi/classification=H4/2014.parquet", "market_esi/classification=H4/2015.parquet", "coverage.parquet"],
    "panel": ["panel.parquet"], "estimate": ["estimates/main.parquet"],
    "report": ["report/table1.csv", "report/index.html", "report/esi_matrix.svg"],
}  # fmt: skip
"""Files by whose change a stage is known to be at work."""
STOPS = [(moment, signal.SIGKILL) for moments in STAGES.values() for moment in moments]
STOPS += [(moments[0], number) for moments in STAGES.values() for number in (signal.SIGINT, signal.SIGTERM)]


@pytest.mark.parametrize(("moment", "number"), STOPS)
def test_stopped_and_settings_put_back(
    every_output: Path, folder: Path, moment: str, number: signal.Signals
) -> None:
    """A run under other settings is stopped as soon as a file has changed; put back, all is as undisturbed."""
    settings = folder / "minsum.toml"
    before = settings.read_text()
    settings.write_text(
        before.replace(
            "[esi]\n", '[ingest]\nflows = ["M", "X"]\n[esi]\nlevel = 4\nresidual = "keep"\n'
        ).replace("[4]", "[2]")
    )
    watched, inode = folder / moment, (folder / moment).stat().st_ino
    said = folder.parent / "said"
    run = forked("run", "-w", folder, said=said)
    while watched.stat().st_ino == inode:
        assert run.is_alive(), said.read_text()
        time.sleep(0.001)
    os.kill(run.pid, number)
    run.join(60)
    assert run.exitcode in ({-number} if number == signal.SIGKILL else {128 + number, 0}), said.read_text()
    settings.write_text(before)
    assert settle(folder) == outputs(every_output)
    records = [json.loads(path.read_text())["exit_code"] for path in (folder / "runs").iterdir()]
    assert set(records) <= {0, 128 + number}


def test_check_takes_footer_and_rows_from_one_reading(every_output: Path, folder: Path) -> None:
    """As soon as the file is opened a run replaces it: a second opening would see another one."""
    name = Path("flows/classification=H4/year=2015/reporter=392/flows.parquet")
    path, other = folder / name, folder / name.parents[1] / "reporter=842" / name.name
    path.unlink()
    os.mkfifo(path)

    def give() -> None:
        with suppress(BrokenPipeError), path.open("wb") as pipe:
            other.replace(path)
            pipe.write((every_output / name).read_bytes())

    writer = threading.Thread(target=give)
    writer.start()
    found = check_workspace(Layout(folder), Check())
    writer.join()
    assert found == []


def test_check_beside_a_run_sees_one_state(every_output: Path, folder: Path) -> None:
    """Flows are replaced again and again, a year of similarities comes and goes: nothing is wrong with either."""
    place = Path("flows/classification=H4/year=2015/reporter=392/flows.parquet")
    other = folder.parent / "other"
    Workspace(other).init()
    rows = [{"reporterCode": 392, "cmdCode": f"{10 + k}0121", "primaryValue": k + 5} for k in range(80)]
    (other / "raw" / NAME.replace("156", "392")).write_bytes(bulk_text(rows))
    Workspace(other).ingest()
    versions = [(other / place).read_bytes(), (every_output / place).read_bytes()]
    year = folder / "esi" / "classification=H4" / "2014.parquet"
    whole, done = year.read_bytes(), threading.Event()

    def replace() -> None:
        for turn in range(10**6):
            if done.wait(0.03):
                return
            new = folder / "new.parquet"
            new.write_bytes(versions[turn % 2])
            new.replace(folder / place)
            if turn % 2:
                year.unlink()
            else:
                new.write_bytes(whole)
                new.replace(year)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        found = [one for _ in range(12) for one in check_workspace(Layout(folder), Check(), jobs=2)]
    finally:
        done.set()
        writer.join()
    assert found == []
