"""Tasks for workers of a cluster, who have no other module of the tests."""

from __future__ import annotations

import logging
import os
import signal
import time

from minsum.workspace.layout import Layout


def die(_task: int, _layout: Layout) -> None:
    """What a machine does whose memory ran out."""
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(_task: int, _layout: Layout) -> None:
    """Longer than anybody's patience."""
    time.sleep(4)


def say(task: int, _layout: Layout) -> None:
    """A line for the log of the driver."""
    logging.getLogger("minsum").info("task %d", task, extra={"source": "a.csv"})


def threads_of(_task: int, _layout: Layout) -> str:
    """Of Numba and Polars in this process."""
    return os.environ["NUMBA_NUM_THREADS"]
