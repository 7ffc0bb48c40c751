"""Fetching against a stand-in of the service: what comes, what is refused, what goes wrong."""

from __future__ import annotations

import gzip
import json
import random
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from comtrade_stub import KEY, PASSING, Stub, packed, serving
from minsum.cli import main
from minsum.errors import KeyRefusedError
from minsum.fetch.key import find_key
from minsum.pipeline import Workspace
from minsum.sources.publications import from_name
from minsum.sources.rejections import read_rejections
from minsum.workspace.footers import read_footer
from minsum.workspace.runs import RunReport

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]

QUICK = {"calls_per_minute": 1e9, "wait": 0.001, "attempts": 6}


class Night:
    """A workspace, the service it fetches from, and what a night does."""

    def __init__(self, folder: Path, stub: Stub) -> None:
        self.stub = stub
        self.folder = folder / "work"
        if not self.folder.exists():
            Workspace(self.folder).init()
        self.configure()

    def configure(self, **settings: Any) -> None:
        """Write `[fetch]`; values are JSON, which is TOML for what is needed here."""
        values = {"classification": "H4", "base_url": self.stub.url} | QUICK | settings
        lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        (self.folder / "minsum.toml").write_text("\n".join(["[fetch]", *lines, ""]))

    def work(self) -> Workspace:
        return Workspace(self.folder, jobs=2)

    def fetch(self) -> RunReport:
        return self.work().fetch()

    def summary(self) -> dict[str, Any]:
        return self.fetch().stages[0].summary

    def raw(self) -> list[str]:
        """Names in `raw/`, as UN's client would write them."""
        return sorted(path.name.partition("]")[0] + "]" for path in (self.folder / "raw").iterdir())

    def value(self, reporter: int = 156, year: int = 2015) -> float:
        """World exports of one reporter-year of the lake."""
        path = self.work().layout.partition("H4", year, reporter)
        return float(read_footer(path)["checks"]["X"]["world_usd"])

    def command(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "-w", str(self.folder)], catch_exceptions=False)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving() as stub:
        yield stub


