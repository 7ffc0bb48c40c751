"""Memory does not grow with the number of files: measured in processes of their own."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import bulk_text

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


def fill(folder: Path, n_files: int) -> Path:
    """Bulk files of different reporters."""
    folder.mkdir()
    rows = (
        {"partnerCode": 4 + n % 200, "cmdCode": f"{10_000 + n // 200:06}", "primaryValue": n}
        for n in range(N_ROWS)
    )
    text = bulk_text(rows, COLUMNS)
    for n in range(n_files):
        (folder / f"{n}.gz").write_bytes(gzip.compress(text.replace(b"\t156\t", b"\t%d\t" % (10_000 + n)), 1))
    return folder


def peak_mib(folder: Path, work: str) -> int:
    do = WORK[work].format(folder=str(folder), work=f"{folder}-work")
    code = f"import minsum, polars as pl\n{do}\n{PEAK}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) >> 10


@pytest.mark.parametrize("work", WORK)
def test_memory_stays_where_it_is(work: str, tmp_path: Path) -> None:
    few = peak_mib(fill(tmp_path / "few", FEW), work)
    many = peak_mib(fill(tmp_path / "many", MANY), work)
    assert many < PROMISED_MIB
    assert many < few + NOISE_MIB, f"{few} MiB for {FEW} files, {many} MiB for {MANY}"
