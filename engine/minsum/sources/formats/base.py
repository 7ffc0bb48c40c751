"""What a format declares: columns, units and claims of the file name."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal

ColumnName = Literal[
    "reporter_code", "year", "classification", "flow", "partner_code", "partner2_code", "product_code",
    "customs_code", "mos_code", "mot_code", "is_original", "value", "after_last", "net_weight", "quantity", "quantity_unit",
    "flow_name", "frequency",
]  # fmt: skip
"""minsum's names of columns. `after_last` must be empty, or the file is damaged. `flow_name` gives the flow where the
flow code is 0. `frequency` must be A, or the file is refused."""

AFTER_LAST: Final = "(after the last)"
"""Name of the field that every row has beyond the header's last."""


@lru_cache(maxsize=4096)
def folded_name(name: str) -> str:
    """Letters and digits of a column name in lower case, so that `Reporter Code`, `reporter_code` and `reporterCode`
    are equal."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


@dataclass(frozen=True, slots=True)
class Column:
    """One source column.

    Attributes
    ----------
    source
        Usual name of the column; names are compared by `folded_name`.
    also
        Other names of the column; of several in one file the first is used.
    required
        Whether a file must have the column to be of this format.
    """

    source: str
    also: tuple[str, ...] = ()
    required: bool = True

    def named_in(self, folded: Mapping[str, str]) -> str | None:
        """Name of the column as the file writes it, from `Header.folded`; None if absent."""
        return next(
            (folded[one] for one in map(folded_name, (self.source, *self.also)) if one in folded), None
        )


@dataclass(frozen=True, slots=True)
class Claims:
    """What a file's name says about its content; None where it says nothing.

    Attributes
    ----------
    reporter_code, year
        A file is rejected if its content contradicts the claim.
    classification
        HS vintage, `H0` to `H6`; used if the file has no such column.
    published
        Publication date, ISO `YYYY-MM-DD`.
    identity
        Other identifiers of the publisher (`publications.Publication.identity`).
    """

    reporter_code: int | None = None
    year: int | None = None
    classification: str | None = None
    published: str | None = None
    identity: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Header:
    """First line of a file, split into names.

    Attributes
    ----------
    names
        Column names as written, without quotes and blanks.
    separator
        Tab, comma, semicolon or bar: the one that splits the line into most fields.
    line
        The line, decoded, without its line end.
    ahead
        Text read after the header: blank lines and the first row, or nothing.
    number
        Line number of the header in the file.
    was
        Kind of file that was converted to this text; empty for text.
    file_name
        Name of the file with the header; for an archive of one file, the name inside.
    """

    names: tuple[str, ...]
    separator: str
    line: str
    ahead: bytes = b""
    number: int = 1
    was: str = ""
    file_name: str = ""

    @property
    def folded(self) -> dict[str, str]:
        """Folded names to names as written."""
        return {folded_name(name): name for name in self.names}

    @property
    def is_quoted(self) -> bool:
        """Whether names or the first row are quoted."""
        return '"' in self.line or b'"' in self.ahead

    @property
    def _first_row(self) -> list[bytes]:
        """Fields of the first row as written; empty without a row."""
        row, mark = self.ahead.strip(b"\r\n"), self.separator.encode()
        quoted = row.split(b'"')
        quoted[1::2] = [one.replace(mark, b"_") for one in quoted[1::2]]
        return b'"'.join(quoted).split(mark) if row else []

    def settled(self) -> Header:
        """The header with a name for a field that only rows have: an empty field after the last, or R's row names."""
        row = self._first_row
        if len(row) != len(self.names) + 1:
            return self
        if row[0].strip(b' "') == b"1" and row[-1].strip(b' "'):
            return replace(self, names=("", *self.names))
        return replace(self, names=(*self.names, AFTER_LAST))


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
        Publisher of the data; two publishers are never mixed in one reporter-year.
    title
        Name of the format in messages.
    columns
        minsum's column name to the source column.
    claims
        Reads the claims of a file name.
    flow_codes
        Source flow code to Comtrade's flow letter; empty if the codes are equal.
    constant_flow
        Flow of every row, for formats without a flow column.
    value_scale
        Factor from the file's value unit to USD.
    is_complete
        True if one file holds complete reporter-years, so that a later file replaces an earlier one; False if it
        is a partial file, and several add up.
    is_quoted
        Whether fields may be quoted with `"` although neither names nor first row are.
    has_world_rows
        False if World and TOTAL are summed from partners and products by definition.
    mirrors_imports
        True if each row is also the partner's import from the reporter (reconciled data).
    signature
        Further header names that a file of this format has.
    absent
        Header names that a file of this format never has.
    country_code
        Function from a country label and year to the Comtrade code, or to None for a group of countries. Raises
        KeyError for an unknown label. None if the file holds Comtrade codes.
    refusal
        Why minsum does not read this format, and what to use instead; None if minsum reads it.
    refused_names
        Pattern of file names that are refused whatever the header says.
    companions
        First column names, separated by commas, of files beside the data that are left out.
    quantities
        Net weight, quantity and its unit, read on request; none is required.
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
    country_code: Callable[[str, int], int | None] | None = None
    refusal: tuple[str, str] | None = None
    refused_names: str | None = None
    companions: tuple[str, ...] = ()
    quantities: Mapping[ColumnName, Column] = field(default_factory=dict)
    weight_scale: float = 1.0

    def carrying(self, names: Collection[str]) -> Format:
        """The format with the named quantities added to its columns."""
        wanted = {name: column for name, column in self.quantities.items() if name in names}
        return replace(self, columns={**self.columns, **wanted}) if wanted else self

    def missing(self, header: Header) -> list[Column]:
        """Required columns that the header lacks."""
        have = header.folded
        return [one for one in self.columns.values() if one.required and one.named_in(have) is None]

    def fits(self, header: Header) -> bool:
        """Whether the header has all required columns and none of another format."""
        have = header.folded
        return (
            not self.missing(header)
            and all(folded_name(name) in have for name in self.signature)
            and not any(folded_name(name) in have for name in self.absent)
        )

    def refuses(self, file_name: str) -> bool:
        """Whether a file of this name is refused whatever its header."""
        return self.refused_names is not None and bool(
            re.search(self.refused_names, file_name, re.IGNORECASE)
        )

    def present(self, header: Header) -> dict[ColumnName, str]:
        """minsum's name to the name as the file writes it, for the columns of the file."""
        have = header.folded
        named = {name: column.named_in(have) for name, column in self.columns.items()}
        if named.get("flow_name") == named.get("flow"):
            named["flow_name"] = None  # the file has no code beside it
        named["after_last"] = AFTER_LAST if AFTER_LAST in header.names else None
        return {name: found for name, found in named.items() if found is not None}
