"""What more cores bring: ingest in threads, the kernels, and a Dask cluster of this machine, on 1, 2, 4 ... cores.

    python benchmarks/bench_scaling.py                 16 years of 40 reporters, some 19 million rows; minutes
    python benchmarks/bench_scaling.py --seconds 240   no new round that would end later; one is always made
    python benchmarks/bench_scaling.py --small         half a minute; prints and records nothing

Each round gives every number of cores its turn, in processes that are bound to so many cores: first one of each pair
that shares a core. Cluster workers have one thread each; driver and scheduler share their cores. A cluster is timed once
its workers have done some tasks; `start_seconds` is the time until then. Lakes must have the same bytes on any number of
cores, and from threads and cluster. The peak of min-adds tells how much slower cores are when all of them work.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import psutil

import kernel_contenders as contenders
from minsum.bench.peak import min_adds_at_peak
from minsum.bench.record import SAME
from minsum.bench.turns import Work, take_turns
from minsum.cluster.driver import Cluster
from minsum.esi.stage import compute_esi
from minsum.flows.ingest import ingest
from minsum.machine import default_jobs
from minsum.settings.esi import Composite, Esi, Similarities
from minsum.settings.flows import Ingest
from minsum.synth import LEADERS, WorldSpec, write_world
from minsum.workspace.layout import Layout
from minsum_kernels import market_min_sum, pairwise_min_sum
from record import record

Row = dict[str, Any]

FULL: Final = WorldSpec(40, years=tuple(range(2000, 2016)), rows_per_file=(5_000, 250_000), missing_share=0.0)
SMALL: Final = WorldSpec(24, years=(2014, 2015), rows_per_file=(1_000, 40_000), missing_share=0.0)
KERNELS: Final = contenders.World(countries=200, products=5225, years=22, markets=220)
SMALL_KERNELS: Final = contenders.World(countries=30, products=500, years=4, markets=10)
WARM: Final = 32
"""Smallest files, done before anything is timed."""


def physical_first() -> list[int]:
    """The processors this process may use: one of each core before the others that share its units."""
    beside: dict[str, int] = defaultdict(int)
    order = []
    for cpu in sorted(os.sched_getaffinity(0)):
        shared = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        core = shared.read_text().strip() if shared.exists() else str(cpu)
        order.append((beside[core], cpu))
        beside[core] += 1
    return [cpu for _, cpu in sorted(order)]


def run_on(cpus: Sequence[int], what: str, folder: Path) -> list[Row]:
    """Works in a new process on these processors."""
    n_cores, all_of_us = str(len(cpus)), os.sched_getaffinity(0)
    environment = os.environ | {"POLARS_MAX_THREADS": n_cores, "NUMBA_NUM_THREADS": n_cores}
    command = [sys.executable, __file__, "--run", what, "--folder", str(folder)]
    os.sched_setaffinity(0, cpus)  # inherited by what is started
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    finally:
        os.sched_setaffinity(0, all_of_us)
    rows: list[Row] = json.loads(done.stdout)
    return rows


def files_of(folder: Path) -> list[Path]:
    """Bulk files, the largest first."""
    return sorted((folder / "raw").iterdir(), key=lambda path: (-path.stat().st_size, path.name))


def silent(_stage: str, _done: int, _total: int) -> None:
    """No progress."""


def flows_answer(layout: Layout, _report: object) -> Row:
    """World exports, and the digest of every byte of the lake."""
    exports = pl.scan_parquet(layout.partitions()).filter(
        pl.col("flow") == "X", pl.col("partner_code") == 0, pl.col("product_code") != "TOTAL"
    )
    total = exports.select(pl.col("value_usd").sum()).collect().item()
    return {"checksum": total, "digest": digest(layout, layout.partitions())}


def esi_answer(layout: Layout, _report: object) -> Row:
    """Sum of the similarities, and their digest."""
    files = layout.yearly("esi")
    total = pl.concat(pl.read_parquet(path, columns=["esi"]) for path in files)["esi"].sum()
    return {"checksum": total, "digest": digest(layout, files)}


def digest(layout: Layout, files: Sequence[Path]) -> str:
    """Of names and bytes."""
    found = sha256()
    for path in sorted(files):
        found.update(str(path.relative_to(layout.root)).encode() + path.read_bytes())
    return found.hexdigest()[:16]


def with_threads(folder: Path) -> list[Row]:
    """Ingest and the kernels in this process."""
    files, jobs = files_of(folder), default_jobs()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        warm, lake = (Layout(Path(scratch) / name) for name in ("warm", "lake"))
        for layout in (warm, lake):
            layout.root.mkdir()
        ingest(warm, files[-WARM:], Ingest(), jobs=jobs, progress=silent)
        bring = partial(ingest, lake, files, Ingest(), jobs=jobs, progress=silent)
        before = time.process_time()
        rows = take_turns([[Work("ingest", bring, partial(flows_answer, lake))]])
        rows["ingest"]["cpu_seconds"] = time.process_time() - before
    shares, flows = np.load(folder / "shares.npy"), np.load(folder / "flows.npz")
    columns = [flows[name] for name in ("market", "product", "exporter", "share")]
    n_countries, n_products = shares.shape[1:]
    min_adds = n_countries * (n_countries + 1) // 2 * n_products * len(shares)
    works = [
        Work("pairwise_min_sum", lambda: [pairwise_min_sum(one) for one in shares], sum_of),
        Work("market_min_sum", lambda: [one.copy() for _, one in market_min_sum(*columns, n_countries)], sum_of),
        Work("peak of min and add", partial(min_adds_at_peak, min_adds, fused=False), lambda _: {"checksum": 0.0}),
    ]  # fmt: skip
    take_turns([works])  # compiles
    return [*rows.values(), *take_turns([works] * 5).values()]


def sum_of(found: list[contenders.F64Array]) -> Row:
    """Each sum is made in the same order, whatever the number of threads."""
    return {"checksum": math.fsum(float(one.sum()) for one in found)}


def with_cluster(folder: Path) -> list[Row]:
    """Flows and esi by as many worker processes as there are cores."""
    files, jobs, plain = files_of(folder), default_jobs(), Similarities(esi=Esi())
    options = Similarities(esi=Esi(references={"high_end": Composite(members=LEADERS)}))
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        layout, start = Layout(Path(scratch)), time.perf_counter()
        cluster = Cluster(f"local:{jobs}", layout, patience=600)
        try:
            ingest(layout, files[-WARM:], Ingest(), jobs=jobs, progress=silent, workers=cluster)
            compute_esi(layout, plain, progress=silent, workers=cluster)
            started = time.perf_counter() - start
            works = [
                Work("cluster, flows", lambda: ingest(layout, files, Ingest(), jobs=jobs, progress=silent, workers=cluster), partial(flows_answer, layout)),
                Work("cluster, esi", lambda: compute_esi(layout, options, progress=silent, workers=cluster), partial(esi_answer, layout)),
            ]  # fmt: skip
            rows = take_turns([works])
            peaks = [peak_rss(one.pid) for one in psutil.Process().children(recursive=True)]
        finally:
            cluster.close()
    for row in rows.values():
        row |= {"start_seconds": started, "workers_peak_rss_bytes": sum(peaks)}
    return list(rows.values())


def peak_rss(process: int) -> int:
    """Bytes."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def rounds(folder: Path, sizes: Sequence[int], *, until: float) -> dict[tuple[str, int], list[Row]]:
    """Every number of cores in turn, upwards and downwards, while there is time for one more round."""
    cpus, measured = physical_first(), defaultdict(list)
    longest, n_rounds = 0.0, 0
    while not n_rounds or time.monotonic() + longest < until:
        start = time.monotonic()
        for n_cores in sizes if n_rounds % 2 == 0 else reversed(sizes):
            for what in ("threads", "cluster"):
                for row in run_on(cpus[:n_cores], what, folder):
                    measured[row["name"], n_cores].append(row)
        n_rounds, longest = n_rounds + 1, max(longest, time.monotonic() - start)
        print(f"round {n_rounds}: {time.monotonic() - start:.0f} s", flush=True)
    return measured


