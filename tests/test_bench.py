"""`minsum bench`: what it records, what it compares, and that a fast wrong answer fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from minsum.bench.record import compare, read_record, record
from minsum.bench.turns import Work, take_turns
from minsum.cli import main
from minsum.errors import UsageError
from minsum.pipeline import Workspace
from minsum_kernels import pairs

STAGES = ["decompression", "ingest", "esi"]
KERNELS = ["pairwise_min_sum", "market_min_sum", "peak of min and add", "peak of min and fused multiply-add"]


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["bench", "--scale", "0.001", "--jobs", "1", "-q", *arguments])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of this machine."""
    done = bench("--json")
    assert done.exit_code == 0, done.output
    path = tmp_path_factory.mktemp("bench") / "record.json"
    path.write_text(done.stdout, encoding="utf-8")
    return path


@pytest.mark.slow
def test_the_record_tells_all_that_is_needed_to_judge_it(written: Path) -> None:
    found = read_record(written, scale=0.001)
    assert found.keys() == {"bench", "scale", "jobs", "date", "commit", "versions", "machine", "rows"}
    assert found["machine"].keys() == {"cpu", "processor", "threads", "memory_bytes", "system"}
    rows = {row["name"]: row for row in found["rows"]}
    assert list(rows) == STAGES + KERNELS
    assert all(row["seconds"] > 0 and row["peak_rss_bytes"] > 0 for row in rows.values())
    assert rows["ingest"].keys() > {"rows", "rows_per_second", "ratio_to_decompression"}
    assert 0 < rows["pairwise_min_sum"]["share_of_peak"] < 10


@pytest.mark.slow
def test_a_broken_kernel_fails_and_so_does_another_answer_than_before(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = pairs._min_sums
    monkeypatch.setattr(pairs, "_min_sums", lambda *arguments: right(*arguments) * (1 + 1e-6))
    done = bench("--against", str(written))
    assert done.exit_code == 4
    assert done.stdout.count("wrong answer: ") == 2  # of the kernel, and of the stage that calls it
    assert "Against the earlier record" in done.stdout
    assert "same" in done.stdout


def rows(**checksums: float) -> dict[str, Any]:
    return {
        "rows": [
            {"name": name, "seconds": 2.0, "checksum": checksum, "repeats": 1, "peak_rss_bytes": 1}
            for name, checksum in checksums.items()
        ]
    }


def test_works_of_both_records_are_compared() -> None:
    before = rows(a=1.0, b=1e6, c=3.0)
    before["rows"][0]["seconds"] = 4.0
    a, b = compare(rows(a=1.0 + 1e-12, b=1e6 + 1, d=1.0), before)
    assert a == {"name": "a", "seconds": 2.0, "before": 4.0, "ratio": 0.5, "answer": "same"}
    assert b["answer"] == "1000001.0, before 1000000.0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("{}", "not a record of minsum bench"),
        ("[1", "not a record of minsum bench"),
        ('{"scale": 1, "rows": [{"name": "esi"}]}', "not a record of minsum bench"),
        ('{"scale": 0.1, "rows": []}', "a record of scale 0.1, not 1"),
    ],
)
def test_a_record_that_cannot_be_compared_is_refused_before_the_work(
    tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "before.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["bench", "--against", str(path)])
    assert done.exit_code == 2
    assert message in done.stderr
    with pytest.raises(UsageError, match=message):
        read_record(path, scale=1.0)


def test_the_fastest_turn_counts_and_a_wrong_one_stands() -> None:
    answers = iter([1.0, 2.0, 3.0])

    def judged(found: float) -> dict[str, Any]:
        return {"checksum": found} | ({"failure": "wrong answer"} if found == 2 else {})

    works = [Work("a", lambda: next(answers), judged), Work("b", lambda: 7.0, judged)]
    found = take_turns([works] * 3)
    assert found["a"]["failure"] == "wrong answer"
    assert found["a"]["checksum"] == 2.0
    assert [row["repeats"] for row in found.values()] == [3, 3]


def test_a_row_without_time_and_answer_must_say_why() -> None:
    assert record([{"name": "torch", "failure": "not installed"}])["rows"] == [
        json.loads('{"name": "torch", "failure": "not installed"}')
    ]
    with pytest.raises(ValueError, match="lacks checksum"):
        record([{"name": "ours", "seconds": 1.0}])


@pytest.mark.slow
def test_the_lake_of_the_benchmarks_is_one_that_esi_and_status_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its footers are written by hand; the tests run no benchmark."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    from esi_lake import LakeSpec, write_synthetic

    work = Workspace(tmp_path / "work").init()
    spec = LakeSpec(reporters=20, years=1, partners=2.0)
    write_synthetic(work.layout, spec, threads=1)
    work.esi()
    assert len(work.status()["sources"]) == 20
    assert len(work.layout.yearly("esi")) == 1
