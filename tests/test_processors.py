"""Machines of unlike kinds write the same bytes: one process is told to be an older processor."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minsum.synth import WorldSpec, write_world

OLDER = {
    "NUMBA_CPU_NAME": "generic",
    "NPY_DISABLE_CPU_FEATURES": "AVX2,FMA3,AVX512F,AVX512_SKX",
    "OPENBLAS_CORETYPE": "Nehalem",
}
WORK = """
import sys
from minsum.pipeline import Workspace
tables = {"harmonise": {"target": "H2"}, "market_esi": {}, "complementarity": {}, "destination_esi": {}}
work = Workspace(sys.argv[1], jobs=2, flags=tables).init()
work.ingest([sys.argv[2]])
work.esi()
"""


@pytest.mark.slow
def test_an_older_processor_writes_the_same_flows_and_similarities(tmp_path: Path) -> None:
    write_world(WorldSpec(11, years=(2015,), rows_per_file=(2_000, 10_000)), tmp_path / "world", jobs=2)
    written = []
    for name, kind in (("own", {}), ("older", OLDER)):
        command = [sys.executable, "-c", WORK, str(tmp_path / name), str(tmp_path / "world" / "raw")]
        subprocess.run(command, env=os.environ | kind, check=True, timeout=600)
        tables = sorted((tmp_path / name).rglob("*.parquet"))
        written.append(
            {
                path.relative_to(tmp_path / name): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in tables
            }
        )
    own, older = written
    assert {path.parts[0] for path in own} > {"flows", "esi", "market_esi", "complementarity"}
    assert older == own
