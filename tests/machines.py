"""A Dask scheduler and its workers on loopback, each a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path


class Machines:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder: Path, n_workers: int, **settings: str) -> None:
        self.file = folder / "scheduler.json"
        self._settings, self.n_killed = settings, 0
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(self.file))  # fmt: skip
        self.workers = [self.add() for _ in range(n_workers)]

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, *arguments, "--no-dashboard"]
        environment = (
            os.environ
            | self._settings
            | {
                "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]),
                "POLARS_MAX_THREADS": "1",
                "NUMBA_NUM_THREADS": "1",
            }
        )
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def add(self) -> subprocess.Popen[bytes]:
        deadline = time.monotonic() + 60
        while not self.file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self._start("worker", "--scheduler-file", str(self.file), "--no-nanny", "--nthreads", "1")

    def replace(self, place: int) -> None:
        """Kill a worker while it works, and start another."""
        self.workers[place].kill()
        self.workers[place].wait()
        self.n_killed += 1
        self.workers[place] = self.add()

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
