"""Paths of a workspace."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

from minsum.errors import UsageError, WorkspaceLockedError

SETTINGS_FILE: Final = "minsum.toml"


_PARTITION: Final = re.compile(
    r"/classification=H[0-6]/year=(19|2[01])\d\d/reporter=(0|[1-9]\d{0,6})/flows\.parquet$"
)
_YEARLY: Final = re.compile(r"/classification=[A-Z]\d/(18|19|20|21|22)\d\d\.parquet$")


class Layout:
    """Paths of one workspace.

    Parameters
    ----------
    root
        Folder of the workspace, or the one that stands for a URL (`copies`); need not exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.settings = root / SETTINGS_FILE
        self.raw = root / "raw"
        self.given = (self.raw, root / "covariates")
        self.flows = root / "flows"
        self.esi = self.table("esi")
        self.coverage = root / "coverage.parquet"
        self.panel = root / "panel.parquet"
        self.country_years = root / "country_years.parquet"
        self.pair_years = root / "pair_years.parquet"
        self.estimates = root / "estimates"
        self.tables = root / "report"
        self.page = self.tables / "index.html"
        self.runs = root / "runs"
        self.rejected = root / "rejected"
        self.private = root / ".minsum"
        self.scratch = self.private / "tmp"
        self._is_held: Callable[[], bool] | None = None

    def for_worker(self, run: str, is_held: Callable[[], bool]) -> Layout:
        """The same workspace for a task of a process that does not hold it, with a scratch folder of its own.

        Parameters
        ----------
        run
            Folder of the run in the scratch folder.
        is_held
            Whether that run still holds the workspace. When it does not, the task publishes nothing any more
            (`publish.staged`).
        """
        layout = Layout(self.root)
        layout._is_held, layout.scratch = is_held, self.scratch / run / uuid.uuid4().hex
        return layout

    def refuse_outlived(self) -> None:
        """Raise if this is of a task whose run has ended.

        Raises
        ------
        WorkspaceLockedError
            If so.
        """
        if self._is_held is not None and not self._is_held():
            raise WorkspaceLockedError(
                f"{self.root}: the run that gave this task has ended, or lost the workspace to another run",
                "what was published stays; run again",
            )

    def panel_files(self) -> list[Path]:
        """Files of the panel stage that are there."""
        return [path for path in (self.panel, self.country_years, self.pair_years) if path.is_file()]

    def table(self, name: str) -> Path:
        """Folder of a table with one file per classification and year."""
        return self.root / name

    def yearly(self, name: str) -> list[Path]:
        """Files of such a table, by classification and year; other files in the folder are ignored."""
        found = self.table(name).glob("classification=*/*.parquet")
        return sorted(path for path in found if _YEARLY.search(path.as_posix()))

    def estimate(self, name: str) -> Path:
        """Path of the estimates of one specification."""
        return self.estimates / f"{name}.parquet"

    def partition(self, classification: str, year: int, reporter_code: int) -> Path:
        """Path of one reporter-year of flows."""
        folder = f"classification={classification}/year={year}/reporter={reporter_code}"
        return self.flows / folder / "flows.parquet"

    def partitions(self) -> list[Path]:
        """All flows files, by classification, year and reporter; other files in the folders are ignored."""
        found = self.flows.glob("classification=*/year=*/reporter=*/flows.parquet")
        return sorted((path for path in found if _PARTITION.search(path.as_posix())), key=partition_key)


def partition_key(path: Path) -> tuple[str, int, int]:
    """Classification, year and reporter code of a flows file, from its folders."""
    classification, year, reporter = (part.partition("=")[2] for part in path.parts[-4:-1])
    return classification, int(year), int(reporter)


def find_root(start: Path) -> Path:
    """The folder itself, or its nearest parent with `minsum.toml`.

    Raises
    ------
    UsageError
        If no such folder exists.
    """
    start = start.resolve()
    if not start.is_dir():
        raise UsageError(f"{start}: no such folder", "make a workspace with: minsum init DIR")
    for folder in (start, *start.parents):
        if (folder / SETTINGS_FILE).is_file():
            return folder
    raise UsageError(
        f"{start} is not a workspace: no {SETTINGS_FILE} here or above",
        "make one with: minsum init DIR, or name it with -w DIR",
    )
