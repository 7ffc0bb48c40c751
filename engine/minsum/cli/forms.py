"""Tables in the form a command was asked for: text, CSV, JSON, Markdown, LaTeX or HTML."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import polars as pl

    from minsum.cli.console import Console
    from minsum.report.table import Table

PAPER_FORMS: Final = ("markdown", "latex", "html")
"""Forms for papers: title, table and notes."""

MOST_ROWS: Final = 15
"""Rows shown to people of a table that may have thousands."""

_ROWS_AT_ONCE: Final = 10_000
"""Rows of CSV that are written at a time."""


def form_of(console: Console, form: str | None) -> str:
    """The form asked for; by default text on a terminal, JSON with `--log-format json`, CSV elsewhere."""
    return form or ("text" if console.out.is_terminal else "json" if console.is_json else "csv")


def answer(console: Console, tables: Sequence[Table], form: str | None) -> None:
    """Print tables that a command was asked for. In CSV and JSON their notes go to stderr."""
    form = form_of(console, form)
    for table in tables:
        if form in PAPER_FORMS:
            from minsum.report import render

            console.write(getattr(render, f"as_{form}")(table))
            continue
        answer_rows(console, table.title, table.frame.columns, table.frame.rows(), form)
        for note in table.notes:
            if form == "text":
                console.print(f"  {note}")
            else:
                console.aside(note)


def answer_frame(
    console: Console, name: str, title: str, frame: pl.DataFrame, notes: tuple[str, ...], form: str | None
) -> None:
    """Print one frame as `answer` does."""
    from minsum.report.table import Table

    answer(console, [Table(name, title, frame, notes)], form)


def answer_rows(
    console: Console, title: str, columns: list[str], rows: Sequence[Sequence[Any]], form: str
) -> None:
    """Print rows as text, JSON or CSV."""
    if form == "text":
        print_table(console, title, columns, rows)
    elif form == "json":
        print_json(console, [dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_csv(console, [columns])
        print_csv(console, rows)


def print_csv(console: Console, rows: Sequence[Sequence[Any]]) -> None:
    """Print rows as CSV."""
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows[first : first + _ROWS_AT_ONCE])
        console.write(text.getvalue())


def print_json(console: Console, value: Any, *, indent: int | None = None) -> None:
    """Print a value as JSON; with `--log-format json` on one line."""
    text = json.dumps(value, indent=None if console.is_json else indent, default=str)
    console.write(text + "\n")


def print_mapping(console: Console, values: dict[str, Any]) -> None:
    """Print names and values, one a line."""
    if console.is_json:
        print_json(console, values)
        return
    for name, value in values.items():
        console.print(f"{name:22} {value}")


def print_first_rows(
    console: Console,
    title: str,
    columns: list[str],
    rows: Sequence[Sequence[Any]],
    all_by: str = "--json",
) -> None:
    """Print the first rows as text, and the option that shows all."""
    print_table(console, title, columns, rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        console.print(f"  ... and {len(rows) - MOST_ROWS:,} more: {all_by} shows all")


def print_table(console: Console, title: str, columns: list[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a table as text, no wider than the terminal."""
    from minsum.text_tables import text_tables

    console.stop()
    if title:
        console.out.print(title, style="italic", markup=False, highlight=False, soft_wrap=True)
    for number, table in enumerate(text_tables(columns, list(rows), width=console.out.width)):
        if number:
            console.out.print("")
        console.out.print(table)
