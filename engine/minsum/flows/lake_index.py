"""What the lake holds of each source, and which sources need reading: said once, for `ingest` and `status` alike.

Without Numba: a run to which every file is known, and `status`, need no more than this.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from minsum.errors import SmallerSourceError, SourceError
from minsum.flows.lake import SourceRecord, is_outranked, made_of, place_of
from minsum.flows.recipe import recipe, rejection_recipe
from minsum.settings.flows import Ingest
from minsum.sources.files import Source
from minsum.sources.formats import Claims, Format, formats, recognise
from minsum.sources.opening import open_table
from minsum.sources.publications import version_key
from minsum.sources.rejections import read_rejections
from minsum.workspace.footers import Footer, canonical_json, digest, flows_footers
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.publish import publish_text

Reasons = dict[str, tuple[str, str]]
"""Source name to reason and hint."""

Spread = Callable[[Callable[[Source], "_Look"], list[Source]], Iterator["_Look"]]
"""`map`, in this thread or over several."""


class Overtaken(NamedTuple):
    """Flows that are not what the options ask for.

    Attributes
    ----------
    is_wanted
        Whether their reporter is asked for.
    away
        Names of their sources that are not at hand: they stay as they are until these come back.
    """

    is_wanted: bool
    away: list[str]


class _Use(NamedTuple):
    """A source in the footer of a reporter-year, in use there or superseded."""

    footer: Footer
    record: SourceRecord
    is_current: bool


@dataclass(frozen=True)
class Known:
    """What the lake holds.

    Attributes
    ----------
    footers
        Of every flows file.
    options
        `[ingest]`: what is asked for now.
    accept
        Whether a source may leave less than half of what the lake holds.
    """

    footers: Mapping[Path, Footer]
    options: Ingest
    accept: bool = False

    def unwanted(self) -> set[Path]:
        """Flows of reporters that the options leave out."""
        wanted = self.options.reporter_codes()
        return {path for path in self.footers if wanted and partition_key(path)[2] not in wanted}

    def overtaken(self, at_hand: Collection[str]) -> dict[Path, Overtaken]:
        """Flows that ingest would make anew or remove, given the digests of all sources at hand."""
        unwanted, wanted = self.unwanted(), recipe(self.options)
        return {
            path: Overtaken(
                path not in unwanted,
                [one["name"] for one in footer["sources"] if one["sha256"] not in at_hand],
            )
            for path, footer in self.footers.items()
            if path in unwanted
            or footer["recipe"] != wanted
            or not all(is_as_asked(one, self.options) for one in footer["sources"])
        }

    def expected(self, at_hand: Collection[str]) -> Mapping[Path, Footer]:
        """Footers after ingest: without those that go, and those that are made anew differ from what they were."""
        found = dict(self.footers)
        for path, one in self.overtaken(at_hand).items():
            if not one.away and one.is_wanted:
                found[path] = self.footers[path] | {"is_made_anew": True}
            elif not one.away:
                del found[path]
        return found

    @cached_property
    def _uses(self) -> dict[str, list[_Use]]:
        """By digest; of reporters that are wanted."""
        found: dict[str, list[_Use]] = defaultdict(list)
        unwanted = self.unwanted()
        for path, footer in self.footers.items():
            if path not in unwanted:
                for kind in ("sources", "superseded"):
                    for record in footer[kind]:
                        found[record["sha256"]].append(_Use(footer, record, kind == "sources"))
        return found

    @cached_property
    def _places(self) -> dict[str, Footer]:
        return {place_of(partition_key(path)): footer for path, footer in self.footers.items()}

    def made_in(self, place: str) -> str | None:
        """Digest of the sources of a reporter-year (`H4/2015/156`); None of one that is not there."""
        footer = self._places.get(place)
        return None if footer is None else made_of(footer["sources"])

    def digests(self) -> set[str]:
        """Of every source that the lake has seen."""
        return set(self._uses)

    def names(self, sha: str) -> set[str]:
        """Under which the lake knows a source."""
        return {use.record["name"] for use in self._uses.get(sha, ())}

    def options_for(self, sha: str) -> Ingest:
        """What a source is read and judged for: a vintage that was once said for it stands until another is said."""
        if self.options.classification is not None:
            return self.options
        said = (use.record.get("assumed") for use in self._uses.get(sha, ()))
        return self.options.model_copy(update={"classification": next(filter(None, said), None)})

    def unused(self) -> set[str]:
        """Names of sources that were superseded everywhere they gave something."""
        used = {record["name"] for footer in self.footers.values() for record in footer["sources"]}
        return {record["name"] for footer in self.footers.values() for record in footer["superseded"]} - used

    def settled_names(self) -> set[str]:
        """Names of sources that the lake holds, or has no use for, whether they are at hand or not."""
        return {
            name
            for sha in self._uses
            for name in self.names(sha)
            if self.is_settled(Source(Path(name), 0, sha), self._uses)
        }

    def is_settled(self, source: Source, at_hand: Collection[str]) -> bool:
        """Whether reading a source would change nothing: what it gives is in the lake as the options ask for it, or
        superseded by what is there now.

        Parameters
        ----------
        source
            Named and hashed.
        at_hand
            Digests of all sources at hand: a source that is not, and whose name another content has, is history.
        """
        uses = self._uses.get(source.sha256, [])
        n_expected = max((use.record["partitions"] for use in uses), default=1)
        return len(uses) >= n_expected and all(self._is_settled_in(use, source, at_hand) for use in uses)

    def _is_settled_in(self, use: _Use, source: Source, at_hand: Collection[str]) -> bool:
        record = use.record
        if not is_as_asked(record, self.options):
            return False
        as_named = record if record["name"] == source.name else record | named(source.name)
        if use.is_current:
            is_later = version_key(as_named["published"], as_named.get("made")) > version_key(
                record["published"], record.get("made")
            )
            return use.footer["recipe"] == recipe(self.options) and not is_later
        return is_outranked(as_named, use.footer["sources"], at_hand)


def is_as_asked(record: SourceRecord, options: Ingest) -> bool:
    """Whether a source was read for what the options ask for now: its vintage where it does not say, and reporters."""
    read_for = record.get("reporters", [])
    has_all = not read_for or (bool(options.reporters) and set(options.reporters) <= set(read_for))
    return has_all and options.classification in (None, record.get("assumed") or options.classification)


def named(name: str) -> SourceRecord:
    """What a footer would say of a source of this name."""
    claims = next((one for form in formats() if (one := form.claims(name)).published), Claims())
    return {"name": name, "published": claims.published, "made": claims.identity.get("made")}


def survey(layout: Layout, options: Ingest, *, accept: bool = False) -> Known:
    """Read every footer of the lake.

    Raises
    ------
    DataCheckError
        If a file in the lake was not written by minsum, or lies in another's place.
    """
    return Known(flows_footers(layout), options, accept)


@dataclass(slots=True)
class Choice:
    """What is to be done with each source.

    Attributes
    ----------
    todo
        Sources to read, each with its format; None for one that will be rejected.
    settled
        Those whose reading would change nothing.
    copies
        Names of sources whose content another has, to the name of that.
    passed_over
        Names of files that only accompany data, or are of reporters that are not wanted.
    rejected
        Name to reason and hint of those rejected before, whose verdict stands.
    bad
        Their digests.
    at_hand
        Digests of all sources.
    """

    todo: dict[Source, Format | None] = field(default_factory=dict)
    settled: list[Source] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)
    rejected: Reasons = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    at_hand: set[str] = field(default_factory=set)


def choose(sources: Sequence[Source], known: Known, layout: Layout, spread: Spread = map) -> Choice:
    """Say which sources need reading. Of equal contents one is read, under the name that dates it latest; one whose name
    was found to be wrong leaves it to the others."""
    choice = Choice(at_hand={source.sha256 for source in sources})
    verdicts = _verdicts(layout, known)
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
        chosen = candidates[0] if len(candidates) == 1 else _latest(candidates, known)
        choice.copies |= {one.name: chosen.name for one in candidates if one is not chosen}
        if known.is_settled(chosen, groups):
            choice.settled.append(chosen)
            names = known.names(chosen.sha256)
            if chosen.name not in names:
                choice.copies[chosen.name] = min(names)
        else:
            unread.append(chosen)
    wanted = known.options.reporter_codes()
    without = holding_none(layout, known.options) if wanted and unread else set()
    for source, look in zip(unread, spread(_look, unread), strict=True):
        reporter_code = look.form and look.form.claims(source.name).reporter_code
        is_unwanted = source.sha256 in without or (wanted and reporter_code not in (None, *wanted))
        if look.is_companion or is_unwanted:
            choice.passed_over.append(source.name)
        else:
            choice.todo[source] = look.form
    return choice


def holding_none(layout: Layout, options: Ingest) -> set[str]:
    """Digests of sources that were read and hold none of the reporters asked for. The file only saves reading, and may be
    deleted."""
    try:
        found = json.loads(_none_file(layout).read_text(encoding="utf-8"))
        return set(found["sources"]) if found["of"] == _of(options) else set()
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return set()


def note_holding_none(layout: Layout, options: Ingest, found: set[str]) -> None:
    """Remember what `holding_none` says."""
    text = canonical_json({"of": _of(options), "sources": sorted(found)}).decode()
    publish_text(text, _none_file(layout), layout=layout)


def _none_file(layout: Layout) -> Path:
    return layout.private / "holding-none.json"


def _of(options: Ingest) -> str:
    return digest([rejection_recipe(options), sorted(options.reporters)])


def _latest(candidates: list[Source], known: Known) -> Source:
    """Of sources of one content: by date, then the one that the lake knows, then the first."""
    names = known.names(candidates[0].sha256)

    def rank(source: Source) -> tuple[tuple[str, str], bool]:
        dates = named(source.name)
        return version_key(dates["published"], dates["made"]), source.name in names

    return max(candidates, key=rank)


def _verdicts(layout: Layout, known: Known) -> dict[tuple[str, str], tuple[str, str]]:
    """Reason and hint of what was rejected before and would be again, by digest and name."""
    return {
        (record["sha256"], record["name"]): (record["reason"], record["hint"])
        for record in read_rejections(layout).values()
        if record["recipe"] == rejection_recipe(known.options_for(record["sha256"]))
        and (record["is_final"] or record["because"])
        and all(known.made_in(place) == sources for place, sources in record["because"].items())
        and not (known.accept and record["kind"] == SmallerSourceError.__name__)
    }


@dataclass(frozen=True, slots=True)
class _Look:
    """What the header says of a source: no format where it will be rejected."""

    form: Format | None = None
    is_companion: bool = False


def _look(source: Source) -> _Look:
    try:
        with open_table(source) as (_, header):
            form = recognise(header, source.name)
    except SourceError:
        return _Look()
    return _Look(form, is_companion=form is None)
