"""The esi stage with and without `[harmonise]`, taking turns in one process.

    python benchmarks/bench_harmonise.py --flows FILE    a real year of H5 (as bench_esi.py), brought to H2
    python benchmarks/bench_harmonise.py --lake DIR      200 reporters x 22 years in mixed vintages, made in DIR first
    python benchmarks/bench_harmonise.py --small         a minute; prints and records nothing

`ratio` is the median over the rounds of harmonised over plain, `cpu_ratio` the same of CPU seconds. Without `[harmonise]` a
mixed lake has fewer pairs, since each vintage is apart.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench_esi import HIGH_END, load_kernels
from esi_lake import LakeSpec, _bilateral, _publish, write_real
from minsum.esi.stage import compute_esi
from minsum.harmonise.shipped import nomenclature
from minsum.harmonise.vintages import YEARS
from minsum.machine import default_jobs
from minsum.settings.esi import Esi, Harmonise, Similarities
from minsum.synth.economies import in_order_of_choice
from minsum.workspace.layout import Layout
from record import record

TARGET = "H2"
OPTIONS = {
    "as filed": Similarities(esi=Esi(references=HIGH_END)),
    "harmonised": Similarities(esi=Esi(references=HIGH_END), harmonise=Harmonise(target=TARGET)),
}


def vintage_of(code: int, year: int) -> str:
    """In three of five cases the newest vintage of the year, else one or two before; none before the target."""
    there = [vintage for vintage, start in YEARS.items() if vintage >= TARGET and start <= year]
    late = int(np.random.default_rng([code, year, 9]).choice(3, p=(0.6, 0.25, 0.15)))
    return there[max(0, len(there) - 1 - late)]


def write_mixed(layout: Layout, spec: LakeSpec, *, threads: int) -> None:
    """Publish a lake whose countries file in different vintages, with real codes, unless it is there."""
    codes = sorted(in_order_of_choice()[: spec.reporters])
    products = {
        vintage: pl.Series([f"{code:06d}" for code in found.tolist()], dtype=pl.Categorical)
        for vintage, found in nomenclature().items()
    }

    def write(cell: tuple[int, int]) -> None:
        code, year = cell
        vintage = vintage_of(code, year)
        target = layout.partition(vintage, year, code)
        if target.is_file():
            return
        rng, own = np.random.default_rng([code, year]), products[vintage]
        sized = LakeSpec(partners=spec.partners, products=len(own), mean_products=spec.mean_products)
        others = np.array([one for one in codes if one != code], dtype=np.int32)
        size = 1 - codes.index(code) / len(codes)
        flows = [
            _bilateral(sized, rng, flow, size=size, partners=others, products=own) for flow in ("X", "M")
        ]
        _publish(layout, flows, target)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(write, [(code, 2002 + year) for year in range(spec.years) for code in codes]))


def run(layout: Layout, name: str) -> dict[str, Any]:
    """One run of the stage from nothing: seconds, CPU seconds, pairs and the sum of their values."""
    for table in ("esi", "section_esi"):
        shutil.rmtree(layout.table(table), ignore_errors=True)
    layout.coverage.unlink(missing_ok=True)
    start, cpu = time.perf_counter(), time.process_time()
    compute_esi(layout, OPTIONS[name], progress=lambda *_: None)
    spent = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
    esi = pl.read_parquet(layout.yearly("esi"), hive_partitioning=False)["esi"]
    return spent | {"rows": len(esi), "checksum": esi.sum()}


def bench(layout: Layout, lake: str, *, rounds: int) -> list[dict[str, Any]]:
    """Both in turn, after one run of each that does not count."""
    load_kernels()
    for name in OPTIONS:
        run(layout, name)
    runs = [{name: run(layout, name) for name in OPTIONS} for _ in range(rounds)]
    rows = []
    for name in OPTIONS:
        row = {"name": name, "lake": lake, "rounds": rounds}
        row |= {key: statistics.median(one[name][key] for one in runs) for key in ("seconds", "cpu_seconds")}
        for key, ratio in (("seconds", "ratio"), ("cpu_seconds", "cpu_ratio")):
            row[ratio] = statistics.median(one[name][key] / one["as filed"][key] for one in runs)
        row |= {key: runs[0][name][key] for key in ("rows", "checksum")}
        row["peak_rss_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(row, flush=True)
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lake", type=Path, help="folder of the lake; default: a temporary one")
    parser.add_argument("--flows", type=Path, help="Parquet of real flows in place of the synthetic lake")
    parser.add_argument("--small", action="store_true", help="tiny lake, nothing recorded")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        layout = Layout(arguments.lake or Path(scratch))
        spec = LakeSpec(reporters=20, years=8, partners=2.0) if arguments.small else LakeSpec(partners=4.0)
        if arguments.flows:
            write_real(layout, arguments.flows, 2024)
        else:
            write_mixed(layout, spec, threads=default_jobs())
        lake = f"real flows {arguments.flows.name}" if arguments.flows else f"mixed {spec.name}"
        rows = bench(layout, lake, rounds=1 if arguments.small else 5)
    if not arguments.small:
        print(record("harmonise", rows))


if __name__ == "__main__":
    main()
