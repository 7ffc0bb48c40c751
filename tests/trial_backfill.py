"""A backfill against a service that fails at random, undisturbed and killed along the way.

    python tests/trial_backfill.py                  2,000 files, faults in 30 % of the calls, 20 kills
    python tests/trial_backfill.py --files 200      shorter

Prints a line of figures for each trial and raises when a promise is broken. `test_backfill.py` runs a short form.
"""

from __future__ import annotations

import argparse
import bisect
import os
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from itertools import count
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from comtrade_stub import KEY, Stub, serving
from conftest import lake
from forked import forked
from minsum.pipeline import Workspace
from minsum.sources.publications import from_name
from minsum.synth import WorldSpec, write_world

MOST_NIGHTS = 4
_TOML = """[fetch]
classification = "{classification}"
base_url = "{url}"
calls_per_minute = {rate}
wait = 0.01
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """How hard the service and the machine make it.

    Attributes
    ----------
    share
        Of the calls that fail.
    kills
        How often the run is killed with -9.
    rate
        Calls a minute that are allowed.
    seed
        Of faults and moments.
    """

    share: float = 0.3
    kills: int = 0
    rate: int = 6_000
    seed: int = 1


def stocked(stub: Stub, files: dict[tuple[int, int], bytes], *, classification: str) -> None:
    """List files by reporter and year."""
    for (reporter, year), content in files.items():
        stub.publish(reporter, year, content, classification=classification)


def run(folder: Path, stub: Stub, trial: Trial, *, classification: str) -> dict[str, float]:
    """Nights until one ends well, killed at random moments on the way; the figures of all of them.

    Raises
    ------
    AssertionError
        If what is in `raw/` is not what the service holds, or came faster or more often than allowed.
    """
    rng = random.Random(trial.seed)
    if not folder.exists():
        Workspace(folder).init()
    (folder / "minsum.toml").write_text(
        _TOML.format(classification=classification, url=stub.url, rate=trial.rate)
    )
    stub.calls.clear()
    stub.delivered.clear()
    stub.chaos = (rng, trial.share) if trial.share else None
    start = time.perf_counter()
    n_outputs = 2 * len(stub.files)
    moments = sorted(rng.sample(range(n_outputs - 1), trial.kills))
    for moment in moments:
        _kill_at(folder, moment, delay=rng.uniform(0, 0.05))
        _check_raw(folder, stub)
    for nights in count(1):
        process = _start(folder)
        process.join()
        code = process.exitcode
        assert code in (0, 7), (folder / "said").read_text()
        if code == 0:
            break
        assert nights < MOST_NIGHTS
    _check_raw(folder, stub)
    names = [path.name for path in (folder / "raw").iterdir()]
    assert len(names) == len(stub.files)
    assert len({known.slot for name in names if (known := from_name(name))}) == len(stub.files)
    twice = sum(number - 1 for number in Counter(stub.delivered).values())
    assert twice <= trial.kills
    busiest = _busiest_second(stub)
    assert busiest <= 1.05 * trial.rate / 60 + 1
    return {
        "files": len(names), "calls": len(stub.calls), "lists": len(stub.of_kind("list")), "nights": nights,
        "kills": trial.kills, "delivered twice": twice, "calls in the busiest second": busiest,
        "seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip


def _start(folder: Path) -> ForkServerProcess:
    return forked("run", "-q", "-w", folder, said=folder / "said", MINSUM_COMTRADE_KEY=KEY)


def _kill_at(folder: Path, moment: int, *, delay: float) -> None:
    """Start a run and kill it a little after it has made so many files, those of earlier runs included."""
    process = _start(folder)
    while _n_outputs(folder) < moment and process.is_alive():
        time.sleep(0.01)
    time.sleep(delay)
    process.kill()
    process.join()


def _n_outputs(folder: Path) -> int:
    return len(os.listdir(folder / "raw")) + sum(1 for _ in (folder / "flows").glob("*/*/*/flows.parquet"))


def _check_raw(folder: Path, stub: Stub) -> None:
    """Every file in `raw/` is what the service holds under its row key."""
    held = {path.rpartition("/")[2]: content for path, content in stub.files.items()}
    for path in (folder / "raw").iterdir():
        known = from_name(path.name)
        assert known is not None, path
        assert known.row_key is not None, path
        assert path.read_bytes() == held[known.row_key], path


def _busiest_second(stub: Stub) -> int:
    moments = sorted(call.moment for call in stub.calls)
    return max(bisect.bisect_left(moments, moment + 1) - n for n, moment in enumerate(moments))


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2_000)
    parser.add_argument("--share", type=float, default=0.3)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=int, default=6_000)
    options = parser.parse_args()
    years = tuple(range(1990, 2040))
    spec = WorldSpec(
        reporters=options.files // len(years), years=years, rows_per_file=1_000, products=100, missing_share=0
    )
    with tempfile.TemporaryDirectory() as name, serving() as stub:
        folder = Path(name)
        write_world(spec, folder / "world", jobs=2)
        files = {
            (known.reporter_code, known.period): path.read_bytes()
            for path in sorted((folder / "world" / "raw").iterdir())
            if (known := from_name(path.name))
        }
        stocked(stub, files, classification="H2")
        lakes = []
        for title, trial in (
            ("calm", Trial(share=0.0, rate=options.rate)),
            ("faults", Trial(share=options.share, rate=options.rate)),
            ("faults and kills", Trial(share=options.share, kills=options.kills, rate=options.rate)),
        ):
            figures = run(folder / title, stub, trial, classification="H2")
            lakes.append(lake(folder / title))
            print(title, figures, flush=True)  # noqa: T201
        assert lakes[0] == lakes[1] == lakes[2]
        print(f"{len(lakes[0]):,} files of flows and esi, byte for byte the same")  # noqa: T201


if __name__ == "__main__":
    main()
