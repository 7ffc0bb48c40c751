"""Hostile files: good ones of every format, damaged in every way we know, against the naive reader.

Each mutated file is either accepted with what the naive reader finds - rows, audit, repairs and identity checks -, or
rejected with a reason.
A short deterministic form runs in test_fuzz.py; run this file for the long one:

    python tests/fuzz_flows.py --count 20000 --processes 2
"""

from __future__ import annotations

import argparse
import faulthandler
import math
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import polars as pl

import naive_flows
from minsum.flows import pending, reader
from minsum.flows.ingest import IngestReport, ingest
from minsum.settings.flows import Ingest
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout, partition_key
from minsum_kernels.fields import FieldReader
from mutations import dress, mutate
from naive_flows import Partition, RefusedError
from naive_repairs import Content, Figures, Rows, counted
from trade_files import packed, texts

FAULTS = ("wrong", "lost", "mute")
SECONDS = 10
"""Of a processor: no file may take longer."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file.

    `same` as the naive reader finds; `rejected` by both; `stricter` than it; `foreign` (a country that it does not know);
    or one of `FAULTS`: `wrong` (another number, or a file accepted that it refuses), `lost` (rows that no audit counts),
    `mute` (a rejection that says neither where nor what it is).
    """

    kind: str
    about: str
    seconds: float = 0.0


def judge(
    name: str, data: bytes, folder: Path, *, columns: tuple[str, ...] = (), like: bytes | None = None
) -> Outcome:
    """Ingest one file into a workspace of its own and hold it against the naive reader.

    `columns` are asked for beside the usual ones, which they must not change. The file may be rejected or give what `like`
    gives, an undamaged one that it is made from.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    (folder / "in" / name).write_bytes(data)
    layout = Layout(folder / "work")
    started = time.process_time()
    faulthandler.dump_traceback_later(30 * SECONDS, exit=True)
    try:
        options = Ingest(columns=columns)
        with warnings.catch_warnings(action="error"):
            report = ingest(layout, [folder / "in"], options, jobs=1, progress=lambda *_: None)
    except Exception as error:
        return Outcome("wrong", f"crash {type(error).__name__}: {error}")
    finally:
        faulthandler.cancel_dump_traceback_later()
    seconds = time.process_time() - started
    if seconds > SECONDS:
        return Outcome("wrong", f"took {seconds:.0f} seconds")
    outcome = _verdict(report, layout, name, data)
    if like is not None and outcome.kind == "same":
        difference = _difference(_lake(layout), naive_flows.read(like, name))
        outcome = Outcome("wrong", f"not what it meant: {difference}") if difference else outcome
    return replace(outcome, seconds=seconds)


_TELLING = (
    r"the archive have the name|, (after |to )?line \d|zip|archive|truncated|corrupt|empty|picture|workbook|JSON|no header|no rows"
    r"|say which HS vintage|parts of a total|more than|would leave"
)
"""What a reason says beside the file's name: a line, or what the file is."""


def _verdict(report: IngestReport, layout: Layout, name: str, data: bytes) -> Outcome:
    if report.rejected:
        reasons = [reason for reason, _ in report.rejected.values()]
        if not all(name in reason and re.search(_TELLING, reason) for reason in reasons):
            return Outcome("mute", f"a reason that names no place and no kind: {reasons}")
    ours = _lake(layout)
    try:
        theirs = naive_flows.read(data, name)
    except RefusedError as error:
        if not ours:
            return Outcome("rejected" if report.rejected else "lost", "both")
        return Outcome("foreign" if "unknown country" in str(error) else "wrong", f"accepted, naive: {error}")
    is_less = sum(map(_n_rows, ours.values())) < sum(map(_n_rows, theirs.values()))
    if report.rejected and (is_less or ours.keys() < theirs.keys()):
        return Outcome("stricter", next(iter(report.rejected.values()))[0])
    if is_less:
        return Outcome("lost", _difference(ours, theirs))
    difference = _difference(ours, theirs) or _left_out_differ(layout, data, name)
    return Outcome("wrong", difference) if difference else Outcome("same", "")


def _left_out_differ(layout: Layout, data: bytes, name: str) -> str:
    """Of a file with one text, whether other texts were mended or lines left out than the naive reader counts."""
    texts = naive_flows.texts(data, name)
    if len(texts) > 1:
        return ""
    (source,) = {
        one["name"]: one for path in layout.partitions() for one in read_footer(path)["sources"]
    }.values()
    filed = naive_flows.read_text(*texts[0])[1].values()
    mended = _added([counted(one.mended) for one in filed])
    oddities = source.get("oddities", {})
    n_left_out = sum(oddities.get(one, 0) for one in ("repeated_headers", "empty_lines"))
    expected = naive_flows.rows_of(*texts[0])[3]
    return _figures_differ("mended", source["mended"], mended) or (
        f"{n_left_out} lines left out, naive {expected}" if n_left_out != expected else ""
    )


def _n_rows(content: Content) -> float:
    """Rows of the file that the audit of a partition counts."""
    return sum(rule["rows"] or 0 for rule in content.rules.values())


def _lake(layout: Layout) -> dict[Partition, Content]:
    return {partition_key(path): _published(path) for path in layout.partitions()}


