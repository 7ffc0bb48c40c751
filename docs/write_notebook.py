"""Runs the notebook and writes its outputs into it: python docs/write_notebook.py. A test holds them against a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

NOTEBOOK: Final = Path(__file__).resolve().parent / "examples" / "similarity.ipynb"


def executed(folder: Path) -> Any:
    """The notebook with the outputs of a run in a folder; without times and other traces of the run."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(cwd=str(folder))
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            output.metadata = {}
    return notebook


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    import nbformat

    with TemporaryDirectory() as scratch:
        nbformat.write(executed(Path(scratch)), NOTEBOOK)
