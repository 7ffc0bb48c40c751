"""What the lake holds follows from the files at hand and the settings, not from what was there before; what cannot be
followed is told. Each fault was seen on commit 8563145."""

from __future__ import annotations

import errno
import gzip
import io
import json
import os
import shutil
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

import minsum.flows.ingest as stage
from conftest import NAME, Desk, bulk_text
from conftest import minsum as command
from minsum.cli import main
from minsum.errors import DataCheckError
from minsum.flows import load
from minsum.inspect.check import check_workspace
from minsum.pipeline import Workspace
from minsum.settings.check import Check
from minsum.settings.flows import Ingest
from minsum.sources.files import Source
from minsum.sources.publications import from_name, version_of
from minsum.sources.rejections import read_rejections
from test_formats import old
from trade_files import LEGACY, LEGACY_BULK

Row = dict[str, object]
LATER = NAME.replace("03-10", "06-01")
LATEST = NAME.replace("03-10", "09-01")


def packed(rows: Sequence[Row], pack: str = "gz") -> bytes:
    text = bulk_text(rows)
    if pack == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("data.txt", text)
        return buffer.getvalue()
    return gzip.compress(text, mtime=0) if pack == "gz" else text


def usd(desk: Desk, **partition: int) -> list[object]:
    return [row[3] for row in desk.rows(**partition)]


def slice_of(*values: tuple[int, int]) -> bytes:
    """A web download: partner and USD."""
    return old([{"Partner Code": partner, "Trade Value (US$)": value} for partner, value in values], LEGACY)


