"""Stage `report`: tables, the page and its figures, each only where something changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.errors import MinsumError
from minsum.report.options import PageOptions
from minsum.workspace import Layout, digest, footer_digest, publish_text, staged

if TYPE_CHECKING:
    from minsum.report.choice import Shown

log = logging.getLogger("minsum")

RECIPE: Final = "page-2"


@dataclass(slots=True)
class PageReport:
    """What the stage did.

    Attributes
    ----------
    changed
        Whether anything was written.
    not_drawn
        Figure to why there was nothing to draw.
    failed
        Part of the report, such as a figure, to what went wrong with it.
    """

    changed: bool = False
    not_drawn: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def write_page(layout: Layout, options: PageOptions, report: PageReport | None = None) -> PageReport:
    """Bring `report/index.html` and the figures beside it up to date.

    A part that fails does not stop the others; it is tried again by the next run. Without two countries to
    compare the page says so. `report` is that of the parts made before.
    """
    report = report or PageReport()
    inputs = _inputs(layout)
    mark = digest([RECIPE, _parts(), inputs, asdict(options)])
    stamp, target = layout.tables / ".page-digest", layout.page
    if target.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == mark:
        return report
    from minsum.report.choice import read_shown
    from minsum.report.page import render_page
    from minsum.report.tables import make_tables

    report.changed = True
    shown: list[Shown] = []
    with attempt("page", report):
        shown = read_shown(layout, options)
        tables = (
            make_tables(layout, options.reporters, is_paper=options.is_paper)
            if layout.panel.is_file()
            else []
        )
        page = render_page(layout, shown, options=options, tables=tables, inputs=inputs)
        publish_text(page, target, layout=layout)
    _publish_figures(layout, shown, report)
    if not report.failed:
        publish_text(mark, stamp, layout=layout)
    return report


@contextmanager
def attempt(part: str, report: PageReport) -> Iterator[None]:
    """Note what goes wrong with a part of the report, so that the others are still made.

    What minsum raises on purpose (a corrupt file) and what the machine does (a full disk) is not the report's
    fault and passes through.
    """
    try:
        yield
    except (MinsumError, OSError, MemoryError):
        raise
    except Exception as error:
        log.debug("report: %s", part, exc_info=error)
        report.failed[part] = f"{type(error).__name__}: {str(error).strip() or 'no message'}"


def _parts() -> list[str]:
    """What the page is made with: its template, style and scripts, and the versions of what draws."""
    files = sorted((Path(__file__).parent / "page").iterdir())
    drawing = ("altair", "great-tables", "vl-convert-python")
    return [file.read_text(encoding="utf-8") for file in files if file.is_file()] + [
        version(name) for name in drawing
    ]


def _inputs(layout: Layout) -> dict[str, str]:
    """Name to digest of everything the page is made of."""
    found: dict[str, Any] = {
        table: digest([[path.parent.name, path.stem, footer_digest(path)] for path in layout.yearly(table)])
        for table in ("esi", "market_esi")
        if layout.yearly(table)
    }
    for path in (layout.coverage, layout.sections, layout.panel):
        if path.is_file():
            found[path.stem] = footer_digest(path)
    for path in sorted(layout.estimates.glob("*.parquet")):
        found[f"estimates/{path.stem}"] = footer_digest(path)
    return found


def _publish_figures(layout: Layout, shown: Sequence[Shown], report: PageReport) -> None:
    """Draw what the last classification gives; a figure that is not drawn anew is removed, for it shows old data."""
    import polars as pl

    from minsum.report.figures import NAMES, NothingToDrawError, drawn, figures_of
    from minsum.report.tables import bloc_notes

    main = layout.estimates / "main.parquet"
    estimates = pl.read_parquet(main, glob=False) if main.is_file() else None
    notes = bloc_notes(layout)
    figures = figures_of(shown[-1].cube, shown[-1].choice, estimates, notes) if shown else {}
    made = set()
    for name, draw in figures.items():
        with attempt(f"figure {name}", report):
            try:
                svg, png = drawn(draw())
            except NothingToDrawError as reason:
                report.not_drawn[name] = str(reason)
                continue
            publish_text(svg, layout.tables / f"{name}.svg", layout=layout)
            with staged(layout.tables / f"{name}.png", layout) as temporary:
                temporary.write_bytes(png)
            made.add(name)
    for name in set(NAMES) - made:
        for suffix in ("svg", "png"):
            (layout.tables / f"{name}.{suffix}").unlink(missing_ok=True)
