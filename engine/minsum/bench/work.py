"""The standard work: a synthetic world from its files to its similarities, and the kernels, each answer checked."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
import polars as pl
from isal import igzip

from minsum.bench.peak import min_adds_at_peak
from minsum.bench.record import SAME, record
from minsum.bench.turns import Row, Work, take_turns
from minsum.cluster.driver import Cluster
from minsum.esi.stage import compute_esi
from minsum.flows.ingest import ingest
from minsum.settings.esi import Composite, Esi, Similarities
from minsum.settings.flows import Ingest
from minsum.synth import LEADERS, WorldSpec, WorldSummary, write_world
from minsum.synth.truth import HIGH_END
from minsum.workspace.layout import Layout
from minsum_kernels import market_min_sum, pairwise_min_sum
from minsum_kernels.jit import F64Array

Progress = Callable[[str, int, int], None]

_REPORTERS: Final = 180
_ROWS: Final = (5_000, 1_600_000)
_KERNEL: Final = (200, 5_225, 22)
"""Countries, products and, at scale 1 and above, years."""
_ESI: Final = Similarities(esi=Esi(references={HIGH_END: Composite(members=LEADERS)}))
_PATIENCE: Final = 900.0
"""Seconds without a finished task after which a cluster is given up."""
_EXACT: Final = 1e-12
"""Absolute error of a similarity by a kernel, and by the world's truth, which is rounded to mils of a dollar."""


def standard_work(scale: float, *, jobs: int, progress: Progress, cluster: str = "") -> Row:
    """Measure this machine.

    Parameters
    ----------
    scale
        1 is a year of bulk files of 180 reporters, 33 million rows; 10 are ten years, 0.1 a year of files a tenth as long.
    jobs
        Files read at a time, and threads of the kernels.
    progress
        Called with a step, how much of it is done, and of how much.
    cluster
        Address of a Dask cluster, which then does ingest and esi in turn with the threads here.

    Returns
    -------
    The record (`minsum.bench.record`), with `scale`, `jobs` and the address. A wrong answer is a row with a `failure`.

    Raises
    ------
    ClusterError
        If the cluster does not answer, does not fit, or does not see the folder for temporary files.
    """
    before = numba.get_num_threads()
    numba.set_num_threads(min(jobs, numba.config.NUMBA_NUM_THREADS))
    try:
        with tempfile.TemporaryDirectory(prefix="minsum-bench-") as folder:
            if cluster:
                _refuse_unfit(cluster, Path(folder))
            rows = _stages(Path(folder), scale, jobs=jobs, progress=progress, cluster=cluster)
        rows += _kernels(min(1.0, scale))
    finally:
        numba.set_num_threads(before)
    about = {"bench": "standard", "scale": scale, "jobs": jobs} | ({"cluster": cluster} if cluster else {})
    return about | record(rows, packages=("isal", "distributed") if cluster else ("isal",))


def world_of(scale: float) -> WorldSpec:
    """The world of a scale; below 0.1 its files cannot be much shorter, so there are fewer."""
    reporters = _REPORTERS if scale >= 0.1 else max(11, round(10 * _REPORTERS * scale))
    fewest, most = (max(1_000, round(rows * min(1.0, scale))) for rows in _ROWS)
    years = tuple(range(2016 - max(1, round(scale)), 2016))
    return WorldSpec(reporters, years=years, rows_per_file=(fewest, most), missing_share=0.0)


def _refuse_unfit(address: str, folder: Path) -> None:
    """Connect once, before the world is made."""
    layout = Layout(folder / "probe")
    with closing(Cluster(address, layout, patience=_PATIENCE)) as workers:
        _ = workers.n_beside