@pytest.fixture
def night(tmp_path: Path, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> Night:
    monkeypatch.setenv("MINSUM_COMTRADE_KEY", KEY)
    return Night(tmp_path, stub)


def content(value: float = 100, reporter: int = 156, year: int = 2015, n: int = 40) -> bytes:
    """A file whose World exports are `value`, spread over n products; it does not shrink much."""
    rng = random.Random(reporter * year)
    rows = [
        {"reporterCode": reporter, "period": year, "cmdCode": f"{k + 10:02}{rng.randrange(10**4):04}",
         "primaryValue": value / n, "qty": rng.random(), "netWgt": rng.random()}
        for k in range(n)
    ]  # fmt: skip
    return packed(rows)


def test_what_is_listed_comes_once(night: Night) -> None:
    for reporter in (156, 842):
        night.stub.publish(reporter, 2015, content(reporter=reporter))
    first = night.summary()
    assert (first["listed"], first["wanted"], first["held"], first["calls"]) == (2, 2, 0, 3)
    assert night.raw() == ["COMTRADE-FINAL-CA1562015H4[2024-03-10]", "COMTRADE-FINAL-CA8422015H4[2024-03-10]"]
    assert [(night.folder / "raw" / name).read_bytes() for name in sorted(first["fetched"])] == [
        content(reporter=reporter) for reporter in (156, 842)
    ]
    again = night.fetch()
    assert not again.changed
    assert (again.stages[0].summary["held"], again.stages[0].summary["calls"]) == (2, 1)
    assert not list((night.folder / ".minsum" / "fetch").iterdir())


def test_a_run_fetches_first_and_the_footer_knows_what_came(night: Night) -> None:
    entry = night.stub.publish(156, 2015, content(700))
    report = night.work().run()
    assert [stage.stage for stage in report.stages] == ["fetch", "flows", "esi", "report"]
    source = read_footer(night.work().layout.partition("H4", 2015, 156))["sources"][0]
    assert source["row_key"] == entry["rowKey"]
    assert source["made"] == "20240311T081500.123456Z"
    assert source["published"] == "2024-03-10"
    assert not night.work().run().changed


@pytest.mark.parametrize("fault", PASSING)
def test_faults_that_pass(night: Night, fault: str) -> None:
    entry = night.stub.publish(156, 2015, content())
    path = "/bulk/v1/file/156/" + entry["rowKey"]
    night.stub.faults[path] = [fault, fault]
    night.stub.faults["list"] = [fault] if fault != "short" else []
    summary = night.summary()
    assert len(summary["fetched"]) == 1
    assert summary["retries"] == 3 - (fault == "short")
    assert (night.folder / "raw" / summary["fetched"][0]).read_bytes() == content()


def test_a_slow_drip_is_broken_off_and_taken_up(night: Night) -> None:
    night.configure(timeout=0.3)
    night.stub.publish(156, 2015, content())
    night.stub.faults["file"] = ["drip"]
    assert len(night.summary()["fetched"]) == 1
    assert night.stub.of_kind("file")[1].headers["Range"].startswith("bytes=")


@pytest.mark.parametrize("fault", ["429-second", "429-date"])
def test_retry_after_is_honoured(night: Night, fault: str) -> None:
    night.stub.publish(156, 2015, content())
    night.stub.skew = 0 if fault == "429-second" else 86_400  # a date counts from the service's clock
    night.stub.faults["file"] = [fault]
    assert len(night.summary()["fetched"]) == 1
    first, second = night.stub.of_kind("file")
    assert second.moment - first.moment > 0.9


def test_calls_are_apart(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.configure(calls_per_minute=1200)
    for year in range(2010, 2016):
        night.stub.publish(156, year, content(year=year))
    night.stub.faults["file"] = ["500", "reset", "429"]
    pauses: list[float] = []
    clock = SimpleNamespace(monotonic=lambda: sum(pauses), sleep=pauses.append)  # calls take no time
    monkeypatch.setattr("minsum.fetch.client.time", clock)
    night.fetch()
    assert len(night.stub.calls) == 1 + 6 + 3
    assert pauses == pytest.approx([0.05] * 9)


@pytest.mark.parametrize("fault", ["reset", "cut"])
@pytest.mark.parametrize("ranges", ["honour", "ignore", "wrong"])
def test_going_on_within_a_file(night: Night, fault: str, ranges: str) -> None:
    night.stub.publish(156, 2015, content(n=80))
    night.stub.ranges = ranges
    night.stub.faults["file"] = [fault]
    summary = night.summary()
    assert (night.folder / "raw" / summary["fetched"][0]).read_bytes() == content(n=80)
    assert "Range" in night.stub.of_kind("file")[1].headers


@pytest.mark.parametrize("share", [0.4, 1.0, 1.5])
@pytest.mark.parametrize("is_sized", [True, False])
def test_what_a_killed_run_left_is_gone_on_with(night: Night, share: float, is_sized: bool) -> None:
    entry = night.stub.publish(156, 2015, content(n=80))
    night.stub.listed_sizes = is_sized
    night.stub.faults["file"] = ["500!"]
    assert night.fetch().exit_code == 7
    [name] = night.work().fetch().stages[0].summary["unreached"]
    night.stub.faults["file"] = []
    whole = content(n=80)
    part = night.folder / ".minsum" / "fetch" / f"{name}.part"
    part.write_bytes((whole + whole)[: int(share * len(whole))])
    (part.parent / "COMTRADE-of-another-list.gz.part").write_bytes(b"x")
    before = len(night.stub.of_kind("file"))
    night.fetch()
    assert (night.folder / "raw" / name).read_bytes() == whole
    assert len(night.stub.of_kind("file")) - before == {(0.4, True): 1, (0.4, False): 1, (1.0, True): 0}.get(
        (share, is_sized), 2
    )
    assert not list(part.parent.iterdir())
    known = from_name(name)
    assert known is not None
    assert known.row_key == entry["rowKey"]


REFUSALS = {
    "401": "the service asks for a key",
    "403-key": "the service refuses the key",
    "403-quota": "the quota of calls is used up; replenished in 3:14:17, at ",
    "429-hour": "the service asks to wait in 1:00:00, at ",
}


@pytest.mark.parametrize("kind", ["list", "file"])
@pytest.mark.parametrize(("fault", "message"), REFUSALS.items())
def test_refusals_end_with_seven(night: Night, kind: str, fault: str, message: str) -> None:
    night.stub.publish(156, 2015, content())
    night.stub.faults[kind] = [fault + "!"]
    result = night.command("fetch")
    assert result.exit_code == 7
    assert f"error: {message}" in result.stderr
    assert "hint: " in result.stderr
    assert KEY not in result.output
    assert len(night.stub.calls) == (1 if kind == "list" else 2)


def test_a_quota_that_ends_is_gone_on_with(night: Night) -> None:
    for year in range(2010, 2016):
        night.stub.publish(156, year, content(year=year))
    night.stub.faults["file"] = ["", "", "403-quota!"]
    report = night.work().run()
    assert report.exit_code == 7
    assert len(report.stages[0].summary["fetched"]) == 2
    assert len(night.work().layout.partitions()) == 2
    record = json.loads(max((night.folder / "runs").iterdir()).read_text())
    assert record["exit_code"] == 7
    assert "quota" in record["error"]
    night.stub.faults["file"] = []
    before = len(night.stub.of_kind("file"))
    assert night.work().run().exit_code == 0
    assert len(night.stub.of_kind("file")) - before == 4
    assert len(night.work().layout.partitions()) == 6


def test_nothing_can_be_fetched_on_the_first_day(night: Night) -> None:
    night.stub.faults["list"] = ["403-quota!"]
    result = night.command("run")
    assert result.exit_code == 7
    assert "nothing new" in result.stdout
    assert "quota" in result.stderr


def test_no_network(night: Night) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        night.configure(base_url=f"http://127.0.0.1:{taken.getsockname()[1]}", attempts=2)
        result = night.command("run")
    assert result.exit_code == 7
    assert "error: no list of files: cannot reach http://127.0.0.1" in result.stderr
    assert "Connection refused" in result.stderr
    night.configure(base_url="http://no-such-host.invalid", attempts=1)
    assert night.fetch().exit_code == 7


def test_a_service_that_dies_on_the_way(night: Night) -> None:
    night.configure(attempts=2)
    for year in range(2010, 2016):
        night.stub.publish(156, year, content(year=year))
    night.stub.faults["file"] = ["", "500!"]
    report = night.fetch()
    assert report.exit_code == 7
    assert "3 files could not be downloaded" in str(report.remote)
    assert len(night.stub.of_kind("file")) == 1 + 3 * 2


def test_the_key_does_not_follow_a_redirect(night: Night) -> None:
    night.stub.publish(156, 2015, content())
    with serving(Stub(key="")) as other:
        night.stub.elsewhere = other.url
        night.stub.faults["file"] = ["redirect!"]
        report = night.fetch()
        assert report.exit_code == 7
        assert other.calls
        assert all(KEY not in str(call) and "Ocp" not in str(call.headers) for call in other.calls)
    night.stub.elsewhere = ""
    night.stub.faults["file"] = ["redirect"]
    assert len(night.summary()["fetched"]) == 1


def test_the_host_of_the_list_does_not_get_the_key(night: Night) -> None:
    entry = night.stub.publish(156, 2015, content())
    with serving(Stub(key="")) as other:
        entry["fileUrl"] = entry["fileUrl"].replace("https://comtradeapi.un.org", other.url)
        assert len(night.summary()["fetched"]) == 1
        assert not other.calls


def test_names_from_outside_are_no_paths(night: Night) -> None:
    night.stub.publish(156, 2015, content())
    rogue = [
        {"fileUrl": "/bulk/../../etc/passwd"}, {"rowKey": "../../x"}, {"classificationCode": "../H4"},
        {"reporterCode": "../156"}, {"period": None}, {"publicationDate": "../../2024"}, {"timestamp": "now"},
    ]  # fmt: skip
    for number, wrong in enumerate(rogue):
        night.stub.publish(200 + number, 2015, content()).update(wrong)
    night.configure(classification="HS")
    report = night.fetch()
    assert report.exit_code == 3
    assert len(report.rejected) == len(rogue) == 7
    assert "rowKey ../../x" in str(report.rejected)
    assert night.raw() == ["COMTRADE-FINAL-CA1562015H4[2024-03-10]"]
    outside = [path for path in night.folder.parent.rglob("*") if night.folder not in [path, *path.parents]]
    assert not outside


def test_a_list_that_makes_no_sense(night: Night) -> None:
    night.stub.publish(156, 2015, content())["rowKey"] = "a b"
    report = night.fetch()
    assert report.exit_code == 7
    assert "all entries of the list are malformed" in str(report.remote)


def test_the_list_of_hs_holds_other_classifications(night: Night) -> None:
    night.configure(classification="HS", years=[2015], reporters=["CHN", "USA"])
    night.stub.publish(156, 2015, content())
    night.stub.publish(156, 2015, content(), classification="S1")
    night.stub.publish(842, 2015, content(reporter=842), classification="H5")
    night.stub.publish(276, 2015, content(reporter=276))
    assert len(night.summary()["fetched"]) == 2
    assert night.stub.of_kind("list")[0].query == {
        "period": "2015",
        "reporterCode": "156,840,841,842",
    }


def test_classic_and_several_classifications(night: Night) -> None:
    night.configure(classification=["H4", "H5"], dataset="classic", since="2024-01-01")
    night.stub.publish(156, 2015, content(), dataset="getClassic")
    night.stub.publish(156, 2018, content(year=2018), dataset="getClassic", classification="H5")
    night.stub.publish(156, 2014, content(year=2014), dataset="getClassic", date="2023-01-01")
    assert night.summary()["calls"] == 4
    assert night.raw() == [
        "COMTRADE-FINALCLASSIC-CA1562015H4[2024-03-10]",
        "COMTRADE-FINALCLASSIC-CA1562018H5[2024-03-10]",
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("2024-03-10", "2024-03-11T08:00:00Z"), ("2024-03-10", "2024-03-11T21:00:00Z")),
        (("2024-03-10", "2024-03-11T08:00:00Z"), ("2024-03-10", "2025-01-01T00:00:00+01:00")),
        ((None, "2024-03-11T08:00:00Z"), (None, "2024-03-11T08:00:00.5Z")),
        (("2024-03-10", "2024-03-11T08:00:00Z"), (None, "2024-06-01T00:00:00Z")),
        (("2024-03-10", "2024-03-11T08:00:00Z"), ("2024-03-12", "2024-03-13T08:00:00Z")),
    ],
    ids=["same day", "made anew under an old date", "no dates", "no date, later", "later"],
)
def test_a_later_publication_replaces_the_earlier(
    night: Night, first: tuple[str | None, str], second: tuple[str | None, str]
) -> None:
    night.stub.publish(156, 2015, content(100), date=first[0], made=first[1])
    night.work().run()
    night.stub.publish(156, 2015, content(300), date=second[0], made=second[1])
    night.work().run()
    assert night.value() == pytest.approx(300)
    assert not night.work().run().changed
    # at once and in any order of names the lake is the same
    fresh = Workspace(night.folder.parent / "fresh").init()
    fresh.ingest([night.folder / "raw"])
    ours, theirs = (work.layout.partition("H4", 2015, 156) for work in (night.work(), fresh))
    assert read_footer(ours) == read_footer(theirs)


