"""Stage `fetch`: compares the service's lists with the lake and `raw/`, and downloads the missing files."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from minsum.errors import MinsumError, RemoteError, SourceError
from minsum.fetch.answers import TransientError
from minsum.fetch.client import Client
from minsum.fetch.download import download, part_of
from minsum.fetch.key import find_key
from minsum.fetch.listing import Listed, Listing, is_wanted, read_lists
from minsum.settings.flows import Fetch
from minsum.sources.files import Source, discover
from minsum.sources.publications import from_name
from minsum.sources.rejections import read_rejections, write_rejection
from minsum.workspace.layout import Layout
from minsum.workspace.publish import remove

RECIPE: Final = {"version": "fetch-1"}
"""Recipe in rejection records of files that never reached `raw/`."""

_MOST_UNREACHED: Final = 3
"""Failed files in a row after which the fetch ends, because the service is likely down."""

_ATTEMPTS_AFTER_DAMAGE: Final = 2
"""Attempts for a file that was damaged in an earlier run."""


@dataclass(slots=True)
class FetchReport:
    """Result of one fetch.

    Attributes
    ----------
    listed, wanted, held
        Numbers of list entries, of wanted publications, and of wanted publications that were already held.
    fetched
        Names of downloaded files.
    rejected
        Name to reason and hint, for damaged files and malformed list entries.
    unreached
        Name to reason, for files that could not be downloaded.
    calls, retries, n_bytes
        Number of calls, retries among them, and bytes of the downloaded files.
    problem
        Error that ended the fetch early or left files missing.
    """

    listed: int = 0
    wanted: int = 0
    held: int = 0
    fetched: list[str] = field(default_factory=list)
    rejected: dict[str, tuple[str, str]] = field(default_factory=dict)
    unreached: dict[str, str] = field(default_factory=dict)
    calls: int = 0
    retries: int = 0
    n_bytes: int = 0
    problem: RemoteError | None = None

    def as_json(self) -> dict[str, Any]:
        """Entry in the record of the run."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {"problem": self.problem and self.problem.message}


@dataclass(frozen=True, slots=True)
class Plan:
    """Forecast of a fetch.

    Attributes
    ----------
    files, held
        Number of files to fetch, and of wanted files already held.
    calls
        Number of calls, including lists, without retries.
    n_bytes, free_bytes
        Listed size of the files, and free space on the disk.
    days
        Days needed at the calls a day of the user's plan.
    rejected
        As in `FetchReport`.
    """

    files: int
    held: int
    calls: int
    n_bytes: int
    free_bytes: int
    days: int
    rejected: dict[str, tuple[str, str]]


InLake = Callable[[], Collection[str]]
"""Returns names of the sources that the lake holds completely; called only when `raw/` lacks a file."""


def fetch(
    layout: Layout, options: Fetch, *, in_lake: InLake, progress: Callable[[str, int, int], None]
) -> FetchReport:
    """Download new publications into `raw/`.

    Parameters
    ----------
    layout
        The workspace; the caller holds its lock.
    options
        Which files to fetch.
    in_lake
        Sources that need not be fetched although `raw/` lacks their files.
    progress
        Called after each file.

    Returns
    -------
    The result. An error of the service is not raised: files downloaded before it are kept, and `problem` holds it.

    Raises
    ------
    SettingsError
        If a reporter's label is unknown.
    MinsumError
        If the files do not fit on the disk.
    """
    options.reporter_codes()
    report = FetchReport()
    try:
        client = Client(options, find_key(options.key_file))
    except RemoteError as error:
        report.problem = error
        return report
    try:
        listing = read_lists(client)
        _note(listing, report)
        todo = _missing(listing, layout, in_lake)
        report.held = report.wanted - len(todo)
        _clear(layout, listing, todo, options)
        _check_disk_space(layout, todo)
        _fetch_all(client, todo, layout, report=report, progress=progress)
    except RemoteError as error:
        report.problem = error
    finally:
        report.calls, report.retries = client.calls, client.retries
    return report