def _stages(folder: Path, scale: float, *, jobs: int, progress: Progress, cluster: str) -> list[Row]:
    """Decompression alone, ingest and esi, each round into a new lake; then the same lake by the cluster."""
    world = write_world(world_of(scale), folder, jobs=jobs, progress=partial(progress, "synth"))
    files = sorted((folder / "raw").iterdir(), key=lambda path: -path.stat().st_size)

    def size_answer(size: int) -> Row:
        return _judged(np.array([float(size)]), np.array([float(world.text_bytes)]), within=0.0)

    def rounds() -> Iterator[list[Work]]:
        n_rounds = 3 if scale <= 1 else 1
        for number in range(n_rounds):
            progress("bench", number, n_rounds)
            layout = Layout(folder / f"lake {number}")
            layout.root.mkdir()
            bring = partial(ingest, layout, files, Ingest(), jobs=jobs, progress=_silent)
            compute = partial(compute_esi, layout, _ESI, progress=_silent)
            yield [
                Work("decompression", partial(_decompress, files, jobs), size_answer),
                Work("ingest", bring, partial(_flows_answer, layout, folder / "truth")),
                Work("esi", compute, partial(_esi_answer, layout, folder / "truth")),
            ]
            if cluster:
                layout = Layout(folder / f"cluster {number}")
                layout.root.mkdir()
                with closing(Cluster(cluster, layout, patience=_PATIENCE)) as workers:
                    yield _on_cluster(workers, layout, files, folder / "truth", jobs=jobs)

    _warm_up(folder, files[-1], jobs=jobs)
    rows = take_turns(rounds())
    return [_with_rates(row, rows, world) for row in rows.values()]


def _on_cluster(workers: Cluster, layout: Layout, files: list[Path], truth: Path, *, jobs: int) -> list[Work]:
    """Connecting, which starts the workers of `local:N`, and the stages."""
    bring = partial(ingest, layout, files, Ingest(), jobs=jobs, progress=_silent, workers=workers)
    compute = partial(compute_esi, layout, _ESI, progress=_silent, workers=workers)
    return [
        Work("cluster, start", lambda: workers.n_beside, lambda threads: {"checksum": float(threads)}),
        Work("cluster, ingest", bring, partial(_flows_answer, layout, truth)),
        Work("cluster, esi", compute, partial(_esi_answer, layout, truth)),
    ]


def _warm_up(folder: Path, file: Path, *, jobs: int) -> None:
    """Compile and load what the stages need, on one file."""
    layout = Layout(folder / "warm")
    layout.root.mkdir()
    ingest(layout, [file], Ingest(), jobs=jobs, progress=_silent)
    compute_esi(layout, _ESI, progress=_silent)


def _silent(_stage: str, _done: int, _total: int) -> None:
    """The stages restart with each round: of these only the rounds are told."""


def _decompress(files: list[Path], jobs: int) -> int:
    """Decompress and throw away: bytes of text."""

    def drain(path: Path) -> int:
        with igzip.open(path, "rb") as file:
            return sum(len(block) for block in iter(lambda: file.read(1 << 22), b""))

    with ThreadPoolExecutor(jobs) as pool:
        return sum(pool.map(drain, files))


def _flows_answer(layout: Layout, truth: Path, _report: object) -> Row:
    """World exports, in all and by reporter-year, against those that the world was made with."""
    world = pl.col("flow") == "X", pl.col("partner_code") == 0, pl.col("product_code") != "TOTAL"
    found = pl.scan_parquet(layout.partitions(), hive_partitioning=True).filter(*world)
    keys = ["year", "reporter"]
    sums = found.group_by(keys).agg(pl.col("value_usd").sum()).sort(keys).collect()
    right = pl.scan_parquet(truth / "exports.parquet").group_by(
        "year", pl.col("reporter_code").alias("reporter")
    )
    expected = right.agg(pl.col("value_usd").sum()).sort(keys).collect()["value_usd"].to_numpy()
    return _judged(sums["value_usd"].to_numpy(), expected, within=SAME * expected)


