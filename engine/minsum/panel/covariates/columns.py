"""Finds the key columns of a table, country and year, among their usual spellings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

ISO3: Final = (
    "iso3", "iso3c", "iso 3", "iso", "iso code 3", "iso3 code", "iso code", "iso alpha 3", "iso alpha3", "iso a3", "alpha 3",
    "alpha3", "countryiso3code", "country iso3", "country iso", "country iso code", "wb code", "wbcode", "wbcountrycode",
)  # fmt: skip
ISO2: Final = (
    "iso2",
    "iso2c",
    "iso 2",
    "iso code 2",
    "iso2 code",
    "iso alpha 2",
    "iso a2",
    "alpha 2",
    "country iso2",
)
NUMBERS: Final = (
    "m49", "m49 code", "un code", "uncode", "un m49", "isonum", "iso n3", "iso numeric", "reportercode", "reporter code",
)  # fmt: skip
ANY_CODE: Final = (
    "country code", "countrycode", "code", "economy code", "economy", "ref area", "location", "geo", "country id",
)  # fmt: skip
"""Code columns whose name does not identify the publisher of the codes."""
NAMES: Final = (
    "country name", "countryname", "country", "countries", "entity", "economy label", "economy name", "ref area label",
    "location name", "location label", "geo label", "name", "nation", "country value", "reporter", "webname",
)  # fmt: skip
YEARS: Final = ("year", "time period", "time", "period", "date", "yr", "years", "index year", "calendar year")
SERIES: Final = {
    "gross fixed capital formation (% of gdp)": "NE.GDI.FTOT.ZS",
    "labor force participation rate, total (% of total population ages 15+) (modeled ilo estimate)": "SL.TLF.CACT.ZS",
    "patent applications, residents": "IP.PAT.RESD",
    "patent applications, nonresidents": "IP.PAT.NRES",
}
"""World Bank name of a series (with its unit) to its code; Our World in Data uses these names as headings."""

_KEYS: Final = frozenset({*ISO3, *ISO2, *NUMBERS, *ANY_CODE, *NAMES, *YEARS})
_NEVER: Final = frozenset({"time code", "countryid", "unnamed: 0", "rownames", "row names", "1"})
"""Columns that are neither keys nor variables: other codes, and row numbers that R and pandas write."""


def folded(name: str) -> str:
    """A column name in lower case, with blanks and underscores as single blanks."""
    return " ".join(name.lower().replace("_", " ").split())


@dataclass(frozen=True, slots=True)
class Keys:
    """Key columns of a table, as the file writes them.

    Attributes
    ----------
    code
        Column of country codes, or None.
    is_sure
        Whether the column's name identifies the publisher of the codes; otherwise numbers and two-letter codes are
        ambiguous.
    names
        Columns of country names: none, one or two.
    year
        Column of the year, or None.
    """

    code: str | None
    is_sure: bool
    names: tuple[str, ...]
    year: str | None

    @property
    def has_country(self) -> bool:
        """Whether the table has a country column."""
        return self.code is not None or bool(self.names)

    def selected(self, *columns: str) -> list[pl.Expr]:
        """Expressions for `country`, `also`, `code`, `is_sure`, and the other columns unchanged."""
        first, second = (*self.names, None, None)[:2]
        return [
            _text(first).alias("country"),
            _text(second).alias("also"),
            _text(self.code).alias("code"),
            pl.lit(self.is_sure).alias("is_sure"),
            *map(pl.col, columns),
        ]


def find_keys(row: tuple[str, ...]) -> Keys:
    """Key columns of a header; of several candidates, the first in the lists above."""
    by_name: dict[str, str] = {}
    for name in row:
        by_name.setdefault(folded_key(name), name)
    sure = next((by_name[name] for name in (*ISO3, *ISO2, *NUMBERS) if name in by_name), None)
    other = next((by_name[name] for name in ANY_CODE if name in by_name), None)
    names = tuple(by_name[name] for name in NAMES if name in by_name)[:2]
    year = next((by_name[name] for name in YEARS if name in by_name), None)
    return Keys(sure or other, sure is not None, names, year)


def series_code(name: str) -> str:
    """World Bank code of a series from its full name; any other name unchanged."""
    return SERIES.get(" ".join(name.lower().split()), name)


def variables_of(row: tuple[str, ...]) -> list[str]:
    """Columns of a header that are not keys."""
    return [name for name in row if name and not _is_aside(name)]


def left_over(row: tuple[str, ...]) -> list[str]:
    """Columns of a header that are neither variables nor used as keys."""
    keys = find_keys(row)
    used = {keys.code, keys.year, *keys.names}
    return [name for name in row if name and _is_aside(name) and name not in used]


def folded_key(name: str) -> str:
    """A column name in lower case, with blanks, underscores, dots and hyphens as single blanks."""
    return folded(name.replace(".", " ").replace("-", " "))


def _is_aside(name: str) -> bool:
    return folded_key(name) in _KEYS | _NEVER or name.startswith("__")


def _text(column: str | None) -> pl.Expr:
    return pl.col(column) if column else pl.lit(None, dtype=pl.String)
