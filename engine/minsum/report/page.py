"""`report/index.html`: one page that holds its data, its charts and the library that draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from minsum.report.choice import Choice, choose
from minsum.report.cube import Cube, read_cubes
from minsum.report.names import names_of
from minsum.report.options import PageOptions
from minsum.report.packed import packed
from minsum.report.quality import quality_table
from minsum.report.render import cells
from minsum.report.table import Table
from minsum.workspace import Layout

SCRIPTS: Final = ("data", "widgets", "matrix", "similarity", "splits", "data_views", "main")
MARKET_ROWS: Final = 200_000
"""Similarities within markets that the page holds, 8 bytes each before compression."""
_FOLDER: Final = Path(__file__).parent / "page"


@dataclass(slots=True)
class Blobs:
    """Packed numbers that stand in scripts of their own.

    Attributes
    ----------
    texts
        Element to text.
    """

    texts: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, values: Any) -> str:
        """Pack numbers, and return the element that will hold them."""
        element = f"packed-{name}"
        self.texts[element] = packed(np.asarray(values, dtype=np.float64))
        return element

    def table(self, name: str, frame: pl.DataFrame, labels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Pack a table; columns with labels as positions among them."""
        columns = {}
        for column in frame.columns:
            values = frame[column]
            known = labels.get(column)
            if known is not None:
                values = values.replace_strict(known, list(range(len(known))), return_dtype=pl.Float64)
            element = self.add(f"{name}-{column}", values.to_numpy())
            columns[column] = {"id": element} | ({"labels": list(known)} if known is not None else {})
        return {"columns": columns}


def exporters_of(layout: Layout, cube: Cube) -> list[str]:
    """Reporters of a classification by their exports in the last year, largest first; then the others."""
    coverage = pl.scan_parquet(layout.coverage).filter(
        pl.col("classification") == cube.classification, pl.col("year") == cube.years[-1]
    )
    ordered = coverage.sort("exports_usd", "reporter", descending=[True, False]).collect()["reporter"]
    return list(dict.fromkeys([*(one for one in ordered if one in cube.countries), *cube.countries]))


def render_page(layout: Layout, options: PageOptions, *, tables: Sequence[Table], inputs: Mapping[str, str]) -> str:
    """The page as text.

    Parameters
    ----------
    layout
        The workspace, with similarities.
    options
        What is shown first, and what is told at the foot.
    tables
        For people, as they are published beside the page.
    inputs
        Name to digest, shown at the foot.
    """
    from minsum.report.charts import COLOURS, CONFIG, DARK, STEP, page_specs

    blobs = Blobs()
    cubes = read_cubes(layout)
    vintages = [_vintage(layout, cube, options, blobs=blobs) for cube in cubes]
    markets, market_references = _markets(layout, vintages, options, blobs=blobs)
    quality = quality_table(layout)
    labels = {one for vintage in vintages for one in (*vintage["countries"], *vintage["composites"])}
    labels |= {one for column in (markets or {"columns": {}})["columns"].values() for one in column.get("labels", ())}
    estimates = _estimates(layout)
    page = {
        "specs": page_specs(),
        "config": CONFIG,
        "dark": dict(zip(COLOURS, DARK, strict=True)),
        "step": STEP,
        "names": names_of(labels),
        "vintages": vintages,
        "sections": _sections(layout, cubes, options, blobs=blobs),
        "section_titles": list(options.section_titles.items()),
        "markets": markets,
        "market_references": market_references,
        "quality": _columns(quality),
        "tables": {table.name: table.frame.write_csv() for table in tables},
        "estimates": _columns(estimates) if estimates is not None else None,
    }
    return _template().render(
        page=page,
        blobs=blobs.texts.items(),
        style=_part("style.css"),
        script=_script(),
        library=_library(),
        tables=[_told(table) for table in tables],
        has_markets=markets is not None,
        has_estimates=estimates is not None,
        inputs=inputs.items(),
        **_words(cubes, quality, options),
    )


def _vintage(layout: Layout, cube: Cube, options: PageOptions, *, blobs: Blobs) -> dict[str, Any]:
    exporters = exporters_of(layout, cube)
    choice: Choice = choose(cube, exporters, wanted=options.reporters, reference=options.reference)
    highest = np.nanquantile(np.append(cube.pairs[np.isfinite(cube.pairs)], 0.0), 0.995)
    return {
        "classification": cube.classification,
        "years": cube.years,
        "countries": cube.countries,
        "composites": cube.composites,
        "reporters": cube.reporters,
        "reference": choice.reference,
        "chosen": choice.countries,
        "leaders": choice.leaders,
        "top": max(float(np.ceil(highest * 20) / 20), 0.05),
        "pairs_id": blobs.add(f"pairs-{cube.classification}", cube.pairs),
        "composites_id": blobs.add(f"composites-{cube.classification}", cube.with_composites),
    }


def _sections(layout: Layout, cubes: Sequence[Cube], options: PageOptions, *, blobs: Blobs) -> dict[str, Any]:
    table = pl.read_parquet(layout.tables / "section_esi.parquet")
    labels = {
        "classification": [cube.classification for cube in cubes],
        "reporter": table["reporter"].unique().sort().to_list(),
        "reference": table["reference"].unique(maintain_order=True).to_list(),
        "section": list(options.section_titles),
    }
    return blobs.table("sections", table, labels)


