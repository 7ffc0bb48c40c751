"""The esi stage as a user meets it: one command on a lake, in a process of its own.

    python benchmarks/bench_esi.py --lake DIR           200 reporters x 22 years, made in DIR first (2.2 GB)
    python benchmarks/bench_esi.py --flows FILE         a real year: Parquet of exporter, importer, hs6, value_usd
    python benchmarks/bench_esi.py --small              a few seconds; prints and records nothing

Tables: `esi` of the whole lake, then of one year everything there is to ask for. Kernel seconds are those inside
`minsum_kernels`, first calls of a process and their loading from the cache included. The answer of every table is
checked against plain NumPy on a sample before anything is recorded.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from esi_lake import CLASSIFICATION, LakeSpec, write_real, write_synthetic
from minsum.esi.options import EsiOptions, MarketOptions
from minsum.pipeline import default_jobs
from minsum.schema import YEARLY
from minsum.workspace import Layout
from record import record

TASKS: dict[str, EsiOptions] = {
    "esi": EsiOptions(references={"high_end": (("USA", "DEU"), "pooled")}),
    "esi, three levels": EsiOptions(levels=(6, 4, 2)),
    "market_esi": EsiOptions(market_esi=MarketOptions()),
    "complementarity": EsiOptions(complementarity=True),
}
ESI = ("esi", "high_end")


@contextmanager
def timed_kernels(spent: list[float]) -> Iterator[None]:
    """Collect the seconds inside the kernels the stage calls."""
    from minsum.esi import markets, references, similarity

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
        for module in (markets, references, similarity)
        for name in ("pairwise_min_sum", "cross_min_sum", "common_counts", "market_min_sum")
        if hasattr(module, name)
    ]
    kept = [getattr(module, name) for module, name in places]
    for module, name in places:
        setattr(module, name, timed(getattr(module, name)))
    try:
        yield
    finally:
        for (module, name), kernel in zip(places, kept, strict=True):
            setattr(module, name, kernel)
