"""Reads sources, several at a time, and publishes what they give."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from minsum.errors import MinsumError, SourceError
from minsum.flows.build import build
from minsum.flows.lake import RECIPE, Lake, SourceRecord, survey
from minsum.flows.pending import Pending
from minsum.flows.reader import blocks, check_fields, read_header
from minsum.flows.rules import Judge
from minsum.formats import Format, recognise
from minsum.sources import Source, discover, identify, open_text
from minsum.workspace import Footer, Layout, canonical_json, publish_text

Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done and what there is to do."""


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What decides the rows of the lake.

    Attributes
    ----------
    flows
        Comtrade flow codes to keep.
    classification
        HS vintage for files that do not say (BACI under another name).
    """

    flows: tuple[str, ...] = ("DX", "M", "RX", "X")
    classification: str | None = None

    def recipe(self) -> Footer:
        """What is stored in footers; a partition with another recipe is made anew."""
        return {"version": RECIPE, "flows": sorted(self.flows)}


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
    n_partitions, rows_in
        Partitions published and rows read.
    """

    added: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    superseded: list[str] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    rejected: dict[str, tuple[str, str]] = field(default_factory=dict)
    n_partitions: int = 0
    rows_in: int = 0


@dataclass(frozen=True, slots=True)
class _Parsed:
    source: Source
    form: Format
    pending: Pending
    records: dict[int, SourceRecord]


