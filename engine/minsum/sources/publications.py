"""Reads and writes the names of Comtrade bulk files, which say what each file publishes.

UN's client names a download by dataset, reporter, period, classification and publication date. `minsum fetch`
adds the time the service made the file, its row key and a digest of its eTag:

    COMTRADE-FINAL-CA1562015H4[2024-03-10].gz
    COMTRADE-FINAL-CA1562015H4[2024-03-10]_20240311T081500.123456Z_<row key>_<eTag>.gz

So a second publication of the same day has another name, and no separate record can be lost or disagree.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

NO_DATE: Final = "1900-01-01"
"""Date that UN's client writes when the publication date is unknown."""

_NAME: Final = re.compile(
    r"COMTRADE-(?P<dataset>FINAL|FINALCLASSIC)-C(?P<frequency>[AM])(?P<reporter>\d{3})(?P<period>\d{4}|\d{6})"
    r"(?P<classification>HS|[A-Z]\d)[\W_]{0,3}(?P<published>\d{4}-\d{2}-\d{2})(?!\d)"
    r"(?:[\W_]?_(?P<made>\d{8}T\d{6}\.\d{6}Z)?_(?P<row_key>[0-9A-Z-]+)_(?P<e_tag>[0-9a-f]{16})\.gz$)?",
    re.IGNORECASE | re.ASCII,
)
"""Browsers and file managers may write `_2024-03-10_`, `(2024-03-10)` or `%5B2024-03-10%5D` for the brackets."""

_COPY: Final = re.compile(r" ?\((\d{1,3})\)(?:\.\w+){0,2}$", re.ASCII)
"""Suffix that a browser adds to a name already in use."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication of a reporter, period and classification.

    Attributes
    ----------
    dataset
        `FINAL` or `FINALCLASSIC`.
    reporter_code, period, classification
        Subject of the publication; the period is a year, or a year and month.
    published
        Publication date, ISO, in the publisher's local time; None if unknown.
    made
        Time the service made the file, `20240311T081500.123456Z`; None if unknown.
    row_key, e_tag
        The service's key of the file, and the digest of its eTag (`tag_digest`); None unless fetched by minsum.
    """

    dataset: str
    reporter_code: int
    period: int
    classification: str
    published: str | None
    made: str | None = None
    row_key: str | None = None
    e_tag: str | None = None

    @property
    def slot(self) -> str:
        """Name shared by all publications of the same data, of which the latest counts."""
        frequency = "M" if self.period > 9999 else "A"
        return (
            f"COMTRADE-{self.dataset}-C{frequency}{self.reporter_code:03d}{self.period}{self.classification}"
        )

    @property
    def file_name(self) -> str:
        """File name in `raw/`."""
        stamp = f"_{self.made or ''}_{self.row_key}_{self.e_tag}" if self.row_key else ""
        return f"{self.slot}[{self.published or NO_DATE}]{stamp}.gz"

    @property
    def version(self) -> tuple[str, str]:
        """Sort key among publications of one slot."""
        return version_key(self.published, self.made)

    def identity(self) -> dict[str, Any]:
        """Entries of the footer that identify a fetched file; empty for other files."""
        return {"made": self.made, "row_key": self.row_key, "e_tag": self.e_tag} if self.row_key else {}


def from_name(file_name: str) -> Publication | None:
    """The publication named by a bulk file name; None for other names."""
    match = _NAME.search(unquote(file_name))
    if match is None:
        return None
    return Publication(
        dataset=match["dataset"].upper(),
        reporter_code=int(match["reporter"]),
        period=int(match["period"]),
        classification=match["classification"].upper(),
        published=_day(match["published"]),
        made=match["made"],
        row_key=match["row_key"],
        e_tag=match["e_tag"],
    )


def _day(text: str) -> str | None:
    """A date from a file name; None if it is unknown or invalid."""
    try:
        return as_published(text)
    except ValueError:
        return None


def version_key(published: str | None, made: str | None) -> tuple[str, str]:
    """Sort key: publication date, then the time the file was made. The day of that time stands in for an unknown
    date."""
    day = f"{made[:4]}-{made[4:6]}-{made[6:8]}" if made else ""
    return published or day, made or ""


def version_of(record: Mapping[str, Any]) -> tuple[str, str, int, str, str]:
    """Sort key of the sources of one reporter-year, from `published`, `made`, `name` and `sha256` of a footer record.

    Of two downloads with one date, the one that the browser numbered is later.
    """
    name = record["name"]
    copy = _COPY.search(name)
    number = int(copy[1]) if copy else 0
    return *version_key(record["published"], record.get("made")), number, name, record["sha256"]


def as_made(timestamp: str | None) -> str | None:
    """An ISO timestamp as written in file names; None for no timestamp.

    Raises
    ------
    ValueError
        If the timestamp is not ISO 8601.
    """
    if not timestamp:
        return None
    moment = datetime.fromisoformat(timestamp)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y%m%dT%H%M%S.%fZ")


def as_published(text: str | None) -> str | None:
    """The day of an ISO date or time; None for no date.

    Raises
    ------
    ValueError
        If the text does not begin with an ISO date.
    """
    day = date.fromisoformat(text[:10]).isoformat() if text else NO_DATE
    return None if day == NO_DATE else day


def tag_digest(e_tag: str | None) -> str:
    """An eTag as 16 hexadecimal digits; the eTag itself may hold quotes and slashes."""
    return sha256((e_tag or "").encode()).hexdigest()[:16]
