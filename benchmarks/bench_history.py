"""The full history, once: 22 years of 180 reporters, 3,960 bulk files, some 630 million rows, and a night after it.

    python benchmarks/bench_history.py --folder DIR    hours on a busy machine; goes on where it was stopped; 25 GB
    python benchmarks/bench_history.py --small         a minute or two; prints and records nothing

Every year is a synthetic world of its own, made beside and moved into `raw/`, then `minsum ingest`, which looks at all of
`raw/` again. At some years the similarities of all years so far are made from nothing. In the end three reporter-years are
published anew, and `minsum run` does the night. Each step is a process of its own; `cpu_seconds` are those of its threads
together, which a shared machine changes less than `seconds`. World exports must be those that each year was made with, to
1e-9, and every similarity that of the truth to 1e-12. `--folder DIR --step prepare --year Y`, in another shell, makes a
year ahead.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from minsum.pipeline import Workspace

Row = dict[str, Any]

SETTINGS: Final = {"esi": {"references": {"high_end": {"members": ["USA", "DEU"]}}}}
MARKETS: Final = SETTINGS | {"market_esi": {}}
FIRST_YEAR: Final = 2000
LEAST_FREE: Final = 6 * 10**9
"""Bytes of disk that stay free."""


@dataclass(frozen=True, slots=True)
class History:
    """Where, and how much.

    Attributes
    ----------
    folder
        Gets the workspace, the truth and the steps done.
    reporters, years, most_rows
        Countries, years, and rows of the largest file.
    """

    folder: Path
    reporters: int
    years: int
    most_rows: int

    @property
    def workspace(self) -> Path:
        """Of minsum."""
        return self.folder / "workspace"

    def spec(self, year: int, *, seed: int = 1) -> Any:
        """The world of one year."""
        from minsum.synth import WorldSpec

        rows = (min(5_000, self.most_rows), self.most_rows)
        return WorldSpec(self.reporters, years=(year,), rows_per_file=rows, missing_share=0.0, seed=seed)

    def made(self, year: int) -> Path:
        """Folder of a year's files before they come into the workspace."""
        return self.folder / f"made {year}"

    def truth(self, year: int) -> Path:
        """Folder of what the year was made with."""
        return self.folder / f"truth {year}"


def prepare(history: History, year: int) -> Row:
    """Bulk files of a year, beside the workspace, unless they are there; the checksum is the number of rows."""
    from minsum.machine import default_jobs
    from minsum.synth import write_world

    made = history.made(year)
    done = made / "row.json"
    if not done.exists():
        worlds: list[Any] = []
        row = measured(lambda: worlds.append(write_world(history.spec(year), made, jobs=default_jobs())))
        rows, text_bytes = worlds[0].rows, worlds[0].text_bytes
        done.write_text(json.dumps(row | {"rows": rows, "text_bytes": text_bytes, "checksum": float(rows)}))
    found: Row = json.loads(done.read_text())
    return found


def make(history: History, year: int) -> Row:
    """The same, moved into `raw/`."""
    row, made = prepare(history, year), history.made(year)
    shutil.copytree(made / "truth", history.truth(year), dirs_exist_ok=True)
    for path in (made / "raw").iterdir():
        path.replace(history.workspace / "raw" / path.name)
    shutil.rmtree(made)
    return row


def ingest(history: History, year: int) -> Row:
    """`minsum ingest`, with every year so far in `raw/`."""
    work = Workspace(history.workspace, flags=SETTINGS)
    return measured(work.ingest) | {
        "checksum": world_exports(history, year),
        "lake_bytes": size(work.layout.partitions()),
    }


def esi(history: History, _year: int) -> Row:
    """`minsum esi` of all years so far, from nothing."""
    work = Workspace(history.workspace, flags=SETTINGS)
    for table in ("esi", "section_esi"):
        shutil.rmtree(work.layout.table(table), ignore_errors=True)
    work.layout.coverage.unlink(missing_ok=True)
    row = measured(work.esi)
    return row | {
        "checksum": similarities(history, work.layout),
        "table_bytes": size(work.layout.yearly("esi")),
    }


def market_esi(history: History, _year: int) -> Row:
    """The same with `[market_esi]`, the similarities of before being up to date."""
    work = Workspace(history.workspace, flags=MARKETS)
    shutil.rmtree(work.layout.table("market_esi"), ignore_errors=True)
    row = measured(work.esi)
    files = work.layout.yearly("market_esi")
    return row | {"checksum": total(files, "esi"), "table_bytes": size(files)}


def run(history: History, _year: int) -> Row:
    """`minsum run`: flows, similarities in markets too, checks of the night, the page."""
    work = Workspace(history.workspace, flags=MARKETS)
    row = measured(work.run)
    stages = {one.stage: round(one.seconds, 3) for one in work.done.stages}
    about = {"stage_seconds": stages, "revised": len(work.done.reporter_years)}
    return row | about | {"checksum": similarities(history, work.layout, is_truth=False)}