def ingest(
    layout: Layout, paths: Sequence[Path], options: IngestOptions, *, jobs: int, progress: Progress
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

    Raises
    ------
    UsageError
        If a path does not exist. Bad files do not raise: they are rejected, recorded and reported.
    """
    report = IngestReport()
    sources = identify(discover(paths), layout, jobs=jobs)
    todo = _choose(sources, options, layout, report)
    lake = Lake(layout, options.recipe(), frozenset(source.sha256 for source in sources))
    slices: list[_Parsed] = []
    done = 0
    with ThreadPoolExecutor(jobs) as pool:
        for source, outcome in _bounded(pool, todo, lambda one: _parse(one, options, layout), ahead=jobs):
            try:
                parsed = outcome()
                if parsed is None:
                    report.passed_over.append(source.name)
                elif parsed.form.is_complete:
                    _publish_complete(parsed, lake, pool, report)
                else:
                    lake.refuse_rivals(parsed.pending.partitions, next(iter(parsed.records.values())))
                    slices.append(parsed)
            except SourceError as error:
                _reject(source, error, options, layout, report)
            done += 1
            progress("flows", done, len(todo))
        _publish_slices(slices, lake, report)
    _forget_rejections(sources, report, layout)
    return report


def _choose(
    sources: list[Source], options: IngestOptions, layout: Layout, report: IngestReport
) -> list[Source]:
    """Sources that need reading; sorts the others into the report."""
    known = survey(layout)
    complete, names = known.complete(options.recipe()), known.names()
    first: dict[str, str] = {}
    todo = []
    for source in sources:
        if source.sha256 in first:
            report.copies[source.name] = first[source.sha256]
        elif source.sha256 in complete:
            report.unchanged.append(source.name)
            if names[source.sha256] != source.name:
                report.copies[source.name] = names[source.sha256]
        elif reason := _rejection(source, options, layout):
            report.rejected[source.name] = reason
        else:
            todo.append(source)
        first.setdefault(source.sha256, source.name)
    return todo


def _bounded(
    pool: ThreadPoolExecutor,
    sources: Iterable[Source],
    work: Callable[[Source], _Parsed | None],
    *,
    ahead: int,
) -> Iterator[tuple[Source, Callable[[], _Parsed | None]]]:
    """Results as they come, never more than `ahead` sources under way or waiting: memory stays flat."""
    waiting = iter(sources)
    running: dict[Future[_Parsed | None], Source] = {}
    while True:
        for source in waiting:
            running[pool.submit(work, source)] = source
            if len(running) >= ahead:
                break
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result


def _parse(source: Source, options: IngestOptions, layout: Layout) -> _Parsed | None:
    pending = Pending(layout.scratch / f"pending-{source.sha256}")
    with open_text(source) as file:
        header = read_header(file, source.name)
        form = recognise(header, source.name)
        if form is None:
            return None
        claims = form.claims(source.name)
        if claims.classification is None:
            claims = replace(claims, classification=options.classification)
        judge = Judge(form, header, claims=claims, flows=options.flows, name=source.name)
        for block in blocks(file, is_quoted=form.is_quoted, name=source.name):
            block = check_fields(block, header, is_quoted=form.is_quoted, name=source.name)
            pending.add(judge.judge(block), mirrors_imports=form.mirrors_imports)
    if not pending.partitions:
        raise SourceError(f"{source.name}: a header line and no rows", "download it again")
    base = {
        "name": source.name, "size": source.size, "sha256": source.sha256, "format": form.name,
        "publisher": form.publisher, "published": claims.published, "is_complete": form.is_complete,
        "partitions": len(pending.partitions), "padded_codes": pending.padded,
    }  # fmt: skip
    records = {number: base | _audit_json(pending, number) for number in pending.partitions}
    return _Parsed(source, form, pending, records)


def _audit_json(pending: Pending, number: int) -> Footer:
    audit = pending.audits.get(number)
    rules = audit.as_json() if audit else {}
    return {
        "rows_in": sum(int(one["rows"]) for one in rules.values()),
        "rows_kept": int(rules.get("kept", {"rows": 0})["rows"]),
        "rules": rules,
    }


def _publish_complete(parsed: _Parsed, lake: Lake, pool: ThreadPoolExecutor, report: IngestReport) -> None:
    numbers = parsed.pending.partitions
    lake.refuse_rivals(numbers, parsed.records[numbers[0]])

    def publish(number: int) -> bool:
        rows = parsed.pending.take(number)
        built = build(rows, is_complete=True, has_world_rows=parsed.form.has_world_rows)
        return lake.publish_complete(number, built, parsed.records[number])

    written = list(pool.map(publish, numbers))
    report.n_partitions += sum(written)
    report.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    (report.added if any(written) else report.superseded).append(parsed.source.name)


def _publish_slices(slices: list[_Parsed], lake: Lake, report: IngestReport) -> None:
    """Slices of one reporter-year add up with each other and with those the lake holds already."""
    by_number: dict[int, list[_Parsed]] = defaultdict(list)
    for parsed in sorted(slices, key=lambda one: (one.source.name, one.source.sha256)):
        for number in parsed.pending.partitions:
            by_number[number].append(parsed)
        report.added.append(parsed.source.name)
        report.rows_in += sum(record["rows_in"] for record in parsed.records.values())
    for number, group in sorted(by_number.items()):
        records = [parsed.records[number] for parsed in group]
        rows = [parsed.pending.take(number) for parsed in group]
        old = lake.existing(number)
        if old is not None and old["sources"][0]["is_complete"]:
            lake.remember(number, records)
            continue
        if old is not None and old["recipe"] == lake.recipe:
            rows.insert(0, lake.load(number)[0])
            records = [*old["sources"], *records]
        built = build(np.concatenate(rows), is_complete=False, has_world_rows=True)
        lake.publish_slices(number, built, records)
        report.n_partitions += 1


def _rejection_file(source: Source, layout: Layout) -> Path:
    return layout.rejected / f"{source.sha256}.json"


def _rejection(source: Source, options: IngestOptions, layout: Layout) -> tuple[str, str] | None:
    """Reason and hint when this very content was rejected under the same recipe before."""
    try:
        record = json.loads(_rejection_file(source, layout).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if record["recipe"] != _rejection_recipe(options) or record["name"] != source.name:
        return None
    return record["reason"], record["hint"]


def _rejection_recipe(options: IngestOptions) -> Footer:
    return options.recipe() | {"classification": options.classification}


def _reject(
    source: Source, error: MinsumError, options: IngestOptions, layout: Layout, report: IngestReport
) -> None:
    record = {
        "name": source.name, "sha256": source.sha256, "size": source.size, "kind": type(error).__name__,
        "reason": error.message, "hint": error.hint, "recipe": _rejection_recipe(options),
    }  # fmt: skip
    publish_text(canonical_json(record).decode(), _rejection_file(source, layout), layout=layout)
    report.rejected[source.name] = (error.message, error.hint)


def _forget_rejections(sources: list[Source], report: IngestReport, layout: Layout) -> None:
    """A name whose new content is good is no longer rejected for its old content."""
    good = {source.name for source in sources} - set(report.rejected)
    for file in layout.rejected.glob("*.json"):
        if json.loads(file.read_text(encoding="utf-8"))["name"] in good:
            os.unlink(file)
