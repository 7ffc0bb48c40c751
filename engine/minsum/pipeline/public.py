"""The file to read first: the public class `Workspace`, with a method for each stage; `questions` has those that only read.

    w = Workspace("my-folder").init()
    w.ingest(["downloads/"])
    w.esi()
    w.sql("SELECT * FROM esi WHERE reporter = 'CHN'")

A method that writes locks the workspace, does only what changed, and leaves a record in `runs/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minsum.errors import UsageError, one_of
from minsum.export.options import FORMATS
from minsum.pipeline.estimates import estimates_stage
from minsum.pipeline.nightly import run_every_stage
from minsum.pipeline.questions import WorkspaceReader
from minsum.pipeline.release import export_stage
from minsum.pipeline.run import Progress, Run, recorded_run, section
from minsum.pipeline.stages import (
    esi_stage,
    fetch_stage,
    flows_stage,
    panel_stage,
    report_stage,
    up_to_date_names,
)
from minsum.settings.paths import local_path
from minsum.settings.templates import TEMPLATES
from minsum.settings.templates import template as template_text
from minsum.workspace.copies import input_at
from minsum.workspace.publish import publish_text
from minsum.workspace.runs import RunReport

if TYPE_CHECKING:
    from minsum.export.options import Format
    from minsum.fetch.stage import Plan


def _silent(_stage: str, _done: int, _total: int) -> None:
    """No progress display."""


class Workspace(WorkspaceReader):
    """One folder with raw files, the lake and everything computed from it.

    Parameters
    ----------
    path
        The folder, or a URL such as `s3://bucket/prefix` (extra `objectstore`, docs/cluster.md).
    jobs
        Files read at a time; None means all cores. No result depends on it.
    progress
        Called with the name of a stage, the work done and the total.
    flags
        Settings that override environment and file, nested like the file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        jobs: int | None = None,
        progress: Progress = _silent,
        flags: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(path, jobs=jobs, flags=flags)
        self._progress = progress
        self._report = RunReport()

    def init(self, template: str = "empty") -> Workspace:
        """Make the folder a workspace; `template` is empty, paper or world.

        Raises
        ------
        UsageError
            If it is one already, or there is no such template.
        """
        one_of(template, TEMPLATES, argument="template")
        if self.layout.settings.exists():
            raise UsageError(f"{self.layout.settings} exists already", "edit it, or choose another folder")
        for folder in self.layout.given:
            folder.mkdir(parents=True, exist_ok=True)
        publish_text(template_text(template), self.layout.settings, layout=self.layout)
        return self

    def fetch(self) -> RunReport:
        """Download the files that `[fetch]` asks for and `raw/` lacks; `remote` of the report says why a file is missing."""
        with self._run() as run:
            fetch_stage(run)
        return self._report

    def fetch_plan(self) -> Plan:
        """What `fetch` would do: files, calls, bytes and days. Only the lists are downloaded."""
        from minsum.fetch.stage import plan

        fetch = section(self.layout, self.settings, "fetch")
        return plan(self.layout, fetch, in_lake=lambda: up_to_date_names(self.layout, self.settings))

    def ingest(self, sources: Iterable[str | Path] | None = None, *, accept: bool = False) -> RunReport:
        """Load files and folders, also at URLs (default `raw/`), into the lake; bad files are rejected and reported.

        With `accept`, a file may replace a reporter-year even if it holds less than half of what is there, or lacks a flow.
        """
        paths = None if sources is None else [input_at(source) for source in sources]
        with self._run() as run:
            flows_stage(run, paths, accept=accept)
        return self._report

    def esi(self) -> RunReport:
        """Compute the similarities that changed."""
        with self._run() as run:
            esi_stage(run)
        return self._report

    def panel(self) -> RunReport:
        """Build the panel that `[panel]` describes."""
        with self._run() as run:
            panel_stage(run)
        return self._report

    def estimate(self, spec: str | Path | None = None) -> RunReport:
        """Estimate the models of a spec file, or of `[estimate]`, into `estimates/<name of the file>.parquet`."""
        with self._run() as run:
            estimates_stage(run, None if spec is None else local_path(spec))
        return self._report

    def report(self) -> RunReport:
        """Write the page, its figures and, with a panel, the tables as CSV, text, LaTeX and HTML."""
        with self._run() as run:
            report_stage(run)
        return self._report

    def export(
        self,
        folder: str | Path,
        formats: Sequence[Format] = ("parquet", "csv", "dta"),
        *,
        since: str | Path | None = None,
    ) -> RunReport:
        """Write the results as a data release into a folder; an earlier release there is replaced.

        Parameters
        ----------
        folder
            Folder of the release.
        formats
            Some of parquet, csv (gz) and dta (Stata).
        since
            Folder of an earlier release; `CHANGES.md` lists the changes since then.

        Raises
        ------
        UsageError
            If the folder holds something else, or a format is unknown.
        DataCheckError
            If a table is damaged or not up to date.
        """
        for one in formats:
            one_of(one, FORMATS, argument="formats")
        target, earlier = local_path(folder), None if since is None else local_path(since)
        with self._run() as run:
            export_stage(run, target, list(dict.fromkeys(formats)), earlier)
        return self._report

    def run(self, *, accept: bool = False) -> RunReport:
        """Run every stage that the settings name, and the nightly checks of `[check]`; only what changed is done. `accept` as
        for `ingest`.

        The report is written even if panel or models fail. Data that are missing because the service could not be reached
        are no further error.

        Raises
        ------
        MinsumError
            At the end, if the panel cannot be made or a model cannot be estimated.
        """
        with self._run() as run:
            run_every_stage(run, accept=accept)
        return self._report

    @property
    def done(self) -> RunReport:
        """Report of the latest call, also of one that failed."""
        return self._report

    @contextmanager
    def _run(self) -> Iterator[Run]:
        """Lock the workspace and record the run; `done` is its report from then on."""
        with recorded_run(self.layout, self.settings, jobs=self.jobs, progress=self._progress) as run:
            self._report = run.report
            yield run
