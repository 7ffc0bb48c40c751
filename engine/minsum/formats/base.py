"""What a format declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

ColumnName = Literal[
    "reporter_code", "year", "classification", "flow", "partner_code", "partner2_code", "product_code",
    "customs_code", "mos_code", "mot_code", "value",
]  # fmt: skip
"""minsum's names for the columns that the row rules need."""


@dataclass(frozen=True, slots=True)
class Column:
    """One source column.

    Attributes
    ----------
    source
        Its name in the file, matched without regard to case.
    required
        Whether a file without it is not of this format; a rule applies only to a column that exists.
    """

    source: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Claims:
    """What a file's name says about its content; None where it is silent.

    Attributes
    ----------
    reporter_code, year
        Contradicting content sends the file to quarantine.
    classification
        HS vintage, `H0` to `H6`; used where the content has no such column.
    published
        Publication date, ISO `YYYY-MM-DD`.
    """

    reporter_code: int | None = None
    year: int | None = None
    classification: str | None = None
    published: str | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """First line of a file, split.

    Attributes
    ----------
    names
        Column names as written, without quotes and blanks.
    separator
        Tab, comma or semicolon: whichever splits the line into most fields.
    line
        The line itself, decoded, without its end.
    """

    names: tuple[str, ...]
    separator: str
    line: str

    @property
    def folded(self) -> dict[str, str]:
        """Lower-case name to the name as written."""
        return {name.lower(): name for name in self.names}


def _no_claims(_: str) -> Claims:
    return Claims()


@dataclass(frozen=True, slots=True)
class Format:
    """How to recognise one kind of file and read it as flows.

    Attributes
    ----------
    name
        Stable identifier, stored in footers.
    publisher
        Who stands behind the figures; two publishers are never mixed in one reporter-year.
    title
        For people.
    columns
        minsum's column name to the source column.
    claims
        Reads the file name.
    flow_codes
        Source flow code to Comtrade's flow letter; empty when they are the same.
    constant_flow
        Flow of every row, for formats without a flow column.
    value_scale
        Factor from the file's value unit to USD.
    is_complete
        True when one file holds the whole of each of its reporter-years, so that a later one replaces
        an earlier one; False when it is a slice that may be joined by others.
    is_quoted
        Whether fields may be quoted with `"`.
    has_world_rows
        False when World and TOTAL are to be summed from partners and products by definition.
    mirrors_imports
        True when each row is also the partner's import from the reporter (reconciled data).
    signature
        Further header names without which a file is another format with similar columns.
    may_lose_zeros
        Whether codes of chapters 01-09 occur with five digits (spreadsheets drop the leading zero);
        they are padded and the repair is counted.
    companions
        First column names of files that ship beside the data and are passed over.
    """

    name: str
    publisher: str
    title: str
    columns: Mapping[ColumnName, Column]
    claims: Callable[[str], Claims] = _no_claims
    flow_codes: Mapping[str, str] = field(default_factory=dict)
    constant_flow: str | None = None
    value_scale: float = 1.0
    is_complete: bool = True
    is_quoted: bool = False
    has_world_rows: bool = True
    mirrors_imports: bool = False
    signature: tuple[str, ...] = ()
    may_lose_zeros: bool = False
    companions: tuple[str, ...] = ()

    def fits(self, header: Header) -> bool:
        """Whether every required column is there."""
        have = header.folded
        needed = [*self.signature, *(one.source for one in self.columns.values() if one.required)]
        return all(name.lower() in have for name in needed)

    def present(self, header: Header) -> dict[ColumnName, str]:
        """minsum's name to the name as the file writes it, for the columns that exist."""
        have = header.folded
        return {
            name: have[column.source.lower()]
            for name, column in self.columns.items()
            if column.source.lower() in have
        }
