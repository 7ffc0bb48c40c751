"""A table for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True, slots=True)
class Table:
    """A table for people.

    Attributes
    ----------
    name, title
        File stem, and what it shows.
    frame
        The figures.
    notes
        What a reader must know to read them.
    headings
        What stands above a column, where it is not its name.
    """

    name: str
    title: str
    frame: pl.DataFrame
    notes: tuple[str, ...]
    headings: Mapping[str, str] = field(default_factory=dict)
