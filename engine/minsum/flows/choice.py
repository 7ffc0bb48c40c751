"""Chooses the sources that need reading. `ingest` and `status` both use it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from minsum.errors import SmallerSourceError, SourceError
from minsum.flows.lake_index import LakeIndex, Reasons, record_of_name
from minsum.flows.recipe import rejection_recipe
from minsum.settings.flows import Ingest
from minsum.sources.files import Source
from minsum.sources.formats import Format, recognise
from minsum.sources.opening import open_table
from minsum.sources.publications import version_key
from minsum.sources.rejections import read_rejections
from minsum.workspace.footers import canonical_json, digest
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_text

Map = Callable[[Callable[[Source], "_HeaderVerdict"], list[Source]], Iterator["_HeaderVerdict"]]
"""`map` itself, or the `map` of a thread pool."""


@dataclass(slots=True)
class Choice:
    """Which sources to read, and why the others are not read.

    Attributes
    ----------
    todo
        Sources to read, each with its format; the format is None if the source will be rejected.
    up_to_date
        Sources whose reading would change nothing.
    copies
        Name of each source with equal content to the name of the source that is read.
    passed_over
        Names of files that only accompany data, or hold no wanted reporter.
    rejected
        Name to reason and hint of sources that were rejected before and would be rejected again.
    bad
        Digests of the sources in `rejected`.
    at_hand
        Digests of all sources.
    """

    todo: dict[Source, Format | None] = field(default_factory=dict)
    up_to_date: list[Source] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    rejected: Reasons = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    at_hand: set[str] = field(default_factory=set)


def choose(sources: Sequence[Source], index: LakeIndex, layout: Layout, map_: Map = map) -> Choice:
    """Choose the sources to read. Of sources with equal content, the name with the latest date is read.

    A name that was rejected for contradicting the content leaves the content to other names.
    """
    choice = Choice(at_hand={source.sha256 for source in sources})
    verdicts = _verdicts(layout, index)
    groups: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        groups[source.sha256 or str(source.path)].append(source)
    unread = []
    for group in groups.values():
        candidates = []
        for source in group:
            if reason := verdicts.get((source.sha256, source.name)):
                choice.rejected[source.name] = reason
                choice.bad.add(source.sha256)
            else:
                candidates.append(source)
        if not candidates:
            continue
        choice.bad.discard(group[0].sha256)
        chosen = candidates[0] if len(candidates) == 1 else _latest(candidates, index)
        choice.copies |= {one.name: chosen.name for one in candidates if one is not chosen}
        if index.is_up_to_date(chosen, groups):
            choice.up_to_date.append(chosen)
            names = index.names(chosen.sha256)
            if chosen.name not in names:
                choice.copies[chosen.name] = min(names)
        else:
            unread.append(chosen)
    wanted = index.options.reporter_codes()
    without = without_wanted_reporters(layout, index.options) if wanted and unread else set()
    for source, verdict in zip(unread, map_(_judge_header, unread), strict=True):
        reporter_code = verdict.form and verdict.form.claims(source.name).reporter_code
        is_unwanted = source.sha256 in without or (wanted and reporter_code not in (None, *wanted))
        if verdict.is_companion or is_unwanted:
            choice.passed_over.append(source.name)
        else:
            choice.todo[source] = verdict.form
    return choice


def without_wanted_reporters(layout: Layout, options: Ingest) -> set[str]:
    """Digests of sources that were read and hold no wanted reporter. The file only saves reading and may be deleted."""
    try:
        found = json.loads(_without_wanted_file(layout).read_text(encoding="utf-8"))
        return set(found["sources"]) if found["of"] == _options_digest(options) else set()
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return set()


def record_without_wanted_reporters(layout: Layout, options: Ingest, found: set[str]) -> None:
    """Write the file that `without_wanted_reporters` reads."""
    text = canonical_json({"of": _options_digest(options), "sources": sorted(found)}).decode()
    publish_text(text, _without_wanted_file(layout), layout=layout)


def _without_wanted_file(layout: Layout) -> Path:
    return layout.private / "holding-none.json"


def _options_digest(options: Ingest) -> str:
    return digest([rejection_recipe(options), sorted(options.reporters)])


def _latest(candidates: list[Source], index: LakeIndex) -> Source:
    """Of sources with equal content: latest date first, then names that the lake knows, then the first."""
    names = index.names(candidates[0].sha256)

    def rank(source: Source) -> tuple[tuple[str, str], bool]:
        dates = record_of_name(source.name)
        return version_key(dates["published"], dates["made"]), source.name in names

    return max(candidates, key=rank)


def _verdicts(layout: Layout, index: LakeIndex) -> dict[tuple[str, str], tuple[str, str]]:
    """Reason and hint by digest and name, for sources that were rejected and would be rejected again."""
    return {
        (record["sha256"], record["name"]): (record["reason"], record["hint"])
        for record in read_rejections(layout).values()
        if record["recipe"] == rejection_recipe(index.options_for(record["sha256"]))
        and (record["is_final"] or record["because"])
        and all(index.sources_digest(place) == sources for place, sources in record["because"].items())
        and not (index.accept and record["kind"] == SmallerSourceError.__name__)
    }


@dataclass(frozen=True, slots=True)
class _HeaderVerdict:
    """Result of reading a header; without a format, the source will be rejected."""

    form: Format | None = None
    is_companion: bool = False


def _judge_header(source: Source) -> _HeaderVerdict:
    try:
        with open_table(source) as (_, header):
            form = recognise(header, source.name)
    except SourceError:
        return _HeaderVerdict()
    return _HeaderVerdict(form, is_companion=form is None)