def test_of_two_listed_publications_the_later_comes(night: Night) -> None:
    night.stub.publish(156, 2015, content(300), made="2024-03-11T21:00:00Z")
    night.stub.publish(156, 2015, content(100), made="2024-03-11T08:00:00Z", is_replacing=False)
    night.work().run()
    assert night.value() == pytest.approx(300)
    assert len(night.stub.of_kind("file")) == 1


@pytest.mark.parametrize("fault", ["404", "short", "html"])
def test_a_new_version_that_is_withdrawn_or_broken_leaves_the_old(night: Night, fault: str) -> None:
    night.stub.publish(156, 2015, content(100))
    night.work().run()
    before = night.work().layout.partition("H4", 2015, 156).read_bytes()
    entry = night.stub.publish(156, 2015, content(300), made="2024-03-11T21:00:00Z")
    path = "/bulk/v1/file/156/" + entry["rowKey"]
    night.stub.faults[path] = [fault + "!"]
    result = night.command("run")
    assert result.exit_code == 3
    assert "error: rejected: COMTRADE-FINAL-CA1562015H4[2024-03-10]_20240311T21" in result.stderr
    assert night.work().layout.partition("H4", 2015, 156).read_bytes() == before
    assert len(night.work().status()["rejected"]) == 1
    assert night.work().run().exit_code == 3
    night.stub.faults[path] = []
    assert night.work().run().exit_code == 0
    assert night.value() == pytest.approx(300)
    assert not read_rejections(night.work().layout)


