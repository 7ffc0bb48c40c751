"""Tables as CSV, text, Markdown, LaTeX and HTML; Great Tables does the last two."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from minsum.report.table import Table
from minsum.text_tables import plain_text

if TYPE_CHECKING:
    from great_tables import GT

_DECIMALS: Final = 3
_TEXT_WIDTH: Final = 160
_LATEX_POINTS: Final = "10px"
"""At 12, the default, Table 1 of twelve columns runs over the page."""
_ROWS_OF_A_PAGE: Final = 50
_CAPTION: Final = re.compile(r"\\caption\*\{\s*\{\\large (.*?)\}\s*\}", re.DOTALL)
_HYPHEN: Final = re.compile(r"(?<=[ (])-(?=[\d.])")


def render(table: Table) -> dict[str, str]:
    """A table in every form, by file suffix: csv (all digits), txt, tex, html (three decimals)."""
    return {
        "csv": table.frame.write_csv(),
        "txt": _text(table),
        "tex": as_latex(table),
        "html": as_html(table),
    }


def as_latex(table: Table) -> str:
    """A table with booktabs, its title as caption and `tab:` with its name as label; a longtable where it passes a page."""
    is_long = len(table.frame) > _ROWS_OF_A_PAGE
    text = _laid_out(table).tab_options(table_font_size=_LATEX_POINTS).as_latex(use_longtable=is_long)
    label = f"\\label{{tab:{re.sub(r'[^A-Za-z0-9]+', '-', table.name)}}}"
    captioned = _CAPTION.sub(lambda found: f"\\caption{{{found[1]}}}{label}", text)
    return _HYPHEN.sub("$-$", captioned)


def as_html(table: Table) -> str:
    """A table as a page of its own."""
    raw = _laid_out(table).as_raw_html()
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
    """Headings and rows as text, three decimals."""
    headings = [table.headings.get(name, name) for name in table.frame.columns]
    return headings, [[_cell(value) for value in row] for row in table.frame.iter_rows()]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.{_DECIMALS}f}" if isinstance(value, float) else str(value)


def _laid_out(table: Table) -> GT:
    from great_tables import GT

    floats = [name for name, dtype in table.frame.schema.items() if dtype.is_float()]
    text = [name for name in table.frame.columns[1:] if name not in floats]
    laid_out = (
        GT(table.frame, id=table.name)
        .cols_label(cases=dict(table.headings))
        .fmt_number(columns=floats, decimals=_DECIMALS)
        .sub_missing(missing_text="")
        .cols_align("center", columns=text)
    )
    if table.title:
        laid_out = laid_out.tab_header(title=table.title)
    for note in table.notes:
        laid_out = laid_out.tab_source_note(note)
    return laid_out


def _text(table: Table) -> str:
    """A plain table with its title above and its notes below."""
    headings = [table.headings.get(name, name) for name in table.frame.columns]
    text = plain_text(headings, table.frame.rows(), width=_TEXT_WIDTH)
    return "\n".join([table.title, "", text.rstrip("\n"), "", *table.notes, ""])