def _esi_answer(layout: Layout, truth: Path, _report: object) -> Row:
    """Every similarity against the truth, which holds the same pairs in the same order."""
    keys = ["year", "reporter", "reference"]
    found = pl.concat(pl.read_parquet(path, hive_partitioning=False) for path in layout.yearly("esi"))
    expected = pl.read_parquet(truth / "esi.parquet").sort(keys)
    ordered = found.with_columns(pl.col(keys[1:]).cast(pl.String)).sort(keys)
    return _judged(ordered["esi"].to_numpy(), expected["esi"].to_numpy(), within=_EXACT)


def _judged(found: F64Array, expected: F64Array, *, within: Any) -> Row:
    """The sum as a checksum, or a failure where the numbers are not those expected."""
    if found.shape != expected.shape:
        return {
            "checksum": float(found.sum()),
            "failure": f"wrong answer: {found.size} numbers, not {expected.size}",
        }
    wrong = ~(np.abs(found - expected) <= within)
    if wrong.any():
        worst = np.abs(found - expected).max()
        text = f"wrong answer: {wrong.sum()} of {found.size} numbers are off, by {worst:.2g} at most"
        return {"checksum": float(found.sum()), "failure": text}
    return {"checksum": float(found.sum())}


def _with_rates(row: Row, rows: dict[str, Row], world: WorldSummary) -> Row:
    same = rows.get(row["name"].removeprefix("cluster, "), row)
    if same is not row:
        return row | {"ratio_to_threads": row["seconds"] / same["seconds"]}
    if row["name"] != "ingest":
        return row
    return row | {
        "rows": world.rows,
        "rows_per_second": round(world.rows / row["seconds"]),
        "ratio_to_decompression": row["seconds"] / rows["decompression"]["seconds"],
    }


def _kernels(part: float) -> list[Row]:
    """The kernels on heavy-tailed baskets of which four in ten products are missing, and the peak of this machine."""
    n_countries, n_products, n_years = _KERNEL
    rng = np.random.default_rng(2002)
    size = (n_countries, n_products)
    values = rng.lognormal(0, 3, size) * (rng.random(size) < 0.6)
    shares = values / values.sum(axis=1, keepdims=True)
    product, exporter = np.nonzero(shares.T)
    flows = (np.zeros(product.size, np.int32), product, exporter, shares.T[product, exporter], n_countries)
    years = range(max(1, round(n_years * part)))
    min_adds = n_countries * (n_countries + 1) // 2 * n_products * len(years)
    sample = slice(0, n_countries, 40)
    expected = np.array([np.minimum(row, shares).sum(axis=1) for row in shares[sample]])

    def of_pairs(found: list[F64Array]) -> Row:
        judged = _judged(
            np.array([one[sample] for one in found]), np.array([expected] * len(found)), within=_EXACT
        )
        return judged | {"checksum": float(sum(one.sum() for one in found))}

    works = [
        Work("pairwise_min_sum", lambda: [pairwise_min_sum(shares) for _ in years], of_pairs),
        Work("market_min_sum", lambda: [found.copy() for _, found in market_min_sum(*flows)], of_pairs),
        *(
            Work(
                f"peak of min and {kind}",
                partial(min_adds_at_peak, min_adds, fused=fused),
                lambda total: {"checksum": total},
            )
            for kind, fused in (("add", False), ("fused multiply-add", True))
        ),
    ]  # fmt: skip
    take_turns([works])  # compiles
    rows = take_turns([works] * 10)
    seconds = {name: row["seconds"] for name, row in rows.items()}
    peak = min(seconds["peak of min and add"], seconds["peak of min and fused multiply-add"])
    rows["pairwise_min_sum"] |= {
        "min_adds_per_second": round(min_adds / seconds["pairwise_min_sum"]),
        "share_of_peak": peak / seconds["pairwise_min_sum"],
        "share_of_plain_peak": seconds["peak of min and add"] / seconds["pairwise_min_sum"],
    }
    return list(rows.values())
