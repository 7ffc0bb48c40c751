"""The nightly run: what changed is redone and said, nothing else; many nights; bad days of the machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from comtrade_stub import KEY, Stub, packed, serving
from minsum.pipeline import Workspace
from test_fetch import Night

REPORTERS = (156, 842, 276, 704)
YEARS = (2014, 2015, 2016)


def basket(reporter: int, year: int, *, first: float = 100) -> bytes:
    """A file of a dozen products."""
    return packed(
        {"reporterCode": reporter, "period": year, "cmdCode": f"{10 + k}0121",
         "primaryValue": first if k == 0 else (reporter * (k + 3)) % 97 + 1}
        for k in range(12)
    )  # fmt: skip


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Night]:
    """A workspace after its first night, and the service it came from."""
    monkeypatch.setenv("MINSUM_COMTRADE_KEY", KEY)
    with serving(Stub()) as stub:
        for reporter in REPORTERS:
            for year in YEARS:
                stub.publish(reporter, year, basket(reporter, year))
        night = Night(tmp_path, stub)
        assert night.command("run").exit_code == 0
        yield night


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