def summed_up(measured: dict[tuple[str, int], list[Row]], about: Row) -> list[Row]:
    """Medians and minima; speed-up and efficiency of either against one core."""
    rows: list[Row] = []
    one: dict[str, Row] = {}
    for (name, n_cores), turns in sorted(measured.items()):
        row = about | turns[0] | {"cores": n_cores, "repeats": len(turns)}
        for key in ("seconds", "cpu_seconds", "start_seconds"):
            if key in row:
                row[key] = statistics.median(turn[key] for turn in turns)
        row["seconds_min"] = min(turn["seconds"] for turn in turns)
        for key in ("peak_rss_bytes", "workers_peak_rss_bytes"):
            if key in row:
                row[key] = max(turn[key] for turn in turns)
        alone = one.setdefault(name, row)
        for kind in ("seconds", "seconds_min"):
            speedup = kind.replace("seconds", "speedup")
            row[speedup] = alone[kind] / row[kind]
            row[speedup.replace("speedup", "efficiency")] = row[speedup] / n_cores
        rows.append(row)
    return rows


def refuse_unlike(measured: dict[tuple[str, int], list[Row]]) -> None:
    """Raise if an answer depends on the number of cores, or on who worked."""
    lakes: dict[str, set[str]] = defaultdict(set)
    sums: dict[str, list[float]] = defaultdict(list)
    for (name, _), turns in measured.items():
        for turn in turns:
            sums[name].append(turn["checksum"])
            if "digest" in turn:
                lakes["esi" if name == "cluster, esi" else "flows"].add(turn["digest"])
    for name, found in sums.items():
        assert max(found) - min(found) <= SAME * abs(max(found)), f"{name} gives {sorted(set(found))}"
    for table, digests in lakes.items():
        assert len(digests) == 1, f"{table} has other bytes: {digests}"


