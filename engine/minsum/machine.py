"""This machine and what is installed on it: cores, memory, disk and versions."""

from __future__ import annotations

import os
import platform
import shutil
from functools import cache
from importlib import metadata
from pathlib import Path

_version = cache(metadata.version)  # each reads and parses a file: 1 ms


def default_jobs() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


def versions() -> dict[str, str]:
    """Versions of Python, minsum and the libraries that decide the numbers."""
    names = ("minsum", "polars", "numba", "pyarrow", "duckdb", "numpy", "linearmodels")
    return {"python": platform.python_version()} | {name: _version(name) for name in names}


def examine(folder: Path) -> dict[str, str]:
    """Versions, threads, memory and disk of this machine."""
    disk = shutil.disk_usage(folder if folder.exists() else Path())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return versions() | {
        "threads": str(default_jobs()),
        "memory": f"{memory / 2**30:.1f} GiB",
        "disk free": f"{disk.free / 2**30:.1f} GiB",
    }
