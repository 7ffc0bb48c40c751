"""A workspace in a bucket: an S3-compatible server on loopback gives the bytes that a folder gives, whatever happens."""

from __future__ import annotations

import json
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import cloudpickle
import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client
from moto.server import ThreadedMotoServer

import minsum as package
import sketches
from comtrade_stub import KEY, packed, serving
from conftest import COMMAND, NAME, bulk_text, minsum
from forked import forked
from machines import Machines
from minsum.cluster import worker
from minsum.cluster.worker import Seal, do, misfit, unseen
from minsum.errors import (
    ClusterError,
    DataCheckError,
    KeyRefusedError,
    RemoteError,
    UsageError,
    WorkspaceLockedError,
)
from minsum.flows.lake import Lake
from minsum.flows.tasks import Group, load_group
from minsum.harmonise.tables import Tables
from minsum.pipeline import Workspace
from minsum.settings.esi import Harmonise
from minsum.settings.flows import Ingest
from minsum.settings.paths import remote_url
from minsum.sources.files import identify
from minsum.workspace import copies, copy_folder, lease, store
from minsum.workspace.checksums import damage_of
from minsum.workspace.copies import Copy, copy_of
from minsum.workspace.lock import exclusive
from minsum.workspace.publish import publish_table, publish_text
from minsum.workspace.store import ConflictError, Store

SECRET = "wJalrXUtnFEMIK7MDENG"
OTHER = "COMTRADE-FINAL-CA8422015H4[2024-03-10].gz"
UNLIKE = (".minsum/", "runs/")
"""What two workspaces of the same content do not share."""

KILLS = int(os.environ.get("MINSUM_TEST_KILLS", "3"))


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    found = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    found.start()
    yield "http://{}:{}".format(*found.get_host_and_port())
    found.stop()


def credentials(server: str) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1",
    }  # fmt: skip


