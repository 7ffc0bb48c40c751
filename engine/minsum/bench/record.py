"""The one form of a measurement: what was done, how long it took, what it answered, and all that is needed to judge it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from minsum.errors import UsageError
from minsum.machine import versions
from minsum_kernels.jit import processor

SAME: Final = 1e-9
"""Checksums are one answer up to this relative difference: other versions of a library may add up in another order."""

_CHECKOUT: Final = Path(__file__).parents[3]


def record(rows: Iterable[Mapping[str, Any]], *, packages: Iterable[str] = ()) -> dict[str, Any]:
    """Measurements with their circumstances.

    Parameters
    ----------
    rows
        Each holds `name`, and either `seconds` with the `checksum` of the answer or a `failure` that says why there is none.
        What else it holds is kept.
    packages
        Packages to tell the versions of, where installed, beside those that decide the numbers.

    Returns
    -------
    `date` (UTC), `commit`, `versions`, `machine` and `rows`.

    Raises
    ------
    ValueError
        If a row lacks its name, or its time or checksum without being a failure.
    """
    kept = [dict(row) for row in rows]
    for row in kept:
        missing = {"name"} - row.keys() if "failure" in row else {"name", "seconds", "checksum"} - row.keys()
        if missing:
            raise ValueError(f"benchmark row {row} lacks {', '.join(sorted(missing))}")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "versions": versions() | _installed(packages),
        "machine": {
            "cpu": _cpu(),
            "processor": processor()[0],
            "threads": len(os.sched_getaffinity(0)),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "system": platform.platform(),
        },
        "rows": kept,
    }


def read_record(path: Path, *, scale: float) -> dict[str, Any]:
    """A record that `minsum bench --json` wrote.

    Raises
    ------
    UsageError
        If the file cannot be read, is no such record, or is one of another scale.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        theirs = float(found["scale"])
        for row in found["rows"]:
            if "failure" not in row:
                _ = row["name"], float(row["seconds"]), float(row["checksum"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a record of minsum bench"
        raise UsageError(f"{path}: {reason}", "make one: minsum bench --json > FILE") from error
    if theirs != scale:
        raise UsageError(
            f"{path}: a record of scale {theirs:g}, not {scale:g}",
            f"compare like with like: --scale {theirs:g}",
        )
    return dict(found)


def compare(now: dict[str, Any], before: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of `now` that `before` has too: both seconds, their ratio, and whether the answers are the same."""
    earlier = {row["name"]: row for row in before["rows"] if "failure" not in row}
    compared = []
    for row in now["rows"]:
        other = earlier.get(row["name"])
        if other is not None and "failure" not in row:
            same = abs(row["checksum"] - other["checksum"]) <= SAME * abs(other["checksum"])
            compared.append(
                {
                    "name": row["name"],
                    "seconds": row["seconds"],
                    "before": other["seconds"],
                    "ratio": row["seconds"] / other["seconds"],
                    "answer": "same" if same else f"{row['checksum']!r}, before {other['checksum']!r}",
                }
            )
    return compared


def _commit() -> str:
    """The commit that is checked out, "-dirty" when files differ from it; "none" outside a checkout."""
    if not (_CHECKOUT / "kernels" / "minsum_kernels").is_dir():
        return "none"
    command = ["git", "-C", str(_CHECKOUT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        described = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return "none"
    return described.stdout.strip() or "none"


def _installed(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for package in packages:
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
