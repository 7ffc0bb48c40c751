"""Works that take turns, and the fastest turn of each: a machine is rarely left alone for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """Something to measure.

    Attributes
    ----------
    name
        As it stands in the record.
    run
        This is timed.
    answer
        From what `run` gave to the `checksum` and what else is to be told; with a `failure` if the answer is wrong.
    """

    name: str
    run: Callable[[], Any]
    answer: Callable[[Any], Row]


def take_turns(rounds: Iterable[Iterable[Work]]) -> dict[str, Row]:
    """Do the works of each round in order.

    Returns
    -------
    Of each name the row of the fastest turn, with `seconds`, `peak_rss_bytes` of the process during it, and `repeats`; a
    wrong answer stands, whatever its time.
    """
    rows: dict[str, Row] = {}
    for works in rounds:
        for work in works:
            row = {"name": work.name} | _timed(work)
            best = rows.setdefault(work.name, row)
            repeats = best.get("repeats", 0) + 1
            if "failure" not in best and ("failure" in row or row["seconds"] < best["seconds"]):
                rows[work.name] = row
            rows[work.name]["repeats"] = repeats
    return rows


def _timed(work: Work) -> Row:
    _forget_peak()
    start = time.perf_counter()
    found = work.run()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak_rss_bytes": _peak_rss()} | work.answer(found)


def _forget_peak() -> None:
    """Have Linux count the peak of resident memory from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_rss() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
