"""A cluster on loopback: real schedulers and workers, killed ones among them, give the bytes that threads give."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

import minsum.bench.work
import minsum.cluster.driver
import minsum.cluster.worker
from cluster_tasks import die, say, sleep, threads_of
from conftest import NAME, Desk, lake
from machines import Machines
from minsum.bench.turns import take_turns
from minsum.cli import main
from minsum.cluster.driver import Cluster
from minsum.errors import ClusterError, SettingsError, UsageError, WorkspaceLockedError
from minsum.machine import default_jobs
from minsum.pipeline import Workspace
from minsum.sources.rejections import read_rejections
from minsum.synth import WorldSpec, write_world
from minsum.workspace.layout import Layout
from minsum.workspace.lock import exclusive
from minsum.workspace.publish import publish_table
from minsum.workspace.tasks import Done, Result, Run, Task
from test_state_of_ingest import slice_of

KILLS = 2


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    found = Machines(tmp_path_factory.mktemp("cluster"), 2)
    yield found
    found.end()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[..., Machines]]:
    """Machines of one test."""
    started: list[Machines] = []

    def start(n_workers: int, **settings: str) -> Machines:
        started.append(Machines(tmp_path, n_workers, **settings))
        return started[-1]

    yield start
    for one in started:
        one.end()


def workspace(folder: Path, cluster: object = "", **flags: object) -> Workspace:
    work = Workspace(folder, jobs=2, flags={"cluster": str(cluster)} | flags)
    return work if work.layout.settings.exists() else work.init("paper")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A world that threads worked on, its vintages brought together."""
    work = workspace(tmp_path_factory.mktemp("world"))
    spec = WorldSpec(reporters=6, years=(2006, 2010, 2014), rows_per_file=1_500, products=300, vintages=True)
    write_world(spec, work.layout.root, jobs=2)
    assert work.ingest().exit_code == 0
    assert work.esi().exit_code == 0
    return work


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    found = Layout(tmp_path / "w")
    found.scratch.mkdir(parents=True)
    return found


@pytest.mark.slow
def test_the_same_bytes_as_threads(machines: Machines, world: Workspace, tmp_path: Path) -> None:
    raw = world.layout.raw
    work = workspace(tmp_path / "w", machines.file)
    broken = tmp_path / "COMTRADE-FINAL-CA1562001H2[2024-03-10].gz"
    broken.write_bytes(b"no archive")
    seen: list[tuple[str, int, int]] = []
    work._progress = lambda *one: seen.append(one)
    report = work.ingest([raw, broken])
    assert list(report.rejected) == [broken.name]
    assert report.exit_code == 3
    assert {one[0] for one in seen} == {"flows"}
    assert len(report.reporter_years) == len(world.layout.partitions())
    assert work.esi().exit_code == 0
    ours, theirs = lake(work.layout.root), lake(world.layout.root)
    assert ours == theirs
    assert not any(work.layout.scratch.iterdir())
    again = work.ingest([raw])
    assert not again.changed
    with exclusive(work.layout):
        command = ["run", "-w", str(work.layout.root), "--cluster", str(machines.file)]
        assert CliRunner().invoke(main, command).exit_code == 6


@pytest.mark.slow
def test_workers_that_are_killed_cost_time(machines: Machines, world: Workspace, tmp_path: Path) -> None:  # fmt: skip
    chance, results = random.Random(7), []

    def kill(stage: str, _done: int, _total: int) -> None:
        """One worker after every few results, so that the cluster comes on."""
        results.append(stage)
        if len(results) % 5 == 1 and machines.n_killed < KILLS:
            machines.replace(chance.randrange(len(machines.workers)))

    work = workspace(tmp_path / "w", machines.file)
    work._progress = kill
    report = work.ingest([world.layout.raw])
    work.esi()
    assert machines.n_killed >= KILLS
    assert len(report.reporter_years) == len(world.layout.partitions())
    assert lake(work.layout.root) == lake(world.layout.root)