class Bucket:
    """A prefix of its own in a bucket."""

    def __init__(self, endpoint: str) -> None:
        self.prefix = f"studies/{uuid.uuid4().hex}"
        self.url = f"s3://bkt/{self.prefix}"
        self._client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
        self._client.create_bucket(Bucket="bkt")

    def put(self, key: str, content: bytes) -> None:
        self._client.put_object(Bucket="bkt", Key=f"{self.prefix}/{key}", Body=content)

    def fill(self, folder: Path) -> None:
        """What a person brings: settings, raw files, covariates."""
        for path in folder.rglob("*"):
            key = path.relative_to(folder).as_posix()
            if path.is_file() and (key.startswith(("raw/", "covariates/")) or path.suffix == ".toml"):
                self.put(key, path.read_bytes())

    def content(self) -> dict[str, bytes]:
        """Every object by its name, without those that no two workspaces share."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket="bkt", Prefix=f"{self.prefix}/")
        keys = [
            one["Key"].removeprefix(f"{self.prefix}/") for page in pages for one in page.get("Contents", ())
        ]
        return {key: self.get(key) for key in keys if not key.startswith(UNLIKE)}

    def get(self, key: str) -> bytes:
        found: bytes = self._client.get_object(Bucket="bkt", Key=f"{self.prefix}/{key}")["Body"].read()
        return found


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    for name, value in credentials(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(copies, "_copies", {})
    monkeypatch.setattr(copy_folder, "_FRESH_S", 0.0)
    yield Bucket(server)
    for one in copies._copies.values():
        one.close()


@pytest.fixture
def two_countries(bucket: Bucket) -> Bucket:
    """A workspace with two raw files, nothing made of them."""
    Workspace(bucket.url).init()
    bucket.put(f"raw/{NAME}", bulk_text([{}, {"cmdCode": "020110", "primaryValue": "300"}]))
    bucket.put(f"raw/{OTHER}", bulk_text([{"reporterCode": "842"}]))
    return bucket


def files(folder: Path) -> dict[str, bytes]:
    """As `Bucket.content`, of a folder."""
    found = {one.relative_to(folder).as_posix(): one for one in folder.rglob("*") if one.is_file()}
    return {key: path.read_bytes() for key, path in found.items() if not key.startswith(UNLIKE)}


def fresh(url: str) -> Workspace:
    """A workspace as a process of its own would see it."""
    copies._copies.clear()
    return Workspace(url, jobs=2)


@pytest.mark.slow
def test_commands_work_on_a_bucket_as_on_a_folder(two_countries: Bucket, tmp_path: Path) -> None:
    url, folder = two_countries.url, Workspace(tmp_path / "study").init().layout.root
    for key, content in two_countries.content().items():
        (folder / key).write_bytes(content)
    for command in (["ingest"], ["esi"], ["status"], ["sql", "SELECT reporter, reference, esi FROM esi"], ["check"],
                    ["trace", "CHN", "USA", "2015", "--product", "010121"],
                    ["growth", "CHN", "-r", "USA"], ["sql", "SELECT sum(value_usd) FROM flows"]):  # fmt: skip
        copies._copies.clear()
        there, here = minsum(*command, "-q", "-w", url), minsum(*command, "-q", "-w", folder)
        assert (there.exit_code, there.stderr) == (here.exit_code, here.stderr.replace(str(folder), url)), (
            command
        )
        assert tempfile_names(there.output) == []
        if command[0] not in ("ingest", "esi"):  # their last line has a time
            assert there.stdout == here.stdout.replace(str(folder), url)
    assert two_countries.content() == files(folder)


def tempfile_names(text: str) -> list[str]:
    return [word for word in text.split() if copy_folder._PREFIX in word]


def test_a_second_run_does_nothing_and_reads_no_raw_file(
    two_countries: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Workspace(two_countries.url).ingest().exit_code == 0
    monkeypatch.setattr(store.Store, "reader", lambda *_: pytest.fail("a raw file was read"))
    assert not fresh(two_countries.url).ingest().changed


@pytest.mark.slow
def test_sql_brings_the_files_of_the_tables_it_names(two_countries: Bucket) -> None:
    work = Workspace(two_countries.url)
    work.ingest()
    work.esi()
    looking = fresh(two_countries.url)
    assert looking.sql("SELECT count(*) FROM esi").fetchall() == [(2,)]  # type: ignore[union-attr]
    copy = copy_of(looking.layout.root)
    assert copy is not None
    holes = [path for path in looking.layout.partitions() if copy._levels[path] < copy_folder.WHOLE]
    assert len(holes) == 2
    assert all(path.stat().st_blocks * 512 <= copy_folder._TAIL for path in holes)


def test_sources_at_urls_are_read_where_they_are(two_countries: Bucket, tmp_path: Path) -> None:
    work = Workspace(tmp_path / "here").init()
    assert set(work.ingest([f"{two_countries.url}/raw/"]).stages[0].summary["added"]) == {NAME, OTHER}
    assert not any(work.layout.raw.iterdir())
    again = Workspace(tmp_path / "one").init()
    assert again.ingest([f"{two_countries.url}/raw/{OTHER}"]).stages[0].summary["added"] == [OTHER]
    assert package.scan(f"{two_countries.url}/raw").collect()["value_usd"].sum() == 500
    with pytest.raises(UsageError, match="no such object"):
        again.ingest([f"{two_countries.url}/rwa/"])


@pytest.mark.slow
def test_what_is_removed_here_is_removed_there(two_countries: Bucket) -> None:
    bad = NAME.replace("156", "392")
    two_countries.put(f"raw/{bad}", b"<html>")
    work = Workspace(two_countries.url)
    assert work.ingest().exit_code == 3
    assert [one for one in two_countries.content() if one.startswith("rejected/")]
    two_countries._client.delete_object(Bucket="bkt", Key=f"{two_countries.prefix}/raw/{bad}")
    assert fresh(two_countries.url).ingest().exit_code == 0
    assert not [one for one in two_countries.content() if one.startswith("rejected/")]


@pytest.mark.slow
def test_what_is_fetched_lies_in_the_bucket(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSUM_COMTRADE_KEY", KEY)
    content = packed([{}, {"cmdCode": "020110"}])
    with serving() as stub:
        stub.publish(156, 2015, content)
        bucket.put("minsum.toml", f'[fetch]\nclassification = "H4"\nbase_url = "{stub.url}"\n'.encode())
        assert Workspace(bucket.url).fetch().changed
        assert fresh(bucket.url).ingest().changed
        assert not fresh(bucket.url).fetch().changed
    assert [one for key, one in bucket.content().items() if key.startswith("raw/")] == [content]


def test_an_object_changed_by_another_is_not_overwritten(two_countries: Bucket) -> None:
    work = Workspace(two_countries.url)
    two_countries.put("minsum.toml", b"# mine\n")
    with pytest.raises(WorkspaceLockedError, match="someone else has written it"):
        publish_text("# ours\n", work.layout.settings, layout=work.layout)
    assert two_countries.get("minsum.toml") == b"# mine\n"


def test_a_write_that_finds_itself_there_is_no_conflict(bucket: Bucket) -> None:
    there = Store(bucket.url)
    tag = there.put("a", b"1", over=None)
    assert there.put("a", b"1", over=None) == tag
    with pytest.raises(ConflictError):
        there.put("a", b"2", over=None)
    with pytest.raises(ConflictError):
        there.put("b", b"2", over=tag)


@pytest.mark.slow
def test_of_two_runs_one_works_and_one_ends_with_6(two_countries: Bucket) -> None:
    with exclusive(Workspace(two_countries.url).layout):
        result = minsum("run", "-w", two_countries.url)
    assert result.exit_code == 6
    assert f"another run holds the workspace: process {os.getpid()} on " in result.stderr
    assert "expires in 60 s" in result.stderr
    assert minsum("ingest", "-w", two_countries.url).exit_code == 0
    with pytest.raises(Exception, match="NoSuchKey"):
        two_countries.get(lease.KEY)


def lock_of(age_s: float) -> bytes:
    renewed = (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat()
    return json.dumps({"run": "x", "who": "process 7 on night", "renewed": renewed, "lasts_s": 0.3}).encode()


@pytest.mark.parametrize("content", [lock_of(60), b"torn"])
def test_an_expired_lock_is_taken_over(
    two_countries: Bucket, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "LASTS_S", 0.3)
    two_countries.put(lease.KEY, content)
    assert Workspace(two_countries.url).ingest().exit_code == 0


def test_a_holder_whose_clock_is_slow_keeps_its_lock(
    two_countries: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_countries.put(lease.KEY, lock_of(60))

    def sleep(_seconds: float) -> None:
        two_countries.put(lease.KEY, lock_of(59))  # meanwhile the holder renews it

    monkeypatch.setattr(lease, "time", SimpleNamespace(**vars(time) | {"sleep": sleep}))
    with pytest.raises(WorkspaceLockedError, match="process 7 on night"):
        Workspace(two_countries.url).ingest()


def test_a_run_that_lost_its_lock_publishes_nothing(
    two_countries: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Workspace(two_countries.url)
    monkeypatch.setattr(lease, "LASTS_S", 0.0)
    with exclusive(work.layout):
        two_countries.put(lease.KEY, lock_of(0))
        with pytest.raises(WorkspaceLockedError, match="the lock was lost"):
            publish_text("x", work.layout.root / "x.txt", layout=work.layout)
    assert "x.txt" not in two_countries.content()
    assert two_countries.get(lease.KEY)  # the other run's


def test_the_lock_is_renewed(two_countries: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "LASTS_S", 0.3)
    with exclusive(Workspace(two_countries.url).layout):
        first = two_countries.get(lease.KEY)
        time.sleep(0.2)
        assert two_countries.get(lease.KEY) != first


def test_a_store_that_ignores_conditions_is_refused(
    two_countries: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = obstore.put
    monkeypatch.setattr(obstore, "put", lambda *given, **named: put(*given, **named | {"mode": None}))
    with pytest.raises(UsageError, match="ignores conditions"):
        Workspace(two_countries.url).ingest()


@pytest.mark.slow
def test_a_reader_never_meets_a_half_written_object(two_countries: Bucket) -> None:
    work = Workspace(two_countries.url)
    path = work.layout.partition("H4", 2015, 156)
    end, seen = threading.Event(), set()

    def read() -> None:
        while not end.is_set():
            one = Copy(Store(two_countries.url))
            one.look()
            there = one.root / path.relative_to(work.layout.root)
            one.bring([there], copy_folder.FOOTER)
            one.bring([there], copy_folder.WHOLE)
            seen.add(damage_of(there.read_bytes()) if there.exists() else "not there yet")
            one.close()

    reader = threading.Thread(target=read)
    reader.start()
    for size in range(20):
        rows = pa.table({"row": range(size * 20_000)})
        publish_table(rows, path, footer={"size": size}, layout=work.layout)
    end.set()
    reader.join()
    assert seen <= {None, "not there yet"}
    assert None in seen


def test_names_that_are_no_paths_stay_outside(bucket: Bucket) -> None:
    copy = Copy(Store(bucket.url))
    for key in ("../x", "a/../../x", "a//b", "/etc/passwd", "a/", ".", "x" * 256, "a\0b"):
        assert copy._path(key) is None, key
    assert copy._path("raw/a b=[1].gz") == copy.root / "raw" / "a b=[1].gz"
    copy.close()


def test_an_object_with_the_name_of_a_folder_is_left_out(
    two_countries: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    two_countries.put(f"raw/{NAME}/more", b"x")
    logging.getLogger("minsum").setLevel(logging.INFO)
    caplog.set_level(logging.WARNING, "minsum")
    with caplog.at_level(logging.WARNING, "minsum"):
        fresh(two_countries.url)
    assert "left out" in caplog.text


def test_what_a_killed_process_left_on_disk_is_removed(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, young = tmp_path / f"{copy_folder._PREFIX}old", tmp_path / f"{copy_folder._PREFIX}young"
    for folder in (left, young):
        (folder / "study").mkdir(parents=True)
    os.utime(left, (1, 1))
    in_use = Copy(Store(bucket.url))
    os.utime(in_use.root.parent, (1, 1))
    Copy(Store(bucket.url))
    assert not left.exists()
    assert young.exists()
    assert in_use.root.exists()


class Refusal(BaseHTTPRequestHandler):
    """Refuses everything, and repeats what it was sent."""

    def do_GET(self) -> None:
        said = f"<Error><Code>InvalidAccessKeyId</Code><Message>{SECRET} {self.headers}</Message></Error>".encode()
        self.send_response(403)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_PUT = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def refusing() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Refusal)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_refused_credentials_end_with_7_and_are_not_quoted(
    bucket: Bucket, refusing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", refusing)
    result = minsum("run", "-w", bucket.url)
    assert result.exit_code == 7
    assert "refuses these credentials (InvalidAccessKeyId)" in result.stderr
    with pytest.raises(KeyRefusedError) as refused:
        Workspace(bucket.url)
    assert refused.value.__suppress_context__
    assert SECRET not in result.output + str(refused.getrepr(style="long"))


@pytest.mark.usefixtures("bucket")
def test_a_missing_bucket_ends_with_2() -> None:
    result = minsum("status", "-w", "s3://nobody/study")
    assert result.exit_code == 2
    assert "s3://nobody/study: no such bucket" in result.stderr
    with pytest.raises(UsageError, match="no such bucket"):
        Store("s3://nobody/study").put("a", b"1", over=None)


def test_no_network_ends_with_7(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:9/?token={SECRET}")
    monkeypatch.setattr(store, "RETRY", {"max_retries": 0})
    result = minsum("status", "-w", bucket.url)
    assert result.exit_code == 7
    assert "does not answer as it should" in result.stderr
    assert SECRET not in result.output


def test_a_store_that_is_lost_in_the_middle_ends_the_run_with_7(
    two_countries: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Workspace(two_countries.url)

    def lost(self: Store, _key: str) -> None:
        raise RemoteError(f"{self.url}: lost")

    monkeypatch.setattr(Store, "reader", lost)
    with pytest.raises(RemoteError, match="lost"):
        work.ingest()
    record = next(iter(sorted(work.layout.runs.iterdir())))
    assert json.loads(record.read_bytes())["exit_code"] == 7
    assert json.loads(two_countries.get(f"runs/{record.name}"))["exit_code"] == 7


@pytest.fixture
def cluster(server: str, tmp_path: Path) -> Iterator[Machines]:
    """Workers that have the bucket, and folders of their own."""
    (tmp_path / "tmp").mkdir()
    found = Machines(tmp_path, 2, TMPDIR=str(tmp_path / "tmp"), **credentials(server))
    yield found
    found.end()


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_of_a_folder(
    bucket: Bucket,
    cluster: Machines,
    every_output: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Workers come and go; paths reach them as URLs; nothing stays on their disks."""
    bucket.fill(every_output)
    work = Workspace(bucket.url, jobs=2, flags={"cluster": str(cluster.file)})
    sent: list[bytes] = []
    submit = Client.submit

    def spy(client: Client, function: object, *arguments: object, **others: object) -> object:
        sent.append(cloudpickle.dumps(arguments))
        if len(sent) in (6, 12):  # of 15 reporter-years; a year of similarities would hold five of them
            cluster.replace(0)
        return submit(client, function, *arguments, **others)

    monkeypatch.setattr(Client, "submit", spy)
    with sketches.undrawn():
        assert work.run().exit_code == 0
    assert cluster.n_killed > 1
    assert bucket.content() == files(every_output)
    assert not [one for one in sent if str(work.layout.root).encode() in one]
    left = [path for path in (tmp_path / "tmp").rglob("flows.parquet") if path.stat().st_blocks]
    assert len(left) <= cluster.n_killed


