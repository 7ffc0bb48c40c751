"""Stage `flows`: chooses the sources to read, loads them and reports the result for each source."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.countries.codes import iso3_of
from minsum.errors import SmallerSourceError
from minsum.flows.choice import (
    Choice,
    choose,
    record_without_wanted_reporters,
    without_wanted_reporters,
)
from minsum.flows.lake import SourceRecord, partition_id, too_small
from minsum.flows.lake_index import LakeIndex, Reasons, read_index
from minsum.flows.recipe import rejection_recipe
from minsum.settings.flows import Ingest
from minsum.sources.archives import unfold
from minsum.sources.files import Source, discover, identify
from minsum.sources.publications import from_name, version_key
from minsum.sources.rejections import drop_rejections, write_rejection
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.marks import remove_files

if TYPE_CHECKING:
    from minsum.flows.load import Loaded, Progress
    from minsum.workspace.tasks import Workers

_LOOKS: Final = 2
"""Times that a file is read again because it changed while it was read; then the next run reads it."""


@dataclass(slots=True)
class IngestReport:
    """Result of one ingest.

    Attributes
    ----------
    added
        Names of sources that gave rows.
    unchanged, superseded, passed_over
        Names of sources already in the lake; of sources replaced by an equal or later publication; of files without
        wanted data.
    copies
        Name of each source with equal content to the name of the source that was read.
    rejected
        Source name to reason and hint.
    repaired_texts
        Source name to rows and USD of each kind of repaired text (`text_repairs.TEXT_REPAIRS`).
    replaced
        Name of each source whose earlier content was replaced, to its reporter-years.
    removed
        Reporter-years removed because the settings no longer ask for them.
    same_date
        Reporter-years with two different publications of the same date: name of the publication in use, and of the
        other.
    n_partitions, rows_in
        Partitions published and rows read.
    changes
        Reporter-years that are new or have new sources: classification, year, reporter, and World exports in USD
        before (None for a new one) and after.
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
    repaired_texts: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
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
    workers: Workers | None = None,
) -> IngestReport:
    """Load files and folders into the lake.

    Parameters
    ----------
    layout
        The workspace, held by the caller.
    paths
        Files and folders, any supported format.
    options
        Options that decide the rows.
    jobs
        Number of files read at a time. The result does not depend on it.
    progress
        Called after each source.
    accept
        Whether a source may leave less than half of what the lake holds (`lake.Lake`).
    workers
        Workers of a cluster; None for threads.

    Raises
    ------
    UsageError
        If a path does not exist, or the options name an unknown country. A bad file raises nothing: it is rejected,
        recorded and reported.
    DataCheckError
        If a file in the lake is damaged or in the wrong folder.
    """
    report = IngestReport()
    before = index = read_index(layout, options, accept=accept)
    files = discover(paths)
    hashed = identify(files, layout, jobs=jobs)
    looks: dict[Path, int] = {}
    read: set[Source] = set()
    with ThreadPoolExecutor(jobs) as pool:
        while True:
            sources = unfold(hashed, whole={*index.digests(), ""})
            choice = choose(sources, index, layout, pool.map)
            todo = {source: form for source, form in choice.todo.items() if source not in read}
            if not todo:
                break
            from minsum.flows.load import load_sources  # loads Numba: half a second

            loaded = load_sources(
                todo, sources, choice.bad, index, layout, jobs=jobs, progress=progress, workers=workers
            )
            _add_results(loaded, report)
            read |= todo.keys()
            anew = [path for path in loaded.changed if looks.setdefault(path, 0) < _LOOKS]
            if anew:
                hashed = identify(files, layout, jobs=jobs, anew=anew)
                looks |= {path: looks[path] + 1 for path in anew}
            index = read_index(layout, options, accept=accept)
    _add_unread(choice, read, report)
    report.changes, report.replaced = _changes(before, index)
    state = _State(sources, choice.at_hand, index, read, report, layout)
    state.refuse_vanished()
    state.remove_unwanted()
    report.same_date = dict(state.same_date())
    state.record_without_wanted_reporters()
    state.drop_rejections(has_raw=layout.raw in paths)
    _supersede_rejected(sources, report)
    return report


def _add_results(loaded: Loaded, report: IngestReport) -> None:
    """Add results of sources that were read. A source that changed during the first reading may be good at the
    second."""
    for name in (*loaded.added, *loaded.superseded):
        report.rejected.pop(name, None)
    report.added += loaded.added
    report.superseded += loaded.superseded
    report.passed_over += loaded.passed_over
    report.rejected |= loaded.rejected
    report.repaired_texts |= loaded.repaired_texts
    report.n_partitions += loaded.n_partitions
    report.rows_in += loaded.rows_in


