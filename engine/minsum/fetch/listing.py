"""Reads the service's lists of files, checks every field, and selects the wanted publications."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from minsum.errors import BrokenSourceError, RemoteError
from minsum.fetch.answers import TransientError
from minsum.fetch.client import Client
from minsum.settings.flows import Fetch
from minsum.sources.publications import Publication, as_made, as_published, tag_digest

log = logging.getLogger("minsum")
DATASETS: Final = {"final": ("FINAL", "get"), "classic": ("FINALCLASSIC", "getClassic")}
"""Dataset to its name in file names and in the address of its list."""
_SIZE: Final = re.compile(r"([\d,]+(?:\.\d+)?)\s*(B|Bytes|KB|MB|GB)", re.IGNORECASE)
_UNITS: Final = {"B": 1, "BYTES": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_SENSELESS: Final = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)
"""Exceptions of reading a malformed entry."""
_PATH: Final = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+")


@dataclass(frozen=True, slots=True)
class Listed:
    """One file in the service's list.

    Attributes
    ----------
    publication
        Publication of the file; it alone determines the file's name in `raw/`.
    path
        Path below the base URL. The host in the list is ignored: the key goes only to the configured host.
    size, tolerance
        Size in bytes, None when the list gives no size, and the rounding error of the listed size.
    """

    publication: Publication
    path: str
    size: int | None
    tolerance: int

    @property
    def name(self) -> str:
        """Name of the file in `raw/`."""
        return self.publication.file_name


@dataclass(slots=True)
class Listing:
    """Wanted publications of the lists.

    Attributes
    ----------
    latest
        The latest publication of each reporter-year, by name.
    n_listed
        Number of entries, including unwanted entries.
    malformed
        Name of each malformed entry to its error.
    """

    latest: list[Listed] = field(default_factory=list)
    n_listed: int = 0
    malformed: dict[str, BrokenSourceError] = field(default_factory=dict)


def read_lists(client: Client) -> Listing:
    """Read the lists, one call for each classification.

    Raises
    ------
    RemoteError
        If a list cannot be downloaded, or all of its entries are malformed.
    """
    options = client.options
    listing, found = Listing(), dict[str, Listed]()
    for classification in dict.fromkeys(options.classification):
        for entry in _read_list(client, classification):
            listing.n_listed += 1
            try:
                listed = _checked(_without_key(entry, client), DATASETS[options.dataset][0])
            except _SENSELESS as error:
                name = f"list entry {listing.n_listed} of {classification}"
                problem = f"{name}: {type(error).__name__} {client.censor.clean(str(error))[:100]!r}"
                listing.malformed[name] = BrokenSourceError(problem, "the service must correct it")
                continue
            if listed is not None and is_wanted(listed.publication, classification, options):
                other = found.get(listed.publication.slot)
                if other is None or other.publication.version < listed.publication.version:
                    found[listed.publication.slot] = listed
    if listing.malformed and len(listing.malformed) == listing.n_listed:
        raise RemoteError(
            f"all entries of the list are malformed; the first: {next(iter(listing.malformed.values()))}",
            "check fetch.base_url; the service may have changed",
        )
    listing.latest = sorted(found.values(), key=lambda listed: listed.name)
    return listing


def _read_list(client: Client, classification: str) -> list[Any]:
    options = client.options
    path = f"/bulk/v1/{DATASETS[options.dataset][1]}/C/A/{classification}"
    query = {
        "reporterCode": ",".join(str(code) for code in sorted(options.reporter_codes())),
        "period": ",".join(str(year) for year in sorted(options.years)),
        "publishedDateFrom": options.since or "",
    }
    query = {name: text for name, text in query.items() if text}
    try:
        answer = client.retry(lambda: client.get_json(path, query))
    except (TransientError, BrokenSourceError) as error:
        raise RemoteError(
            f"no list of files: {error}", "check the network and fetch.base_url; the next run tries again"
        ) from error
    data = answer.get("data")
    count = answer.get("count")
    if isinstance(data, list) and isinstance(count, int) and count > len(data):
        log.warning("fetch: the list of %s holds %d of %d entries", classification, len(data), count)
    if not isinstance(data, list) or answer.get("error"):
        raise RemoteError(
            f"{path}: the list says {client.censor.clean(str(answer.get('error') or type(data).__name__))[:200]!r}",
            "try again later; the service may have changed",
        )
    return data


def _without_key(entry: Any, client: Client) -> Any:
    """The entry; raises ValueError if it holds the key, which file names would then hold too."""
    if client.censor.holds_key(str(entry)):
        raise ValueError("it holds the key")
    return entry


def is_wanted(publication: Publication, classification: str, options: Fetch) -> bool:
    """Whether a publication was requested: the list of `HS` also holds SITC, and a service may ignore a parameter."""
    codes = options.reporter_codes()
    fits = (
        re.fullmatch("H[0-6]", publication.classification)
        if classification == "HS"
        else classification == publication.classification
    )
    return (
        bool(fits)
        and publication.dataset == DATASETS[options.dataset][0]
        and (not options.years or publication.period in options.years)
        and (not codes or publication.reporter_code in codes)
    )


def _checked(entry: dict[str, Any], dataset: str) -> Listed | None:
    """A checked entry; None when it is not annual trade in goods; raises when it is malformed."""
    if (entry["typeCode"], entry["freqCode"]) != ("C", "A"):
        return None
    reporter, period, row_key = int(entry["reporterCode"]), int(entry["period"]), str(entry["rowKey"])
    classification = str(entry["classificationCode"]).upper()
    path = urlsplit(str(entry["fileUrl"])).path
    for name, text, pattern in (
        ("rowKey", row_key, r"[0-9A-Za-z-]{1,100}"),
        ("classificationCode", classification, r"[A-Z]\d"),
        ("reporterCode", str(reporter), r"\d{1,3}"),
        ("period", str(period), r"(19|20|21)\d\d"),
        ("fileUrl", path, _PATH.pattern),
    ):
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(f"{name} {text}")
    size, tolerance = _size(entry.get("fileSize"))
    publication = Publication(
        dataset, reporter, period, classification,
        published=as_published(entry.get("publicationDate")), made=as_made(entry.get("timestamp")),
        row_key=row_key, e_tag=tag_digest(entry.get("eTag")),
    )  # fmt: skip
    return Listed(publication, path, size, tolerance)


def _size(text: object) -> tuple[int | None, int]:
    """Bytes and rounding error of a text such as `1,183.34 KB`: two decimals, units of powers of 1024."""
    match = _SIZE.fullmatch(str(text or "").strip())
    if match is None:
        return None, 0
    unit = _UNITS[match[2].upper()]
    return round(float(match[1].replace(",", "")) * unit), round(0.005 * unit) + 1 if unit > 1 else 0
