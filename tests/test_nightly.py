"""The nightly run: what changed is redone and said, nothing else; many nights; bad days of the machine."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from comtrade_stub import KEY, Stub, packed, serving
from conftest import CODE
from forked import forked
from minsum.pipeline import Workspace
from test_fetch import Night

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]

REPORTERS = (156, 842, 276, 704)
YEARS = (2014, 2015, 2016)


def amounts(reporter: int, year: int, *, first: float = 100) -> list[float]:
    """Exports of a dozen products."""
    return [first, *((reporter * (k + 3) + year * k * k) % 97 + 1.0 for k in range(1, 12))]


def basket(reporter: int, year: int, *, first: float = 100) -> bytes:
    """A file of them."""
    return packed(
        {"reporterCode": reporter, "period": year, "cmdCode": f"{10 + k}0121", "primaryValue": value}
        for k, value in enumerate(amounts(reporter, year, first=first))
    )


@pytest.fixture(scope="module")
def service() -> Iterator[Stub]:
    with serving() as stub:
        yield stub


@pytest.fixture
def stub(service: Stub) -> Stub:
    """The service as it was before the first night; at one address, which the page shows."""
    service.__init__(service.url)  # type: ignore[misc]
    for reporter in REPORTERS:
        for year in YEARS:
            service.publish(reporter, year, basket(reporter, year))
    return service


FIRST: dict[str, Path] = {}
"""The workspace after its first night, by the address of the service."""


@pytest.fixture
def night(
    stub: Stub, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Night:
    """A workspace after its first night, and the service it came from."""
    monkeypatch.setenv("MINSUM_COMTRADE_KEY", KEY)
    if stub.url not in FIRST:
        first = Night(tmp_path_factory.mktemp("first"), stub)
        assert first.command("run").exit_code == 0
        FIRST[stub.url] = first.folder
    shutil.copytree(FIRST[stub.url], tmp_path / "work")
    return Night(tmp_path, stub)


def state(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Inode and bytes of every published file: a file that is written anew has another inode."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.read_bytes())
        for stage in ("flows", "esi", "coverage.parquet")
        for path in sorted([*(folder / stage).rglob("*.parquet"), folder / stage])
        if path.is_file()
    }


def test_a_revision_redoes_what_depends_on_it(night: Night) -> None:
    before = state(night.folder)
    night.stub.publish(
        704, 2015, basket(704, 2015, first=900), date="2024-04-01", made="2024-04-01T00:00:00Z"
    )
    result = night.command("run")
    after = state(night.folder)
    redone = {name for name in after if after[name] != before[name]}
    assert redone == {
        "flows/classification=H4/year=2015/reporter=704/flows.parquet",
        "esi/classification=H4/2015.parquet",
        "coverage.parquet",
    }
    assert "Revised reporter-years" in result.stdout
    assert "VNM" in result.stdout
    assert "Largest moves of the index" in result.stdout
    record = json.loads(max((night.folder / "runs").iterdir()).read_text())
    [revised] = record["changes"]["reporter_years"]
    assert (revised["reporter"], revised["exports_usd"] - revised["exports_usd_before"]) == ("VNM", 800)
    moves = record["changes"]["esi"]
    assert all({"VNM"} & {one["reporter"], one["reference"]} for one in moves)
    assert abs(moves[0]["after"] - moves[0]["before"]) >= abs(moves[-1]["after"] - moves[-1]["before"]) > 0
    fresh = Workspace(night.folder.parent / "fresh").init()
    fresh.ingest([night.folder / "raw"])
    fresh.esi()
    assert {n: b for n, (_, b) in state(fresh.layout.root).items()} == {n: b for n, (_, b) in after.items()}


def test_an_unchanged_night_is_one_call(night: Night) -> None:
    before, calls = state(night.folder), len(night.stub.calls)
    result = night.command("run")
    assert result.exit_code == 0
    assert "nothing to do" in result.stdout
    assert len(night.stub.calls) - calls == 1
    assert state(night.folder) == before
    record = json.loads(max((night.folder / "runs").iterdir()).read_text())
    assert record["changes"] == {"reporter_years": [], "esi": []}


def test_new_reporter_years_are_named(night: Night) -> None:
    night.stub.publish(392, 2016, basket(392, 2016))
    assert "New reporter-years: JPN 2016 H4" in night.command("run").stdout


def test_of_two_runs_one_works(night: Night, tmp_path: Path) -> None:
    entry = night.stub.publish(392, 2015, basket(392, 2015))
    night.stub.faults["file"] = ["hold"]
    said = [tmp_path / "first", tmp_path / "second"]
    first = forked("run", "-w", night.folder, said=said[0])
    while not any(entry["rowKey"] in call.path for call in night.stub.calls):
        assert first.is_alive(), said[0].read_text()
        time.sleep(0.01)
    second = forked("run", "-w", night.folder, said=said[1])
    second.join()
    assert second.exitcode == 6
    assert f"another run holds the workspace: process {first.pid} since " in said[1].read_text()
    night.stub.released.set()
    first.join()
    assert first.exitcode == 0
    assert "New reporter-years: JPN 2015" in said[0].read_text()


@pytest.mark.parametrize("locale", ["C", "tr_TR.UTF-8"])
def test_the_locale_changes_nothing(night: Night, locale: str) -> None:
    night.stub.publish(704, 2015, basket(704, 2015, first=900), made="2024-04-01T00:00:00Z")
    night.stub.faults["file"] = ["429-date", "html"]
    plain = {"LC_ALL": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    undrawn = {"PYTHONPATH": str(Path(__file__).parent)}
    code = f"import sketches; sketches.undrawn().__enter__(); {CODE}"
    run = subprocess.run(
        [sys.executable, "-c", code, "run", "-w", str(night.folder)],
        env=os.environ | plain | undrawn, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert run.returncode == 3, run.stderr
    assert "warning: esi_move: H4/2015 " in run.stderr
    assert "Revised reporter-years" in run.stdout
    fresh = Workspace(night.folder.parent / "fresh").init()
    fresh.ingest([night.folder / "raw"])
    fresh.esi()
    assert [one for _, one in state(night.folder).values()] == [
        one for _, one in state(fresh.layout.root).values()
    ]


def test_a_clock_that_jumps_changes_nothing(night: Night) -> None:
    before = state(night.folder)
    for moment in (0, 4_000_000_000):  # files of 1970 and of 2096, and a service of next year
        for path in (night.folder / "raw").iterdir():
            os.utime(path, (moment, moment))
        night.stub.skew = 86_400 * 365
        result = night.command("run")
        assert result.exit_code == 0
        assert "clock is 8760.0 hours behind" in result.stderr
        assert "nothing to do" in result.stdout
    assert state(night.folder) == before


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a small file system in memory with options."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(options: str) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no permission to mount a tmpfs")
        return folder

    yield mount
    subprocess.run(["umount", str(folder)], check=False)


def test_a_read_only_folder(night: Night, mounted: Callable[[str], Path]) -> None:
    disk = mounted("size=8m")
    shutil.copytree(night.folder, disk / "work")
    mounted("remount,ro")
    night.folder = disk / "work"
    result = night.command("run")
    assert result.exit_code == 1
    assert "Read-only file system" in result.stderr
    assert "hint: what was published before is complete" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_disk_that_fills_while_fetching(night: Night, mounted: Callable[[str], Path]) -> None:
    disk = mounted("size=16m")
    shutil.copytree(night.folder, disk / "work")
    night.folder = disk / "work"
    before = state(night.folder)
    noise = random.Random(1).randbytes(400_000).hex().encode()
    entry = night.stub.publish(156, 2015, gzip.compress(noise), made="2024-04-01T00:00:00Z")
    with (disk / "ballast").open("wb") as ballast:
        ballast.write(b"x" * (shutil.disk_usage(disk).free - 300_000))
    refused = night.command("run")
    assert refused.exit_code == 1
    assert "1 files of 0.5 MB to fetch, 0.3 MB free" in refused.stderr
    assert not [call for call in night.stub.of_kind("file") if entry["rowKey"] in call.path]
    night.stub.listed_sizes = False  # the need is unknown: the disk fills on the way
    full = night.command("run")
    assert full.exit_code == 1
    assert "No space left on device" in full.stderr
    assert "Traceback" not in full.stderr
    assert state(night.folder) == before
    (disk / "ballast").unlink()
    night.stub.publish(156, 2015, basket(156, 2015, first=5), made="2024-04-02T00:00:00Z")
    assert night.command("run").exit_code == 0
    assert night.value() == pytest.approx(sum(amounts(156, 2015, first=5)))


def test_a_reader_never_sees_a_torn_state(night: Night) -> None:
    reader = Reader(night.folder)
    reader.start()
    for version in range(5):
        night.stub.publish(
            704, 2015, basket(704, 2015, first=1000 + version), made=f"2024-05-{version + 1:02}T00:00:00Z"
        )
        assert night.work().run().exit_code == (0 if version else 3), "the first revision is a large one"
    reader.stop()
    assert reader.looks > 5
    assert not reader.wrong


class Reader(threading.Thread):
    """Reads the globs in a loop, as a user's notebook would, and notes what is not whole."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.looks = 0
        self.wrong: list[object] = []
        self._folder, self._done = folder, threading.Event()

    def run(self) -> None:
        with duckdb.connect() as con:
            while not self._done.is_set():
                try:
                    self._look(con)
                except duckdb.Error as error:
                    self.wrong.append(error)
                self.looks += 1

    def _look(self, con: duckdb.DuckDBPyConnection) -> None:
        flows = con.execute(
            "SELECT count(*), count(DISTINCT (year, reporter)) FROM read_parquet($files, hive_partitioning = true)",
            {"files": str(self._folder / "flows" / "*" / "*" / "*" / "flows.parquet")},
        ).fetchall()[0]
        esi = con.execute(
            "SELECT count(*), count(DISTINCT year), count(*) FILTER (esi IS NULL) FROM read_parquet($files)",
            {"files": str(self._folder / "esi" / "*" / "*.parquet")},
        ).fetchall()[0]
        n = len(REPORTERS)
        expected = (n * len(YEARS) * 12, n * len(YEARS)), (n * (n - 1) * len(YEARS), len(YEARS), 0)
        if (flows, esi) != expected:
            self.wrong.append((flows, esi))

    def stop(self) -> None:
        self._done.set()
        self.join()


