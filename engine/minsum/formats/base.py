"""What a format declares."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

ColumnName = Literal[
    "reporter_code", "year", "classification", "flow", "partner_code", "partner2_code", "product_code",
    "customs_code", "mos_code", "mot_code", "value", "after_last", "net_weight", "quantity", "quantity_unit",
    "flow_name", "frequency",
]  # fmt: skip
"""minsum's names for the columns that the row rules need; `after_last` holds nothing, or the file is damaged; `flow_name`
says which flow it is where the code is 0; `frequency` is A, or the file is refused."""

AFTER_LAST: Final = "(after the last)"
"""Name of the field that every row has and the header has not."""


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
    identity
        What else the publisher calls it by (`publications.Publication.identity`).
    """

    reporter_code: int | None = None
    year: int | None = None
    classification: str | None = None
    published: str | None = None
    identity: Mapping[str, str | None] = field(default_factory=dict)


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
    ahead
        What was read after it: blank lines and the first row, or nothing.
    """

    names: tuple[str, ...]
    separator: str
    line: str
    ahead: bytes = b""

    @property
    def folded(self) -> dict[str, str]:
        """Lower-case name to the name as written."""
        return {name.lower(): name for name in self.names}

    @property
    def n_ahead(self) -> int:
        """Fields of the first row, 0 when there is none."""
        row = self.ahead.strip(b"\r\n")
        outside_quotes = b"".join(row.split(b'"')[::2])
        return outside_quotes.count(self.separator.encode()) + 1 if row else 0


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
    absent
        Header names that a file of this format has not: with one of them it is another format.
    has_trailing_field
        Whether rows end with a separator, and so with one more field than the header has names.
    country_code
        Comtrade code of a country as the file writes it, in a year: None for a group of countries.
        None when the file holds Comtrade codes. Raises KeyError for what it does not know.
    refusal
        Why minsum does not read this format and what to use instead, or None: it does.
    refused_names
        Pattern of file names that are refused whatever the header says.
    companions
        First column names of files that ship beside the data and are passed over, separated by commas.
    figures
        Net weight, quantity and its unit, read on request; none of them is required.
    weight_scale
        Factor from the file's net weights to kg.
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
    absent: tuple[str, ...] = ()
    has_trailing_field: bool = False
    country_code: Callable[[str, int], int | None] | None = None
    refusal: tuple[str, str] | None = None
    refused_names: str | None = None
    companions: tuple[str, ...] = ()
    figures: Mapping[ColumnName, Column] = field(default_factory=dict)
    weight_scale: float = 1.0

    def carrying(self, names: Collection[str]) -> Format:
        """The format with those of its figures that are asked for among its columns."""
        wanted = {name: column for name, column in self.figures.items() if name in names}
        return replace(self, columns={**self.columns, **wanted}) if wanted else self

    def fits(self, header: Header) -> bool:
        """Whether every required column is there, and none of another format."""
        have = header.folded
        needed = [*self.signature, *(one.source for one in self.columns.values() if one.required)]
        return all(name.lower() in have for name in needed) and not any(
            name.lower() in have for name in self.absent
        )

    def refuses(self, file_name: str) -> bool:
        """Whether a file of this name is refused, whatever its header."""
        return self.refused_names is not None and bool(
            re.search(self.refused_names, file_name, re.IGNORECASE)
        )

    def settle(self, header: Header) -> Header:
        """The header with a name for the field after the last, where rows have one."""
        if self.has_trailing_field and header.n_ahead == len(header.names) + 1:
            return replace(header, names=(*header.names, AFTER_LAST))
        return header

    def present(self, header: Header) -> dict[ColumnName, str]:
        """minsum's name to the name as the file writes it, for the columns that exist."""
        have = header.folded
        return {
            name: have[column.source.lower()]
            for name, column in self.columns.items()
            if column.source.lower() in have
        }
