"""Stage `flows`: finds out which sources need reading, has them brought in, and reports what became of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.errors import SmallerSourceError
from minsum.flows.lake import place_of, smaller
from minsum.flows.lake_index import (
    Choice,
    Known,
    Reasons,
    choose,
    holding_none,
    note_holding_none,
    survey,
)
from minsum.flows.recipe import rejection_recipe
from minsum.settings.flows import Ingest
from minsum.sources.archives import unfold
from minsum.sources.files import Source, discover, identify
from minsum.sources.publications import from_name, version_key
from minsum.sources.rejections import drop_rejections, write_rejection
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.marks import remove_files

if TYPE_CHECKING:
    from minsum.flows.load import Brought, Progress

_LOOKS: Final = 2
"""At a file that changes while it is read; then it is left to the next run."""


@dataclass(slots=True)
class IngestReport:
    """What one ingest did.

    Attributes
    ----------
    added
        Names of sources that gave rows.
    unchanged, copies, superseded, passed_over
        Names of sources already in the lake; of further copies of a source; of those an equal or later
        publication makes superfluous; of files that only accompany data.
    rejected
        Source name to reason and hint.
    mended
        Source name to rows and USD of texts that were not written as Comtrade writes them (`spellings.MENDED`).
    replaced
        Names of sources whose earlier content was replaced, to the reporter-years.
    removed
        Reporter-years that the settings no longer ask for.
    same_date
        Reporter-years of which two publications of one date with other content are at hand: the one that counts, and
        the other.
    n_partitions, rows_in
        Partitions published and rows read.
    changes
        Of `lake.Lake`, in order of classification, year and reporter.
    """

    added: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    superseded: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejected: Reasons = field(default_factory=dict)
    replaced: dict[str, list[str]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    same_date: dict[str, tuple[str, str]] = field(default_factory=dict)
    mended: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    n_partitions: int = 0
    rows_in: int = 0
    changes: list[dict[str, Any]] = field(default_factory=list)


def ingest(
    layout: Layout,
    paths: Sequence[Path],
    options: Ingest,
    *,
    jobs: int,
    progress: Progress,
    accept: bool = False,
) -> IngestReport:
    """Bring files and folders into the lake.

    Parameters
    ----------
    layout
        The workspace, held by the caller.
    paths
        Files and folders, any supported format.
    options
        What decides the rows.
    jobs
        Files read at a time. The result does not depend on it.
    progress
        Called as sources are finished.
    accept
        Whether a source may leave less than half of what the lake holds (`lake.Lake`).

    Raises
    ------
    UsageError
        If a path does not exist, or the options name no country. Bad files do not raise: they are rejected, recorded and reported.
    DataCheckError
        If a file in the lake is damaged or lies in another's place.
    """
    report = IngestReport()
    known = survey(layout, options, accept=accept)
    files = discover(paths)
    hashed = identify(files, layout, jobs=jobs)
    looks: dict[Path, int] = {}
    read: set[Source] = set()
    with ThreadPoolExecutor(jobs) as pool:
        while True:
            sources = unfold(hashed, whole={*known.digests(), ""})
            choice = choose(sources, known, layout, pool.map)
            todo = {source: form for source, form in choice.todo.items() if source not in read}
            if not todo:
                break
            from minsum.flows.load import bring_in  # loads Numba: half a second

            brought = bring_in(todo, sources, choice.bad, known, layout, jobs=jobs, progress=progress)
            _enter(brought, report)
            read |= todo.keys()
            anew = [path for path in brought.changed if looks.setdefault(path, 0) < _LOOKS]
            if anew:
                hashed = identify(files, layout, jobs=jobs, anew=anew)
                looks |= {path: looks[path] + 1 for path in anew}
            known = survey(layout, options, accept=accept)
    _sort(choice, read, report)
    state = _State(sources, choice.at_hand, known, read, report, layout)
    state.refuse_vanished()
    state.remove_unwanted()
    report.same_date = dict(state.same_date())
    state.note_holding_none()
    state.drop_rejections(has_raw=layout.raw in paths)
    _pass_over_outlived(sources, report)
    return report


def _enter(brought: Brought, report: IngestReport) -> None:
    """Add what was read; a source that changed while it was read may be good at the second look."""
    for name in (*brought.added, *brought.superseded):
        report.rejected.pop(name, None)
    report.added += brought.added
    report.superseded += brought.superseded
    report.passed_over += brought.passed_over
    report.rejected |= brought.rejected
    report.mended |= brought.mended
    report.replaced |= brought.replaced
    report.n_partitions += brought.n_partitions
    report.rows_in += brought.rows_in
    report.changes = sorted([*report.changes, *brought.changes], key=lambda one: list(one.values())[:3])


def _sort(choice: Choice, read: set[Source], report: IngestReport) -> None:
    """Enter what needed no reading."""
    report.unchanged = [source.name for source in choice.settled if source not in read]
    report.copies = choice.copies
    report.passed_over += choice.passed_over
    report.rejected = choice.rejected | report.rejected


@dataclass(frozen=True, slots=True)
class _State:
    """The lake after everything was read, and the sources at hand."""

    sources: list[Source]
    at_hand: set[str]
    known: Known
    read: set[Source]
    report: IngestReport
    layout: Layout

    def refuse_vanished(self) -> None:
        """New content under a name that no longer gives a reporter-year: refused, unless that is accepted."""
        good = {(one.name, one.folder): one for one in self.sources if one.name not in self.report.rejected}
        for path, footer in self.known.footers.items():
            source = good.get((footer["sources"][0]["name"], footer["sources"][0].get("folder", "")))
            seen = {one["sha256"] for one in (*footer["sources"], *footer["superseded"])}
            if source is None or source.sha256 in seen or len(footer["sources"]) > 1 or seen & self.at_hand:
                continue
            if self.known.accept:
                self._remove(path)
            else:
                self._reject(source, smaller(partition_key(path), footer, source.name, "nothing"))

    def remove_unwanted(self) -> None:
        """Remove reporter-years that the settings leave out, or that a source no longer gives under them; those of
        which a source is not at hand stay, and `status` says so."""
        again = {source.sha256 for source in self.read if source.name in self.report.added}
        for path, one in self.known.overtaken(self.at_hand).items():
            is_gone = {source["sha256"] for source in self.known.footers[path]["sources"]} <= again
            if is_gone or not (one.is_wanted or one.away):
                self._remove(path)

    def same_date(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Publications between which no date decides."""
        for path, footer in self.known.footers.items():
            first = footer["sources"][0]
            for other in footer["superseded"] if first["is_complete"] else ():
                is_same = _date(first) == _date(other) and other.get("is_complete", True)
                if is_same and {first["sha256"], other["sha256"]} <= self.at_hand:
                    yield place_of(partition_key(path)), (first["name"], other["name"])

    def note_holding_none(self) -> None:
        """Remember which sources were read and gave nothing, for the reporters that are asked for."""
        options, passed_over = self.known.options, set(self.report.passed_over)
        found = {source.sha256 for source in self.read if source.name in passed_over}
        if options.reporters and found:
            before = holding_none(self.layout, options) & {source.sha256 for source in self.sources}
            note_holding_none(self.layout, options, before | found)

    def drop_rejections(self, *, has_raw: bool) -> None:
        """Drop the records of sources that are good now, have other content, or are gone from `raw/`."""
        rejected = {(one.sha256, one.name) for one in self.sources if one.name in self.report.rejected}
        drop_rejections(self.layout, rejected, at_hand={one.name for one in self.sources}, has_raw=has_raw)

    def _remove(self, path: Path) -> None:
        if path.is_file():
            remove_files([path])
            self.report.removed.append(place_of(partition_key(path)))

    def _reject(self, source: Source, error: SmallerSourceError) -> None:
        recipe = rejection_recipe(self.known.options_for(source.sha256))
        write_rejection(self.layout, error, source, recipe=recipe)
        self.report.rejected[source.name] = (error.message, error.hint)


def _date(record: dict[str, Any]) -> tuple[str, str]:
    return version_key(record["published"], record.get("made"))


def _pass_over_outlived(sources: list[Source], report: IngestReport) -> None:
    """A fetched file that was rejected no longer counts once a later publication is good."""
    known = {source.name: one for source in sources if (one := from_name(source.name)) and one.row_key}
    good: dict[str, tuple[str, str]] = {}
    for name, one in known.items():
        if name not in report.rejected:
            good[one.slot] = max(one.version, good.get(one.slot, one.version))
    for name, one in known.items():
        if name in report.rejected and one.version < good.get(one.slot, ("", "")):
            del report.rejected[name]
            report.superseded.append(name)