def revise(history: History, year: int) -> Row:
    """New publications of the largest, a middle and the smallest reporter, in three years."""
    from minsum.synth.bulk import file_name
    from minsum.synth.economies import by_size
    from minsum.synth.plan import make_plan
    from minsum.synth.world import _write_filing

    rows = 0
    codes = sorted(history.spec(year).codes, key=by_size().index)
    for code, revised in zip(
        (codes[0], codes[len(codes) // 3], codes[-1]), (year, year - 1, FIRST_YEAR), strict=True
    ):
        spec = history.spec(revised, seed=2)
        name = file_name(spec, code, revised, vintage=spec.classification)
        later = f"{name.partition('[')[0]}[{revised + 20}-06-01].gz"
        rows += _write_filing(make_plan(spec), code, revised, history.workspace / "raw" / later)[1].rows
    return {"rows": rows, "checksum": float(rows)}


def status(history: History, _year: int) -> Row:
    """`minsum status`: every footer, and every file of `raw/`."""
    work, found = Workspace(history.workspace, flags=MARKETS), {}
    row = measured(lambda: found.update(work.status()))
    return row | {"checksum": float(len(found["sources"]))}


def check(history: History, _year: int) -> Row:
    """`minsum check`: every byte and every identity."""
    work, found = Workspace(history.workspace, flags=MARKETS), []
    row = measured(lambda: found.extend(work.check()))
    return row | {"checksum": float(len(found))}


STEPS: Final[dict[str, Callable[[History, int], Row]]] = {
    step.__name__: step for step in (prepare, make, ingest, esi, market_esi, run, revise, status, check)
}


def measured(work: Callable[[], object]) -> Row:
    """Seconds of wall and processors, peak memory, and the exit code of a report that is not clean."""
    start, used = time.perf_counter(), time.process_time()
    report = work()
    status = Path("/proc/self/status").read_text(encoding="ascii")
    row: Row = {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - used,
        "peak_rss_bytes": int(status.partition("VmHWM:")[2].split()[0]) * 1024,
    }
    code = getattr(report, "exit_code", 0)
    return row | ({"exit_code": code} if code else {})


def world_exports(history: History, year: int) -> float:
    """World exports of all reporters in a year, each that of the truth to 1e-9."""
    import numpy as np
    import polars as pl

    from minsum.workspace.layout import Layout

    paths = [path for path in Layout(history.workspace).partitions() if f"year={year}" in str(path)]
    world = pl.col("flow") == "X", pl.col("partner_code") == 0, pl.col("product_code") != "TOTAL"
    found = pl.scan_parquet(paths, hive_partitioning=True).filter(*world).group_by("reporter")
    sums = found.agg(pl.col("value_usd").sum()).sort("reporter").collect()
    right = pl.scan_parquet(history.truth(year) / "exports.parquet").group_by("reporter_code")
    expected = right.agg(pl.col("value_usd").sum()).sort("reporter_code").collect()
    np.testing.assert_array_equal(sums["reporter"], expected["reporter_code"])
    np.testing.assert_allclose(sums["value_usd"], expected["value_usd"], rtol=1e-9)
    return math.fsum(sums["value_usd"])


def similarities(history: History, layout: Any, *, is_truth: bool = True) -> float:
    """Sum of all similarities, each that of the truth unless the year was revised."""
    import numpy as np
    import polars as pl

    keys = ["reporter", "reference"]
    for path in layout.yearly("esi") if is_truth else ():
        found = pl.read_parquet(path, hive_partitioning=False).with_columns(pl.col(keys).cast(pl.String))
        expected = pl.read_parquet(history.truth(int(path.stem)) / "esi.parquet").sort(keys)
        np.testing.assert_allclose(found.sort(keys)["esi"], expected["esi"], rtol=0, atol=1e-12)
    return total(layout.yearly("esi"), "esi")


def total(files: list[Path], column: str) -> float:
    """Sum of a column of some tables."""
    import polars as pl

    return math.fsum(pl.read_parquet(path, columns=[column])[column].sum() for path in files)


def size(files: list[Path]) -> int:
    """Bytes."""
    return sum(path.stat().st_size for path in files)


class Steps:
    """What was done, one line of JSON each: a history that was stopped goes on from there."""

    def __init__(self, history: History, arguments: list[str]) -> None:
        self._path, self._arguments, self._folder = history.folder / "steps.jsonl", arguments, history.folder
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        self.done: list[Row] = [json.loads(line) for line in lines]

    def do(self, what: str, year: int, label: str = "") -> None:
        """Do a step in a new process, unless it was done."""
        name = label or what
        if any(row["step"] == name and row["year"] == year for row in self.done):
            return
        free = shutil.disk_usage(self._folder).free
        if free < LEAST_FREE:
            raise SystemExit(f"{free / 1e9:.1f} GB of disk are free: stopped before {name} {year}")
        command = [sys.executable, __file__, *self._arguments, "--step", what, "--year", str(year)]
        output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        row = {"step": name, "year": year, "load": os.getloadavg()[0]} | json.loads(output)
        with self._path.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row) + "\n")
        self.done.append(row)
        print(json.dumps(row), flush=True)

    def of(self, name: str) -> list[Row]:
        """Rows of a step, by year."""
        return sorted((row for row in self.done if row["step"] == name), key=lambda row: row["year"])


