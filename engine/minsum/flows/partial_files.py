"""Partial files: downloads that hold part of a reporter-year; several of them add up.

A reporter-year is built from all its partial files at once, so the order of arrival does not matter. The rows in the
lake stand in for partial files that are no longer at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from minsum.errors import AbsentSourceError, RivalSourceError, SourceError
from minsum.flows.lake import Lake, SourceRecord, too_small
from minsum.flows.pending import SPILL_ROWS, Partition
from minsum.flows.repairs import build
from minsum.sources.files import Source
from minsum.workspace.footers import Footer
from minsum.workspace.layout import partition_key

if TYPE_CHECKING:
    from minsum.flows.lake_index import LakeIndex
    from minsum.flows.parse import Parsed

    Parse = Callable[[Source], Parsed | None]

Rejected = dict[str, SourceError]
"""Error by digest of the source."""


@dataclass(slots=True)
class PartialFiles:
    """Partial files of one ingest.

    Attributes
    ----------
    lake
        The lake to publish in.
    sources
        All sources of this ingest by digest, including sources that the lake already holds.
    bad
        Digests of rejected sources.
    parse
        Reads one source.
    parsed
        Partial files that were read, by digest.
    """

    lake: Lake
    sources: Mapping[str, Source]
    bad: Collection[str]
    parse: Parse
    parsed: dict[str, Parsed] = field(default_factory=dict)

    def add(self, parsed: Parsed) -> None:
        """Add a partial file that the lake lacks or holds in part.

        Raises
        ------
        RivalSourceError
            If the lake holds another publisher's data.
        """
        self.lake.refuse_other_publishers(parsed.pending.partitions, next(iter(parsed.records.values())))
        self._take(parsed)

    def publish(self, index: LakeIndex) -> tuple[int, Rejected]:
        """Build and publish every reporter-year that gains a partial file, or loses replaced content.

        Returns
        -------
        Number of partitions written, and the error of each rejected partial file by digest.
        """
        touched = sorted({*self._given(), *self._lost(index)})
        conflicting = self._conflicting(touched)
        rejected = dict(conflicting)
        n_written = 0
        for partition in touched:
            old = self.lake.existing(partition)
            given = {sha: one for sha, one in self._of(partition).items() if sha not in conflicting}
            if old is not None and old["sources"][0]["is_complete"]:
                self.lake.remember(partition, [one.records[partition] for one in given.values()])
                continue
            try:
                n_written += self._publish(partition, old, given, rejected)
            except SourceError as error:
                held = {one["sha256"] for one in old["sources"]} if old is not None else set()
                new = given.keys() - held or self._successors(old).keys()
                rejected = dict.fromkeys(sorted(new), error) | rejected  # the first error is reported
        return n_written, rejected

    def _given(self) -> Iterator[Partition]:
        return (partition for one in self.parsed.values() for partition in one.records)

    def _of(self, partition: Partition) -> dict[str, Parsed]:
        return {sha: one for sha, one in self.parsed.items() if partition in one.records}

    def _lost(self, index: LakeIndex) -> Iterator[Partition]:
        """Reporter-years that hold the earlier content of a partial file that was read."""
        for path, footer in index.footers.items():
            if self.parsed.keys() & self._successors(footer).keys():
                yield Partition(*partition_key(path))

    def _take(self, parsed: Parsed) -> None:
        self.parsed[parsed.source.sha256] = parsed
        if sum(one.pending.in_memory for one in self.parsed.values()) > SPILL_ROWS:
            for one in self.parsed.values():
                one.pending.spill()

    def _conflicting(self, touched: list[Partition]) -> Rejected:
        """Partial files of a reporter-year that another publisher's partial file (first by name) also holds."""
        conflicting: Rejected = {}
        for partition in touched:
            several = sorted(self._of(partition).values(), key=lambda one: one.source.name)
            for one in several[1:]:
                first = several[0]
                if one.form.publisher != first.form.publisher:
                    conflicting[one.source.sha256] = RivalSourceError(
                        f"{one.source.name}: {one.form.publisher} data for a reporter-year that "
                        f"{first.source.name} ({first.form.publisher}) holds too",
                        "keep each publisher in a workspace of its own",
                    )
        return conflicting

    def _successors(self, old: Footer | None) -> dict[str, SourceRecord]:
        """Sources with new content under the name and folder of a partial file of the lake: digest to the replaced
        record.

        Rejected sources replace nothing: the earlier content stays.
        """
        gone = {
            (one["name"], one.get("folder")): one
            for one in (old["sources"] if old is not None else ())
            if one["sha256"] not in self.sources and not one["is_complete"]
        }
        return {
            sha: gone[source.name, source.folder]
            for sha, source in (self.sources.items() if gone else ())
            if sha not in self.bad and (source.name, source.folder) in gone
        }

    def _publish(
        self, partition: Partition, old: Footer | None, given: dict[str, Parsed], rejected: Rejected
    ) -> bool:
        """Publish one reporter-year from all its partial files at hand, and from the lake for the others."""
        held = {one["sha256"]: one for one in old["sources"]} if old is not None else {}
        is_current = old is not None and old["recipe"] == self.lake.recipe
        new = given.keys() - (held if is_current else {})
        replaced = {one["sha256"]: one for one in self._successors(old).values()}
        if not new and not replaced:
            return False
        kept = held.keys() - replaced
        away = [held[sha] for sha in sorted(kept) if sha not in self.sources]
        if old is not None and away and is_current and not replaced:
            self._add_to(partition, old, [given[sha] for sha in sorted(new)])
            return True
        group = dict(given)
        for sha in sorted(kept & self.sources.keys() - given.keys()):
            read_again = self._read_again(sha, partition, rejected)
            if read_again is None:
                away.append(held[sha])
            else:
                group[sha] = read_again
        if away:
            if given.keys() - held or replaced:
                raise self._cannot_stand_in(given, away[0], list(replaced.values()))
            return False  # the settings changed and a source is absent: `status` says so
        name = next(iter(given.values())).source.name if given else next(iter(replaced.values()))["name"]
        if not group:
            assert old is not None
            raise too_small(partition, old, name, "nothing")
        rows, others = (
            [frame for one in group.values() for frame in one.pending.take(partition, kind)]
            for kind in ("kept", "others")
        )
        built = build(rows, others=others, is_complete=False, has_world_rows=True)
        if old is not None and not held.keys() <= group.keys():
            self.lake.refuse_smaller(partition, old, built, name)
        self.lake.publish_partial_files(partition, built, [one.records[partition] for one in group.values()])
        return True

    def _add_to(self, partition: Partition, old: Footer, new: list[Parsed]) -> None:
        """Add partial files to the rows in the lake."""
        rows, others = (
            [frame for one in new for frame in one.pending.take(partition, kind)]
            for kind in ("kept", "others")
        )
        rows.append(self.lake.load(partition).drop("is_rebuilt"))
        built = build(rows, others=others, is_complete=False, has_world_rows=True)
        for name, before in old["repairs"].items():
            now = built.repairs.get(name, {"rows": 0, "usd": 0.0})
            built.repairs[name] = {key: now[key] + before[key] for key in now}
        records = [one.records[partition] for one in new] + old["sources"]
        self.lake.publish_partial_files(partition, built, records)

    def _read_again(self, sha: str, partition: Partition, rejected: Rejected) -> Parsed | None:
        """Read again a partial file that the lake holds. None if it is rejected now: its earlier rows stay."""
        if sha not in self.parsed and sha not in self.bad and sha not in rejected:
            try:
                if (parsed := self.parse(self.sources[sha])) is not None:
                    self._take(parsed)
            except SourceError as error:
                rejected[sha] = error
        one = self.parsed.get(sha)
        return one if one is not None and partition in one.records else None

    def _cannot_stand_in(
        self, given: Mapping[str, Parsed], away: SourceRecord, replaced: list[SourceRecord]
    ) -> AbsentSourceError:
        names = [one.source.name for one in given.values()] + [one["name"] for one in replaced]
        why = f"{replaced[0]['name']} has changed" if replaced else "the settings have changed"
        return AbsentSourceError(
            f"{names[0]}: adds to a reporter-year that {away['name']} is a part of; {why}, so it must be "
            "read again, and it is not at hand",
            f"put {away['name']} into raw/ beside it and run again, or name both: minsum ingest FILE FILE",
        )