def plan(layout: Layout, options: Fetch, *, in_lake: InLake) -> Plan:
    """What `fetch` would do; only the lists are called.

    Raises
    ------
    RemoteError
        If there is no key, or a list cannot be downloaded.
    """
    client = Client(options, find_key(options.key_file))
    listing, report = read_lists(client), FetchReport()
    _note(listing, report)
    todo = _missing(listing, layout, in_lake)
    calls = len(todo) + len(set(options.classification))
    return Plan(
        files=len(todo),
        held=report.wanted - len(todo),
        calls=calls,
        n_bytes=_size(todo),
        free_bytes=_free(layout),
        days=math.ceil(calls / options.calls_per_day),
        rejected=report.rejected,
    )


def _note(listing: Listing, report: FetchReport) -> None:
    report.listed, report.wanted = listing.n_listed, len(listing.latest)
    report.rejected |= {name: (error.message, error.hint) for name, error in listing.malformed.items()}


def _missing(listing: Listing, layout: Layout, in_lake: InLake) -> list[Listed]:
    held = {path.name for path in discover([layout.raw])} if layout.raw.is_dir() else set()
    missing = [listed for listed in listing.latest if listed.name not in held]
    if not missing:
        return []
    known = set(in_lake())
    return [listed for listed in missing if listed.name not in known]


def _clear(layout: Layout, listing: Listing, todo: list[Listed], options: Fetch) -> None:
    """Delete incomplete downloads that are no longer listed, and rejection records of superseded publications."""
    wanted = {part_of(listed, layout) for listed in todo}
    for part in (layout.private / "fetch").glob("*.part"):
        if part not in wanted:
            part.unlink()
    slots = {listed.publication.slot for listed in listing.latest}
    waiting = {listed.name for listed in todo}
    for file, record in read_rejections(layout).items():
        known = from_name(record["name"])
        if record["recipe"] == RECIPE and known is not None and record["name"] not in waiting:
            is_requested = any(is_wanted(known, name, options) for name in options.classification)
            if known.slot in slots or (is_requested and options.since is None):
                remove(file)


def _check_disk_space(layout: Layout, todo: list[Listed]) -> None:
    parts = (part_of(listed, layout) for listed in todo)
    needed = _size(todo) - sum(part.stat().st_size for part in parts if part.is_file())
    if needed > (free := _free(layout)):
        raise MinsumError(
            f"{layout.raw}: {len(todo):,} files of {needed / 1e6:,.1f} MB to fetch, {free / 1e6:,.1f} MB free",
            "free space on the disk, or fetch fewer years or reporters at a time",
        )


def _size(todo: list[Listed]) -> int:
    return sum(listed.size or 0 for listed in todo)


def _free(layout: Layout) -> int:
    return shutil.disk_usage(layout.raw if layout.raw.is_dir() else layout.root).free


def _fetch_all(
    client: Client,
    todo: list[Listed],
    layout: Layout,
    *,
    report: FetchReport,
    progress: Callable[[str, int, int], None],
) -> None:
    broken_before = {record["name"] for record in read_rejections(layout).values()}
    in_a_row = 0
    for done, listed in enumerate(todo, 1):
        try:
            download(
                client,
                listed,
                layout,
                attempts=_ATTEMPTS_AFTER_DAMAGE if listed.name in broken_before else None,
            )
            report.fetched.append(listed.name)
            report.n_bytes += (layout.raw / listed.name).stat().st_size
            in_a_row = 0
        except SourceError as error:
            _reject(listed, error, layout, report)
            in_a_row = 0
        except TransientError as error:
            report.unreached[listed.name] = str(error)
            in_a_row += 1
        if in_a_row == _MOST_UNREACHED:
            break
        progress("fetch", done, len(todo))
    if report.unreached:
        name, reason = next(iter(report.unreached.items()))
        raise RemoteError(
            f"{len(report.unreached)} files could not be downloaded, the first {name}: {reason}",
            "fetched files are kept; the next run tries again",
        )


def _reject(listed: Listed, error: SourceError, layout: Layout, report: FetchReport) -> None:
    digest = sha256(listed.name.encode()).hexdigest()
    write_rejection(layout, error, Source(Path(listed.name), listed.size or 0, digest), recipe=RECIPE)
    report.rejected[listed.name] = (error.message, error.hint)
