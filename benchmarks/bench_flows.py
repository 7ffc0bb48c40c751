"""Ingest of a synthetic year against what people use today, over the same files in the same run.

    python benchmarks/bench_flows.py [--reporters 180] [--rows 5000] [--max-rows 1600000] [--repeats 3]
    python benchmarks/bench_flows.py --curve        ours alone, at 1, 2, 4 and 8 times the rows, in more files and in larger ones

Each peer gives the World exports of all reporters; the sum is its checksum and must be ours. The floor is
decompression alone, by isal, on the same number of threads. The pandas and Polars scripts are written as a
good user would: needed columns only, filters as in docs/data-rules.md; they write nothing, but for one that does the
whole job: rules, audit, kept rows sorted and written.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from isal import igzip

from flow_peers import chdb_reader, duckdb_reader, pandas_script, polars_script, polars_whole, spent
from minsum.flows.ingest import ingest
from minsum.machine import default_jobs
from minsum.settings.flows import Ingest
from minsum.synth import WorldSpec, write_world
from minsum.workspace.layout import Layout
from record import record

JOBS = default_jobs()


def floor(files: list[Path]) -> float:
    """Decompress and throw away."""

    def drain(path: Path) -> int:
        with igzip.open(path, "rb") as file:
            return sum(len(block) for block in iter(lambda: file.read(1 << 22), b""))

    with ThreadPoolExecutor(JOBS) as pool:
        return float(sum(pool.map(drain, files)))


def ours(files: list[Path]) -> float:
    """Everything: rules, audit, rebuilds, uniqueness, checks, sort, Parquet, fsync."""
    import polars as pl

    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        ingest(layout, files, Ingest(), jobs=JOBS, progress=lambda _stage, _done, _total: None)
        spent.append(time.perf_counter())
        exports = pl.scan_parquet(layout.partitions()).filter(
            pl.col("flow") == "X", pl.col("partner_code") == 0, pl.col("product_code") != "TOTAL"
        )
        return float(exports.select(pl.col("value_usd").sum()).collect().item())


PEERS: dict[str, Callable[[list[Path]], float]] = {
    "minsum": ours,
    "polars script": polars_script,
    "polars whole job": polars_whole,
    "duckdb read_csv": duckdb_reader,
    "pandas script": pandas_script,
    "chdb": chdb_reader,
}


def timed(work: Callable[[list[Path]], float], files: list[Path]) -> tuple[float, float]:
    """Seconds and result; of those that write, without the sum that only the benchmark needs."""
    spent.clear()
    start = time.perf_counter()
    result = work(files)
    return (spent[0] if spent else time.perf_counter()) - start, result


def run_alone(name: str, files: list[Path]) -> dict[str, object]:
    """One peer in a process of its own: seconds, result, peak memory."""
    code = (
        "import sys, json, bench_flows; print(json.dumps(bench_flows.in_process(sys.argv[1], sys.argv[2:])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, name, *map(str, files)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        check=False,
    )
    if done.returncode:
        return {
            "failure": done.stderr.strip().splitlines()[-1][:200] if done.stderr else str(done.returncode)
        }
    found: dict[str, object] = json.loads(done.stdout)
    return found


def in_process(name: str, files: list[str]) -> dict[str, object]:
    """What `run_alone` asks of the new process: one warm-up on a single file, then the timed run."""
    work, paths = PEERS[name], [Path(one) for one in files]
    timed(work, paths[-1:])
    seconds, result = timed(work, paths)
    # getrusage would give the parent's peak when that was higher at the fork.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return {"seconds": seconds, "checksum": result, "peak_rss_bytes": peak}


def curves(repeats: int) -> list[dict[str, object]]:
    """Ours on worlds with 1, 2, 4 and 8 times the rows: so many times the files, then as many files, each so much larger."""
    rows: list[dict[str, object]] = []
    for what, files, sizes in (
        ("files", (22, 44, 88, 176), [(5_000, 1_600_000)] * 4),
        ("rows a file", (24,) * 4, [(25_000 * factor, 200_000 * factor) for factor in (1, 2, 4, 8)]),
    ):
        points = [
            {"name": f"minsum, {factor} times the {what}"} | point(n_files, size, repeats)
            for factor, n_files, size in zip((1, 2, 4, 8), files, sizes, strict=True)
        ]
        logs = [[math.log(float(str(one[key]))) for one in points] for key in ("rows", "seconds")]
        exponent = statistics.linear_regression(*logs).slope
        print(f"{what}: seconds grow with rows to the power {exponent:.3f}", flush=True)
        rows += [one | {"exponent": exponent} for one in points]
    return rows


def point(n_files: int, rows_per_file: tuple[int, int], repeats: int) -> dict[str, object]:
    """The fastest of some runs of ours on one world."""
    with tempfile.TemporaryDirectory() as folder:
        spec = WorldSpec(n_files, years=(2015,), rows_per_file=rows_per_file, missing_share=0.0)
        world = write_world(spec, Path(folder), jobs=JOBS)
        files = sorted((Path(folder) / "raw").glob("*.gz"), key=lambda path: -path.stat().st_size)
        runs = [run_alone("minsum", files) for _ in range(repeats)]
    best = min(runs, key=lambda run: float(str(run["seconds"])))
    found = {"files": world.files, "rows": world.rows, "text_bytes": world.text_bytes, "threads": JOBS} | best
    print(found, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--reporters", type=int, default=180)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--max-rows", type=int, default=1_600_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peers", default=",".join(PEERS))
    chosen = parser.parse_args()
    if chosen.curve:
        print(record("flows_curve", curves(chosen.repeats)))
        return
    with tempfile.TemporaryDirectory() as folder:
        spec = WorldSpec(
            chosen.reporters, years=(2015,), rows_per_file=(chosen.rows, chosen.max_rows), missing_share=0.0
        )
        world = write_world(spec, Path(folder), jobs=JOBS)
        files = sorted((Path(folder) / "raw").glob("*.gz"), key=lambda path: -path.stat().st_size)
        base = {"files": world.files, "rows": world.rows, "text_bytes": world.text_bytes, "threads": JOBS}
        floors: list[float] = []
        seconds: dict[str, list[float]] = {name: [] for name in chosen.peers.split(",")}
        last: dict[str, dict[str, object]] = {}
        for _ in range(chosen.repeats):
            floors.append(timed(floor, files)[0])
            for name, times in seconds.items():
                last[name] = run_alone(name, files)
                if "seconds" in last[name]:
                    times.append(float(str(last[name]["seconds"])))
        rows = [
            base
            | {
                "name": "decompression (isal)",
                "seconds": statistics.median(floors),
                "checksum": world.text_bytes,
            }
        ]
        for name, times in seconds.items():
            row = base | {"name": name} | last[name]
            if times:
                row |= {
                    "seconds": statistics.median(times),
                    "ratio_to_floor": statistics.median(
                        one / low for one, low in zip(times, floors, strict=False)
                    ),
                    "rows_per_second": round(world.rows / statistics.median(times)),
                }
            rows.append(row)
            print({key: row[key] for key in row if key not in base})
        checksums = {name: float(str(one["checksum"])) for name, one in last.items() if "checksum" in one}
        for name, value in checksums.items():
            assert abs(value / checksums["minsum"] - 1) < 1e-9, (
                f"{name} gives {value}, minsum {checksums['minsum']}"
            )
        record("flows", rows)
        print(
            f"decompression {statistics.median(floors):.2f} s for {world.rows:,} rows, {world.text_bytes / 1e9:.2f} GB"
        )


if __name__ == "__main__":
    main()
