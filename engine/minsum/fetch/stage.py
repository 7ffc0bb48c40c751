"""What is listed against what is held; the difference is fetched, file by file."""

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

RECIPE: Final = {"version": "fetch-1"}
"""Marks records of files that never came to `raw/`."""

_MOST_UNREACHED: Final = 3
"""Files in a row that cannot be had: then it is the service, not the file."""

_AGAIN: Final = 2
"""Tries of a file that came broken in an earlier run."""


@dataclass(slots=True)
class FetchReport:
    """What one fetch did.

    Attributes
    ----------
    listed, wanted, held
        Entries of the lists; latest publications of what was asked for; those that were here before.
    fetched
        Names of files that came.
    rejected
        Name to reason and hint of files that came broken, and of list entries that make no sense.
    unreached
        Name to reason of files that could not be had.
    calls, retries, n_bytes
        Calls made, tries among them that were not the first, and bytes of the files that came.
    problem
        What ended the fetch early, or left files behind.
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
        """For the record of the run."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return values | {"problem": self.problem and self.problem.message}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fetch would do.

    Attributes
    ----------
    files, held
        To fetch, and here already.
    calls
        Of the fetch, its lists included, when none has to be repeated.
    n_bytes, free_bytes
        Listed size of the files, and room on the disk.
    days
        At the calls a day of the user's plan.
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
"""Names of the sources that the lake holds whole, looked up only when `raw/` lacks a file."""


def fetch(
    layout: Layout, options: Fetch, *, in_lake: InLake, progress: Callable[[str, int, int], None]
) -> FetchReport:
    """Bring what is new into `raw/`.

    Parameters
    ----------
    layout
        The workspace, held by the caller.
    options
        What is wanted.
    in_lake
        Says what need not be fetched although `raw/` lacks it.
    progress
        Called after each file.

    Returns
    -------
    What was done. A service that refuses or is away does not raise: what came before that is kept, and
    `problem` says why there is no more.

    Raises
    ------
    SettingsError
        If a reporter is none.
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
        _check_room(layout, todo)
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
        If there is no key, or no list.
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
    missing = [one for one in listing.latest if one.name not in held]
    if not missing:
        return []
    known = set(in_lake())
    return [one for one in missing if one.name not in known]


def _clear(layout: Layout, listing: Listing, todo: list[Listed], options: Fetch) -> None:
    """Drop parts of files that are no longer listed, and records of what a later publication replaced."""
    wanted = {part_of(one, layout) for one in todo}
    for part in (layout.private / "fetch").glob("*.part"):
        if part not in wanted:
            part.unlink()
    listed = {one.publication.slot: one.name for one in listing.latest}
    waiting = {one.name for one in todo}
    for file, record in read_rejections(layout).items():
        known = from_name(record["name"])
        if record["recipe"] == RECIPE and known is not None and record["name"] not in waiting:
            is_asked = any(is_wanted(known, one, options) for one in options.classification)
            if known.slot in listed or (is_asked and options.since is None):
                file.unlink()


def _check_room(layout: Layout, todo: list[Listed]) -> None:
    parts = (part_of(one, layout) for one in todo)
    needed = _size(todo) - sum(part.stat().st_size for part in parts if part.is_file())
    if needed > (free := _free(layout)):
        raise MinsumError(
            f"{layout.raw}: {len(todo):,} files of {needed / 1e6:,.1f} MB to fetch, {free / 1e6:,.1f} MB free",
            "make room, or fetch fewer years or reporters at a time",
        )


def _size(todo: list[Listed]) -> int:
    return sum(one.size or 0 for one in todo)


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
    for done, one in enumerate(todo, 1):
        try:
            download(client, one, layout, attempts=_AGAIN if one.name in broken_before else None)
            report.fetched.append(one.name)
            report.n_bytes += (layout.raw / one.name).stat().st_size
            in_a_row = 0
        except SourceError as error:
            _reject(one, error, layout, report)
            in_a_row = 0
        except TransientError as error:
            report.unreached[one.name] = str(error)
            in_a_row += 1
        if in_a_row == _MOST_UNREACHED:
            break
        progress("fetch", done, len(todo))
    if report.unreached:
        name, reason = next(iter(report.unreached.items()))
        raise RemoteError(
            f"{len(report.unreached)} files could not be had, the first {name}: {reason}",
            "what was fetched is kept; the next run tries again",
        )


def _reject(one: Listed, error: SourceError, layout: Layout, report: FetchReport) -> None:
    digest = sha256(one.name.encode()).hexdigest()
    write_rejection(layout, error, Source(Path(one.name), one.size or 0, digest), recipe=RECIPE)
    report.rejected[one.name] = (error.message, error.hint)