@pytest.mark.slow
def test_workers_without_the_bucket_are_refused(two_countries: Bucket, tmp_path: Path) -> None:
    blind = Machines(
        tmp_path, 1, AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_ENDPOINT_URL="http://127.0.0.1:1"
    )
    try:
        result = minsum("run", "-w", two_countries.url, "--cluster", blind.file)
    finally:
        blind.end()
    assert result.exit_code == 7
    assert "worker tcp://" in result.stderr
    assert two_countries.url in result.stderr
    assert SECRET not in result.stderr


def test_a_task_whose_run_lost_the_bucket_publishes_nothing(two_countries: Bucket) -> None:
    layout = Workspace(two_countries.url).layout
    table, target = pa.table({"a": [1]}), layout.root / "a.parquet"
    with exclusive(layout):
        seal = Seal.make(layout)
        assert misfit(seal) is None
        publish_table(table, target, footer={}, layout=seal.layout())
    assert "does not find this run" in str(misfit(seal))
    with exclusive(layout), pytest.raises(WorkspaceLockedError, match="has ended"):
        publish_table(pa.table({"a": [2]}), target, footer={}, layout=seal.layout())
    assert pq.read_table(target)["a"].to_pylist() == [1]


def as_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_copies", {})
    monkeypatch.setattr(worker, "_looked", {})


