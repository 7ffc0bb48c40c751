"""The file to read first: fetch, then raw files to flows, esi, panel, estimates and report, in that order.

    w = Workspace("my-folder").init()
    w.ingest(["downloads/"])
    w.esi()
    w.sql("SELECT * FROM esi WHERE reporter = 'CHN'")

Every method that writes holds the workspace, does only what changed, and leaves a record in `runs/`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from minsum.countries.names import comtrade_label
from minsum.errors import (
    DataCheckError,
    EmptySampleError,
    EstimationError,
    MinsumError,
    MissingInputError,
    SettingsError,
    UsageError,
    one_of,
)
from minsum.export.options import export_options
from minsum.machine import default_jobs, versions
from minsum.report.options import PageOptions
from minsum.settings.load import Settings, load_settings
from minsum.settings.paths import local_path
from minsum.settings.specs import MAIN
from minsum.settings.templates import TEMPLATES
from minsum.settings.templates import template as template_text
from minsum.sources.rejections import count_run, drop_broken_records, runs_of
from minsum.text_tables import listed
from minsum.workspace.classifications import chosen_classification
from minsum.workspace.footers import estimate_files, is_estimates
from minsum.workspace.layout import Layout
from minsum.workspace.marks import remove_files
from minsum.workspace.publish import publish_text
from minsum.workspace.runs import RunReport, recorded

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from minsum.cluster.driver import Cluster
    from minsum.esi.bands import Method
    from minsum.esi.section_changes import Decomposition
    from minsum.esi.sections import By
    from minsum.estimate.stage import Asked
    from minsum.export.options import Format
    from minsum.export.tables import Released
    from minsum.fetch.stage import Plan
    from minsum.flows.ingest import IngestReport
    from minsum.inspect.check import Finding
    from minsum.inspect.trace import Trace
    from minsum.report.table import Table

log = logging.getLogger("minsum")
MOST_REMARKS = 20
"""Years without a pair or a composite that are said; the record of the run has all."""

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
        self.layout = Layout(local_path(path))
        if jobs is not None and jobs < 1:
            raise UsageError(f"jobs={jobs}, expected 1 or more", "leave it out for all cores")
        self.jobs = jobs or default_jobs()
        self._progress = progress
        self._report = RunReport()
        self._cluster: Cluster | None = None

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
            If it is one already, or there is no such template.
        """
        one_of(template, TEMPLATES, argument="template")
        if self.layout.settings.exists():
            raise UsageError(f"{self.layout.settings} exists already", "edit it, or choose another folder")
        for folder in (self.layout.raw, self.layout.root / "covariates"):
            folder.mkdir(parents=True, exist_ok=True)
        publish_text(template_text(template), self.layout.settings, layout=self.layout)
        return self

    def fetch(self) -> RunReport:
        """Download what `[fetch]` names and is not here; `remote` of the report says why something is missing."""
        with self._run():
            self._fetch()
        return self._report

    def fetch_plan(self) -> Plan:
        """What `fetch` would do: files, calls, bytes and days; only the lists are called."""
        from minsum.fetch.stage import plan

        return plan(self.layout, self._section("fetch"), in_lake=self._in_lake)

    def ingest(self, sources: Iterable[str | Path] | None = None, *, accept: bool = False) -> RunReport:
        """Bring files and folders (default `raw/`) into the lake; bad ones are rejected and reported.

        With `accept` a file may replace what the lake holds though it has less than half of that, or nothing of a flow.
        """
        paths = None if sources is None else [local_path(source) for source in sources]
        with self._run():
            self._flows(paths, accept=accept)
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
            self._estimates(None if spec is None else local_path(spec))
        return self._report

    def report(self) -> RunReport:
        """Write the page, its figures and, with a panel, the tables as CSV, text, LaTeX and HTML."""
        with self._run():
            self._page()
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
            Of the release.
        formats
            Some of parquet, csv (gz) and dta (Stata).
        since
            Folder of an earlier release; what changed against it stands in `CHANGES.md`.

        Raises
        ------
        UsageError
            If the folder holds something else, or a format is none.
        DataCheckError
            If a table is damaged or not up to date.
        """
        from minsum.export.options import FORMATS

        for one in formats:
            one_of(one, FORMATS, argument="formats")
        with self._run():
            self._export(
                local_path(folder), list(dict.fromkeys(formats)), None if since is None else local_path(since)
            )
        return self._report

    def run(self, *, accept: bool = False) -> RunReport:
        """Every stage the settings name, only what changed, and the checks of `check.nightly` on what did; `accept` as
        for `ingest`.

        A report is written whatever happens to panel and models; what is missing because the service could not be
        reached is no error of its own.

        Raises
        ------
        MinsumError
            At the end, if the panel cannot be made or a model cannot be estimated.
        """
        with self._run():
            if self.settings.fetch is not None:
                self._fetch()
            try:
                self._flows(None, accept=accept)
                self._prune()
                self._esi()
                self._examine()
                self._modelling()
            except MissingInputError as error:
                if self._report.remote is None:
                    raise
                log.warning("%s", error, extra={"hint": error.hint})  # what is missing was not fetched
        return self._report

    @property
    def done(self) -> RunReport:
        """What the latest call did, as far as it came."""
        return self._report

    def sql(self, query: str) -> duckdb.DuckDBPyRelation | None:
        """Run a DuckDB query over a view for each table that is there: flows, esi, coverage, panel ..."""
        from minsum.inspect.sql import run_query

        return run_query(self.layout, query)

    def status(self) -> dict[str, Any]:
        """What is there, what is stale, what was rejected and why (status.read_status)."""
        from minsum.inspect.status import read_status

        return read_status(self.layout, self.settings.ingest, self.settings)

    def check(self) -> list[Finding]:
        """What is wrong with the published files and their figures; empty when nothing is."""
        from minsum.inspect.check import check_workspace

        return check_workspace(self.layout, self.settings.check, jobs=self.jobs)

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
        """Split a similarity by section, chapter or product, from the flows and as the settings define it.

        Parameters
        ----------
        reporter
            ISO3 label.
        reference
            ISO3 label, or a composite of the settings.
        by
            `section`, `chapter` or `product`.
        years
            Empty means all there are.
        bands
            `bootstrap` (999 draws, the same in every run) or `jackknife` over products; None for none.
        classification
            HS vintage; None takes the only one there is.

        Raises
        ------
        UsageError
            If a country, reference or classification is unknown, or `by` or `bands` are none of the above.
        MissingInputError
            If no year has data of both sides.
        """
        from minsum.esi.bands import Method, Resampling
        from minsum.esi.decompose import Question, decompose
        from minsum.esi.sections import By
        from minsum.esi.stage import files_of, harmoniser_of

        one_of(by, get_args(By), argument="by")
        if bands is not None:
            one_of(bands, get_args(Method), argument="bands")
        harmoniser = harmoniser_of(self.settings, self.layout.root)
        folder = self.layout.flows if harmoniser is None else self.layout.esi
        vintage = chosen_classification(folder, classification, setting="classification")
        try:
            return decompose(
                files_of(self.layout, vintage, years, harmoniser=harmoniser),
                vintage,
                options=self.settings.esi,
                question=Question(reporter, reference, by, bands and Resampling(bands)),
                harmoniser=harmoniser,
            )
        except MissingInputError as error:
            from minsum.report.growth import where_exports

            where = where_exports(self.layout, [reporter, reference])
            told = "; ".join(f"{label}: {text}" for label, text in where.items())
            raise MissingInputError(error.message, told or error.hint) from error

    def trace(
        self,
        reporter: str,
        reference: str,
        year: int,
        *,
        product: str | None = None,
        classification: str | None = None,
    ) -> Trace:
        """Follow a similarity back to its products and, with a product, to rows of the lake and lines of files.

        Parameters
        ----------
        reporter, reference, classification
            As of `decompose`.
        year
            Of the similarity.
        product
            Code, of as many digits as `[esi] level`.

        Raises
        ------
        UsageError
            If a country, reference or classification is unknown, or neither side exports the product.
        MissingInputError
            If the year has no data of both sides.
        """
        from minsum.esi.decompose import Question
        from minsum.inspect.trace import trace

        folder = self.layout.flows if self.settings.harmonise is None else self.layout.esi
        return trace(
            self.layout, Question(comtrade_label(reporter), comtrade_label(reference)), year, product=product,
            classification=chosen_classification(folder, classification, setting="classification"),
            settings=self.settings,
        )  # fmt: skip

    def rows(self, path: str | Path, *, rule: str | None = None) -> Iterator[pl.DataFrame]:
        """Rows of trade files that the row rules remove, a batch at a time.

        Parameters
        ----------
        path
            File or folder.
        rule
            Only those that this rule removes; `kept` for those that none does.

        Returns
        -------
        Frames of `source`, `line`, `rule` and the columns of `minsum.scan` that the file has.

        Raises
        ------
        UsageError
            If there is no such file or rule.
        SourceError
            If a file cannot be read; the message names file and line.
        """
        from minsum.flows.ruled import rows_of
        from minsum.flows.rules import RULES

        if rule is not None:
            one_of(rule, RULES, argument="rule")
        return rows_of(local_path(path), self.settings.ingest, rule)

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
            self.layout,
            references,
            reporters=reporters,
            years=years,
            classification=classification,
            is_paper=self.settings.report.paper_notes,
        )

    def regression_tables(
        self, spec: str = MAIN, *, brackets: Literal["t", "se"] = "t", stars: bool = True
    ) -> list[Table]:
        """Coefficients of `estimates/<spec>.parquet`, a column for each model, and its tests where it has any.

        Parameters
        ----------
        spec
            Name of the specification.
        brackets
            What stands below a coefficient: `t` (or z), or `se`, the standard error.
        stars
            Whether stars mark what is significant.
        """
        from minsum.report.regression import Style, regression_tables

        return regression_tables(self.layout.estimate(spec), Style(brackets, stars))

    def tables(self) -> list[Table]:
        """Tables 1, 2 and 3 as they stand."""
        from minsum.report.paper_tables import make_tables

        reporters = self._section("panel").reporters
        is_paper = self.settings.report.paper_notes
        return make_tables(self.layout, reporters, self._estimates_there(), is_paper=is_paper)

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
                self._section("fetch"),
                in_lake=self._in_lake,
                progress=self._progress,
            )
            done(bool(report.fetched), report.as_json())
        self._reject(report.rejected)
        self._report.remote = report.problem
        if report.problem is not None:
            log.error("%s", report.problem, extra={"stage": "fetch", "hint": report.problem.hint})

    def _in_lake(self) -> set[str]:
        """Names of sources that need not be read again."""
        from minsum.flows.lake_index import read_index

        return read_index(self.layout, self.settings.ingest).up_to_date_names()

    def _prune(self) -> None:
        """Remove files of superseded publications from `raw/`, as many as `[fetch] keep` says."""
        from minsum.fetch.retention import prune
        from minsum.flows.lake_index import read_index

        keep = self.settings.fetch and self.settings.fetch.keep
        if isinstance(keep, int):
            for name in prune(
                self.layout,
                keep,
                superseded=lambda: read_index(self.layout, self.settings.ingest).unused(),
            ):
                log.info("fetch: removed %s: superseded", name, extra={"source": name})

    def _modelling(self) -> None:
        """Panel and estimates, as far as the settings name them and the data allow, and the report in any case.

        What the settings no longer name goes. What is wrong with panel or estimates ends the run when the report
        is written.
        """
        problem: MinsumError | None = None
        try:
            if self.settings.panel is not None:
                self._panel()
                problem = self._all_estimates()
                self._keep_up()
        except EmptySampleError as error:
            hint = f"{error.hint}; panel, estimates and their tables stay as they were"
            self._report.warn("panel", str(error), hint)
        except MinsumError as error:
            problem = error
        self._remove_unwanted()
        try:
            self._page()
        except MinsumError as error:
            raise problem or error from None
        if problem is not None:
            raise problem

    def _all_estimates(self) -> EstimationError | None:
        """Every specification; the first that cannot be estimated does not keep the others from it."""
        problems: list[EstimationError] = []
        specs = [None] if self.settings.estimate is not None else []
        for spec in [*specs, *(self.layout.root / one for one in self.settings.specs)]:
            try:
                self._estimates(spec)
            except EstimationError as error:
                problems.append(error)
        is_excused = self._report.remote is not None  # what is missing was not fetched
        for one in problems if is_excused else problems[1:]:  # the first ends the run, and is said there
            log.warning("%s", one, extra={"hint": one.hint})
        return None if is_excused or not problems else problems[0]

    def _keep_up(self) -> None:
        """Bring estimates that `minsum estimate SPEC` made up to date."""
        from minsum.estimate.stage import kept_specs

        for name, asked in kept_specs(self.layout, self._names_of_specs()).items():
            try:
                self._estimated(name, asked)
            except EstimationError as error:
                log.warning("estimates/%s.parquet: %s: removed", name, error, extra={"hint": error.hint})
                self.layout.estimate(name).unlink()

    def _remove_unwanted(self) -> None:
        """Remove panel and estimates that nobody asks for any more."""
        kept = self._names_asked_for()
        ours = filter(is_estimates, estimate_files(self.layout))
        unwanted = [path for path in ours if path.stem not in kept]
        if self.settings.panel is None:
            panel = (self.layout.panel, self.layout.country_years)
            unwanted += [path for path in panel if path.is_file()]
        if unwanted:
            with self._report.stage("removal") as done:
                removed = remove_files(unwanted)
                log.info("no longer asked for, removed: %s", ", ".join(removed))
                done(True, {"removed": removed})

    def _names_of_specs(self) -> list[str]:
        """Names of the estimates that the settings ask for, the main ones first."""
        main = ["main"] if self.settings.estimate is not None else []
        return [*main, *sorted(Path(spec).stem for spec in self.settings.specs)]

    def _names_asked_for(self) -> set[str]:
        """Names of the estimates that the settings or `minsum estimate SPEC` ask for."""
        from minsum.estimate.stage import kept_specs

        if self.settings.panel is None:
            return set()
        names = self._names_of_specs()
        return {*names, *kept_specs(self.layout, names)}

    def _estimates_there(self) -> list[str]:
        """Names of the estimates that are asked for and there."""
        kept = self._names_asked_for()
        return [path.stem for path in estimate_files(self.layout) if path.stem in kept]

    def _examine_flows(self) -> None:
        """Check what was brought in against the limits of `[check]`."""
        if self._report.reporter_years:
            from minsum.inspect.nightly_checks import examine_flows

            examine_flows(self.layout, self._report, self.settings.check)

    def _examine(self) -> None:
        """Check what changed tonight against the limits of `[check]`."""
        from minsum.inspect.nightly_checks import examine

        examine(self.layout, self._report, self.settings.check)

    def _flows(self, paths: list[Path] | None, *, accept: bool) -> None:
        from minsum.flows.ingest import ingest

        with self._report.stage("flows") as done:
            report = ingest(
                self.layout,
                paths or [self.layout.raw],
                self.settings.ingest,
                jobs=self.jobs,
                progress=self._progress,
                accept=accept,
                workers=self._cluster,
            )
            drop_broken_records(self.layout)
            self._report.reporter_years += report.changes
            # a count: thousands of names each night would fill runs/
            summary = asdict(report) | {"unchanged": len(report.unchanged)}
            done(bool(report.n_partitions or report.removed), _without(summary, "changes"))
        self._tell(report)
        self._reject(report.rejected)
        self._examine_flows()

    def _tell(self, report: IngestReport) -> None:
        """Say what was replaced or removed, and where no date decides which publication counts."""
        extra = {"stage": "flows"}
        for name, years in report.replaced.items():
            log.warning("flows: %s: new content replaces what it gave: %s", name, listed(years), extra=extra)
        if report.removed:
            log.warning("flows: no longer asked for, removed: %s", listed(report.removed), extra=extra)
        for pair in dict.fromkeys(report.same_date.values()):
            years = [year for year, one in report.same_date.items() if one == pair]
            self._report.warn(
                "same_date", f"same_date: {listed(years)}: {pair[0]} counts, and {pair[1]} has the same date and other content",
                "remove the one that is wrong from raw/",
            )  # fmt: skip
        if report.repaired_texts:
            rows = Counter[str]()
            for kinds in report.repaired_texts.values():
                rows.update({kind: int(one["rows"]) for kind, one in kinds.items()})
            counts = ", ".join(f"{kind} {n:,} rows" for kind, n in sorted(rows.items()))
            where = f"{listed(sorted(report.repaired_texts))}: {counts}"
            log.info("texts mended in %s (minsum status; docs/data-rules.md)", where, extra=extra)

    def _reject(self, rejected: dict[str, tuple[str, str]]) -> None:
        """Note rejected sources and say them, with how many runs have rejected them."""
        runs = runs_of(self.layout) if rejected else {}
        for name, (reason, hint) in rejected.items():
            if name not in self._report.rejected:
                count = runs.get(name, 0) + 1
                since = f" (for {count} runs)" if count > 1 else ""
                extra = {"source": name, "hint": hint, "runs": count}
                log.error("rejected: %s%s", reason, since, extra=extra)
        self._report.rejected |= rejected

    def _esi(self) -> None:
        from minsum.esi.stage import compute_esi
        from minsum.harmonise.messages import absences

        with self._report.stage("esi") as done:
            report = compute_esi(self.layout, self.settings, progress=self._progress, workers=self._cluster)
            self._report.moves += report.moves
            is_changed = bool(report.computed or report.removed) or report.is_covered
            done(is_changed, _without(asdict(report), "moves"))
        if report.removed:
            log.info("no longer asked for, removed: %s", ", ".join(report.removed))
        for line in absences(report):
            log.warning("esi: %s", line, extra={"stage": "esi"})
        for name, reasons in report.left_out.items():
            for why, labels in reasons.items():
                hint = "set [esi] level to their digits" if "digits" in why else "download partner World too"
                self._report.warn("left_out", f"esi: {name}: no similarity of {listed(labels)}: {why}", hint)
        if report.doubtful:
            log.warning(
                "esi: exports that may be there in part: %s: column doubts of coverage.parquet says why",
                listed(report.doubtful), extra={"stage": "esi"},
            )  # fmt: skip
        remarks = report.remarks()
        for line in remarks[:MOST_REMARKS]:
            log.warning("esi: %s", line, extra={"stage": "esi"})
        if len(remarks) > MOST_REMARKS:
            log.warning("esi: %d more such years: runs/", len(remarks) - MOST_REMARKS, extra={"stage": "esi"})

    def _panel(self) -> None:
        from minsum.panel.stage import build_panel

        options = self._section("panel").with_reference(self.settings.esi.references)
        with self._report.stage("panel") as done:
            report = build_panel(self.layout, options, jobs=self.jobs)
            done(report.changed, asdict(report))
        if report.changed:
            for line in report.remarks:
                log.info("panel: %s", line, extra={"stage": "panel"})

    def _estimates(self, path: Path | None = None) -> None:
        """Estimate `[estimate]` or, given its path, a spec file."""
        from minsum.estimate.stage import Asked
        from minsum.settings.specs import MAIN, load_spec

        name, spec = (MAIN, self._section("estimate")) if path is None else load_spec(path)
        listed = [(self.layout.root / one).resolve() for one in self.settings.specs]
        is_listed = path is None or path.resolve() in listed
        self._estimated(name, Asked(spec, "settings" if is_listed else "command"))

    def _estimated(self, name: str, asked: Asked) -> None:
        from minsum.estimate.stage import estimate

        with self._report.stage("estimates") as done:
            report = estimate(self.layout, asked.spec, name=name, asked_by=asked.by)
            done(report.changed, asdict(report))

    def _export(self, folder: Path, formats: Sequence[Format], since: Path | None) -> None:
        from minsum.export.stage import export

        with self._report.stage("export") as done:
            self._refuse_stale()
            options = export_options(self.settings, formats, versions(), covariates=self._covariate_digests())
            report = export(
                self.layout,
                folder,
                options,
                of_models=self._tables_of_models(),
                since=since,
                progress=self._progress,
            )
            done(True, asdict(report))
        if not self.settings.export.authors:
            hint = "set [export] authors in minsum.toml, and export again"
            log.warning("%s: CITATION.cff names no author", folder, extra={"stage": "export", "hint": hint})

    def _refuse_stale(self) -> None:
        """Raise if a table of a release is not what the settings and the lake make it; say what the lake lacks."""
        from minsum.flows.lake_index import LakeIndex
        from minsum.inspect.stale import find_stale, look_into_raw
        from minsum.workspace.footers import flows_footers

        known = LakeIndex(flows_footers(self.layout), self.settings.ingest)
        stale = find_stale(self.layout, known, look_into_raw(self.layout, known), self.settings)
        for one in stale:
            if one["what"] not in ("raw", "flows", "report"):
                told = f"{one['what']} is not up to date: {listed(one['which'])}: {one['why']}"
                raise DataCheckError(told, "bring it up to date first: minsum run")
        for what in ("raw", "flows"):
            if waiting := [name for one in stale if one["what"] == what for name in one["which"]]:
                hint = "minsum status says why; minsum run, then export again"
                extra = {"stage": "export", "hint": hint}
                log.warning("export: what is not up to date in %s: %s", what, listed(waiting), extra=extra)

    def _covariate_digests(self) -> dict[str, str]:
        from minsum.panel.stage import covariate_sources

        if self.settings.panel is None:
            return {}
        options = self.settings.panel.with_reference(self.settings.esi.references)
        return {one.name: one.sha256 for one in covariate_sources(self.layout, options)}

    def _tables_of_models(self) -> Iterator[Released]:
        """The rows that each model was estimated on, and all pairs where a model is of pairs."""
        from minsum.estimate.rows_used import all_pairs, esi_of_panel, rows_used
        from minsum.export.tables import of_models, variables_of

        has_pairs = False
        for name in self._estimates_there():
            variables = variables_of(self.layout)
            for model, used in rows_used(self.layout, name).items():
                has_pairs |= "reference" in used.keys
                stem = "_".join(filter(None, ("sample", name, model)))
                title = f"Rows that {f'model {model} of ' if model else ''}estimates/{name} is made from"
                yield of_models(stem, used.rows, key=used.keys, variables=variables, title=title)
        if has_pairs:
            rows, notes = all_pairs(self.layout, esi_of_panel(self.layout))
            keys = ("reporter", "reference", "year")
            title = "All pairs of countries, with the variables of both"
            yield of_models(
                "pairs", rows, key=keys, variables=variables_of(self.layout), title=title, notes=notes
            )

    def _page(self) -> None:
        from minsum.esi.contributions import write_contributions
        from minsum.report.inputs import inputs_there
        from minsum.report.stage import PageReport, attempt, write_report

        with self._report.stage("report") as done:
            names = self._estimates_there()
            options = PageOptions(self.settings, versions(), names)
            report = PageReport()
            with attempt("contributions by section", report):
                report.changed |= write_contributions(self.layout, self.settings)
            inputs = inputs_there(self.layout, estimates=names, with_panel=self.settings.panel is not None)
            write_report(self.layout, options, inputs, report)
            done(report.changed, asdict(report))
        for name, why in report.not_drawn.items():
            log.warning("report: figure %s not drawn: %s", name, why, extra={"stage": "report"})
        for part, why in report.failed.items():
            self._report.warn(
                part, f"report: {part} could not be made: {why}",
                "everything else is written, and the next run tries again; run with --debug and report it",
            )  # fmt: skip

    @contextmanager
    def _run(self) -> Iterator[None]:
        settings = self.settings.model_dump(mode="json")
        with recorded(self.layout, jobs=self.jobs, settings=settings) as self._report:
            try:
                with self._connected():
                    yield
            except Exception:
                self._count()
                raise
            # Not after a signal: it may have come in the middle of an import.
            self._count()

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """With the cluster that the settings name: flows and esi are given to it."""
        address = self.settings.cluster
        if not address:
            yield
            return
        from minsum.cluster.driver import Cluster

        self._cluster = Cluster(address, self.layout, patience=self.settings.cluster_patience)
        try:
            yield
        finally:
            self._cluster.close()
            self._cluster = None

    def _count(self) -> None:
        """Count the run in the records of what it rejected, and what the workspace holds now."""
        from minsum.inspect.status import read_totals

        if self._report.rejected:
            count_run(self.layout, self._report.rejected)
        with suppress(DataCheckError):  # whatever cannot be read has ended the run already
            self._report.totals = read_totals(self.layout)


def _without(summary: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in summary.items() if key != name}