def write_data(folder: Path, spec: WorldSpec, size: contenders.World) -> Row:
    """What all processes work on."""
    world = write_world(spec, folder, jobs=default_jobs())
    np.save(folder / "shares.npy", np.array(contenders.baskets(size)))
    flows = contenders.bilateral(size)
    np.savez(folder / "flows.npz", market=flows.market, product=flows.product, exporter=flows.exporter, share=flows.share)  # fmt: skip
    system = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=False)
    return {
        "files": world.files,
        "rows": world.rows,
        "text_bytes": world.text_bytes,
        "filesystem": system.stdout.strip(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=600.0, help="for everything, making the world too")
    parser.add_argument("--cores", help="as 1,2,4; default: powers of two, and all there are")
    parser.add_argument("--small", action="store_true", help="tiny data, nothing recorded")
    parser.add_argument("--run", choices=["threads", "cluster"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.run:
        print(json.dumps((with_threads if chosen.run == "threads" else with_cluster)(chosen.folder)))
        return
    until, n_all = time.monotonic() + chosen.seconds, default_jobs()
    powers = {2**power for power in range(n_all.bit_length())}
    sizes = sorted({1} | (set(map(int, chosen.cores.split(","))) if chosen.cores else powers | {n_all}))
    with tempfile.TemporaryDirectory() as scratch:
        about = write_data(Path(scratch), *((SMALL, SMALL_KERNELS) if chosen.small else (FULL, KERNELS)))
        print(f"made {about['rows']:,} rows", flush=True)
        measured = rounds(Path(scratch), sizes, until=0 if chosen.small else until)
    rows = summed_up(measured, about)
    for row in rows:
        memory = (row["peak_rss_bytes"] + row.get("workers_peak_rss_bytes", 0)) >> 20
        print(
            f"{row['name']:22}{row['cores']:4} cores{row['seconds']:9.3f} s, least {row['seconds_min']:.3f};"
            f" speed-up {row['speedup_min']:6.2f}, efficiency {row['efficiency_min']:.0%}; {memory} MiB"
        )
    refuse_unlike(measured)
    if not chosen.small:
        print(record("scaling", rows))


if __name__ == "__main__":
    main()
