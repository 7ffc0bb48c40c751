"""A disk that is full: a clear error, nothing half-written, nothing lost, and the same bytes once there is room."""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import COMMAND, bulk_text, lake
from minsum.pipeline import Workspace

pytestmark = pytest.mark.slow

FILES = [f"COMTRADE-FINAL-CA{reporter}2015H4[2024-03-10].gz" for reporter in range(100, 120)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no permission to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for name in FILES:
        rows = [
            {
                "reporterCode": name[17:20],
                "cmdCode": f"{n % 90 + 10:02}{n:04}",
                "partnerCode": n % 9,
                "primaryValue": n * 7.7 + 1,
            }
            for n in range(1000)
        ]
        (inbox / name).write_bytes(gzip.compress(bulk_text(rows)))
    Workspace(tmp_path / "roomy").init().ingest([inbox])
    whole = lake(tmp_path / "roomy")

    work = small_disk / "w"
    Workspace(work).init().ingest(inbox / name for name in FILES[:5])
    before = lake(work)
    ballast = small_disk / "ballast"
    full = subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=64k"], capture_output=True, check=False)
    assert b"No space left" in full.stderr
    ballast.write_bytes(b"x" * (ballast.stat().st_size - 120_000))

    command = [*COMMAND, "ingest", str(inbox), "-w", str(work)]
    stopped = subprocess.run(command, capture_output=True, text=True, check=False)
    assert stopped.returncode == 1
    assert "error:" in stopped.stderr
    assert "No space left on device" in stopped.stderr
    assert "hint: what was published before is complete" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    after = lake(work)
    assert before.items() <= after.items() <= whole.items()
    assert len(after) < len(whole)
    assert not list((work / ".minsum" / "tmp").glob("*"))

    ballast.unlink()
    Workspace(work).ingest([inbox])
    assert lake(work) == whole
