"""Append benchmark results to results/<bench>.jsonl, each with all that is needed to judge it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

HERE = Path(__file__).resolve().parent

PACKAGES = (
    *("chdb", "duckdb", "isal", "linearmodels", "numba", "numpy", "pandas", "polars", "pyarrow"),
    *("pyfixest", "scikit-learn", "scipy", "statsmodels", "torch"),
)


def record(bench: str, rows: Iterable[Mapping[str, object]]) -> Path:
    """Append rows to the results of one benchmark.

    Parameters
    ----------
    bench
        Name of the results file, such as "kernels".
    rows
        Each holds `name`, and either `seconds` with the `checksum` of the answer or a `failure` that says why
        there is none. What else it holds is kept.

    Returns
    -------
    The file appended to. Each line also tells date, commit, versions and machine.

    Raises
    ------
    ValueError
        If a row lacks its name, or its time or checksum without being a failure; nothing is written then.
    """
    rows = list(rows)
    for row in rows:
        missing = {"name"} - row.keys() if "failure" in row else {"name", "seconds", "checksum"} - row.keys()
        if missing:
            raise ValueError(f"benchmark row {dict(row)} lacks {', '.join(sorted(missing))}")
    circumstances = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "versions": _versions(),
        "machine": {"cpu": _cpu(), "threads": len(os.sched_getaffinity(0)), "system": platform.platform()},
    }
    path = HERE / "results" / f"{bench}.jsonl"
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps({**row, **circumstances}) + "\n" for row in rows)
    return path


def _commit() -> str:
    """The commit that is checked out, "-dirty" when files differ from it."""
    command = ["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    described = subprocess.run(command, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "none"


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    """Model name as the kernel gives it; elsewhere what the platform calls its processor."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