def bring_about(history: History, steps: Steps) -> None:
    """Year by year, then the night."""
    last = FIRST_YEAR + history.years - 1
    counts = {1, history.years} | {count for count in (4, 11) if count < history.years}
    for count in range(1, history.years + 1):
        year = FIRST_YEAR + count - 1
        steps.do("make", year)
        steps.do("ingest", year)
        if count in counts:
            steps.do("esi", year)
            steps.do("market_esi", year)
    steps.do("run", last, "run, first")
    steps.do("revise", last)
    steps.do("run", last, "run, three revised")
    steps.do("run", last, "run, nothing new")
    steps.do("status", last)
    steps.do("check", last)


def summed_up(history: History, steps: Steps) -> list[Row]:
    """One row a step; of those done over and over, the sum or the last, and the exponent of their growth."""
    made = steps.of("make")
    sizes = {row["year"]: row for row in made}
    rows_until = {year: sum(row["rows"] for row in made if row["year"] <= year) for year in sizes}
    n_rows = rows_until[max(rows_until)]
    about = {
        "reporters": history.reporters, "years": len(made), "files": history.reporters * len(made), "rows": n_rows,
        "text_bytes": sum(row["text_bytes"] for row in made),
        "raw_bytes": size(list((history.workspace / "raw").iterdir())),
        "lake_bytes": steps.of("ingest")[-1]["lake_bytes"],
    }  # fmt: skip
    rows = []
    for name in ("make", "ingest"):
        found = steps.of(name)
        used = [row["cpu_seconds"] for row in found]
        whole = {key: sum(row[key] for row in found) for key in ("seconds", "cpu_seconds", "checksum")}
        until = [sum(used[: count + 1]) for count in range(len(used))]
        rows.append(
            about | {"name": name} | whole | {
                "peak_rss_bytes": max(row["peak_rss_bytes"] for row in found),
                "cpu_seconds_by_year": [round(one, 2) for one in used],
                "exponent": exponent([rows_until[row["year"]] for row in found], until),
            }
        )  # fmt: skip
    for name in ("esi", "market_esi"):
        found = steps.of(name)
        by_years = {
            str(row["year"] - FIRST_YEAR + 1): [round(row["cpu_seconds"], 2), row["peak_rss_bytes"]]
            for row in found
        }
        grown = exponent([rows_until[row["year"]] for row in found], [row["cpu_seconds"] for row in found])
        rows.append(
            about | kept(found[-1]) | {"name": name, "cpu_seconds_and_peak_by_years": by_years, "exponent": grown}
        )  # fmt: skip
    for name in ("run, first", "run, three revised", "run, nothing new", "status", "check"):
        rows += [about | kept(row) | {"name": name} for row in steps.of(name)]
    return rows


def kept(row: Row) -> Row:
    """Without what only the steps need."""
    return {key: value for key, value in row.items() if key not in ("step", "year")}


def exponent(rows: list[int], seconds: list[float]) -> float | None:
    """The power of the rows with which time grows."""
    if len(rows) < 2:
        return None
    return statistics.linear_regression(
        [math.log(one) for one in rows], [math.log(one) for one in seconds]
    ).slope


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="default: a temporary one")
    parser.add_argument("--reporters", type=int, default=180)
    parser.add_argument("--years", type=int, default=22)
    parser.add_argument("--max-rows", type=int, default=1_600_000)
    parser.add_argument("--small", action="store_true", help="tiny worlds, nothing recorded")
    parser.add_argument("--step", choices=STEPS, help="one step alone")
    parser.add_argument("--year", type=int, help="of that step")
    chosen = parser.parse_args()
    if chosen.small:
        chosen.reporters, chosen.years, chosen.max_rows = 11, 3, 20_000
    with tempfile.TemporaryDirectory() as scratch:
        history = History(chosen.folder or Path(scratch), chosen.reporters, chosen.years, chosen.max_rows)
        if chosen.step:
            print(json.dumps(STEPS[chosen.step](history, chosen.year)))
            return
        if not history.workspace.exists():
            Workspace(history.workspace).init()
        size_of = (
            "--reporters",
            history.reporters,
            "--years",
            history.years,
            "--max-rows",
            history.most_rows,
        )
        steps = Steps(history, ["--folder", str(history.folder), *map(str, size_of)])
        bring_about(history, steps)
        rows = summed_up(history, steps)
    for row in rows:
        print(row)
    if not chosen.small:
        from record import record

        print(record("history", rows))


if __name__ == "__main__":
    main()
