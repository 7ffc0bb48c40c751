"""Stage `report`: tables, the page and its figures, each only where something changed."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from minsum.marks import Mark, Plan
from minsum.proof import prove
from minsum.report.files import ReportFiles
from minsum.report.inputs import Inputs, comparable_years, wanted_figures, wanted_tables
from minsum.report.options import PageOptions
from minsum.workspace import Layout, digest

if TYPE_CHECKING:
    from minsum.report.choice import Shown
    from minsum.report.table import Table

RECIPE: Final = "page-1"


def report_plan(layout: Layout, options: PageOptions, inputs: Inputs) -> Plan:
    """Which files of the report are missing, changed or stale, and which are no longer asked for."""
    return ReportFiles(layout).plan(_wanted(layout, options, inputs))


def _wanted(layout: Layout, options: PageOptions, inputs: Inputs) -> dict[Path, Mark]:
    wanted = wanted_tables(layout, options, inputs) | wanted_figures(layout, options, inputs)
    if comparable_years(inputs):
        chosen = digest([_parts(), asdict(options)])
        wanted[layout.page] = Mark("report index.html", RECIPE, chosen, inputs.told())
    return wanted


def write_report(layout: Layout, options: PageOptions, inputs: Inputs) -> bool:
    """Bring the files of the report up to date, and remove those that are no longer asked for.

    Returns
    -------
    False when they were current.

    Raises
    ------
    DataCheckError
        If what they are made from is damaged.
    """
    files = ReportFiles(layout)
    plan = files.plan(_wanted(layout, options, inputs))
    if not plan.redo and not plan.remove:
        return False
    if plan.redo:
        _make(layout, options, inputs, plan=plan, files=files)
    for path in plan.remove:
        files.remove(path)
    return True


def _make(layout: Layout, options: PageOptions, inputs: Inputs, *, plan: Plan, files: ReportFiles) -> None:
    from minsum.report.tables import make_tables

    prove(_read_by(layout, inputs))
    names = list(inputs.estimates)
    tables = make_tables(layout, options.reporters, names) if inputs.panel is not None else []
    _publish_tables(layout, tables, plan=plan, files=files)
    if layout.page in plan.wanted and any(path in plan.redo for path in _with_similarities(plan)):
        from minsum.report.choice import read_shown

        shown = read_shown(layout, options)
        if layout.page in plan.redo:
            from minsum.report.page import render_page

            page = render_page(layout, shown, options=options, tables=tables, inputs=inputs.told())
            files.publish(layout.page, page.encode(), plan.wanted[layout.page])
        _publish_figures(layout, shown[-1], plan=plan, files=files)


def _read_by(layout: Layout, inputs: Inputs) -> list[Path]:
    """Everything that is read to make the report."""
    single = {layout.coverage: inputs.coverage, layout.sections: inputs.sections, layout.panel: inputs.panel}
    last_markets = {path.parent: path for path in sorted(inputs.markets)}
    there = [path for path, mark in single.items() if mark is not None]
    return [
        *inputs.esi,
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
    """What the page is made with: its template, style and scripts, and the versions of what draws."""
    files = sorted((Path(__file__).parent / "page").iterdir())
    drawing = ("altair", "great-tables", "vl-convert-python")
    return [file.read_text(encoding="utf-8") for file in files if file.is_file()] + [
        version(name) for name in drawing
    ]


def _publish_figures(layout: Layout, shown: Shown, *, plan: Plan, files: ReportFiles) -> None:
    redo = {path for path in plan.redo if path.suffix in (".svg", ".png")}
    if not redo:
        return
    import polars as pl

    from minsum.report.figures import drawn, figures_of

    main = layout.estimate("main")
    is_shown = layout.tables / "estimates.svg" in plan.wanted
    estimates = pl.read_parquet(main, glob=False) if is_shown else None
    for name, chart in figures_of(shown.cube, shown.choice, estimates).items():
        if any(path.stem == name for path in redo):
            svg, png = drawn(chart)
            for path, content in (
                (layout.tables / f"{name}.svg", svg.encode()),
                (layout.tables / f"{name}.png", png),
            ):
                if path in redo:
                    files.publish(path, content, plan.wanted[path])
