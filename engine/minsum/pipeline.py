"""The file to read first: fetch, then raw files to flows, esi, panel, estimates and report, in that order.

    w = Workspace("my-folder").init()
    w.ingest(["downloads/"])
    w.esi()
    w.sql("SELECT * FROM esi WHERE reporter = 'CHN'")

Every method that writes holds the workspace, does only what changed, and leaves a record in `runs/`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minsum.classifications import chosen_classification
from minsum.errors import DataCheckError, EstimationError, SettingsError, UsageError
from minsum.options import esi_options, fetch_options, ingest_options, page_options, panel_options
from minsum.runs import RunReport, recorded, versions
from minsum.settings import Settings, load_settings
from minsum.templates import TEMPLATES
from minsum.workspace import Layout, publish_text

if TYPE_CHECKING:
    import duckdb

    from minsum.check import Finding
    from minsum.esi.bands import Method
    from minsum.esi.decomposition import Decomposition
    from minsum.esi.sections import By
    from minsum.fetch.stage import Plan
    from minsum.report.table import Table

log = logging.getLogger("minsum")
Progress = Callable[[str, int, int], None]


def _silent(_stage: str, _done: int, _total: int) -> None:
    """No progress display."""


class Workspace:
    """One folder with raw files, the lake and everything computed from it.

    Parameters
    ----------
    path
        The folder.
    jobs
        Files read at a time; None means all cores. No result depends on it.
    progress
        Called with stage, done and total.
    flags
        Settings that win over environment and file, nested like the file.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        jobs: int | None = None,
        progress: Progress = _silent,
        flags: dict[str, Any] | None = None,
    ) -> None:
        self._flags = flags
        self.layout = Layout(Path(path))
        self.jobs = jobs or default_jobs()
        self._progress = progress
        self._report = RunReport()

    @cached_property
    def settings(self) -> Settings:
        """`minsum.toml` and environment, read once.

        Raises
        ------
        SettingsError
            If a name or value is wrong.
        UsageError
            If the folder is not a workspace.
        """
        if not self.layout.settings.is_file():
            raise UsageError(
                f"{self.layout.root} is not a workspace: no {self.layout.settings.name}",
                "make one with: minsum init DIR",
            )
        return load_settings(self.layout.settings, self._flags)

    def init(self, template: str = "empty") -> Workspace:
        """Make the folder a workspace; `template` is empty, paper or world.

        Raises
        ------
        UsageError
            If it is one already.
        """
        if self.layout.settings.exists():
            raise UsageError(f"{self.layout.settings} exists already", "edit it, or choose another folder")
        for folder in (self.layout.raw, self.layout.root / "covariates"):
            folder.mkdir(parents=True, exist_ok=True)
        publish_text(TEMPLATES[template], self.layout.settings, layout=self.layout)
        return self

    def fetch(self) -> RunReport:
        """Download what `[fetch]` names and is not here; `remote` of the report says why something is missing."""
        with self._run():
            self._fetch()
        return self._report

    def fetch_plan(self) -> Plan:
        """What `fetch` would do: files, calls, bytes and days; only the lists are called."""
        from minsum.fetch.stage import plan

        return plan(self.layout, fetch_options(self._section("fetch")), in_lake=self._in_lake)

    def ingest(self, sources: Iterable[str | Path] | None = None) -> RunReport:
        """Bring files and folders (default `raw/`) into the lake; bad ones are rejected and reported."""
        paths = None if sources is None else [Path(source) for source in sources]
        with self._run():
            self._flows(paths)
        return self._report

    def esi(self) -> RunReport:
        """Compute the similarities that changed."""
        with self._run():
            self._esi()
        return self._report

    def panel(self) -> RunReport:
        """Build the panel that `[panel]` describes."""
        with self._run():
            self._panel()
        return self._report

    def estimate(self, spec: str | Path | None = None) -> RunReport:
        """Estimate what a spec file, or `[estimate]`, describes, into `estimates/<name of the file>.parquet`."""
        with self._run():
            self._estimates(None if spec is None else Path(spec))
        return self._report

    def report(self) -> RunReport:
        """Write the page, its figures and, with a panel, the tables as CSV, text, LaTeX and HTML."""
        with self._run():
            self._page()
        return self._report

    def run(self) -> RunReport:
        """Every stage the settings name, only what changed."""
        with self._run():
            if self.settings.fetch is not None:
                self._fetch()
            try:
                self._flows(None)
                self._prune()
                self._esi()
                self._modelling()
                self._page()
            except (DataCheckError, EstimationError) as error:
                if self._report.remote is None:
                    raise
                log.warning("%s", error, extra={"hint": error.hint})  # what is missing was not fetched
        return self._report

    def sql(self, query: str) -> duckdb.DuckDBPyRelation | None:
        """Run a DuckDB query over a view for each table that is there: flows, esi, coverage, panel ..."""
        from minsum.views import run_query

        return run_query(self.layout, query)

    def status(self) -> dict[str, Any]:
        """What is there, what is stale, what was rejected and why (status.read_status)."""
        from minsum.status import read_status

        together = self.settings.harmonise is not None
        return read_status(self.layout, ingest_options(self.settings), is_harmonised=together)

    def check(self) -> list[Finding]:
        """What is wrong with the published files and their figures; empty when nothing is."""
        from minsum.check import Limits, check_workspace

        return check_workspace(self.layout, Limits(**self.settings.check.model_dump()), jobs=self.jobs)

    def decompose(
        self,
        reporter: str,
        reference: str,
        *,
        by: By = "section",
        years: Collection[int] = (),
        bands: Method | None = None,
        classification: str | None = None,
    ) -> Decomposition:
        """Split a similarity by chapter or section, from the flows and as the settings define it.

        Parameters
        ----------
        reporter
            ISO3 label.
        reference
            ISO3 label, or a composite of the settings.
        by
            `section` or `chapter`.
        years
            Empty means all there are.
        bands
            `bootstrap` (999 draws, the same in every run) or `jackknife` over products; None for none.
        classification
            HS vintage; None takes the only one there is.

        Raises
        ------
        UsageError
            If a country, reference or classification is unknown.
        MissingInputError
            If no year has data of both sides.
        """
        from minsum.esi.bands import Resampling
        from minsum.esi.decompose import Question, decompose
        from minsum.esi.stage import files_of

        options = esi_options(self.settings)
        harmoniser = options.harmoniser(self.layout.root)
        folder = self.layout.flows if harmoniser is None else self.layout.esi
        vintage = chosen_classification(folder, classification, setting="classification")
        return decompose(
            files_of(self.layout, vintage, years, harmoniser=harmoniser),
            vintage,
            options=options,
            question=Question(reporter, reference, by, bands and Resampling(bands)),
            harmoniser=harmoniser,
        )

    def growth(
        self,
        references: Sequence[str],
        *,
        reporters: Sequence[str] = (),
        years: Collection[int] = (),
        classification: str | None = None,
    ) -> list[Table]:
        """Table 1 for any references, countries and years, from `esi/`; see `report.growth.growth_tables`."""
        from minsum.report.growth import growth_tables

        return growth_tables(
            self.layout, references, reporters=reporters, years=years, classification=classification
        )

    def tables(self) -> list[Table]:
        """Tables 1, 2 and 3 as they stand."""
        from minsum.report.tables import make_tables

        return make_tables(self.layout, self._section("panel").reporters)

    def _section(self, name: str) -> Any:
        section = getattr(self.settings, name)
        if section is None:
            raise SettingsError(
                f"{self.layout.settings}: no [{name}] section",
                "copy it from the minsum.toml that minsum init --paper OTHER-FOLDER writes",
            )
        return section

    def _fetch(self) -> None:
        from minsum.fetch.stage import fetch

        with self._report.stage("fetch") as done:
            report = fetch(
                self.layout,
                fetch_options(self._section("fetch")),
                in_lake=self._in_lake,
                progress=self._progress,
            )
            done(bool(report.fetched), report.as_json())
        self._report.rejected |= report.rejected
        self._report.remote = report.problem
        if report.problem is not None:
            log.warning("fetch: %s", report.problem, extra={"hint": report.problem.hint})

    def _in_lake(self) -> set[str]:
        """Names of sources that need not be read again."""
        from minsum.flows.known import survey

        known = survey(self.layout)
        names = known.names()
        return {names[sha] for sha in known.complete(ingest_options(self.settings).recipe())}

    def _prune(self) -> None:
        """Remove files of superseded publications from `raw/`, as many as `[fetch] keep` says."""
        from minsum.fetch.retention import prune
        from minsum.flows.known import survey

        keep = self.settings.fetch and self.settings.fetch.keep
        if isinstance(keep, int):
            for name in prune(self.layout, keep, superseded=lambda: survey(self.layout).unused()):
                log.info("fetch: removed %s: superseded", name, extra={"source": name})

    def _modelling(self) -> None:
        """Panel and estimates, as far as the settings name them."""
        if self.settings.panel is None:
            return
        self._panel()
        if self.settings.estimate is not None:
            self._estimates()
        for spec in self.settings.specs:
            self._estimates(self.layout.root / spec)

    def _flows(self, paths: list[Path] | None) -> None:
        from minsum.flows.ingest import ingest

        options = ingest_options(self.settings)
        with self._report.stage("flows") as done:
            report = ingest(
                self.layout, paths or [self.layout.raw], options, jobs=self.jobs, progress=self._progress
            )
            self._report.reporter_years += report.changes
            # a count: thousands of names each night would fill runs/
            summary = asdict(report) | {"unchanged": len(report.unchanged)}
            done(bool(report.n_partitions), _without(summary, "changes"))
        for name, (reason, hint) in report.rejected.items():
            log.warning("rejected: %s", reason, extra={"source": name, "hint": hint})
        self._report.rejected |= report.rejected

    def _esi(self) -> None:
        from minsum.esi.stage import compute_esi
        from minsum.harmonise.remarks import absences

        with self._report.stage("esi") as done:
            report = compute_esi(self.layout, esi_options(self.settings), progress=self._progress)
            self._report.moves += report.moves
            done(bool(report.computed) or report.is_covered, _without(asdict(report), "moves"))
        for line in absences(report):
            log.warning("esi: %s", line, extra={"stage": "esi"})

    def _panel(self) -> None:
        from minsum.panel import build_panel

        options = panel_options(self._section("panel"))
        with self._report.stage("panel") as done:
            report = build_panel(self.layout, options, jobs=self.jobs)
            done(report.changed, asdict(report))
        if report.changed:
            for line in report.remarks:
                log.info("panel: %s", line, extra={"stage": "panel"})

    def _estimates(self, path: Path | None = None) -> None:
        """Estimate `[estimate]` or, given its path, a spec file."""
        from minsum.estimates.stage import estimate
        from minsum.specs import MAIN, load_spec

        name, spec = (MAIN, self._section("estimate")) if path is None else load_spec(path)
        with self._report.stage("estimates") as done:
            report = estimate(self.layout, spec, name=name)
            done(report.changed, asdict(report))

    def _page(self) -> None:
        from minsum.esi.contributions import write_contributions
        from minsum.report.stage import write_page
        from minsum.report.tables import write_tables

        with self._report.stage("report") as done:
            options = page_options(self.settings, versions())
            changed = [write_contributions(self.layout, esi_options(self.settings))]
            if self.layout.panel.is_file():
                changed.append(write_tables(self.layout, options.reporters))
            changed.append(write_page(self.layout, options))
            done(any(changed), {})

    @contextmanager
    def _run(self) -> Iterator[None]:
        settings = self.settings.model_dump(mode="json")
        with recorded(self.layout, jobs=self.jobs, settings=settings) as self._report:
            yield


def _without(summary: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in summary.items() if key != name}


def default_jobs() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))