@pytest.mark.slow
def test_a_lost_scheduler_ends_the_run_and_the_next_one_goes_on(own: Callable[..., Machines], world: Workspace, tmp_path: Path) -> None:  # fmt: skip
    machines = own(1)
    work, lost = workspace(tmp_path / "w", machines.file), []

    def kill() -> None:
        while not work.layout.partitions():
            time.sleep(0.02)
        machines.scheduler.kill()
        lost.append(time.monotonic())

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with pytest.raises(ClusterError, match="the scheduler is lost") as caught:
        work.ingest([world.layout.raw])
    assert time.monotonic() - lost[0] < 60
    assert "run again, with or without --cluster" in caught.value.hint
    assert len(work.layout.partitions()) < len(world.layout.partitions())
    threads = workspace(work.layout.root)
    threads.ingest([world.layout.raw])
    threads.esi()
    assert lake(work.layout.root) == lake(world.layout.root)


@pytest.mark.slow
def test_clear_ends(own: Callable[..., Machines], machines: Machines, layout: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    caplog.set_level("INFO", logger="minsum")
    slow = Cluster(str(machines.file), layout, patience=1)
    with pytest.raises(ClusterError, match=r"no task was finished in \d s; it had \d workers"):
        next(slow.as_done(sleep, [1]))
    slow.close()
    talking = Cluster(str(machines.file), layout, patience=60)
    for _, outcome in talking.as_done(say, [1, 2]):
        outcome()
    talking.close()
    assert {(one.getMessage(), one.source) for one in caplog.records} >= {
        ("task 1", "a.csv"),
        ("task 2", "a.csv"),
    }
    mortal = own(1, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0")
    cluster = Cluster(str(mortal.file), layout, patience=60)
    [(_, outcome)] = cluster.as_done(die, [1])
    with pytest.raises(ClusterError, match=r"1 workers died while they did one task, .*\(memory limit: "):
        outcome()
    cluster.close()
    monkeypatch.setattr(minsum.cluster.driver, "_WORKERS_S", 0.5)
    alone = Cluster(str(mortal.file), layout, patience=60)
    with pytest.raises(ClusterError, match="has no workers"):
        next(alone.as_done(sleep, [1]))
    alone.close()


@pytest.mark.slow
def test_workers_that_do_not_fit_are_refused(
    machines: Machines, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = Cluster(str(machines.file), layout, patience=60)
    with pytest.raises(ClusterError, match=r"worker tcp://\S+ does not see .*nowhere"):
        cluster.refuse_unseen([tmp_path / "nowhere"])
    cluster.close()
    ours = minsum.cluster.worker._versions()
    monkeypatch.setattr(minsum.cluster.worker, "_versions", lambda: ours | {"polars": "1.0"})
    cluster = Cluster(str(machines.file), layout, patience=60)
    with pytest.raises(ClusterError, match=rf"worker \S+ has polars {ours['polars']}, not 1.0"):
        next(cluster.as_done(sleep, [1]))
    cluster.close()
    monkeypatch.setattr(minsum.cluster.worker, "_versions", lambda: ours)
    shutil.rmtree(layout.root)
    (tmp_path / "elsewhere").mkdir()
    layout.root.symlink_to("/proc/self/cwd")  # every process sees another folder there
    monkeypatch.chdir(tmp_path / "elsewhere")
    cluster = Cluster(str(machines.file), layout, patience=60)
    with pytest.raises(ClusterError, match=r"cannot work in .*: No such file"):
        next(cluster.as_done(sleep, [1]))
    cluster.close()


class Elsewhere:
    """Workers that do every task twice, as when its result was lost, on what is left of it after pickling."""

    n_beside = 1

    def __init__(self, layout: Layout) -> None:
        self._layout = layout.for_worker("run", (layout.scratch / "run" / "seal").is_file)
        self.n_tasks = 0

    def refuse_unseen(self, files: Iterable[Path]) -> None:
        assert all(path.is_absolute() for path in files)

    def as_done(self, run: Run[Task, Result], tasks: Iterable[Task]) -> Done[Task, Result]:
        for task in tasks:
            self.n_tasks += 1
            for _ in range(2):
                again, sent = pickle.loads(pickle.dumps((run, task)))
                result = pickle.loads(pickle.dumps(again(sent, self._layout)))
            yield task, lambda result=result: result


def test_what_workers_are_given_and_what_they_leave(desk: Desk, tmp_path: Path) -> None:
    """Publications of one reporter-year after each other, files under other names and parts of a reporter-year."""
    later, third = (NAME.replace("03-10", day) for day in ("04-10", "05-10"))
    desk.put([{}, {"cmdCode": "010129"}, {"cmdCode": "010130"}])
    desk.put([{}, {"cmdCode": "010129"}], later)
    desk.put([{"primaryValue": "1"}], third)
    desk.put([{"reporterCode": 842}], NAME.replace("156", "842"))
    desk.put([{"reporterCode": 36}, {"reporterCode": 76}], "countries.gz")
    desk.put_bytes(slice_of((842, 9)), NAME.replace("03-10", "06-10").replace(".gz", ".csv"))
    desk.put_bytes(b"no archive", NAME.replace("156", "392"))
    threads = desk.ingest()
    expected, kept = desk.lake(), read_rejections(desk.layout)
    desk.layout = Layout(tmp_path / "again")
    seal = desk.layout.scratch / "run" / "seal"
    seal.parent.mkdir(parents=True)
    seal.touch()
    elsewhere = Elsewhere(desk.layout)
    report = desk.ingest(workers=elsewhere)
    assert elsewhere.n_tasks == 3
    assert desk.lake() == expected
    assert report.rejected == threads.rejected
    assert report.rejected.keys() == {third, NAME.replace("156", "392")}
    assert report.changes == threads.changes
    assert {path.name for path in read_rejections(desk.layout)} == {path.name for path in kept}


def test_addresses_that_cannot_be_are_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minsum.cluster.driver, "_CONNECT_S", 0.5)
    with pytest.raises(ClusterError, match="no scheduler answers there"):
        next(Cluster("tcp://127.0.0.1:1", layout, patience=1).as_done(sleep, [1]))
    with pytest.raises(SettingsError, match="no such scheduler file"):
        next(Cluster("none.json", layout, patience=1).as_done(sleep, [1]))
    for address in ("local:0", "local:many", "http://a"):
        with pytest.raises(SettingsError, match="cluster"):
            _ = workspace(layout.root, address).settings
    monkeypatch.setattr(minsum.cluster.driver, "version", _absent)
    with pytest.raises(UsageError, match="needs the extra"):
        Cluster("local:2", layout, patience=1)


@pytest.mark.slow
def test_processes_of_this_machine_leave_its_environment_alone(layout: Layout) -> None:
    before = dict(os.environ)
    local = Cluster("local:1", layout, patience=60)
    try:
        [(_, outcome)] = local.as_done(threads_of, [1])
        assert outcome() == str(default_jobs())
        assert dict(os.environ) == before
    finally:
        local.close()


@pytest.mark.slow
def test_the_benchmark_of_a_cluster(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minsum.bench.work, "_kernels", lambda _part: [])
    monkeypatch.setattr(minsum.bench.work, "take_turns", lambda rounds: take_turns(islice(rounds, 2)))
    command = ["bench", "--scale", "0.001", "--jobs", "1", "-q", "--json", "--cluster", str(machines.file)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["cluster"] == str(machines.file)
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["cluster, start"]["checksum"] == 1.0
    for name in ("ingest", "esi"):
        on_cluster = rows[f"cluster, {name}"]
        assert on_cluster["checksum"] == rows[name]["checksum"]
        assert on_cluster["ratio_to_threads"] == on_cluster["seconds"] / rows[name]["seconds"]


def _absent(_name: str) -> str:
    raise PackageNotFoundError


def test_a_task_that_outlives_its_run_publishes_nothing(layout: Layout) -> None:
    seal = layout.scratch / "run" / "seal"
    seal.parent.mkdir()
    seal.touch()
    table, target = pa.table({"a": [1]}), layout.root / "a.parquet"
    publish_table(table, target, footer={}, layout=layout.for_worker("run", seal.is_file))
    target.unlink()
    with exclusive(layout):
        worker = layout.for_worker("run", seal.is_file)
        with pytest.raises(WorkspaceLockedError, match="has ended"):
            publish_table(table, target, footer={}, layout=worker)
    assert not target.exists()
    assert not list(layout.private.glob("left-*"))
