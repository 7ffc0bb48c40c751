"""A table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from minsum.text_tables import Shown


@dataclass(frozen=True, slots=True, repr=False)
class Table(Shown):
    """A table for people.

    Attributes
    ----------
    name, title
        File stem, and what it shows.
    frame
        Rows and columns, values unrounded.
    notes
        Lines below the table.
    headings
        Column to its heading, if that is not its name.
    ruled
        Rows above which a line stands; if there are any, the HTML has no line above other rows.
    labels
        Name in a cell to the label that replaces it in LaTeX, HTML and Markdown.
    """

    name: str
    title: str
    frame: pl.DataFrame
    notes: tuple[str, ...]
    headings: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    ruled: tuple[int, ...] = ()

    def _shown(self) -> Iterator[str | pl.DataFrame]:
        yield self.title
        yield self.frame.rename(dict(self.headings), strict=False)
        yield from self.notes