def _published(path: Path) -> Content:
    rows = pl.read_parquet(path, hive_partitioning=False).rows()
    footer = read_footer(path)
    return Content(
        {(flow, partner, product): (value, rebuilt) for flow, partner, product, value, rebuilt, *_ in rows},
        _added([source["rules"] for source in footer["sources"]]),
        footer["repairs"],
        footer["checks"],
        _added([source["levels"] for source in footer["sources"]]),
    )


def _added(audits: list[Figures]) -> Figures:
    """Those of several slices in one."""
    names = {name: None for audit in audits for name in audit}
    return {
        name: {key: sum(audit[name][key] for audit in audits if name in audit) for key in ("rows", "usd")}
        for name in names
    }


def _difference(ours: dict[Partition, Content], theirs: dict[Partition, Content]) -> str:
    """What differs first, or nothing."""
    if ours.keys() != theirs.keys():
        return f"partitions {sorted(ours.keys() ^ theirs.keys())}"
    for partition, content in ours.items():
        expected = theirs[partition]
        found = (
            _rows_differ(content.rows, expected.rows)
            or _figures_differ("rule", content.rules, expected.rules)
            or _figures_differ("repair", content.repairs, expected.repairs)
            or _figures_differ("check", content.checks, expected.checks)
            or _figures_differ("level", content.levels, expected.levels)
        )
        if found:
            return f"{partition}: {found}"
    return ""


def _rows_differ(ours: Rows, theirs: Rows) -> str:
    if ours.keys() != theirs.keys():
        return f"rows {sorted(ours.keys() ^ theirs.keys())[:3]}"
    for row, (value, rebuilt) in ours.items():
        expected, expected_rebuilt = theirs[row]
        if not math.isclose(value, expected, rel_tol=1e-12) or rebuilt != expected_rebuilt:
            return f"row {row}: {value} {rebuilt}, naive {expected} {expected_rebuilt}"
    return ""


_TOLERANCES = {"rows": 0.0, "n_products": 0.0, "usd": 1e-12, "world_usd": 1e-12}
"""Of ratios it is 1e-9."""


def _figures_differ(kind: str, ours: Figures, theirs: Figures) -> str:
    """The first rule, repair or flow with other figures."""
    for name in sorted(ours.keys() | theirs.keys()):
        found, expected = ours.get(name, {}), theirs.get(name, {})
        if found.keys() != expected.keys() or not all(
            _agree(found[key], expected[key], _TOLERANCES.get(key, 1e-9)) for key in found
        ):
            return f"{kind} {name}: {found or 'none'}, naive {expected or 'none'}"
    return ""


def _agree(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=tolerance)


def cut_blocks(block: int, batch_rows: int, spilled: int) -> None:
    """Read in blocks and batches so small that every line meets their borders; hold few rows, or none, in memory."""
    reader.BLOCK_BYTES, pending.SPILL_ROWS = block, spilled
    FieldReader.__init__.__kwdefaults__["batch_rows"] = batch_rows


@cache
def _good_files(seed: int) -> dict[str, tuple[str, bytes, str]]:
    return texts(random.Random(seed))


def run(seed: int, count: int, *, keep: Path | None = None) -> Counter[tuple[str, str, str]]:
    """Mutate and judge `count` files; (format, outcome, detail of what is wrong) to how many."""
    rng = random.Random(seed)
    found: Counter[tuple[str, str, str]] = Counter()
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        for n in range(count):
            good = _good_files(rng.randrange(20))
            form = rng.choice(list(good))
            name, text, how = good[form]
            like = packed(text, how) if rng.random() < 0.3 else None
            change, data = (mutate if like is None else dress)(rng, text, how)
            cuts = (
                rng.choice([4 << 20, 64, 300, 5000]),
                rng.choice([65_536, 1, 2, 7]),
                rng.choice([4_000_000, 0, 20]),
            )
            cut_blocks(*cuts)
            columns = rng.choice([(), ("net_weight", "quantity")])
            outcome = judge(name, data, Path(folder) / "one", columns=columns, like=like)
            about = f"{change}: {outcome.about}" if outcome.kind in (*FAULTS, "foreign") else ""
            if outcome.kind == "stricter":
                about = re.sub(r"^.*?(, line \d+)?:|\d+|'.*", "", outcome.about.replace(name, ""))[:60]
            found[form, outcome.kind, about] += 1
            found["slowest ms", "", ""] = max(found["slowest ms", "", ""], round(outcome.seconds * 1000))
            if keep is not None and outcome.kind in (*FAULTS, "stricter"):
                (keep / f"{outcome.kind}-{seed}-{n}-{cuts}-{len(columns)}-{name}").write_bytes(data)
    found["peak MiB", "", ""] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return found


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    chunk = 500
    jobs = [(options.seed * 100_000 + n, chunk) for n in range(options.count // chunk)]
    total: Counter[tuple[str, str, str]] = Counter()
    with ProcessPoolExecutor(options.processes) as pool:
        for found in pool.map(_run, [(*job, options.keep) for job in jobs]):
            for key, count in found.items():
                total[key] = (
                    max(total[key], count) if key[0] in ("slowest ms", "peak MiB") else total[key] + count
                )
    for key, count in sorted(total.items()):
        sys.stdout.write(f"{count:7} {' | '.join(part for part in key if part)}\n")


def _run(job: tuple[int, int, Path | None]) -> Counter[tuple[str, str, str]]:
    return run(job[0], job[1], keep=job[2])


if __name__ == "__main__":
    main()
