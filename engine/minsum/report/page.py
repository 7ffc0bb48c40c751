"""Renders `report/index.html`: one file with its data, its charts and the charting library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from minsum.countries.short_names import names_of, other_names
from minsum.report.choice import Shown
from minsum.report.options import SECTION_TITLES, PageOptions
from minsum.report.page_text import page_words
from minsum.report.paper_tables import bloc_notes
from minsum.report.payload import (
    Blobs,
    classification_record,
    columns_of,
    estimate_rows,
    market_table,
    section_table,
)
from minsum.report.placing import world_map
from minsum.report.quality import quality_table
from minsum.report.render import cells
from minsum.report.table import Table
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_file

SCRIPTS: Final = (
    "data", "names", "widgets", "figure", "plane", "world", "neighbours", "picture", "matrix", "time", "ranks", "splits",
    "data_views", "main",
)  # fmt: skip
_FOLDER: Final = Path(__file__).parent / "page"


def render_page(
    layout: Layout,
    shown: Sequence[Shown],
    *,
    options: PageOptions,
    tables: Sequence[Table],
    inputs: Mapping[str, str],
) -> str:
    """The page as text.

    Parameters
    ----------
    layout
        The workspace.
    shown
        Similarities by classification; empty if no two countries can be compared.
    options
        Defaults, and the settings at the foot.
    tables
        Tables as published beside the page.
    inputs
        Name to digest, shown at the foot.
    """
    blobs = Blobs()
    quality = quality_table(layout)
    page = _data(layout, shown, options=options, blobs=blobs)
    page["quality"] = columns_of(quality)
    page["tables"] = {table.name: table.frame.write_csv() for table in tables}
    return str(
        _template().render(
            page=page,
            blobs=blobs.texts.items(),
            style=_part("style.css"),
            script=_script(),
            library=_library(),
            tables=[_told(table) for table in tables],
            inputs=inputs.items(),
            bloc_notes=bloc_notes(layout) if "panel" in inputs else [],
            **page_words([one.cube for one in shown], quality, options),
        )
    )


def _data(layout: Layout, shown: Sequence[Shown], *, options: PageOptions, blobs: Blobs) -> dict[str, Any]:
    """Data of the scripts, without coverage and tables; large numbers go into blobs."""
    from minsum.report.charts import COLOURS, CONFIG, DARK, STEP, page_specs

    classifications = [classification_record(one, options, blobs) for one in shown]
    markets = market_table(layout, shown, options=options, blobs=blobs)
    sections = section_table(layout, shown, blobs=blobs) if shown else None
    estimates = estimate_rows(layout, options.estimates)
    labels = {label for one in classifications for label in (*one["countries"], *one["composites"])}
    return {
        "specs": page_specs(),
        "config": CONFIG,
        "dark": dict(zip(COLOURS, DARK, strict=True)),
        "step": STEP,
        "names": names_of(labels.union(markets["columns"]["market"]["labels"] if markets else ())),
        "other_names": other_names(labels),
        "map": world_map() if shown else None,
        "colours": COLOURS,
        "classifications": classifications,
        "sections": sections,
        "section_titles": list(SECTION_TITLES.items()),
        "markets": markets,
        "estimates": columns_of(estimates) if estimates is not None else None,
    }


def _told(table: Table) -> dict[str, Any]:
    headings, rows = cells(table)
    return {
        "name": table.name,
        "title": table.title,
        "notes": table.notes,
        "headings": headings,
        "rows": rows,
    }


def _part(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _script() -> str:
    return "(() => {\n" + "\n".join(_part(f"{name}.js") for name in SCRIPTS) + "})();"


@cache
def _library() -> str:
    """Vega and what embeds it, for a script element.

    Kept beside the compiled code, where that may be written: a bundle takes 1.8 s, a third of a small run.
    """
    import vl_convert

    kept = Path(__file__).parent / "__pycache__" / f"vega-{version('vl-convert-python')}.js"
    with suppress(OSError):
        return kept.read_text(encoding="utf-8")
    made = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
    with suppress(OSError):
        kept.parent.mkdir(exist_ok=True)
        own = kept.with_name(f"{uuid4().hex}.js")
        own.write_text(made, encoding="utf-8")
        publish_file(own, kept)
    return made


@cache
def _template() -> Any:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["raw"] = Markup
    environment.policies["json.dumps_kwargs"] = {
        "sort_keys": False,
        "allow_nan": False,
        "separators": (",", ":"),
    }
    return environment.from_string(_part("index.html"))
