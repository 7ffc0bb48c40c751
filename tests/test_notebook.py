"""The example notebook runs from top to bottom, in a process of its own, and gives the outputs that it shows."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

WRITER = Path(__file__).parents[1] / "docs" / "write_notebook.py"


def texts(notebook: Any) -> list[str]:
    """The text of every output; of pictures only that they are there."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert all(output.output_type == "execute_result" for output in outputs), outputs
    return [output.data["text/plain"] if "image/png" not in output.data else "picture" for output in outputs]


@pytest.mark.filterwarnings("default")
def test_the_notebook_runs_and_gives_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat

    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    written = runpy.run_path(str(WRITER))
    shown = nbformat.read(written["NOTEBOOK"], as_version=4)
    assert texts(written["executed"](tmp_path)) == texts(shown), "run: python docs/write_notebook.py"
