"""The esi stage as a user meets it: one command on a lake, in a process of its own.

    python benchmarks/bench_esi.py --lake DIR           200 reporters x 22 years, made in DIR first (2.3 GB)
    python benchmarks/bench_esi.py --flows FILE         a real year: Parquet of exporter, importer, hs6, value_usd
    python benchmarks/bench_esi.py --small              a minute; prints and records nothing

Seconds are those of the whole process; those of the stage without imports, of loading the kernels' machine code and
inside the kernels are told apart. A sample of the similarities is compared with plain NumPy
first, and within-market similarities with dense kernels in `bench_kernels.py`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import minsum_kernels
from esi_lake import LakeSpec, write_real, write_synthetic
from minsum.machine import default_jobs
from minsum.schema import YEARLY
from minsum.settings.esi import Complementarity, Composite, Esi, MarketEsi, Similarities
from minsum.workspace.layout import Layout
from record import record

HIGH_END = {"high_end": Composite(members=("USA", "DEU"))}
RULES = {
    rule: Composite(members=() if rule.startswith("world") else ("USA", "DEU", "JPN"), rule=rule)
    for rule in ("pooled", "mean_share", "mean_esi", "common", "world", "world_minus_self")
}


@dataclass(frozen=True, slots=True)
class Task:
    """One command.

    Attributes
    ----------
    options
        What it asks for.
    tables
        What it writes: removed before each run, while `esi` stays current unless it is among them.
    """

    options: Similarities
    tables: tuple[str, ...]


TASKS = {
    "esi": Task(Similarities(esi=Esi(references=HIGH_END)), ("esi", "section_esi", "coverage")),
    "esi, six composites": Task(Similarities(esi=Esi(references=RULES)), ("esi", "section_esi")),
    "esi, levels 6, 4 and 2": Task(
        Similarities(esi=Esi(references=HIGH_END, levels=(6, 4, 2))), ("esi", "esi_levels", "section_esi")
    ),
    "complementarity": Task(
        Similarities(esi=Esi(references=HIGH_END), complementarity=Complementarity()), ("complementarity",)
    ),
    "market_esi": Task(
        Similarities(esi=Esi(references=HIGH_END), market_esi=MarketEsi()), ("market_esi", "market_mean")
    ),
    "nothing to do": Task(Similarities(esi=Esi(references=HIGH_END)), ()),
}
VALUE = {"complementarity": "tci"}


@contextmanager
def timed_kernels(spent: list[float]) -> Iterator[None]:
    """Collect the seconds inside the kernels that the stage calls."""
    from minsum.esi import contributions, markets, references, similarity

    def timed(kernel: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            start = time.perf_counter()
            answer = kernel(*arguments)
            spent.append(time.perf_counter() - start)
            return timed_steps(answer) if isinstance(answer, Iterator) else answer

        return call

    def timed_steps(steps: Iterator[Any]) -> Iterator[Any]:
        while True:
            start = time.perf_counter()
            step = next(steps, None)
            spent.append(time.perf_counter() - start)
            if step is None:
                return
            yield step

    places = [
        (module, name)
        for module in (contributions, markets, references, similarity)
        for name in minsum_kernels.__all__
        if hasattr(module, name)
    ]
    kept = [getattr(module, name) for module, name in places]
    for (module, name), kernel in zip(places, kept, strict=True):
        setattr(module, name, timed(kernel))
    try:
        yield
    finally:
        for (module, name), kernel in zip(places, kept, strict=True):
            setattr(module, name, kernel)


def run_here(layout: Layout, task: Task) -> dict[str, Any]:
    """The stage in this process: its seconds, those inside kernels and to load them, CPU seconds, peak memory."""
    from minsum.esi.stage import compute_esi

    spent: list[float] = []
    start = time.perf_counter()
    if task.tables:
        load_kernels()
    loaded = time.perf_counter()
    with timed_kernels(spent):
        compute_esi(layout, task.options, progress=lambda *_: None)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "stage_seconds": time.perf_counter() - loaded,
        "kernel_loading_seconds": loaded - start,
        "kernel_seconds": sum(spent),
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_rss_mib": peak_rss_mib(),
    }


def peak_rss_mib() -> int:
    """Peak memory of this process; `ru_maxrss` would start from what the parent held when it started this one."""
    [line] = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM:")]
    return round(int(line.split()[1]) / 1024)


def load_kernels() -> None:
    """Load the machine code of every kernel of the stage."""
    one, share = np.array([1]), np.array([[1.0]])
    minsum_kernels.pairwise_min_sum(share)
    minsum_kernels.cross_min_sum(share, share.copy())
    list(minsum_kernels.market_min_sum(one, one, one, share[0], 2))


def run_apart(layout: Layout, name: str) -> dict[str, Any]:
    """The same in a new process; what it writes is removed before."""
    for table in TASKS[name].tables:
        shutil.rmtree(layout.table(table), ignore_errors=True)
    if "coverage" in TASKS[name].tables:
        layout.coverage.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--lake", str(layout.root), "--run", name]
    start = time.perf_counter()
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return {"seconds": time.perf_counter() - start, **json.loads(output)}


def bench(layout: Layout, lake: str, *, repeats: int) -> list[dict[str, Any]]:
    """Every task in turn: the median run, and the checksum of what it wrote."""
    rows = []
    run_apart(layout, "esi")
    check(layout)
    for name, task in TASKS.items():
        runs = sorted((run_apart(layout, name) for _ in range(repeats)), key=lambda run: run["seconds"])
        tables = [table for table in task.tables if table in YEARLY and table != "section_esi"] or ["esi"]
        row = {"name": name, "lake": lake, "years": len(layout.yearly("esi")), **runs[repeats // 2]}
        row |= {"repeats": repeats, "seconds_min": runs[0]["seconds"], **answer(layout, tables)}
        print(row, flush=True)
        rows.append(row)
        run_apart(layout, "esi")
    return rows


def answer(layout: Layout, tables: list[str]) -> dict[str, Any]:
    """Rows of tables, and the sum of their values as checksum."""
    frames = [
        pl.scan_parquet(layout.yearly(table), hive_partitioning=False).select(
            pl.len().alias("rows"), pl.col(VALUE.get(table, "esi")).sum().alias("sum")
        )
        for table in tables
    ]
    sums = pl.concat(pl.collect_all(frames)).sum()
    return {"rows": sums["rows"][0], "checksum": sums["sum"][0]}


def check(layout: Layout) -> None:
    """Compare the similarities among five reporters of the last year with plain NumPy."""
    file = layout.yearly("esi")[-1]
    found = pl.read_parquet(file, hive_partitioning=False)
    paths = [path for path in layout.partitions() if f"year={file.stem}" in str(path)][:5]
    world = (pl.col("flow") == "X") & (pl.col("partner_code") == 0) & (pl.col("product_code") != "TOTAL")
    wide = (
        pl.concat(pl.read_parquet(path, hive_partitioning=True).filter(world) for path in paths)
        .pivot("reporter", index="product_code", values="value_usd")
        .fill_null(0.0)
    )
    for i, r in itertools.combinations(wide.columns[1:], 2):
        expected = np.minimum(wide[i] / wide[i].sum(), wide[r] / wide[r].sum()).sum()
        row = found.filter((pl.col("reporter_code") == int(i)) & (pl.col("reference_code") == int(r)))
        np.testing.assert_allclose(row["esi"][0], expected, atol=1e-12)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lake", type=Path, help="folder of the lake; default: a temporary one")
    parser.add_argument("--flows", type=Path, help="Parquet of real flows in place of the synthetic lake")
    parser.add_argument("--small", action="store_true", help="tiny lake, nothing recorded")
    parser.add_argument("--run", choices=TASKS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        print(json.dumps(run_here(Layout(arguments.lake), TASKS[arguments.run])))
        return
    with tempfile.TemporaryDirectory() as scratch:
        layout = Layout(arguments.lake or Path(scratch))
        spec = (
            LakeSpec(reporters=20, years=2, products=600, mean_products=260)
            if arguments.small
            else LakeSpec()
        )
        if arguments.flows:
            write_real(layout, arguments.flows, 2024)
        else:
            write_synthetic(layout, spec, threads=default_jobs())
        lake = f"real flows {arguments.flows.name}" if arguments.flows else spec.name
        rows = bench(layout, lake, repeats=1 if arguments.small else 3)
    if not arguments.small:
        print(record("esi", rows))


if __name__ == "__main__":
    main()