def test_a_revision_reaches_panel_estimates_and_report(night: Night) -> None:
    with (night.folder / "minsum.toml").open("a") as file:
        file.write('[panel]\nreporters = []\nreference = "USA"\nbloc = ["CHN"]\n[panel.variables]\n')
        file.write('[estimate]\nregressors = ["lr"]\nestimators = ["FE"]\n')
    lines = [f"{one},{year},{(n * year) % 7 / 10 + 0.1}" for n, one in enumerate(("CHN", "DEU", "VNM"), 3) for year in YEARS]  # fmt: skip
    (night.folder / "covariates" / "lr.csv").write_text("\n".join(["iso3,year,lr", *lines, ""]))
    first = night.work().run()
    assert [stage.changed for stage in first.stages[3:]] == [True, True, True]
    assert not night.work().run().changed
    night.stub.publish(704, 2015, basket(704, 2015, first=900), made="2024-04-01T00:00:00Z")
    again = night.work().run()
    assert [stage.stage for stage in again.stages if stage.changed] == [
        "fetch", "flows", "esi", "panel", "estimates", "report",
    ]  # fmt: skip
    assert again.stages[2].summary["computed"] == ["H4/2015"]
    assert not night.work().run().changed


def test_an_accepted_file_can_be_undone(night: Night) -> None:
    """docs/operation.md: empty the fetched file, remove what it gave; the earlier publication counts again."""
    right = night.value(704, 2015)
    night.stub.publish(
        704, 2015, basket(704, 2015, first=1e9), date="2024-04-01", made="2024-04-01T00:00:00Z"
    )
    assert night.command("run").exit_code == 3, "a large move"
    assert night.value(704, 2015) > 1e9
    [wrong] = (night.folder / "raw").glob("COMTRADE-FINAL-CA7042015H4[[]2024-04-01]*")
    wrong.write_bytes(b"")
    shutil.rmtree(night.folder / "flows/classification=H4/year=2015/reporter=704")
    for _ in range(2):
        result = night.command("run")
        assert result.exit_code == 3
        assert f"error: rejected: {wrong.name}: the file is empty" in result.stderr
        assert night.value(704, 2015) == right
    night.stub.publish(704, 2015, basket(704, 2015), date="2024-05-01", made="2024-05-01T00:00:00Z")
    assert night.command("run").exit_code == 0
    assert night.value(704, 2015) == right


def test_a_backup_waits_for_the_lock(night: Night) -> None:
    """docs/operation.md: flock holds off a run, as a run holds off flock."""
    if shutil.which("flock") is None:
        pytest.skip("no flock here")
    holding = subprocess.Popen(
        ["flock", night.folder / ".minsum" / "lock", "sh", "-c", "echo held; read line"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holding.stdout is not None
    assert holding.stdout.readline() == "held\n"
    assert night.command("run").exit_code == 6
    holding.communicate("\n")
    assert night.command("run").exit_code == 0