def _markets(
    layout: Layout, vintages: Sequence[Mapping[str, Any]], options: PageOptions, *, blobs: Blobs
) -> tuple[dict[str, Any] | None, dict[str, list[str]]]:
    """Similarities within markets, of the last year, with as many references as `MARKET_ROWS` allows."""
    members = [one for names, _ in options.references.values() for one in names]
    parts, references = [], {}
    for vintage in vintages:
        kind = vintage["classification"]
        files = [path for path in layout.yearly("market_esi") if path.parent.name.endswith(f"={kind}")]
        if not files:
            continue
        last = max(files, key=lambda path: int(path.stem))
        frame = pl.read_parquet(last).select("year", "market", "reporter", "reference", "esi")
        sides = pl.concat([frame["reporter"], frame["reference"]]).value_counts()
        rows_of = dict(sides.iter_rows())
        chosen: list[str] = []
        for one in dict.fromkeys([*members, *vintage["leaders"], *vintage["countries"]]):
            if one in rows_of and (not chosen or sum(map(rows_of.__getitem__, [*chosen, one])) <= MARKET_ROWS):
                chosen.append(one)
        references[kind] = chosen
        kept = frame.filter(pl.col("reporter").is_in(chosen) | pl.col("reference").is_in(chosen))
        parts.append(kept.with_columns(classification=pl.lit(kind)))
    if not parts:
        return None, {}
    table = pl.concat(parts)
    text = [name for name, dtype in table.schema.items() if dtype == pl.String]
    return blobs.table("markets", table, {name: table[name].unique().sort().to_list() for name in text}), references


def _estimates(layout: Layout) -> pl.DataFrame | None:
    files = sorted(layout.estimates.glob("*.parquet"), key=lambda path: (path.stem != "main", path.stem))
    return pl.concat([pl.read_parquet(path) for path in files], how="diagonal") if files else None


def _columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """Columns as JSON holds them: what is not finite becomes null."""
    finite = [pl.when(pl.col(name).is_finite()).then(name).alias(name) for name, dtype in frame.schema.items() if dtype.is_float()]
    return frame.with_columns(finite).to_dict(as_series=False)


def _told(table: Table) -> dict[str, Any]:
    headings, rows = cells(table)
    return {"name": table.name, "title": table.title, "notes": table.notes, "headings": headings, "rows": rows}


def _words(cubes: Sequence[Cube], quality: pl.DataFrame, options: PageOptions) -> dict[str, Any]:
    esi = options.settings.get("esi", {})
    years = sorted({year for cube in cubes for year in cube.years})
    span = str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"
    basis = {"X": "total exports (re-exports included)", "DX": "domestic exports", "X-RX": "exports less re-exports"}
    level, kept = esi.get("level", 6), esi.get("residual", "exclude")
    residual = {
        "exclude": "left out of numerator and denominator",
        "keep": "kept as products",
        "denominator": "counted in the total only",
    }
    n_pairs = sum(int(np.isfinite(cube.pairs).sum()) for cube in cubes)
    countries = {one for cube in cubes for one in cube.countries}
    facts = [
        ("countries", f"{len(countries):,}"),
        (f"{len(years)} years" if len(years) > 1 else "the year", span.replace(" to ", "–")),
        ("pairs of countries compared", f"{n_pairs:,}"),
        ("classification", ", ".join(cube.classification for cube in cubes)),
        ("exports in the last year", f"{_last_exports(quality, years[-1]):,.1f} tn USD"),
    ]
    digits = f"{level}-digit"
    return {
        "span": span,
        "facts": [{"label": label, "value": value} for label, value in facts],
        "product_words": f"{digits} products",
        "definition": (
            f"ESI of country i with reference r in year t: the sum over {digits} HS products of the smaller of the two "
            f"export shares. Basis: {basis[esi.get('basis', 'X')]}. Residual codes 9999xx: {residual[kept]}. Countries "
            "are compared only within one classification and year; a country without data is missing, not zero."
        ),
        "residual_words": residual[kept],
        "conversion_note": "Figures are compared in the classification in which they came.",
        "references": [_composite_words(name, *one) for name, one in sorted(options.references.items())],
        "settings": sorted(_flat(options.settings)),
        "versions": sorted(options.versions.items()),
    }


def _last_exports(quality: pl.DataFrame, year: int) -> float:
    rows = quality.filter(pl.col("year") == year, ~pl.col("is_group")).unique("reporter", maintain_order=True)
    return float(rows["exports_usd"].sum()) / 1e12


def _composite_words(name: str, members: Sequence[str], rule: str) -> str:
    of = ", ".join(names_of(members).values()) or "every reporter of the year"
    return f"Reference {name}: rule {rule}, of {of}."


def _flat(settings: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", _setting(value)))
    return found


def _setting(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    return str(value or "empty") if value != 0 else "0"


def _part(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _script() -> str:
    return "(() => {\n" + "\n".join(_part(f"{name}.js") for name in SCRIPTS) + "})();"


@cache
def _library() -> str:
    """Vega and what embeds it, for a script element."""
    import vl_convert

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")


def _template() -> Any:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["raw"] = Markup
    return environment.from_string(_part("index.html"))
