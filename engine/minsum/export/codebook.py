"""The codebook of a release, one page as Markdown and as HTML: every column, its unit and meaning, and what was compared how."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from minsum.export.options import ExportOptions
from minsum.export.stata import stata_names
from minsum.export.writers import Written

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;margin:1rem 0;display:block;overflow-x:auto}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd}"
    "code{background:#f4f4f4;padding:0 .2rem}"
)


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with what stands below it.

    Attributes
    ----------
    heading, level
        Its text, and 1 for the page's title.
    lines
        Paragraphs.
    columns, rows
        A table; empty for none.
    """

    heading: str
    level: int
    lines: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def codebook(tables: Sequence[Written], options: ExportOptions, coverage: pl.DataFrame | None) -> list[Part]:
    """The parts of the page.

    Parameters
    ----------
    tables
        Of the release.
    options
        For the title, the settings and the versions.
    coverage
        The table of this name; None where there is none.
    """
    about = [
        Part(f"Codebook: {options.cited.title}", 1, [
            "Definitions of the measures: Finger and Kreinin (1979), Economic Journal 89, 905-912; minsum's documentation, "
            "page Definitions. Every figure is computed by minsum from the files that provenance.json lists; covariates are "
            "their publishers'. Missing values are empty in CSV and null in Parquet; in Stata a missing number is . and a missing text is empty.",
        ]),
    ]  # fmt: skip
    settings = [[name, json.dumps(value, ensure_ascii=False)] for name, value in flat(options.settings)]
    made = [
        Part("Settings", 2, ["What decides the figures, as in minsum.toml."], ["setting", "value"], settings),
        Part("Versions", 2, (), ["program", "version"], [[*one] for one in options.versions.items()]),
    ]
    return [*about, *(_table(one) for one in tables), *_coverage(coverage), *made]


def _table(written: Written) -> Part:
    table = written.table
    names = stata_names(one.name for one in table.columns)
    size = f"{written.rows:,} rows"
    if written.years is not None:
        size += f", {written.years[0]} to {written.years[1]}"
    if written.n_reporters:
        size += f", {written.n_reporters} countries"
    lines = [f"{table.title}.", f"{size}. A row is named by {', '.join(table.key)}.", *table.notes]
    files = ", ".join(file.path for file in written.files)
    columns = ["column", "in Stata", "type", "unit", "meaning"]
    rows = [[one.name, names[one.name], one.dtype, one.unit, one.about] for one in table.columns]
    return Part(table.name, 2, [*lines, f"Files: {files}"], columns, rows)


def _coverage(coverage: pl.DataFrame | None) -> Iterator[Part]:
    """Countries with exports, by HS vintage and year."""
    if coverage is None:
        return
    counts = (
        coverage.group_by("classification", "year")
        .agg(
            countries=(pl.col("n_products") > 0).sum(),
            exports_bn_usd=(pl.col("exports_usd").sum() / 1e9).round(1),
        )
        .sort("classification", "year")
    )
    lines = [
        "Countries with exports to the World, by the HS vintage that they filed; country by country: table coverage."
    ]
    rows = [[str(value) for value in row] for row in counts.iter_rows()]
    yield Part("Coverage", 2, lines, ["classification", "year", "countries", "exports, bn USD"], rows)


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as one list: their paths, joined by dots, and values."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from flat(inner, f"{path}.{name}" if path else name)
    elif path:
        yield path, value


def as_markdown(parts: Sequence[Part]) -> str:
    """The page as Markdown, with tables as GitHub writes them."""
    lines: list[str] = []
    for part in parts:
        lines += [f"{'#' * part.level} {part.heading}", ""]
        for text in part.lines:
            lines += [text, ""]
        if part.columns:
            lines += [
                _row(part.columns),
                "|" + "---|" * len(part.columns),
                *(_row(row) for row in part.rows),
                "",
            ]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def as_html(parts: Sequence[Part]) -> str:
    """The page as HTML, without anything from elsewhere."""
    lines = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(parts[0].heading)}</title><style>{_STYLE}</style></head><body>",
    ]
    for part in parts:
        lines.append(f"<h{part.level}>{html.escape(part.heading)}</h{part.level}>")
        lines += [f"<p>{html.escape(text)}</p>" for text in part.lines]
        if part.columns:
            head = "".join(f'<th scope="col">{html.escape(one)}</th>' for one in part.columns)
            body = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in part.rows)
            lines += [
                f"<table><thead><tr>{head}</tr></thead><tbody>",
                *(f"<tr>{row}</tr>" for row in body),
                "</tbody></table>",
            ]
    return "\n".join([*lines, "</body></html>", ""])