def test_rows_of_another_classification_are_refused(night: Night) -> None:
    night.stub.publish(156, 2015, content(100))
    night.work().run()
    night.stub.publish(156, 2015, packed([{}, {"classificationCode": "S1"}]), made="2024-03-11T21:00:00Z")
    report = night.work().run()
    assert report.exit_code == 3
    assert "classification 'S1', expected H0 to H6" in str(report.rejected)
    assert night.value() == pytest.approx(100)


def test_what_is_no_longer_listed_is_forgotten_where_it_was_asked_for(night: Night) -> None:
    night.stub.publish(156, 2015, content()[:-9])
    assert night.fetch().exit_code == 3
    night.stub.withdraw(156, 2015)
    night.configure(reporters=["USA"])
    assert night.fetch().exit_code == 0
    assert read_rejections(night.work().layout)
    night.configure()
    assert night.fetch().exit_code == 0
    assert not read_rejections(night.work().layout)


def test_a_broken_version_that_is_replaced_is_forgotten(night: Night) -> None:
    night.stub.publish(156, 2015, content()[:-9])  # broken at the service, of the length it lists
    assert night.fetch().exit_code == 3
    night.stub.publish(156, 2015, content(), made="2024-03-12T00:00:00Z")
    assert night.fetch().exit_code == 0
    assert not read_rejections(night.work().layout)


