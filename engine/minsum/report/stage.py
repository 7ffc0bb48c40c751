"""Stage `report`: makes the missing and stale tables, figures and page."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from minsum.errors import MinsumError
from minsum.report.file_digests import ReportFiles
from minsum.report.inputs import Inputs, wanted_figures, wanted_tables
from minsum.report.options import PageOptions
from minsum.workspace.checksums import prove
from minsum.workspace.footers import digest
from minsum.workspace.layout import Layout
from minsum.workspace.marks import Mark, Plan

if TYPE_CHECKING:
    from minsum.report.choice import Shown
    from minsum.report.table import Table

log = logging.getLogger("minsum")

RECIPE: Final = "page-3"


@dataclass(slots=True)
class PageReport:
    """Result of the stage.

    Attributes
    ----------
    changed
        Whether anything was written or removed.
    not_drawn
        Figure to why there was nothing to draw.
    failed
        Part of the report, such as a figure, to what went wrong with it.
    """

    changed: bool = False
    not_drawn: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@contextmanager
def attempt(part: str, report: PageReport) -> Iterator[None]:
    """Record an unexpected error of one part of the report, so that the other parts are still made.

    Errors of minsum (a damaged file) and of the machine (a full disk) are raised.
    """
    try:
        yield
    except (MinsumError, OSError, MemoryError):
        raise
    except Exception as error:
        log.debug("report: %s", part, exc_info=error)
        report.failed[part] = f"{type(error).__name__}: {str(error).strip() or 'no message'}"


def report_plan(layout: Layout, options: PageOptions, inputs: Inputs) -> Plan:
    """Files of the report that are missing, changed, stale or no longer wanted."""
    return ReportFiles(layout).plan(_wanted(layout, options, inputs))


def _wanted(layout: Layout, options: PageOptions, inputs: Inputs) -> dict[Path, Mark]:
    wanted = wanted_tables(layout, options, inputs) | wanted_figures(layout, options, inputs)
    if inputs.esi:  # without two countries to compare the page says so
        chosen = digest([_parts(), options.recorded()])
        wanted[layout.page] = Mark("report index.html", RECIPE, chosen, inputs.digests())
    return wanted


def write_report(layout: Layout, options: PageOptions, inputs: Inputs) -> PageReport:
    """Bring the files of the report up to date, and remove files that are no longer wanted.

    A part that fails does not stop the others; the next run tries it again.

    Raises
    ------
    DataCheckError
        If an input is damaged.
    """
    report = PageReport()
    files = ReportFiles(layout)
    plan = files.plan(_wanted(layout, options, inputs))
    if plan.redo:
        _make(layout, options, inputs, plan=plan, files=files, report=report)
    for path in plan.remove:
        files.remove(path)
    report.changed = bool(plan.redo or plan.remove)
    return report


def _make(
    layout: Layout,
    options: PageOptions,
    inputs: Inputs,
    *,
    plan: Plan,
    files: ReportFiles,
    report: PageReport,
) -> None:
    prove(_read_by(layout, inputs))
    tables: list[Table] | None = None
    with attempt("tables", report):
        tables = _tables(layout, options, inputs)
        _publish_tables(layout, tables, plan=plan, files=files)
    if not any(path in plan.redo for path in _with_similarities(plan)):
        return
    shown: list[Shown] = []
    with attempt("page", report):
        from minsum.report.choice import read_shown

        shown = read_shown(layout, options)
        if layout.page in plan.redo:
            from minsum.report.page import render_page

            tables = _tables(layout, options, inputs) if tables is None else tables
            page = render_page(layout, shown, options=options, tables=tables, inputs=inputs.digests())
            files.publish(layout.page, page.encode(), plan.wanted[layout.page])
    _publish_figures(layout, shown, plan=plan, files=files, report=report)


def _tables(layout: Layout, options: PageOptions, inputs: Inputs) -> list[Table]:
    from minsum.report.paper_tables import make_tables

    if inputs.panel is None:
        return []
    return make_tables(layout, options.reporters, list(inputs.estimates), is_paper=options.is_paper)


def _read_by(layout: Layout, inputs: Inputs) -> list[Path]:
    """Files that the report reads."""
    single = {layout.coverage: inputs.coverage, layout.panel: inputs.panel}
    last_markets = {path.parent: path for path in sorted(inputs.markets)}
    there = [path for path, mark in single.items() if mark is not None]
    return [
        *inputs.esi,
        *inputs.sections,
        *last_markets.values(),
        *there,
        *(layout.estimate(name) for name in inputs.estimates),
    ]


def _with_similarities(plan: Plan) -> list[Path]:
    """The page and the figures."""
    return [path for path in plan.wanted if path.name == "index.html" or path.suffix in (".svg", ".png")]


def _publish_tables(layout: Layout, tables: list[Table], *, plan: Plan, files: ReportFiles) -> None:
    for table in tables:
        if any(path.stem == table.name and path.parent == layout.tables for path in plan.redo):
            from minsum.report.render import render

            for form, text in render(table).items():
                path = layout.tables / f"{table.name}.{form}"
                if path in plan.redo:
                    files.publish(path, text.encode(), plan.wanted[path])


def _parts() -> list[str]:
    """Template, style and scripts of the page, and versions of the drawing libraries."""
    files = sorted((Path(__file__).parent / "page").iterdir())
    drawing = ("altair", "great-tables", "vl-convert-python")
    return [file.read_text(encoding="utf-8") for file in files if file.is_file()] + [
        version(name) for name in drawing
    ]


def _publish_figures(
    layout: Layout, shown: Sequence[Shown], *, plan: Plan, files: ReportFiles, report: PageReport
) -> None:
    """Draw the stale figures, of the last classification; remove a figure that cannot be drawn, since it shows old data."""
    redo = {path for path in plan.redo if path.suffix in (".svg", ".png")}
    if not redo:
        return
    import polars as pl

    from minsum.report.figures import NothingToDrawError, drawn, figures_of
    from minsum.report.paper_tables import bloc_notes

    main = layout.estimate("main")
    is_shown = layout.tables / "estimates.svg" in plan.wanted
    estimates = pl.read_parquet(main, glob=False) if is_shown else None
    notes = bloc_notes(layout) if is_shown else []
    figures = figures_of(shown[-1].cube, shown[-1].choice, estimates, notes) if shown else {}
    for name in sorted({path.stem for path in redo}):
        paths = {form: layout.tables / f"{name}.{form}" for form in ("svg", "png")}
        if name not in figures:  # the similarities could not be read, and the run says so
            _remove(paths.values(), files)
            continue
        with attempt(f"figure {name}", report):
            try:
                svg, png = drawn(figures[name]())
            except NothingToDrawError as reason:
                report.not_drawn[name] = str(reason)
                for path in paths.values():
                    files.leave_out(path, plan.wanted[path], str(reason))
                continue
            for form, content in {"svg": svg.encode(), "png": png}.items():
                if (path := paths[form]) in redo:
                    files.publish(path, content, plan.wanted[path])
        if f"figure {name}" in report.failed:
            _remove(paths.values(), files)


def _remove(paths: Iterable[Path], files: ReportFiles) -> None:
    for path in paths:
        files.remove(path)
