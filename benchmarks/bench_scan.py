"""A query of a Comtrade folder with `minsum.scan`, against the same query with Polars' own CSV reader.

    python benchmarks/bench_scan.py [--reporters 180] [--rows 5000] [--max-rows 1600000] [--repeats 3]
    python benchmarks/bench_scan.py --raw DIR       bulk files that are there; prints, and records nothing

The query is that of docs/comtrade-folder.md: World exports by reporter. Both answers must be the same. Each run has a process of
its own, and the two take turns. `ratio` is the median over the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

import minsum
from minsum.machine import default_jobs
from minsum.synth import WorldSpec, write_world
from record import record

TEXTS = dict.fromkeys(("cmdCode", "customsCode", "mosCode"), pl.String)


def with_scan(files: list[Path]) -> pl.DataFrame:
    """As documented."""
    is_part = pl.any_horizontal(
        pl.col("partner2_code", "mot_code") != 0, pl.col("customs_code") != "C00", ~pl.col("mos_code").is_in(["0", "-1"])
    )  # fmt: skip
    is_world = (pl.col("flow") == "X") & (pl.col("partner_code") == 0) & (pl.col("level") == 6)
    world = minsum.scan(files).filter(is_world, ~is_part.fill_null(False))
    return world.group_by("reporter_code", "year").agg(pl.col("value_usd").sum()).sort("value_usd").collect()


def with_scan_csv(files: list[Path]) -> pl.DataFrame:
    """The same on the files as they are written, all at once."""
    rows = pl.scan_csv(files, separator="\t", quote_char=None, glob=False, schema_overrides=TEXTS)
    mos = pl.col("mosCode").str.strip_chars().fill_null("")
    whole = (
        (pl.col("partner2Code") == 0) & (pl.col("customsCode") == "C00")
        & (pl.col("motCode") == 0) & mos.is_in(["0", "-1", ""])
    )  # fmt: skip
    is_good = pl.col("cmdCode").str.len_chars() == 6
    world = rows.filter(pl.col("flowCode") == "X", pl.col("partnerCode") == 0, is_good, whole)
    sums = world.group_by(pl.col("reporterCode").alias("reporter_code"), pl.col("period").alias("year"))
    answer = sums.agg(pl.col("primaryValue").sum().alias("value_usd")).sort("value_usd")
    return answer.collect(engine="streaming")


WAYS: dict[str, Callable[[list[Path]], pl.DataFrame]] = {
    "minsum.scan": with_scan,
    "polars.scan_csv": with_scan_csv,
}


def run_here(name: str, folder: Path) -> dict[str, object]:
    """One query in this process, after one of a single file: seconds, the answer's sum and size, peak memory."""
    files = sorted(folder.glob("*.gz"))
    WAYS[name](files[:1])
    start = time.perf_counter()
    answer = WAYS[name](files)
    seconds = time.perf_counter() - start
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return {
        "seconds": seconds, "checksum": answer["value_usd"].sum(), "reporters": len(answer),
        "peak_rss_bytes": int(status.partition("VmHWM:")[2].split()[0]) * 1024,
    }  # fmt: skip


def run_apart(name: str, folder: Path) -> dict[str, object]:
    """The same in a new process; a failure is told, not raised."""
    command = [sys.executable, __file__, "--raw", str(folder), "--run", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return {"failure": lines[-1][:200]}
    found: dict[str, object] = json.loads(done.stdout)
    return found


def bench(folder: Path, size: dict[str, object], *, repeats: int) -> list[dict[str, object]]:
    """Both ways in turn: median seconds, and ratios to ours."""
    runs: dict[str, list[dict[str, object]]] = {name: [] for name in WAYS}
    for _ in range(repeats):
        for name in WAYS:
            runs[name].append(run_apart(name, folder))
            print(name, runs[name][-1], f"load {os.getloadavg()[0]:.1f}", flush=True)
    rows = []
    for name, found in runs.items():
        row = size | {"name": name, "threads": default_jobs(), **found[-1]}
        if not any("failure" in one for one in (*found, *runs["minsum.scan"])):
            seconds, ours = (
                [float(str(one["seconds"])) for one in each] for each in (found, runs["minsum.scan"])
            )
            row["seconds"] = statistics.median(seconds)
            row["ratio"] = statistics.median(a / b for a, b in zip(seconds, ours, strict=True))
            first = runs["minsum.scan"][0]
            for one in found:
                assert abs(float(str(one["checksum"])) / float(str(first["checksum"])) - 1) < 1e-9, (
                    name,
                    one,
                )
                assert one["reporters"] == first["reporters"], (name, one)
        rows.append(row)
        print({key: row[key] for key in row if key not in size}, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--raw", type=Path, help="folder of bulk files, in place of a synthetic year")
    parser.add_argument("--reporters", type=int, default=180)
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--max-rows", type=int, default=1_600_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--run", choices=WAYS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.run:
        print(json.dumps(run_here(chosen.run, chosen.raw)))
    elif chosen.raw:
        bench(chosen.raw, {"files": len(list(chosen.raw.glob("*.gz")))}, repeats=chosen.repeats)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            sizes = (chosen.rows, chosen.max_rows)
            spec = WorldSpec(chosen.reporters, years=(2015,), rows_per_file=sizes, missing_share=0.0)
            world = write_world(spec, Path(scratch), jobs=default_jobs())
            size: dict[str, object] = {
                "files": world.files,
                "rows": world.rows,
                "text_bytes": world.text_bytes,
            }
            print(record("scan", bench(Path(scratch) / "raw", size, repeats=chosen.repeats)))


if __name__ == "__main__":
    main()