def test_the_size_in_the_list_counts(night: Night) -> None:
    night.stub.publish(156, 2015, content())["fileSize"] = "1,183.34 KB"
    report = night.fetch()
    assert report.exit_code == 3
    assert "but the list says 1,211,740" in str(report.rejected)


def test_a_file_that_flows_reject_is_forgotten_once_a_later_one_is_good(night: Night) -> None:
    night.stub.publish(156, 2015, content(reporter=842))  # another reporter than it says
    assert night.command("run").exit_code == 4  # nothing to compare
    night.stub.publish(156, 2015, content(), made="2024-03-12T00:00:00Z")
    assert night.work().run().exit_code == 0
    assert night.work().run().exit_code == 0
    assert night.value() == pytest.approx(100)


def test_plan_downloads_nothing(night: Night) -> None:
    night.configure(calls_per_day=4)
    for year in range(2010, 2016):
        night.stub.publish(156, year, content(year=year))
    night.stub.publish(842, 2015, content())["fileSize"] = "1,183.34 KB"
    result = night.command("fetch", "--plan", "--years", "2012-2015")
    assert result.exit_code == 0
    lines = dict(line.rsplit(maxsplit=1) for line in result.stdout.splitlines())
    assert (lines["files to fetch"], lines["calls"], lines["days"]) == ("5", "6", "2")
    assert 1_211_740 < int(lines["bytes"].replace(",", "")) < 1_300_000
    assert not night.raw()
    assert not night.stub.of_kind("file")
    assert not list((night.folder / "runs").glob("*"))


def test_room_is_looked_for_first(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    night.stub.publish(156, 2015, content())
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=100))
    result = night.command("fetch")
    assert result.exit_code == 1
    assert "1 files of 0.0 MB to fetch, 0.0 MB free" in result.stderr
    assert "hint: free space" in result.stderr
    assert not night.stub.of_kind("file")


def test_what_the_lake_holds_is_not_fetched_again(night: Night) -> None:
    night.stub.publish(156, 2015, content())
    night.work().run()
    for path in (night.folder / "raw").iterdir():
        path.unlink()
    assert night.summary()["calls"] == 1
    with (night.folder / "minsum.toml").open("a") as file:
        file.write('[ingest]\nflows = ["X"]\n')
    assert night.summary()["calls"] == 2  # the lake has to be made anew


@pytest.mark.parametrize(("keep", "left"), [(1, 1), (2, 2), ("all", 4)])
def test_earlier_publications_stay_as_the_settings_say(night: Night, keep: int | str, left: int) -> None:
    night.configure(keep=keep)
    own = night.folder / "raw" / "COMTRADE-FINAL-CA1562014H4[2020-01-01].gz"
    own.write_bytes(content(year=2014))
    for hour in (8, 9, 21, 22):
        night.stub.publish(156, 2015, content(hour), made=f"2024-03-11T{hour:02}:00:00Z")
        night.work().run()
    assert len(night.raw()) == left + 1
    assert own.exists()
    assert night.value() == pytest.approx(22)
    assert not night.work().run().changed


