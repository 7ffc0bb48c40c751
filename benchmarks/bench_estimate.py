"""The dyadic model of the whole world, country x reference x year, beside other programs on the same data.

Run from the checkout: python benchmarks/bench_estimate.py
Each program runs in a process of its own, from Parquet files to standard errors; peak memory is the process's.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import polars as pl

from minsum.estimate.stage import estimate
from minsum.settings.specs import Specification
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_table
from record import record

LARGE, SMALL = (200, 22), (16, 10)
"""Countries and years: 875,600 and 2,400 rows."""
VARIABLES: Final = ("x1", "x2", "x3")
REGRESSORS: Final = [f"{side}.{name}" for side in ("reporter", "reference") for name in VARIABLES]
LIMIT_SECONDS, LIMIT_BYTES = 30.0, 3 * 2**30
TOLERANCE = 1e-6
"""Largest relative gap of coefficients and standard errors between programs."""

Answer = tuple[np.ndarray, np.ndarray]


def write_world(size: tuple[int, int], layout: Layout) -> None:
    """Similarities of every ordered pair with pair and year effects, and a panel of three variables."""
    n, n_years = size
    rng = np.random.default_rng(1)
    names = np.array([f"C{i:03d}" for i in range(n)])
    first, second = np.nonzero(~np.eye(n, dtype=bool))
    x = rng.normal(size=(n, n_years, len(VARIABLES))) + rng.normal(size=(n, 1, len(VARIABLES)))
    pair = rng.normal(size=(n, n))
    pair += pair.T
    for t in range(n_years):
        noise = rng.normal(size=(n, n))
        esi = pair + noise + noise.T + 0.1 * t + (x[:, None, t] + x[None, :, t]) @ np.array([0.3, -0.2, 0.1])
        whole = {
            f"n_{one}": np.full(len(first), 5_000, np.int32) for one in ("reporter", "reference", "common")
        }
        share = {f"residual_{one}": np.zeros(len(first)) for one in ("reporter", "reference")}
        table = pl.DataFrame(
            {
                "year": np.full(len(first), 2000 + t, np.int16),
                "reporter": names[first],
                "reference": names[second],
                "reporter_code": first.astype(np.int32),
                "reference_code": second.astype(np.int32),
                "esi": esi[first, second],
                **whole,
                **share,
            }
        )
        target = layout.esi / "classification=H2" / f"{2000 + t}.parquet"
        publish_table(table.to_arrow(), target, footer={"digest": f"year {t}"}, layout=layout)
    panel = pl.DataFrame(
        {
            "reporter": np.repeat(names, n_years),
            "year": np.tile(np.arange(2000, 2000 + n_years, dtype=np.int16), n),
            "esi": np.zeros(n * n_years),
            **{name: x[:, :, k].ravel() for k, name in enumerate(VARIABLES)},
        }
    )
    footer = {"digest": "panel", "classification": "H2", "options": {"reporters": [], "years": []}}
    publish_table(panel.drop("esi").to_arrow(), layout.country_years, footer=footer, layout=layout)
    publish_table(panel.to_arrow(), layout.panel, footer=footer, layout=layout)


def minsum(folder: Path) -> Answer:
    """The stage: pair and year effects, errors clustered by pair."""
    layout = Layout(folder)
    spec = Specification(data="pairs", regressors=REGRESSORS, clusters=("pair",), covariance="clustered")
    estimate(layout, spec, name="bench")
    table = pl.read_parquet(layout.estimates / "bench.parquet")
    return table["coefficient"].to_numpy(), table["std_error"].to_numpy()


def plain_table(folder: Path) -> pd.DataFrame:
    """The same rows as a pandas table, as a user of another program would make it."""
    layout = Layout(folder)
    pairs = pl.concat([pl.read_parquet(path) for path in sorted(layout.esi.glob("*/*.parquet"))])
    for side in ("reporter", "reference"):
        panel = pl.read_parquet(layout.panel).drop("esi")
        panel = panel.rename({"reporter": side} | {name: f"{side}_{name}" for name in VARIABLES})
        pairs = pairs.join(panel, on=[side, "year"])
    pair = pl.col("reporter_code").cast(pl.Int64) * 1_000 + pl.col("reference_code")
    columns = [name.replace(".", "_") for name in REGRESSORS]
    return pairs.with_columns(pair=pair).select("pair", "year", "esi", *columns).to_pandas()


def linearmodels(folder: Path) -> Answer:
    """PanelOLS, the direct way."""
    from linearmodels import PanelOLS

    table = plain_table(folder).set_index(["pair", "year"])
    model = PanelOLS(table["esi"], table.drop(columns="esi"), entity_effects=True, time_effects=True)
    result = model.fit(cov_type="clustered", cluster_entity=True, group_debias=True)
    n, n_pairs, k = len(table), table.index.get_level_values(0).nunique(), len(REGRESSORS)
    all_effects = n - k - n_pairs - table.index.get_level_values(1).nunique() + 1
    nested = np.sqrt(all_effects / (all_effects + n_pairs - 1))
    return result.params.to_numpy(), result.std_errors.to_numpy() * nested


def pyfixest(folder: Path) -> Answer:
    """feols with its defaults."""
    import pyfixest

    table = plain_table(folder)
    formula = f"esi ~ {' + '.join(table.columns[3:])} | pair + year"
    result = pyfixest.feols(formula, data=table, vcov={"CRV1": "pair"})
    return result.coef().to_numpy(), result.se().to_numpy()


def statsmodels(folder: Path) -> Answer:
    """OLS with a dummy for every pair and year."""
    import statsmodels.api as sm

    table = plain_table(folder)
    dummies = pd.get_dummies(table[["pair", "year"]].astype(str), drop_first=True, dtype=float)
    x = pd.concat([table[table.columns[3:]], dummies.assign(const=1.0)], axis=1)
    result = sm.OLS(table["esi"], x).fit(cov_type="cluster", cov_kwds={"groups": table["pair"]})
    n, k = len(table), len(REGRESSORS)
    n_pairs, n_years = table["pair"].nunique(), table["year"].nunique()
    nested = np.sqrt((n - x.shape[1]) / (n - k - n_years))
    assert x.shape[1] == k + n_pairs + n_years - 1
    return result.params.to_numpy()[:k], result.bse.to_numpy()[:k] * nested


Program = Callable[[Path], Answer]
PROGRAMS: Sequence[tuple[str, str, tuple[int, int], Program]] = (
    ("minsum estimate, pairs", "minsum", LARGE, minsum),
    ("linearmodels PanelOLS", "linearmodels", LARGE, linearmodels),
    ("pyfixest feols", "pyfixest", LARGE, pyfixest),
    ("minsum estimate, pairs", "minsum", SMALL, minsum),
    ("pyfixest feols", "pyfixest", SMALL, pyfixest),
    ("statsmodels OLS with dummies", "statsmodels", SMALL, statsmodels),
)


def _run(program: Program, folder: Path, answers: Any) -> None:
    """In a process of its own: answer, seconds and peak memory, or what went wrong."""
    try:
        start = time.perf_counter()
        beta, errors = program(folder)
        seconds = time.perf_counter() - start
    except Exception as error:  # a program that fails is a row, not the end
        answers.put({"failure": f"{type(error).__name__}: {error}"[:300]})
        return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answers.put({"seconds": seconds, "peak_rss_bytes": peak, "beta": beta, "errors": errors})


def measure(program: Program, folder: Path) -> dict[str, Any]:
    """One run in a fresh process, libraries loaded in it."""
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=_run, args=(program, folder, answers))
    process.start()
    answer: dict[str, Any] = answers.get(timeout=900)
    process.join()
    return answer


def _verdict(answer: dict[str, Any], expected: dict[str, Any], *, size: tuple[int, int]) -> str | None:
    """What is wrong with an answer: another result than minsum's, or over the limits for minsum itself."""
    gaps = [float(np.max(np.abs(answer[part] / expected[part] - 1))) for part in ("beta", "errors")]
    if max(gaps) > TOLERANCE:
        return f"relative gap {max(gaps):.1e}"
    over = answer["seconds"] > LIMIT_SECONDS or answer["peak_rss_bytes"] > LIMIT_BYTES
    return (
        f"over {LIMIT_SECONDS} s or {LIMIT_BYTES} bytes"
        if answer is expected and size == LARGE and over
        else None
    )


def rows() -> list[dict[str, Any]]:
    """One row per program and size; a program that is not installed, wrong or too slow is a failure."""
    measured = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in (LARGE, SMALL):
            folder = Path(scratch) / str(size[0])
            write_world(size, Layout(folder))
            expected: dict[str, Any] = {}
            for name, module, _, program in (one for one in PROGRAMS if one[2] == size):
                row: dict[str, Any] = {"name": name, "countries": size[0], "years": size[1]}
                answer = measure(program, folder) if find_spec(module) else {"failure": "not installed"}
                if "failure" in answer:
                    measured.append(row | answer)
                    continue
                expected = expected or answer
                wrong = _verdict(answer, expected, size=size)
                sums = {
                    "checksum": float(np.sum(answer["beta"])),
                    "std_errors": float(np.sum(answer["errors"])),
                }
                took = {name: answer[name] for name in ("seconds", "peak_rss_bytes")}
                measured.append(row | took | sums | ({"failure": wrong} if wrong else {}))
    return measured


if __name__ == "__main__":
    results = rows()
    for result in results:
        print(result)
    record("estimate", results)
