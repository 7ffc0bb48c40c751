"""Tables as text within a width: no figure is ever cut; and results that show themselves as such tables.

Long texts wrap; columns that do not fit beside each other stand in blocks below each other, each beginning with the
columns that name the row.
"""

from __future__ import annotations

import html
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import polars as pl

_GAP: Final = 2
"""Blanks after a column."""

_WRAPS_FROM: Final = 18
"""Texts up to this width stay on one line; longer ones wrap, down to it."""

_MOST_KEYS: Final = 3
"""Columns at the left that name the row, and stand in every block."""

_WIDTH_SHOWN: Final = 100
_ROWS_SHOWN: Final = 25
"""Size of a table in the `repr` of a result; all 21 sections of the HS fit."""


class Shown:
    """Base of results: `repr` is their tables as text, and a notebook shows them as HTML."""

    __slots__ = ()

    def _shown(self) -> Iterator[str | pl.DataFrame]:
        """Lines and tables, in the order in which they are read."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return "\n".join(part if isinstance(part, str) else _as_text(part) for part in self._shown())

    def _repr_html_(self) -> str:
        return "".join(
            f"<p>{html.escape(part)}</p>" if isinstance(part, str) else part.head(_ROWS_SHOWN)._repr_html_() + _rest(part)
            for part in self._shown()
        )  # fmt: skip


def _as_text(table: pl.DataFrame) -> str:
    text = plain_text(table.columns, table.head(_ROWS_SHOWN).rows(), width=_WIDTH_SHOWN)
    return f"{text.rstrip()}\n{_rest(table)}"


def _rest(table: pl.DataFrame) -> str:
    more = len(table) - _ROWS_SHOWN
    return f"... and {more:,} more rows\n" if more > 0 else ""


def plain_text(columns: Sequence[str], rows: Sequence[Sequence[object]], *, width: int) -> str:
    """As `text_tables`, as lines of text without colours; each block ends with an empty line."""
    page = io.StringIO()
    # in a notebook, rich would show the text and leave the file empty
    console = Console(file=page, width=width, color_system=None, emoji=False, force_jupyter=False)
    for block in text_tables(columns, rows, width=width):
        console.print(block)
        console.print()
    return "".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines())


def text_tables(columns: Sequence[str], rows: Sequence[Sequence[object]], *, width: int) -> list[Table]:
    """A table as one block, or several where it is wider than the page.

    Parameters
    ----------
    columns
        Headings.
    rows
        Values; numbers stand right and never wrap.
    width
        Of the page, in characters.
    """
    is_number = [_is_number([row[k] for row in rows]) for k in range(len(columns))]
    texts = [[cell(value) for value in row] for row in rows]
    natural = [
        max([cell_len(columns[k]), *(_longest_line(row[k]) for row in texts)]) for k in range(len(columns))
    ]
    least = [
        width_of if number else min(width_of, _WRAPS_FROM)
        for width_of, number in zip(natural, is_number, strict=True)
    ]
    names_row = [not number or _is_year([row[k] for row in rows]) for k, number in enumerate(is_number)]
    blocks = column_blocks(least, names_row, width, gap=_GAP)
    tables = []
    for block in blocks:
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for k in block:
            table.add_column(
                Text(columns[k]), overflow="fold", min_width=min(least[k], width), no_wrap=least[k] == natural[k] < width,
                justify="right" if is_number[k] else "left",
            )  # fmt: skip
        for row in texts:
            table.add_row(*(Text(row[k]) for k in block))  # as it is: "[panel]" in a str would be markup
        tables.append(table)
    return tables


def cell(value: object) -> str:
    """A value for people: three decimals, or three digits where these would be zeros."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3g}" if 0 < abs(value) < 0.0005 else f"{value:,.3f}"
    return str(value)


def listed(names: Sequence[str]) -> str:
    """The first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _is_number(values: Sequence[object]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, int | float) for value in known)


def _is_year(values: Sequence[object]) -> bool:
    return all(isinstance(value, int) and 1900 <= value <= 2200 for value in values)


def _longest_line(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)


def column_blocks(
    widths: Sequence[float], names_row: Sequence[bool], room: float, *, gap: float
) -> list[list[int]]:
    """Columns of each block of a table: the first ones that name the row, then as many others as fit, at least one.

    Parameters
    ----------
    widths
        Width of each column, in any unit.
    names_row
        Whether each column can name the row.
    room, gap
        Width of the page and of the space after a column, in the same unit.
    """
    if sum(widths) + gap * (len(widths) - 1) <= room:
        return [list(range(len(widths)))]
    keys = [0]
    while (
        len(keys) < min(_MOST_KEYS, len(widths) - 1)
        and names_row[len(keys)]
        and sum(widths[: len(keys) + 1]) <= room // 2
    ):
        keys.append(len(keys))
    used = sum(widths[k] + gap for k in keys)
    blocks: list[list[int]] = []
    left = -1.0
    for k in range(len(keys), len(widths)):
        if not blocks or widths[k] > left:
            blocks.append([*keys])
            left = room - used
        blocks[-1].append(k)
        left -= widths[k] + gap
    return blocks or [keys]
