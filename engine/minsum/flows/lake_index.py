"""Index of the lake: which sources it holds, and in which reporter-years.

Does not import Numba: `status`, and a run without new files, need nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from minsum.flows.lake import SourceRecord, is_outranked, partition_id, sources_digest
from minsum.flows.recipe import recipe
from minsum.settings.flows import Ingest
from minsum.sources.files import Source
from minsum.sources.formats import Claims, formats
from minsum.sources.publications import version_key
from minsum.workspace.footers import Footer, flows_footers
from minsum.workspace.layout import Layout, partition_key

Reasons = dict[str, tuple[str, str]]
"""Source name to reason and hint."""


class Outdated(NamedTuple):
    """A flows file that does not match the options.

    Attributes
    ----------
    is_wanted
        Whether the options ask for its reporter.
    away
        Names of its sources that are not at hand. The file stays unchanged until they are.
    """

    is_wanted: bool
    away: list[str]


class _Use(NamedTuple):
    """A source in the footer of one reporter-year; `is_current` is False if it was superseded there."""

    footer: Footer
    record: SourceRecord
    is_current: bool


@dataclass(frozen=True)
class LakeIndex:
    """Sources and reporter-years of the lake.

    Attributes
    ----------
    footers
        Footers of all flows files, by path.
    options
        `[ingest]`, the current options.
    accept
        Whether a source may leave less than half of what the lake holds.
    """

    footers: Mapping[Path, Footer]
    options: Ingest
    accept: bool = False

    def unwanted(self) -> set[Path]:
        """Flows files of reporters that the options exclude."""
        wanted = self.options.reporter_codes()
        return {path for path in self.footers if wanted and partition_key(path)[2] not in wanted}

    def outdated(self, at_hand: Collection[str]) -> dict[Path, Outdated]:
        """Flows files that ingest would rebuild or remove, given the digests of all sources at hand."""
        unwanted, wanted = self.unwanted(), recipe(self.options)
        return {
            path: Outdated(
                path not in unwanted,
                [one["name"] for one in footer["sources"] if one["sha256"] not in at_hand],
            )
            for path, footer in self.footers.items()
            if path in unwanted
            or footer["recipe"] != wanted
            or not all(matches_options(one, self.options) for one in footer["sources"])
        }

    def expected(self, at_hand: Collection[str]) -> Mapping[Path, Footer]:
        """Footers as after ingest: removed files are left out, and rebuilt files have a changed footer."""
        found = dict(self.footers)
        for path, one in self.outdated(at_hand).items():
            if not one.away and one.is_wanted:
                found[path] = self.footers[path] | {"is_made_anew": True}
            elif not one.away:
                del found[path]
        return found

    @cached_property
    def _uses(self) -> dict[str, list[_Use]]:
        """Uses of each source by its digest, in files of wanted reporters."""
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
        return {partition_id(partition_key(path)): footer for path, footer in self.footers.items()}

    def sources_digest(self, place: str) -> str | None:
        """Digest of the sources of a reporter-year (`H4/2015/156`); None if the lake does not hold it."""
        footer = self._places.get(place)
        return None if footer is None else sources_digest(footer["sources"])

    def digests(self) -> set[str]:
        """Digests of all sources that the lake has used."""
        return set(self._uses)

    def names(self, sha: str) -> set[str]:
        """Names under which the lake knows a source."""
        return {use.record["name"] for use in self._uses.get(sha, ())}

    def options_for(self, sha: str) -> Ingest:
        """Options for reading and rejecting a source. An HS vintage given for it earlier applies until another is given."""
        if self.options.classification is not None:
            return self.options
        said = (use.record.get("assumed") for use in self._uses.get(sha, ()))
        return self.options.model_copy(update={"classification": next(filter(None, said), None)})

    def unused(self) -> set[str]:
        """Names of sources that were superseded in every reporter-year."""
        used = {record["name"] for footer in self.footers.values() for record in footer["sources"]}
        return {record["name"] for footer in self.footers.values() for record in footer["superseded"]} - used

    def up_to_date_names(self) -> set[str]:
        """Names of sources that need no reading, at hand or not."""
        return {
            name
            for sha in self._uses
            for name in self.names(sha)
            if self.is_up_to_date(Source(Path(name), 0, sha), self._uses)
        }

    def is_up_to_date(self, source: Source, at_hand: Collection[str]) -> bool:
        """Whether reading a source would change nothing: its rows are in the lake as the options ask, or superseded.

        Parameters
        ----------
        source
            Source with name and digest.
        at_hand
            Digests of all sources at hand. A source of the lake that is not among them does not outrank new content
            under its name.

        """
        uses = self._uses.get(source.sha256, [])
        n_expected = max((use.record["partitions"] for use in uses), default=1)
        return len(uses) >= n_expected and all(self._is_up_to_date_in(use, source, at_hand) for use in uses)

    def _is_up_to_date_in(self, use: _Use, source: Source, at_hand: Collection[str]) -> bool:
        record = use.record
        if not matches_options(record, self.options):
            return False
        as_named = record if record["name"] == source.name else record | record_of_name(source.name)
        if use.is_current:
            is_later = version_key(as_named["published"], as_named.get("made")) > version_key(
                record["published"], record.get("made")
            )
            return use.footer["recipe"] == recipe(self.options) and not is_later
        return is_outranked(as_named, use.footer["sources"], at_hand)


def matches_options(record: SourceRecord, options: Ingest) -> bool:
    """Whether a source was read with the current options: the HS vintage given for it, and the wanted reporters."""
    read_for = record.get("reporters", [])
    has_all = not read_for or (bool(options.reporters) and set(options.reporters) <= set(read_for))
    return has_all and options.classification in (None, record.get("assumed") or options.classification)


def record_of_name(name: str) -> SourceRecord:
    """The part of a footer record that follows from the name of a source."""
    claims = next((one for form in formats() if (one := form.claims(name)).published), Claims())
    return {"name": name, "published": claims.published, "made": claims.identity.get("made")}


def read_index(layout: Layout, options: Ingest, *, accept: bool = False) -> LakeIndex:
    """Read every footer of the lake.

    Raises
    ------
    DataCheckError
        If a file in the lake was not written by minsum, or is in the wrong folder.
    """
    return LakeIndex(flows_footers(layout), options, accept)