def test_a_task_done_before_by_a_worker_that_was_lost_is_done_again(
    two_countries: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two publications of one reporter-year; the second worker has looked before the first one published."""
    later = NAME.replace("03-10", "04-10")
    two_countries.put(
        f"raw/{later}", bulk_text([{"primaryValue": "107"}, {"cmdCode": "020110", "primaryValue": "300"}])
    )
    layout = Workspace(two_countries.url).layout
    with exclusive(layout):
        seal = Seal.make(layout)
        found = [layout.raw / name for name in (NAME, later)]
        pair = tuple((one, Ingest()) for one in identify(found, layout, jobs=1))
        run = partial(load_group, options=Ingest(), n_sources=1, driver_folder=Path("/"))
        sent = pickle.dumps((run, Group(pair, frozenset(one.sha256 for one, _ in pair), is_named=True)))
        key = copy_of(layout.root).key_of(layout.partition("H4", 2015, 156))  # type: ignore[union-attr]
        as_another_process(monkeypatch)
        assert misfit(seal) is None
        second = copies._copies, worker._looked
        as_another_process(monkeypatch)
        _, _, published = do(sent, seal)
        assert [one.key for one in published] == [key, key]
        content = two_countries.get(key)
        monkeypatch.setattr(copies, "_copies", second[0])
        monkeypatch.setattr(worker, "_looked", second[1])
        results, _, _ = do(sent, seal)
        assert [one.error for one in results] == [None, None]
        assert two_countries.get(key) == content
        copy = copy_of(seal.layout().root)
        assert copy is not None
        assert copy._levels[copy.root / key] == copy_folder._HOLE
        monkeypatch.setattr(worker, "holder", lambda _store: seal.run)

        def refused(self: Store, *_: object, **_named: object) -> str:
            raise KeyRefusedError(f"{self.url}: refused", "hint")

        monkeypatch.setattr(Store, "put", refused)
        monkeypatch.setattr(Lake, "existing", lambda *_: None)
        with pytest.raises(ClusterError, match=f"worker here: {two_countries.url}: refused"):
            do(sent, seal)


def test_a_worker_looks_where_its_run_says_and_nowhere_else(
    two_countries: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = replace(Seal.make(Workspace(tmp_path / "w").init().layout), sources=(f"{two_countries.url}/raw",))
    sent = pickle.dumps([copies.at(f"{two_countries.url}/raw") / NAME])
    as_another_process(monkeypatch)
    copies.copy_at("s3://gone/study")  # of an earlier run, whose bucket was removed
    assert unseen((pickle.loads(sent), seal)) == []
    assert misfit(seal) is None


def test_what_one_task_lets_go_of_another_may_use(two_countries: Bucket) -> None:
    copy = Copy(Store(two_countries.url))
    copy.look()
    ours, theirs = (copy.root / "raw" / name for name in (NAME, OTHER))
    copy.bring([ours, theirs], copy_folder.WHOLE)
    other = threading.Thread(target=copy.bring, args=([theirs], copy_folder.WHOLE))
    other.start()
    other.join()
    copy.release()
    assert [copy._levels[one] for one in (ours, theirs)] == [copy_folder._HOLE, copy_folder.WHOLE]
    ours.unlink()  # as who cleans /tmp does
    copy.look(anew=True)
    assert ours.stat().st_size == len(two_countries.get(f"raw/{NAME}"))
    copy.close()


def test_tables_are_there_after_a_task_let_go_of_them(two_countries: Bucket) -> None:
    two_countries.put("tables/H5_to_H4.csv", b"H5,H4,weight,group_id\n010121,010121,1,1\n")
    root = Workspace(two_countries.url).layout.root
    tables = Tables.find(Harmonise(target="H4", method="weights", tables="tables"), root)
    copy = copy_of(root)
    assert copy is not None
    copy.release()
    with suppress(DataCheckError):  # not all codes are in it
        tables.weights("H5", "H4")
    assert (root / "tables" / "H5_to_H4.csv").read_bytes().startswith(b"H5,")


def test_without_the_extra_the_hint_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    result = minsum("run", "-w", "s3://bucket/study")
    assert result.exit_code == 2
    assert 'pip install "minsum[objectstore]"' in result.stderr


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("s3://b/p/", "s3://b/p"), ("S3:/b/p", "s3://b/p"), ("gs://b", "gs://b"), ("az://c/p q", "az://c/p q"),
        ("abfs://c@account.dfs.core.windows.net/p", "abfs://c@account.dfs.core.windows.net/p"), ("/tmp/s3://b", None), ("b/p", None),
    ],
)  # fmt: skip
def test_addresses_in_one_form(given: str, url: str | None) -> None:
    assert remote_url(given) == url


@pytest.mark.parametrize(
    "address", [f"s3://AKIA:{SECRET}@b/p", f"s3://b/p?X-Amz-Signature={SECRET}", f"az://c/p#{SECRET}"]
)
def test_addresses_with_secrets_are_refused_without_quoting_them(address: str) -> None:
    result = minsum("status", "-w", address)
    assert result.exit_code == 2
    assert SECRET not in result.output


@pytest.mark.parametrize(
    "address", ["ftp://b/p", "https://b.s3.amazonaws.com/p", "file:///tmp/p", "s3://", "s3://b/../p"]
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(UsageError):
        remote_url(address)


@pytest.mark.slow
def test_a_whole_run_gives_the_bytes_of_a_folder(bucket: Bucket, every_output: Path) -> None:
    bucket.fill(every_output)
    with sketches.undrawn():
        assert Workspace(bucket.url, jobs=2).run().exit_code == 0
    assert bucket.content() == files(every_output)
    again = fresh(bucket.url)
    assert not again.run().changed
    assert again.status()["stale"] == []


@pytest.mark.slow
def test_of_two_processes_at_once_one_works_and_one_ends_with_6(two_countries: Bucket) -> None:
    command = [*COMMAND, "ingest", "-q", "-w", two_countries.url]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate()[1] for one in running]
    codes = [one.returncode for one in running]
    assert sorted(codes) in ([0, 6], [0, 0])  # the second may have begun when the first was done
    assert all("another run holds" in text for code, text in zip(codes, said, strict=True) if code == 6)
    assert {key.split("/")[0] for key in two_countries.content()} == {"flows", "minsum.toml", "raw"}


KILLED = """
import itertools, os, signal, sys
from minsum.cli import main
from minsum.workspace import lease, store
lease.LASTS_S = 0.5
put, written, last = store.Store.put, itertools.count(1), int(sys.argv.pop())
def killed(self, key, content, *, over):
    is_last = key != lease.KEY and next(written) == last
    if is_last and last % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    tag = put(self, key, content, over=over)
    if is_last:
        os.kill(os.getpid(), signal.SIGKILL)
    return tag
store.Store.put = killed
main()
"""


@pytest.mark.slow
def test_killed_again_and_again_the_bytes_are_the_same(
    bucket: Bucket, every_output: Path, tmp_path: Path
) -> None:
    bucket.fill(every_output)
    n_left = len(files(every_output)) - len(bucket.content())
    for kill in range(1, KILLS + 1):
        last = 1 + kill * n_left // (KILLS * (KILLS + 1) // 2 + 1)
        said = tmp_path / f"{kill}"
        ended = forked("run", "-q", "-w", bucket.url, last, said=said, code=KILLED)
        ended.join()
        assert ended.exitcode == -9, (kill, said.read_text())
        time.sleep(0.5)  # until its lock has expired
    with sketches.undrawn():
        assert minsum("run", "-w", bucket.url).exit_code == 0
    assert bucket.content() == files(every_output)