def test_the_key_is_found_nowhere(
    night: Night, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG")
    night.stub.publish(842, 2015, content(reporter=842))
    outputs = [night.command("run", "--debug").output]
    for fault in ("403-key", "401", "html", "500", "403-quota", "redirect"):
        entry = night.stub.publish(156, 2015, content(), made=f"2024-03-11T08:15:0{len(outputs)}Z")
        night.stub.faults["/bulk/v1/file/156/" + entry["rowKey"]] = [fault + "!"]
        night.stub.elsewhere = "http://127.0.0.1:1"
        outputs.append(night.command("run", "--debug", "--log-format", "json").output)
        outputs.append(night.command("status").output)
        report = night.fetch()
        if report.remote is not None:
            outputs.append("".join(traceback.format_exception(report.remote)) + repr(report))
    monkeypatch.setenv("MINSUM_COMTRADE_KEY", KEY + "\nx")
    outputs.append(night.command("run", "--debug").output)
    assert "urllib3" in caplog.text
    assert KEY not in caplog.text
    assert KEY not in "".join(outputs)
    for path in night.folder.parent.rglob("*"):
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), path
    assert all(KEY not in call.path + str(call.query) for call in night.stub.calls)


def test_where_the_key_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINSUM_COMTRADE_KEY", raising=False)
    ring = ModuleType("keyring")
    errors = ModuleType("keyring.errors")
    vars(errors)["KeyringError"] = type("KeyringError", (Exception,), {})
    held: dict[tuple[str, str], str] = {}
    vars(ring)["get_password"] = lambda *names: held.get(names)
    monkeypatch.setitem(sys.modules, "keyring", ring)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    file = tmp_path / "key"
    with pytest.raises(KeyRefusedError, match="no Comtrade key") as none:
        find_key(file)
    assert "MINSUM_COMTRADE_KEY" in none.value.hint
    held["minsum", "comtrade"] = "from-ring"
    assert find_key(file).get_secret_value() == "from-ring"
    file.write_text("from-file\n")
    file.chmod(0o644)
    with pytest.raises(KeyRefusedError, match="everyone may read"):
        find_key(file)
    file.chmod(0o600)
    assert find_key(file).get_secret_value() == "from-file"
    monkeypatch.setenv("MINSUM_COMTRADE_KEY", "from-environment")
    assert find_key(file).get_secret_value() == "from-environment"
    monkeypatch.setenv("MINSUM_COMTRADE_KEY", "two words")
    with pytest.raises(KeyRefusedError, match="not a key") as wrong:
        find_key(file)
    assert "two words" not in str(wrong.value)
    assert repr(find_key).count("from") == 0


def test_a_clock_that_is_wrong_is_said(night: Night, caplog: pytest.LogCaptureFixture) -> None:
    night.stub.skew = 86_400 * 400
    night.stub.publish(156, 2015, content())
    assert night.fetch().exit_code == 0
    assert "this machine's clock is 9600.0 hours behind the service's" in caplog.text


def test_settings_that_cannot_work(night: Night) -> None:
    for wrong, message in (
        ({"classification": "HS6"}, "fetch.classification"),
        ({"base_url": "ftp://x"}, "fetch.base_url"),
        ({"reporters": ["XXX"]}, "fetch.reporters: 'XXX' is the label of no country"),
        ({"key": KEY}, "unknown setting 'fetch.key'"),
        ({"since": "March"}, "fetch.since"),
    ):
        night.configure(**wrong)
        result = night.command("fetch")
        assert result.exit_code == 2, wrong
        assert message in result.stderr
        assert KEY not in result.stderr
    (night.folder / "minsum.toml").write_text("")
    result = night.command("fetch")
    assert result.exit_code == 2
    assert "no [fetch] section" in result.stderr


def test_a_gzip_file_is_read_to_its_end(night: Night) -> None:
    whole = bytearray(content())
    whole[-6] ^= 1  # the sum of the content
    night.stub.publish(156, 2015, bytes(whole))
    night.stub.publish(842, 2015, gzip.decompress(content(reporter=842)))
    report = night.fetch()
    assert report.exit_code == 3
    reasons = " ".join(reason for reason, _ in report.rejected.values())
    assert "corrupt compressed data" in reasons
    assert "other content instead of a gzip file" in reasons
