"""Tables as CSV, text, Markdown, LaTeX and HTML; Great Tables makes the HTML."""

from __future__ import annotations

import html
from typing import Final

import polars as pl

from minsum.report.latex import Columns, latex_table
from minsum.report.table import Table
from minsum.text_tables import cell, plain_text

_TEXT_WIDTH: Final = 160
_LONGEST_CENTRED: Final = 24
"""Letters up to which the texts of a column are centred; longer ones stand left."""


def render(table: Table) -> dict[str, str]:
    """A table in every form, by file suffix: csv (all digits), txt, tex, html (three decimals)."""
    return {
        "csv": table.frame.write_csv(),
        "txt": _text(table),
        "tex": as_latex(table),
        "html": as_html(table),
    }


def as_latex(table: Table) -> str:
    """A table with booktabs that fits the page of an article (`report.latex`)."""
    headings, rows = cells(table)
    columns = Columns(headings, rows, _aligned(table, rows), table.ruled)
    return latex_table(columns, title=table.title, name=table.name, notes=table.notes)


def as_html(table: Table) -> str:
    """A table as a page of its own."""
    from great_tables import GT, loc, style

    headings, rows = cells(table)
    names = table.frame.columns
    signed = [[one.replace("-", "−") if _is_negative(one) else one for one in row] for row in rows]
    laid_out = GT(pl.DataFrame(signed, schema=dict.fromkeys(names, pl.String), orient="row"), id=table.name)
    laid_out = laid_out.cols_label(cases=dict(zip(names, headings, strict=True)))
    sides = {"l": "left", "c": "center", "r": "right"}
    for letter, side in sides.items():
        there = [name for name, one in zip(names, _aligned(table, rows), strict=True) if one == letter]
        laid_out = laid_out.cols_align(side, columns=there) if there else laid_out
    if table.ruled:
        above = style.borders(sides="top", color="#A8A8A8", weight="1px")
        laid_out = laid_out.tab_options(table_body_hlines_style="none")
        laid_out = laid_out.tab_style(style=above, locations=loc.body(rows=list(table.ruled)))
    if table.title:
        laid_out = laid_out.tab_header(title=table.title)
    for note in table.notes:
        laid_out = laid_out.tab_source_note(note)
    raw = laid_out.as_raw_html()
    return f"<!DOCTYPE html>\n<meta charset='utf-8'>\n<title>{html.escape(table.title)}</title>\n{raw}\n"


def as_markdown(table: Table) -> str:
    """A table as GitHub and pandoc write it, its title above and its notes below."""
    headings, rows = cells(table)
    numbers = [dtype.is_numeric() for dtype in table.frame.dtypes]
    lines = [headings, ["---:" if number else "---" for number in numbers], *rows]
    body = "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
    parts = [f"**{table.title}**" if table.title else "", body, *table.notes]
    return "\n\n".join(filter(None, parts)) + "\n"


def cells(table: Table) -> tuple[list[str], list[list[str]]]:
    """Headings and rows as text for papers: with labels, three decimals, or three digits where these would be zeros."""
    headings = [table.headings.get(name, name) for name in table.frame.columns]
    rows = [[cell(value) for value in row] for row in table.frame.iter_rows()]
    return headings, [[table.labels.get(one, one) for one in row] for row in rows]


def _aligned(table: Table, rows: list[list[str]]) -> list[str]:
    """`r` for numbers, `l` for the first column and long texts, `c` for short ones."""
    return [
        "r" if dtype.is_numeric()
        else "l" if not place or any(len(row[place]) > _LONGEST_CENTRED for row in rows)
        else "c"
        for place, dtype in enumerate(table.frame.dtypes)
    ]  # fmt: skip


def _is_negative(text: str) -> bool:
    """Whether a text is a negative number, alone or in brackets."""
    return text.lstrip("(")[:1] == "-" and text.lstrip("(")[1:2].isdigit()


def _text(table: Table) -> str:
    """A plain table with its title above and its notes below."""
    headings = [table.headings.get(name, name) for name in table.frame.columns]
    text = plain_text(headings, table.frame.rows(), width=_TEXT_WIDTH)
    return "\n".join([table.title, "", text.rstrip("\n"), "", *table.notes, ""])