def _changes(before: LakeIndex, now: LakeIndex) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """What `IngestReport` holds as `changes` and as `replaced`, from the lake before and after."""
    changes, replaced = [], defaultdict[str, list[str]](list)
    for path, footer in now.footers.items():
        old, (classification, year, code) = before.footers.get(path), partition_key(path)
        was, is_now = ({one["sha256"]: one for one in of["sources"]} if of else {} for of in (old, footer))
        if was.keys() == is_now.keys():
            continue
        usd = [
            None if one is None else one["checks"].get("X", {}).get("world_usd", 0.0) for one in (old, footer)
        ]
        changes.append({
            "classification": classification, "year": year, "reporter": iso3_of(code),
            "exports_usd_before": usd[0], "exports_usd": usd[1],
        })  # fmt: skip
        gone = {_identity_of(was[sha]) for sha in was.keys() - is_now.keys()}
        for name in {
            is_now[sha]["name"] for sha in is_now.keys() - was.keys() if _identity_of(is_now[sha]) in gone
        }:
            replaced[name].append(partition_id((classification, year, code)))
    changes.sort(key=lambda change: (change["classification"], change["year"], change["reporter"]))
    return changes, {name: sorted(years) for name, years in sorted(replaced.items())}


def _identity_of(record: SourceRecord) -> tuple[str, str | None]:
    """Name of a source, with its folder for a partial file: those of one name in different folders are different."""
    return record["name"], None if record["is_complete"] else record.get("folder")


def _add_unread(choice: Choice, read: set[Source], report: IngestReport) -> None:
    """Add sources that needed no reading."""
    report.unchanged = [source.name for source in choice.up_to_date if source not in read]
    report.copies = choice.copies
    report.passed_over += choice.passed_over
    report.rejected = choice.rejected | report.rejected


@dataclass(frozen=True, slots=True)
class _State:
    """The lake after all reading, and the sources at hand."""

    sources: list[Source]
    at_hand: set[str]
    index: LakeIndex
    read: set[Source]
    report: IngestReport
    layout: Layout

    def refuse_vanished(self) -> None:
        """Refuse new content under an old name if it no longer gives a reporter-year; with `accept`, remove the
        reporter-year."""
        good = {(one.name, one.folder): one for one in self.sources if one.name not in self.report.rejected}
        for path, footer in self.index.footers.items():
            source = good.get((footer["sources"][0]["name"], footer["sources"][0].get("folder", "")))
            seen = {one["sha256"] for one in (*footer["sources"], *footer["superseded"])}
            if source is None or source.sha256 in seen or len(footer["sources"]) > 1 or seen & self.at_hand:
                continue
            if self.index.accept:
                self._remove(path)
            else:
                self._reject(source, too_small(partition_key(path), footer, source.name, "nothing"))

    def remove_unwanted(self) -> None:
        """Remove reporter-years that the settings exclude or that their source no longer gives.

        A reporter-year with a source that is not at hand stays; `status` says so.
        """
        read_again = {source.sha256 for source in self.read if source.name in self.report.added}
        for path, one in self.index.outdated(self.at_hand).items():
            is_gone = {source["sha256"] for source in self.index.footers[path]["sources"]} <= read_again
            if is_gone or not (one.is_wanted or one.away):
                self._remove(path)

    def same_date(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """Reporter-years where two publications have the same date and nothing decides between them."""
        for path, footer in self.index.footers.items():
            first = footer["sources"][0]
            for other in footer["superseded"] if first["is_complete"] else ():
                is_same = _date(first) == _date(other) and other.get("is_complete", True)
                if is_same and {first["sha256"], other["sha256"]} <= self.at_hand:
                    yield partition_id(partition_key(path)), (first["name"], other["name"])

    def record_without_wanted_reporters(self) -> None:
        """Record which sources were read and hold none of the wanted reporters."""
        options, passed_over = self.index.options, set(self.report.passed_over)
        found = {source.sha256 for source in self.read if source.name in passed_over}
        if options.reporters and found:
            before = without_wanted_reporters(self.layout, options) & {
                source.sha256 for source in self.sources
            }
            record_without_wanted_reporters(self.layout, options, before | found)

    def drop_rejections(self, *, has_raw: bool) -> None:
        """Delete rejection records of files that are now accepted, have new content, or are gone from `raw/`."""
        rejected = {(one.sha256, one.name) for one in self.sources if one.name in self.report.rejected}
        drop_rejections(self.layout, rejected, at_hand={one.name for one in self.sources}, has_raw=has_raw)

    def _remove(self, path: Path) -> None:
        if path.is_file():
            remove_files([path])
            self.report.removed.append(partition_id(partition_key(path)))

    def _reject(self, source: Source, error: SmallerSourceError) -> None:
        recipe = rejection_recipe(self.index.options_for(source.sha256))
        write_rejection(self.layout, error, source, recipe=recipe)
        self.report.rejected[source.name] = (error.message, error.hint)


def _date(record: dict[str, Any]) -> tuple[str, str]:
    return version_key(record["published"], record.get("made"))


def _supersede_rejected(sources: list[Source], report: IngestReport) -> None:
    """Report a rejected fetched file as superseded if a later publication was accepted."""
    fetched = {source.name: one for source in sources if (one := from_name(source.name)) and one.row_key}
    good: dict[str, tuple[str, str]] = {}
    for name, one in fetched.items():
        if name not in report.rejected:
            good[one.slot] = max(one.version, good.get(one.slot, one.version))
    for name, one in fetched.items():
        if name in report.rejected and one.version < good.get(one.slot, ("", "")):
            del report.rejected[name]
            report.superseded.append(name)
