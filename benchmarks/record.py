"""Append benchmark results to results/<bench>.jsonl, in the form of `minsum.bench.record`, one line a row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from minsum.bench import record as form

HERE = Path(__file__).resolve().parent

PEERS = ("chdb", "isal", "pandas", "pyfixest", "scikit-learn", "scipy", "statsmodels", "torch")


def record(bench: str, rows: Iterable[Mapping[str, object]]) -> Path:
    """Append rows to the results of one benchmark.

    Parameters
    ----------
    bench
        Name of the results file, such as "kernels".
    rows
        As `minsum.bench.record.record` takes them.

    Returns
    -------
    The file appended to. Each line also tells date, commit, versions and machine.

    Raises
    ------
    ValueError
        If a row lacks its name, or its time or checksum without being a failure; nothing is written then.
    """
    whole = form.record(rows, packages=PEERS)
    measured = whole.pop("rows")
    path = HERE / "results" / f"{bench}.jsonl"
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps({**row, **whole}) + "\n" for row in measured)
    return path
