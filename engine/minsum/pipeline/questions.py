"""The part of `Workspace` that reads: settings, state and answers to questions. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from minsum.countries.names import comtrade_label
from minsum.errors import MissingInputError, UsageError, one_of
from minsum.machine import default_jobs
from minsum.pipeline.estimates import published_names
from minsum.pipeline.run import section
from minsum.settings.load import Settings, load_settings
from minsum.settings.specs import MAIN
from minsum.workspace.classifications import chosen_classification
from minsum.workspace.copies import at, copy_of, input_at, look, shown
from minsum.workspace.layout import Layout

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from minsum.esi.bands import Method
    from minsum.esi.section_changes import Decomposition
    from minsum.esi.sections import By
    from minsum.inspect.check import Finding
    from minsum.inspect.trace import Trace
    from minsum.report.table import Table


class WorkspaceReader:
    """A workspace that is only read.

    Parameters
    ----------
    path, jobs, flags
        As of `Workspace`.

    Raises
    ------
    UsageError
        If `jobs` is below 1, or the path is an address that minsum does not know.
    RemoteError
        If it is one of object storage that cannot be reached.
    """

    def __init__(
        self, path: str | Path, *, jobs: int | None = None, flags: dict[str, Any] | None = None
    ) -> None:
        self._flags = flags
        self.layout = Layout(at(path))
        for folder in self.layout.given if copy_of(self.layout.root) else ():
            folder.mkdir(exist_ok=True)  # a store has no empty folders
        if jobs is not None and jobs < 1:
            raise UsageError(f"jobs={jobs}, expected 1 or more", "leave it out for all cores")
        self.jobs = jobs or default_jobs()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.layout.root)!r})"

    @cached_property
    def settings(self) -> Settings:
        """Settings of `minsum.toml` and environment, read once.

        Raises
        ------
        SettingsError
            If a name or value is wrong.
        UsageError
            If the folder is not a workspace.
        """
        if not self.layout.settings.is_file():
            raise UsageError(
                f"{shown(str(self.layout.root))} is not a workspace: no {self.layout.settings.name}",
                "make one with: minsum init",
            )
        return load_settings(self.layout.settings, self._flags)

    def sql(self, query: str) -> duckdb.DuckDBPyRelation | None:
        """Run a DuckDB query; every table that exists has a view: flows, esi, coverage, panel ..."""
        from minsum.inspect.sql import run_query

        return run_query(self._current, query)

    def status(self) -> dict[str, Any]:
        """What the workspace holds, what is stale, what was rejected and why (`inspect.status.read_status`)."""
        from minsum.inspect.status import read_status

        return read_status(self._current, self.settings.ingest, self.settings)

    def check(self) -> list[Finding]:
        """Errors in the published files and their figures; empty if there are none."""
        from minsum.inspect.check import check_workspace

        return check_workspace(self._current, self.settings.check, jobs=self.jobs)

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
        """Split a similarity, as the settings define it, by section, chapter or product.

        Parameters
        ----------
        reporter
            ISO3 label.
        reference
            ISO3 label, or a composite of the settings.
        by
            `section`, `chapter` or `product`.
        years
            Empty means all.
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
        reporter, reference = comtrade_label(reporter), comtrade_label(reference)
        harmoniser = harmoniser_of(self.settings, self.layout.root)
        vintage = self._vintage(classification)
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

        return trace(
            self.layout,
            Question(comtrade_label(reporter), comtrade_label(reference)),
            year,
            product=product,
            classification=self._vintage(classification),
            settings=self.settings,
        )

    def rows(self, path: str | Path, *, rule: str | None = None) -> Iterator[pl.DataFrame]:
        """Rows of trade files that the row rules remove, a batch at a time.

        Parameters
        ----------
        path
            File or folder, also at a URL.
        rule
            Only rows that this rule removes; `kept` for rows that no rule removes.

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
        return rows_of(input_at(path), self.settings.ingest, rule)

    def growth(
        self,
        reporters: str | Sequence[str],
        references: str | Sequence[str],
        *,
        years: Collection[int] = (),
        classification: str | None = None,
    ) -> list[Table]:
        """Similarity by year and its growth (Table 1), one table a reference, from `esi/`.

        Parameters
        ----------
        reporters
            ISO3 labels, in the order of the rows; empty means all.
        references
            ISO3 labels or composites of the settings.
        years
            Empty means all.
        classification
            HS vintage; None takes the only one there is.

        Raises
        ------
        UsageError
            If a country, reference or classification is unknown.
        MissingInputError
            If there are no similarities of these countries and years.
        """
        from minsum.report.growth import growth_tables

        return growth_tables(
            self._current,
            [references] if isinstance(references, str) else references,
            reporters=[reporters] if isinstance(reporters, str) else reporters,
            years=years,
            classification=classification,
            is_paper=self.settings.report.paper_notes,
        )

    def regression_tables(
        self, *specs: str, brackets: Literal["t", "se"] = "t", stars: bool = True
    ) -> list[Table]:
        """Coefficients of `estimates/<spec>.parquet`, one column per model, and the table of tests if there are any.

        Parameters
        ----------
        specs
            Names of specifications, whose models stand side by side; none means `main`.
        brackets
            Figure below a coefficient: `t` (or z), or `se`, the standard error.
        stars
            Whether stars mark significant coefficients.
        """
        from minsum.report.regression import Style, regression_tables

        current = self._current
        return regression_tables([current.estimate(one) for one in specs or (MAIN,)], Style(brackets, stars))

    def tables(self) -> list[Table]:
        """Tables 1, 2 and 3 from the published results."""
        from minsum.report.paper_tables import make_tables

        reporters = section(self.layout, self.settings, "panel").reporters
        names = published_names(self._current, self.settings)
        return make_tables(self.layout, reporters, names, is_paper=self.settings.report.paper_notes)

    @property
    def _current(self) -> Layout:
        """The layout; of a workspace at a URL as it is now."""
        look(self.layout.root)
        return self.layout

    def _vintage(self, classification: str | None) -> str:
        """The HS vintage asked for, or the only one there is."""
        layout = self._current
        folder = layout.flows if self.settings.harmonise is None else layout.esi
        return chosen_classification(folder, classification, setting="classification")
