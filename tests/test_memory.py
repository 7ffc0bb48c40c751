"""Memory does not grow with the number of files, measured in processes of their own; nor with those read at a time."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conftest import NAME, Desk, bulk_text
from minsum.flows import pending, tasks

pytestmark = pytest.mark.slow

N_ROWS, FEW, MANY = 50_000, 4, 80
COLUMNS = ["datasetCode", "period", "reporterCode", "flowCode", "partnerCode", "classificationCode", "cmdCode", "primaryValue",
           "isAggregate"]  # fmt: skip
PROMISED_MIB = 1024
"""For ingest; it holds for `minsum.scan` as well."""
NOISE_MIB = 40
"""Between runs on the same files; the rows of all files take twice that, their text three times."""

WORK = {
    "ingest": "report = minsum.Workspace({work!r}, jobs=2).init().ingest([{folder!r}]); assert not report.rejected",
    "scan": "minsum.scan({folder!r}).select(pl.col('partner_code', 'value_usd').sum(), pl.col('product_code').max()).collect()",
}
PEAK = "import re; print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Folders of few and of many bulk files of different reporters."""
    rows = (
        {"partnerCode": 4 + n % 200, "cmdCode": f"{10_000 + n // 200:06}", "primaryValue": n}
        for n in range(N_ROWS)
    )
    text = bulk_text(rows, COLUMNS)
    found = {n_files: tmp_path_factory.mktemp("files") for n_files in (FEW, MANY)}
    for n in range(MANY):
        packed = gzip.compress(text.replace(b"\t156\t", b"\t%d\t" % (10_000 + n)), 1)
        for n_files, folder in found.items():
            if n < n_files:
                (folder / f"{n}.gz").write_bytes(packed)
    return found


def peak_mib(folder: Path, work: str) -> int:
    do = WORK[work].format(folder=str(folder), work=f"{folder}-work")
    code = f"import minsum, polars as pl\n{do}\n{PEAK}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) >> 10


@pytest.mark.parametrize("work", WORK)
def test_memory_stays_where_it_is(work: str, files: dict[int, Path]) -> None:
    few, many = (peak_mib(files[n_files], work) for n_files in (FEW, MANY))
    assert many < PROMISED_MIB
    assert many < few + NOISE_MIB, f"{few} MiB for {FEW} files, {many} MiB for {MANY}"


def test_what_waits_and_what_is_built_is_bounded_over_all_files_together(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven files are read at a time, each of which could fill the room alone."""
    n_rows, n_columns = 100, 4
    monkeypatch.setattr(pending, "SPILL_ROWS", n_rows)
    monkeypatch.setattr(tasks, "_MEMORY", tasks._MemoryLimit(2 * n_rows * n_columns))
    monkeypatch.setattr("minsum.flows.reader.BLOCK_BYTES", 400)
    lock, waiting, building = threading.Lock(), dict[int, int](), list[int]()
    most = {"waiting": 0, "building": 0}
    hold, build = pending.Pending.hold, tasks.build

    def held(self: pending.Pending, *given: Any, **named: Any) -> None:
        hold(self, *given, **named)
        with lock:
            waiting[id(self)] = self.in_memory
            most["waiting"] = max(most["waiting"], sum(waiting.values()))
        time.sleep(0.002)

    def built(kept: list[pl.DataFrame], *given: Any, **named: Any) -> Any:
        with lock:
            building.append(sum(map(len, kept)))
            most["building"] = max(most["building"], sum(building))
        time.sleep(0.05)
        result = build(kept, *given, **named)
        with lock:
            building.pop()
        return result

    monkeypatch.setattr(pending.Pending, "hold", held)
    monkeypatch.setattr(tasks, "build", built)
    for code in (36, 76, 124, 156, 276, 392, 842):
        rows = [{"reporterCode": code, "cmdCode": f"0101{n:02}"} for n in range(n_rows)]
        desk.put(rows, NAME.replace("156", f"{code:03}"))
    assert not desk.ingest(jobs=8).rejected
    assert most["waiting"] <= n_rows
    assert most["building"] == 2 * n_rows