# Content and digest -----------------------------------------------------------------------------------------


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Does something each time between the hashing of the files and the reading of them."""
    identify = stage.identify

    def arrange(happens: Callable[[], object]) -> None:
        def hashed(*given: object, **named: object) -> object:
            sources = identify(*given, **named)  # type: ignore[arg-type]
            happens()
            return sources

        monkeypatch.setattr(stage, "identify", hashed)

    return arrange


@pytest.mark.parametrize("pack", ["gz", "zip", "plain"])
@pytest.mark.parametrize("happens", ["swapped", "restored times", "grown", "broken"])
def test_what_stands_under_a_digest_was_read_from_those_bytes(
    desk: Desk, meanwhile: Callable[[Callable[[], object]], None], pack: str, happens: str
) -> None:
    path = desk.put_bytes(packed([{"primaryValue": 111}], pack), "data.txt")
    before = path.stat()
    new = packed([{"primaryValue": 222}], pack)
    if happens == "grown":
        new = packed([{"primaryValue": 111}, {"cmdCode": "010190"}], pack)

    def swap() -> None:
        path.write_bytes(new if happens != "broken" else new[:-20])
        if happens == "restored times":
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    meanwhile(swap)
    report = desk.ingest()
    if happens == "broken":
        assert [*report.rejected] == ["data.txt"]
        path.write_bytes(packed([{"primaryValue": 111}], pack))
        meanwhile(lambda: None)
        assert desk.ingest().added == ["data.txt"]
    assert [one["sha256"] for one in desk.footer()["sources"]] == [sha256(path.read_bytes()).hexdigest()]
    expected = {"grown": [111.0, 100.0], "broken": [111.0]}.get(happens, [222.0])
    assert usd(desk) == expected


def test_a_file_that_goes_on_growing_is_told_and_read_when_it_is_whole(
    desk: Desk, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    path = desk.put_bytes(bulk_text([{}]), "data.txt")
    desk.ingest()

    def grow() -> None:
        with path.open("ab") as file:
            file.write(bulk_text([{"cmdCode": f"01{path.stat().st_size % 10000:04}"}]).split(b"\n", 1)[1])

    grow()
    meanwhile(grow)
    report = desk.ingest()
    assert "changed while it was read" in report.rejected["data.txt"][0]
    assert usd(desk) == [100.0]
    meanwhile(lambda: None)
    assert desk.ingest().rejected == {}
    assert len(usd(desk)) > 2
    assert not read_rejections(desk.layout)


def test_a_verdict_is_about_a_name_and_a_content(desk: Desk) -> None:
    """Equal bytes under a wrong and a right name, whichever comes first."""
    content = packed([{}])
    wrong = NAME.replace("156", "842")
    for names in ([wrong, NAME], [NAME, wrong], [wrong, "plain.gz"]):
        shutil.rmtree(desk.layout.root, ignore_errors=True)
        for path in desk.inbox.iterdir():
            path.unlink()
        for name in names:
            desk.put_bytes(content, name)
            report = desk.ingest()
        assert usd(desk) == [100.0], names
        assert {*report.rejected} <= {wrong}
        assert desk.ingest().n_partitions == 0


# Publications -----------------------------------------------------------------------------------------------


def test_first_second_first_under_one_name(desk: Desk) -> None:
    for value in (100, 120, 100, 120, 100):
        desk.put([{"primaryValue": value}])
        report = desk.ingest()
        assert usd(desk) == [value]
        assert report.replaced == (
            {} if report.changes[0]["exports_usd_before"] is None else {NAME: ["H4/2015/156"]}
        )
        assert desk.ingest().n_partitions == 0
    assert sorted(one["sha256"] for one in desk.footer()["superseded"] + desk.footer()["sources"]) == sorted(
        {sha256(packed([{"primaryValue": value}])).hexdigest() for value in (100, 120)}
    )


def test_a_revision_that_is_taken_back(desk: Desk) -> None:
    """The third publication has the bytes of the first."""
    desk.put([{}])
    desk.ingest()
    desk.put([{"primaryValue": 120}], LATER)
    desk.ingest()
    desk.put([{}], LATEST)
    report = desk.ingest()
    assert (report.added, usd(desk)) == ([LATEST], [100.0])
    assert report.copies == {NAME: LATEST}
    assert desk.footer()["sources"][0]["published"] == "2024-09-01"
    assert set(desk.ingest().unchanged) == {LATER, LATEST}
    shutil.rmtree(desk.layout.root)
    desk.ingest()
    assert usd(desk) == [100.0]


BRACKETS = ["[{}]", "_{}_", "({})", "{{{}}}", "%5B{}%5D", " {} ", "-{}-", "\uff3b{}\uff3d", "{}", "._{}_"]


@pytest.mark.parametrize("form", BRACKETS)
def test_a_date_is_read_whatever_stands_around_it(form: str) -> None:
    stamp = "_20240311T081500.123456Z_abc-1_0123456789abcdef.gz"
    for end, row_key in (
        (".gz", None),
        (" (1).gz", None),
        (stamp, "abc-1"),
        (stamp.replace("20240311T081500.123456Z", ""), "abc-1"),
    ):
        found = from_name("COMTRADE-FINAL-CA1562022H6" + form.format("2024-06-01") + end)
        assert found is not None
        assert (found.published, found.reporter_code, found.period, found.row_key) == (
            "2024-06-01",
            156,
            2022,
            row_key,
        )


@pytest.mark.parametrize("date", ["2024-13-45", "2024-06-011", "1900-01-01"])
def test_what_is_no_date_is_none(date: str) -> None:
    found = from_name(f"COMTRADE-FINAL-CA1562022H6[{date}].gz")
    assert found is None or found.published is None


def test_two_files_of_one_date_are_told_and_the_later_download_counts(workspace: Workspace) -> None:
    again = NAME.replace(".gz", " (1).gz")
    for name, value in ((NAME, 100), (again, 120)):
        (workspace.layout.raw / name).write_bytes(packed([{"primaryValue": value}]))
    for _ in range(2):
        report = workspace.ingest()
        assert report.exit_code == 3
        [warning] = report.warnings
        assert f"{again} counts, and {NAME} has the same date and other content" in warning.message
    found = pl.read_parquet(workspace.layout.partition("H4", 2015, 156), hive_partitioning=False)
    assert found["value_usd"].to_list() == [120.0]
    assert workspace.status()["superseded"] == [{"name": NAME, "by": again, "reporter_years": 1}]
    (workspace.layout.raw / NAME).unlink()
    assert workspace.ingest().exit_code == 0


def test_numbers_of_a_browser_order_downloads_of_one_date() -> None:
    names = [NAME, *(NAME.replace(".gz", f"{mark}.gz") for mark in (" (1)", "(2)", " (10)"))]
    records = [
        {"name": name, "published": "2024-03-10", "sha256": str(9 - n)} for n, name in enumerate(names)
    ]
    assert sorted(records, key=version_of) == records


def test_status_lists_copies_and_superseded(workspace: Workspace) -> None:
    for name, value in ((NAME, 100), (LATER, 120), ("copy.gz", 120)):
        (workspace.layout.raw / name).write_bytes(packed([{"primaryValue": value}]))
    workspace.ingest()
    status = workspace.status()
    assert status["superseded"] == [{"name": NAME, "by": LATER, "reporter_years": 1}]
    assert status["copies"] == {"copy.gz": LATER}
    assert not {"raw", "flows"} & {one["what"] for one in status["stale"]}


@pytest.mark.slow
def test_status_says_what_rests_on_sources_that_are_not_in_raw(workspace: Workspace) -> None:
    raw = workspace.layout.raw
    for name, content in (
        (NAME, packed([{"reporterCode": 842}])),
        ("a.csv", slice_of((0, 9))),
        ("b.csv", slice_of((842, 9))),
    ):
        (raw / name.replace("156", "842")).write_bytes(content)
    workspace.ingest()
    assert workspace.status()["away"] == []
    (raw / NAME.replace("156", "842")).unlink()
    shutil.move(raw / "b.csv", raw / "c.csv")  # under another name, and never looked at
    (raw / "a.csv").write_bytes(slice_of((0, 8)))  # new content, not read yet
    assert workspace.ingest().exit_code == 0
    [one] = workspace.status()["away"]
    assert one == {"name": NAME.replace("156", "842"), "reporter_years": ["H4/2015/842"]}
    result = command("status", "-w", workspace.layout.root)
    assert "Sources that are not in raw/: 1 reporter-years rest on them" in result.stdout
    assert not workspace.ingest().changed
    assert workspace.layout.partition("H4", 2015, 842).is_file()


# Wanted decides ---------------------------------------------------------------------------------------------


def told(desk: Desk) -> list[tuple[str, str]]:
    """What status says of the flows of the inbox, as if it were raw/."""
    from minsum.flows.lake_index import read_index
    from minsum.inspect.stale import flows_entries, look_into_raw

    desk.layout.raw = desk.inbox
    known = read_index(desk.layout, desk.options)
    entries = flows_entries(desk.layout, known, look_into_raw(desk.layout, known))
    return [(one["what"], one["why"]) for one in entries if one["which"]]


def settled(desk: Desk) -> None:
    assert told(desk) == []
    before = desk.lake()
    assert desk.ingest().n_partitions == 0
    assert desk.lake() == before


BACI = b"t,i,j,k,v,q\n2015,156,842,010121,1.5,NA\n2015,276,842,010121,2.5,NA\n"


def test_another_classification_for_what_does_not_say(desk: Desk) -> None:
    desk.put_bytes(BACI, "mine.csv")
    desk.options = Ingest(classification="H5")
    desk.ingest()
    settled(desk)
    desk.options = Ingest(classification="H4")
    assert ("flows", "made under other settings") in told(desk)
    report = desk.ingest()
    assert len(report.removed) == 3
    assert {path.parts[-4] for path in desk.layout.partitions()} == {"classification=H4"}
    settled(desk)
    desk.options = Ingest()  # says nothing: what was said for once stays
    settled(desk)


def test_a_vintage_that_was_once_said_stands_until_another_is(desk: Desk) -> None:
    """Also for what a killed run left out, and for what other settings make anew."""
    desk.put_bytes(BACI, "mine.csv")
    assert desk.ingest().rejected
    desk.options = Ingest(classification="H4")
    desk.ingest()
    whole = desk.lake()
    desk.layout.partitions()[0].unlink()
    desk.options = Ingest()
    assert desk.ingest().added == ["mine.csv"]
    assert desk.lake() == whole
    desk.options = Ingest(flows=("X",))
    assert desk.ingest().added == ["mine.csv"]
    settled(desk)


def test_narrowed_and_widened_reporters(desk: Desk) -> None:
    desk.options = Ingest(classification="H4")
    desk.put_bytes(BACI, "mine.csv")
    desk.put([{"reporterCode": 36}], NAME.replace("156", "036"))
    desk.ingest()
    everything = desk.lake()
    desk.options = Ingest(classification="H4", reporters=("CHN",))
    assert ("flows", "no longer asked for: will be removed") in told(desk)
    assert desk.ingest().removed == ["H4/2015/36", "H4/2015/276", "H4/2015/842"]
    assert [path.parent.name for path in desk.layout.partitions()] == ["reporter=156"]
    settled(desk)
    desk.options = Ingest(classification="H4")
    assert told(desk) == [("raw", "not in the lake yet"), ("flows", "made under other settings")]
    desk.ingest()
    settled(desk)
    assert desk.lake() == everything


@pytest.mark.parametrize("content", [None, "[]", '{"of": 1}', "{"])
def test_what_holds_none_of_the_reporters_is_read_once(desk: Desk, content: str | None) -> None:
    """Names of slices do not say whose they are."""
    desk.put_bytes(slice_of((0, 9)), "a.csv")
    desk.options = Ingest(reporters=("USA",))
    assert desk.ingest().passed_over == ["a.csv"]
    remembered = desk.layout.private / "holding-none.json"
    if content is not None:
        remembered.write_text(content)
        assert told(desk) == [("raw", "not in the lake yet")]
        desk.ingest()
    settled(desk)
    desk.options = Ingest(reporters=("CHN",))
    assert told(desk) == [("raw", "not in the lake yet")]
    assert desk.ingest().added == ["a.csv"]


def test_what_is_not_asked_for_stays_while_its_source_is_away(desk: Desk) -> None:
    desk.put([{}]).rename(desk.inbox.parent / NAME)
    desk.ingest(desk.inbox.parent / NAME)
    desk.options = Ingest(reporters=("USA",))
    desk.ingest()
    assert usd(desk) == [100.0]
    assert told(desk) == [
        ("flows", f"no longer asked for: will be removed, but {NAME} is not in raw/: stays as it is")
    ]


def test_a_flows_file_in_the_place_of_another_is_refused(desk: Desk) -> None:
    desk.put([{}])
    desk.put([{"period": 2014, "primaryValue": 7}], NAME.replace("2015", "2014"))
    desk.ingest()
    right = desk.lake()
    place, other = (desk.layout.partition("H4", year, 156) for year in (2015, 2014))
    shutil.copy(other, place)
    with pytest.raises(DataCheckError, match=r"year=2015.*holds the flows of \['H4', 2014, 156\]"):
        desk.ingest()
    assert "keys" in [one.check for one in check_workspace(desk.layout, Check())]
    place.unlink()
    desk.ingest()
    assert desk.lake() == right


@pytest.mark.parametrize(
    "folder", ["classification=H4/year=2015 (copy)/reporter=156", "classification=H4/year=2015/reporter=x"]
)
def test_a_stray_flows_folder_is_told_not_read(desk: Desk, folder: str) -> None:
    desk.put([{}])
    desk.ingest()
    stray = desk.layout.flows / folder / "flows.parquet"
    stray.parent.mkdir(parents=True)
    shutil.copy(desk.layout.partition("H4", 2015, 156), stray)
    assert desk.ingest().n_partitions == 0
    assert [one.place for one in check_workspace(desk.layout, Check()) if one.check == "stray"] == [
        f"flows/{folder}/flows.parquet"
    ]


# PartialFiles -----------------------------------------------------------------------------------------------------


def test_a_slice_that_is_rejected_keeps_what_it_gave(desk: Desk) -> None:
    desk.put_bytes(slice_of((0, 100)), "one.csv")
    desk.put_bytes(slice_of((842, 60)), "two.csv")
    desk.ingest()
    desk.put_bytes(slice_of((0, 100))[:-9], "one.csv")
    desk.put_bytes(slice_of((276, 40)), "three.csv")
    report = desk.ingest()
    assert [*report.rejected] == ["one.csv"]
    assert usd(desk) == [100.0, 40.0, 60.0]
    assert desk.ingest().n_partitions == 0


def test_a_slice_that_new_settings_reject_harms_no_other(desk: Desk) -> None:
    for name, partner in (("one.csv", 0), ("two.csv", 842)):
        desk.put_bytes(slice_of((partner, 100)), name)
    desk.ingest()
    before = desk.lake()
    (desk.inbox / "one.csv").unlink()
    desk.options = Ingest(flows=("X",))
    report = desk.ingest()
    assert report.rejected == {}, "two.csv has not changed"
    assert desk.lake() == before
    assert told(desk) == [
        ("raw", "not in the lake yet"),
        ("flows", "made under other settings, but one.csv is not in raw/: stays as it is"),
    ]


def test_the_hint_for_a_slice_whose_neighbours_are_away_works(desk: Desk) -> None:
    one = desk.put_bytes(slice_of((0, 150)), "one.csv")
    two = desk.put_bytes(slice_of((842, 60)), "two.csv")
    desk.ingest()
    away = two.rename(desk.inbox.parent / "two.csv")
    desk.put_bytes(slice_of((0, 100)), "one.csv")
    [(reason, hint)] = desk.ingest().rejected.values()
    assert "two.csv" in reason
    assert "minsum ingest FILE FILE" in hint
    report = desk.ingest(one, away)
    assert (report.rejected, usd(desk)) == ({}, [100.0, 60.0])
    assert not read_rejections(desk.layout)


def test_a_slice_of_the_same_name_in_another_folder_is_another(desk: Desk) -> None:
    """Case 72, one ingested after the other; then new content in the same place replaces, which is said."""
    folders = [desk.inbox / "part1", desk.inbox / "part2"]
    for folder, partner in zip(folders, (0, 842), strict=True):
        folder.mkdir()
        (folder / "comtrade.csv").write_bytes(slice_of((partner, 100)))
        desk.ingest(folder)
    assert usd(desk) == [100.0, 100.0]
    (folders[1] / "comtrade.csv").write_bytes(slice_of((842, 90)))
    report = desk.ingest(folders[1])
    assert "comtrade.csv" in report.rejected, "part1 is not at hand"
    report = desk.ingest()
    assert report.replaced == {"comtrade.csv": ["H4/2015/156"]}
    assert usd(desk) == [100.0, 90.0]
    shutil.rmtree(desk.layout.root)
    desk.ingest()
    assert usd(desk) == [100.0, 90.0]


def test_rows_that_stand_in_for_an_absent_slice_are_proven(desk: Desk) -> None:
    one = desk.put_bytes(slice_of((0, 100)), "one.csv")
    desk.ingest()
    one.unlink()
    path = desk.layout.partition("H4", 2015, 156)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    desk.put_bytes(slice_of((842, 60)), "two.csv")
    with pytest.raises(DataCheckError, match=r"flows\.parquet"):
        desk.ingest()


# Raw folders ------------------------------------------------------------------------------------------------


def test_links_to_folders_are_followed_once(desk: Desk) -> None:
    far = desk.inbox.parent / "far"
    far.mkdir()
    desk.put([{}]).rename(far / NAME)
    (desk.inbox / "link").symlink_to(far)
    (desk.inbox / "again").symlink_to(far)
    (far / "cycle").symlink_to(desk.inbox)
    report = desk.ingest()
    assert (report.added, report.copies) == ([NAME], {})


def test_what_cannot_be_read_is_rejected_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.put([{}])
    (desk.inbox / "nowhere.gz").symlink_to("gone")
    closed = desk.inbox / "closed"
    closed.mkdir()
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("minsum.sources.files.os.scandir", refuse)
    for _ in range(2):
        report = desk.ingest()
        assert {*report.rejected} == {"nowhere.gz", "closed"}
        assert usd(desk) == [100.0]
    monkeypatch.undo()
    (desk.inbox / "nowhere.gz").unlink()
    assert desk.ingest().rejected == {}


def test_a_file_that_vanishes_is_rejected_alone(
    desk: Desk, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    gone = desk.put([{"reporterCode": 36}], NAME.replace("156", "036"))
    desk.put([{}])
    meanwhile(lambda: gone.unlink(missing_ok=True))
    report = desk.ingest()
    assert "cannot be read: No such file" in report.rejected[gone.name][0]
    assert report.added == [NAME]


def test_a_disk_that_fails_while_a_file_is_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from minsum.sources.checked_bytes import CheckedBytes

    desk.put([{"reporterCode": 36}] * 9, NAME.replace("156", "036"))
    desk.put([{}])
    read = CheckedBytes.readinto

    def fail(self: CheckedBytes, buffer: object) -> int:
        if "036" in self._source.name:
            with self._readable():
                raise OSError(errno.EIO, "Input/output error")
        return read(self, buffer)

    monkeypatch.setattr(CheckedBytes, "readinto", fail)
    assert "Input/output error" in desk.ingest().rejected[NAME.replace("156", "036")][0]
    assert usd(desk) == [100.0]
    monkeypatch.undo()
    assert desk.ingest().added == [NAME.replace("156", "036")]


def test_names_that_are_not_utf8(desk: Desk) -> None:
    name = os.fsdecode(b"caf\xe9.gz")
    desk.put_bytes(packed([{}]), name)
    desk.put_bytes(b"", os.fsdecode(b"\xff.csv"))
    report = desk.ingest()
    assert report.added == ["caf\\xe9.gz"]
    assert [*report.rejected] == ["\\xff.csv"]
    assert desk.ingest().unchanged == ["caf\\xe9.gz"]
    str(report).encode()


@pytest.mark.parametrize("parents", ["year=2015", "classification=H0/reporter=9", "M\u00e9m [2024] * ?"])
def test_folders_above_play_no_part(tmp_path: Path, parents: str) -> None:
    work = Workspace(tmp_path / parents / "w").init()
    for code in ("156", "842"):
        (work.layout.raw / NAME.replace("156", code)).write_bytes(
            packed([{"reporterCode": code, "primaryValue": 5}, {"reporterCode": code, "flowCode": "M"}])
        )
    if "*" in parents:  # what the folder's name would stand for, if it were a pattern
        shutil.copytree(work.layout.root, tmp_path / "M\u00e9m 2 x" / "w")
    for done in (work.ingest(), work.esi()):
        assert done.exit_code == 0
    assert work.check() == []
    answer = work.sql("SELECT classification, year, reporter, count(*) FROM flows GROUP BY ALL ORDER BY ALL")
    assert answer is not None
    assert [tuple(map(str, row)) for row in answer.fetchall()] == [
        ("H4", "2015", code, "2") for code in ("156", "842")
    ]
    esi = work.sql("SELECT DISTINCT year, reporter FROM esi ORDER BY ALL")
    assert esi is not None
    assert esi.fetchall() == [(2015, "CHN"), (2015, "USA")]


def test_a_lake_on_another_file_system(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    replace = Path.replace

    def across(self: Path, target: Path) -> Path:
        if (".minsum" in self.parts) != (".minsum" in Path(target).parts):
            raise OSError(errno.EXDEV, "Invalid cross-device link", str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", across)
    desk.put([{}])
    left = desk.layout.partition("H4", 2015, 156).with_name(".flows.parquet.part")
    left.parent.mkdir(parents=True)
    left.write_text("of a run that was killed")
    desk.ingest()
    assert usd(desk) == [100.0]
    assert [path.name for path in left.parent.iterdir()] == ["flows.parquet"]
    assert not list(desk.layout.scratch.iterdir())


@pytest.mark.parametrize(
    "content", ["[]", "7", '{"a": 1}', '{"a": ["x"]}', "{", '{"%s": "abc"}', "[" * 10**5]
)
def test_a_cache_of_digests_that_is_none(desk: Desk, content: str) -> None:
    path = desk.put([{}])
    desk.ingest()
    stat = path.stat()
    mark = f"{path}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
    (desk.layout.private / "source-digests.json").write_text(content.replace("%s", mark))
    assert desk.ingest().unchanged == [NAME]
    assert told(desk) == []


# Less than half ---------------------------------------------------------------------------------------------

FULL: list[Row] = [{"cmdCode": f"01{n:04}", "flowCode": flow} for n in range(4) for flow in "XM"]
LESS = {
    "rows": (FULL[:4], "4 of 8 rows"),
    "USD": ([row | {"primaryValue": 49} for row in FULL], "392 of 800 USD"),
    "a flow": (FULL[::2] * 2, "nothing of flow M"),
    "everything": ([row | {"primaryValue": 0} for row in FULL], "nothing of CHN 2015 H4"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", LESS)
@pytest.mark.parametrize("name", [NAME, LATER])
def test_less_than_half_replaces_nothing_until_it_is_accepted(
    workspace: Workspace, what: str, name: str
) -> None:
    rows, words = LESS[what]
    raw = workspace.layout.raw
    (raw / NAME).write_bytes(packed(FULL))
    workspace.ingest()
    before = workspace.layout.partition("H4", 2015, 156).read_bytes()
    (raw / name).write_bytes(packed(rows[:3] if what == "rows" else rows))
    for runs in range(2):
        report = workspace.ingest()
        assert report.exit_code == 3
        [(reason, hint)] = report.rejected.values()
        assert words.replace("4 of", "3 of") in reason or words in reason
        assert "--accept" in hint
        assert workspace.layout.partition("H4", 2015, 156).read_bytes() == before
        [record] = workspace.status()["rejected"]
        assert (record["name"], record["runs"]) == (name, runs + 1)
    if name == LATER:  # a better one decides
        (raw / LATEST).write_bytes(packed([row | {"primaryValue": 90} for row in FULL]))
        (raw / LATER).unlink()
        assert workspace.ingest().exit_code == 0
    else:
        # an empty reporter-year is told all the same
        assert workspace.ingest(accept=True).exit_code == (3 if what == "everything" else 0)
    assert workspace.layout.partition("H4", 2015, 156).read_bytes() != before
    assert workspace.status()["rejected"] == []
    assert workspace.ingest().exit_code == 0


@pytest.mark.parametrize(("name", "later"), [(NAME, LATER), ("a.gz", "b.gz")], ids=["dated", "without dates"])
def test_less_than_half_is_held_too_when_both_come_at_once(desk: Desk, name: str, later: str) -> None:
    """The later publication is the larger file, which would be read first while another file takes its time."""
    desk.put(FULL, name)
    desk.put([{"reporterCode": 842, "primaryValue": n * n} for n in range(9_999)], NAME.replace("156", "842"))
    desk.put([{**FULL[n % 8], "cmdCode": f"02{n:04}", "primaryValue": 1} for n in range(99)], later)
    rejected = desk.ingest(jobs=1).rejected
    assert [*rejected] == [later]
    assert "would leave 99 of 800 USD of CHN 2015 H4" in rejected[later][0]  # of rows it has more
    assert sum(row[3] for row in desk.rows()) == 800


@pytest.mark.parametrize(
    ("names", "slow", "rejected"),
    [
        (("a.gz", "b.gz"), "a.gz", ["b.gz"]),
        (("a.gz", "b.gz"), "b.gz", ["b.gz"]),
        (("b.gz", "a.gz"), "a.gz", []),
        (("b.gz", "a.gz"), "b.gz", []),
        ((NAME.replace("H4", "HS"), NAME), NAME.replace("H4", "HS"), []),
        ((NAME, NAME.replace("H4", "HS")), NAME, [NAME.replace("H4", "HS")]),
    ],
)
def test_which_of_two_files_is_refused_does_not_depend_on_threads(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str], slow: str, rejected: list[str]
) -> None:
    """The first holds eight rows and the second two of them; either may take longer to read."""
    parse, is_read = load.parse, threading.Event()

    def read(source: Source, *given: object, **named: object) -> object:
        if source.name == slow and is_read.wait(0.3):
            time.sleep(0.1)
        parsed = parse(source, *given, **named)  # type: ignore[arg-type]
        is_read.set()
        return parsed

    for name, rows in zip(names, (FULL, FULL[:2]), strict=True):
        desk.put(rows, name)
    parse(
        Source(desk.inbox / slow, 0, ""), desk.options, desk.layout, n_sources=1
    )  # what is loaded is loaded
    monkeypatch.setattr(load, "parse", read)
    assert [*desk.ingest().rejected] == rejected
    assert len(desk.rows()) == 8


@pytest.mark.parametrize("columns", [LEGACY, LEGACY_BULK], ids=["slice", "whole"])
def test_the_lost_reporter_year_of_a_replaced_file_is_held(desk: Desk, columns: list[str]) -> None:
    """New content under one name holds one year less."""
    years: list[Row] = [{"Year": year, "Period": year} for year in (2014, 2015)]
    desk.put_bytes(old(years, columns), "data.csv")
    desk.ingest()
    desk.put_bytes(old([{**years[1], "Trade Value (US$)": 90}], columns), "data.csv")
    for _ in range(2):
        [(reason, _hint)] = desk.ingest().rejected.values()
        assert "nothing of CHN 2014 H4" in reason
        assert (usd(desk), usd(desk, year=2014)) == ([90.0], [100.0])
    report = desk.ingest(accept=True)
    assert (report.rejected, report.removed) == ({}, ["H4/2014/156"])
    assert [path.parts[-3] for path in desk.layout.partitions()] == ["year=2015"]


def test_held_is_told_everywhere(workspace: Workspace) -> None:
    from click.testing import CliRunner

    (workspace.layout.raw / NAME).write_bytes(packed(FULL))
    workspace.ingest()
    (workspace.layout.raw / LATER).write_bytes(packed(FULL[:2]))
    result = CliRunner().invoke(main, ["ingest", "--log-format", "json", "-w", str(workspace.layout.root)])
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert any(one["level"] == "ERROR" and "would leave 2 of 8 rows" in one["message"] for one in lines)
    assert (result.exit_code, lines[-1]["exit_code"], lines[-1]["counts"]["rejected"]) == (3, 3, 1)
    result = CliRunner().invoke(main, ["ingest", "--accept", "-w", str(workspace.layout.root)])
    assert result.exit_code == 0


def test_a_rival_is_read_when_what_stood_against_it_is_gone(desk: Desk) -> None:
    desk.put([{}])
    desk.ingest()
    desk.put_bytes(BACI, "BACI_HS12_Y2015_V202301.csv")
    for _ in range(2):
        assert [*desk.ingest().rejected] == ["BACI_HS12_Y2015_V202301.csv"]
    (desk.inbox / NAME).unlink()
    shutil.rmtree(desk.layout.flows)
    assert desk.ingest().added == ["BACI_HS12_Y2015_V202301.csv"]
    assert not read_rejections(desk.layout)


def test_other_settings_are_no_loss(desk: Desk) -> None:
    desk.put(FULL)
    desk.ingest()
    desk.options = Ingest(flows=("M",))
    assert desk.ingest().rejected == {}
    assert {row[0] for row in desk.rows()} == {"M"}
    desk.put(FULL[1::2][:3], LATER)
    assert desk.ingest().rejected == {}
    assert len(desk.rows()) == 3


@pytest.mark.slow
def test_an_unchanged_night_loads_no_compiled_code(desk: Desk) -> None:
    import subprocess
    import sys

    desk.put([{}])
    desk.put_bytes(b"country_code,country_name\n4,Afghanistan\n", "country_codes_V202301.csv")
    desk.put([{"reporterCode": 842}], NAME.replace("156", "842"))
    desk.options = Ingest(reporters=("CHN",))
    desk.ingest()
    code = (
        "import sys\nfrom pathlib import Path\nfrom minsum.flows.ingest import ingest\nfrom minsum.settings.flows import Ingest\n"
        "from minsum.workspace.layout import Layout\n"
        f"report = ingest(Layout(Path({str(desk.layout.root)!r})), [Path({str(desk.inbox)!r})], "
        "Ingest(reporters=('CHN',)), jobs=1, progress=print)\n"
        "assert len(report.unchanged) == 1 and len(report.passed_over) == 2, report\nassert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
