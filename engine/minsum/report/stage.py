"""Stage `report`: tables, the page and its figures, each only where something changed."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.report.options import PageOptions
from minsum.workspace import Layout, digest, footer_digest, publish_text, staged

if TYPE_CHECKING:
    from minsum.report.choice import Shown

RECIPE: Final = "page-1"


def write_page(layout: Layout, options: PageOptions) -> bool:
    """Bring `report/index.html` and the figures beside it up to date.

    Returns
    -------
    False when they were current, or when no two countries can be compared.
    """
    inputs = _inputs(layout)
    mark = digest([RECIPE, _parts(), inputs, asdict(options)])
    stamp, target = layout.tables / ".page-digest", layout.page
    if target.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == mark:
        return False
    from minsum.report.choice import read_shown
    from minsum.report.page import render_page
    from minsum.report.tables import make_tables

    shown = read_shown(layout, options)
    if not shown:
        return False
    tables = make_tables(layout, options.reporters) if layout.panel.is_file() else []
    page = render_page(layout, shown, options=options, tables=tables, inputs=inputs)
    publish_text(page, target, layout=layout)
    _publish_figures(layout, shown[-1])
    publish_text(mark, stamp, layout=layout)
    return True


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


def _publish_figures(layout: Layout, shown: Shown) -> None:
    import polars as pl

    from minsum.report.figures import drawn, figures_of

    main = layout.estimates / "main.parquet"
    estimates = pl.read_parquet(main) if main.is_file() else None
    for name, chart in figures_of(shown.cube, shown.choice, estimates).items():
        svg, png = drawn(chart)
        publish_text(svg, layout.tables / f"{name}.svg", layout=layout)
        with staged(layout.tables / f"{name}.png", layout) as temporary:
            temporary.write_bytes(png)
