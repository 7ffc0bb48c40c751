"""The kernels against other programs, over the same data, on the same threads, in the same run.

    python benchmarks/bench_kernels.py                200 countries x 5,225 products x 22 years; 220 markets
    python benchmarks/bench_kernels.py --flows FILE   markets of a Parquet: exporter, importer, hs6, value_usd
    python benchmarks/bench_kernels.py --small        a few seconds; prints and records nothing

Every answer is compared with ours before it is timed, and all take turns, since the machine may be shared.
`ratio` is the median time per part (year, market or start) over ours, `ratio_min` the same of the fastest
times: a shared machine's two threads at times get one core's units, which doubles a time for seconds. The two
peaks do as many min-adds in cache, plain or fused, as the pairs need: their ratio is the share that we reach.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import kernel_contenders as contenders
from kernel_contenders import F64Array, World
from record import record

FULL = World(countries=200, products=5225, years=22, markets=220)
SMALL = World(countries=30, products=500, years=4, markets=10)


@dataclass(frozen=True, slots=True)
class Contender:
    """One entrant.

    Attributes
    ----------
    name
        As it stands in the results.
    answer
        From the data to what the program gives: this is timed.
    shaped
        From that to an array with one row per year or market.
    limit
        How many years or markets it gets: fewer than all when all would take more than a minute.
    is_compared
        Whether its answer must equal that of the first entrant.
    """

    name: str
    answer: Callable[[Any], Any]
    shaped: Callable[[Any], F64Array] = np.asarray
    limit: int = 10**6
    is_compared: bool = True


PAIRS = (
    Contender("minsum_kernels.pairwise_min_sum", contenders.ours, contenders.condensed),
    Contender("peak of min and add", partial(contenders.peak, fused=False), is_compared=False),
    Contender("peak of min and fused multiply-add", partial(contenders.peak, fused=True), is_compared=False),
    Contender(
        "scipy pdist cityblock", partial(contenders.scipy_pdist, threaded=False), contenders.from_distances
    ),
    Contender(
        "scipy pdist cityblock, a year for each thread",
        partial(contenders.scipy_pdist, threaded=True),
        contenders.from_distances,
    ),
    Contender(
        "scikit-learn manhattan_distances",
        contenders.scikit_learn,
        lambda years: 1 - contenders.condensed(years) / 2,
    ),
    Contender("torch pdist p=1", contenders.torch_pdist, contenders.from_distances),
    Contender("NumPy broadcasting", contenders.numpy_broadcasting, limit=4),
    Contender("DuckDB self-join with least", contenders.duckdb_join, limit=1),
    Contender("Polars self-join with min_horizontal", contenders.polars_join, limit=1),
)
MARKETS = (
    Contender("minsum_kernels.market_min_sum", contenders.our_markets),
    Contender("minsum_kernels.pairwise_min_sum per market", contenders.dense_markets, limit=20),
    Contender("DuckDB self-join with least per market", contenders.duckdb_markets, limit=20),
)


def contest(entrants: Sequence[Contender], data: Any, *, about: str, turns: int) -> list[dict[str, Any]]:
    """Check each answer against the first entrant's, then time all in turn; a missing package is a row too."""
    first = entrants[0].shaped(entrants[0].answer(data))
    rows: list[dict[str, Any]] = []
    seconds: dict[str, list[float]] = {}
    for entrant in entrants:
        try:
            answer = entrant.shaped(entrant.answer(data[: entrant.limit]))
        except ImportError as missing:
            rows.append({"name": entrant.name, "failure": str(missing)})
            continue
        if entrant.is_compared:
            np.testing.assert_allclose(answer, first[: entrant.limit], rtol=0, atol=1e-10)
        row = {"name": entrant.name, "data": about, "parts": len(answer), "checksum": float(answer.sum())}
        rows.append(row)
        seconds[entrant.name] = []
    for _ in range(turns):
        for entrant in entrants:
            if entrant.name in seconds:
                seconds[entrant.name] += one_turn(partial(entrant.answer, data[: entrant.limit]))
    for row in rows:
        if taken := seconds.get(row["name"]):
            row |= {"seconds": statistics.median(taken), "seconds_min": min(taken), "repeats": len(taken)}
    return with_ratios(rows)


def one_turn(answer: Callable[[], object]) -> list[float]:
    """Time answers until half a second is over: quick ones must not all follow a slow one that left its mess."""
    seconds: list[float] = []
    while sum(seconds) < 0.5:
        start = time.perf_counter()
        answer()
        seconds.append(time.perf_counter() - start)
    return seconds


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compare the times per part with those of the first row."""
    ours = rows[0]
    for row in rows:
        for kind in ("seconds", "seconds_min"):
            if kind in row:
                row[kind.replace("seconds", "ratio")] = (
                    row[kind] / row["parts"] / (ours[kind] / ours["parts"])
                )
    return rows


START = """
import time
start = time.perf_counter()
import numpy as np
from minsum_kernels import market_min_sum, pairwise_min_sum
one = np.array([1])
answer = pairwise_min_sum(np.full((2, 2), 0.5)).sum() + next(market_min_sum(one, one, one, np.array([1.0]), 2))[1].sum()
print(time.perf_counter() - start, answer)
"""


def first_calls() -> list[dict[str, Any]]:
    """Time import and first calls in new processes: machine code found in the cache, then compiled."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for name in ("first calls, compiling", "first calls, from the cache"):
            environment = os.environ | {"NUMBA_CACHE_DIR": cache}
            command = [sys.executable, "-c", START]
            output = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            ).stdout
            seconds, checksum = map(float, output.split())
            rows.append({"name": name, "parts": 1, "checksum": checksum, "seconds": seconds})
    return with_ratios(rows[::-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="tiny data, nothing recorded")
    parser.add_argument("--flows", type=Path, help="Parquet of real flows for the market kernel")
    arguments = parser.parse_args()
    world, turns = (SMALL, 1) if arguments.small else (FULL, 7)
    shares, flows, source = contenders.baskets(world), contenders.bilateral(world), "synthetic"
    if arguments.flows:
        flows, source = contenders.flows_from(arguments.flows), arguments.flows.name
    about = f"synthetic, {world.countries} countries x {world.products} products, by year"
    rows = contest(PAIRS, shares, about=about, turns=turns)
    about = f"{source}, {flows.n_exporters} exporters, {flows.share.size} flows, by market"
    rows += contest(MARKETS, flows, about=about, turns=turns)
    rows += first_calls()
    for row in rows:
        print(row)
    if not arguments.small:
        print(record("kernels", rows))


if __name__ == "__main__":
    main()
