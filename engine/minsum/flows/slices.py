"""Slices: downloads that hold a part of a reporter-year, which the others of that reporter-year add to.

A reporter-year of slices is built from all of them at once, so that it does not depend on the order in which
they came. For those that are no longer at hand, what the lake holds stands in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from minsum.errors import RivalSourceError, SourceError
from minsum.flows.lake import Lake, SourceRecord
from minsum.flows.pending import SPILL_ROWS, Partition
from minsum.flows.repairs import Repairs, build
from minsum.sources import Source
from minsum.workspace import Footer

if TYPE_CHECKING:
    from minsum.flows.parse import Parsed

    Parse = Callable[[Source], Parsed | None]


@dataclass(slots=True)
class Slices:
    """Slices of one ingest.

    Attributes
    ----------
    lake
        Where they go.
    sources
        Every source of this ingest by digest, those that the lake holds already included.
    parse
        Reads one of them.
    parsed
        Those that were read, by digest.
    """

    lake: Lake
    sources: Mapping[str, Source]
    parse: Parse
    parsed: dict[str, Parsed] = field(default_factory=dict)

    def add(self, parsed: Parsed) -> None:
        """Take a slice that the lake does not hold, or not whole.

        Raises
        ------
        RivalSourceError
            If the lake holds another publisher's figures.
        """
        self.lake.refuse_rivals(parsed.pending.partitions, next(iter(parsed.records.values())))
        self._take(parsed)

    def publish(self) -> tuple[int, dict[str, SourceError]]:
        """Build and publish every reporter-year that gains a slice.

        Returns
        -------
        Partitions written, and by digest the slices that had to be rejected.
        """
        touched = sorted({partition for one in self.parsed.values() for partition in one.records})
        rejected = self._rivals(touched)
        n_written = 0
        for partition in touched:
            old = self.lake.existing(partition)
            new = {sha: one for sha, one in self._gains(partition, old).items() if sha not in rejected}
            if not new:
                continue
            if old is not None and old["sources"][0]["is_complete"]:
                self.lake.remember(partition, [one.records[partition] for one in new.values()])
                continue
            try:
                self._publish(partition, old, new)
                n_written += 1
            except SourceError as error:
                rejected |= dict.fromkeys(new, error)
        return n_written, rejected

    def _take(self, parsed: Parsed) -> None:
        self.parsed[parsed.source.sha256] = parsed
        if sum(one.pending.in_memory for one in self.parsed.values()) > SPILL_ROWS:
            for one in self.parsed.values():
                one.pending.spill()

    def _rivals(self, touched: list[Partition]) -> dict[str, SourceError]:
        """Slices of a reporter-year that another publisher's slices, earlier by name, hold as well."""
        rivals: dict[str, SourceError] = {}
        for partition in touched:
            first, *others = sorted(
                (one for one in self.parsed.values() if partition in one.records),
                key=lambda one: one.source.name,
            )
            for one in others:
                if one.form.publisher != first.form.publisher:
                    rivals[one.source.sha256] = RivalSourceError(
                        f"{one.source.name}: {one.form.publisher} figures for a reporter-year that "
                        f"{first.source.name} ({first.form.publisher}) holds too",
                        "keep each publisher in a workspace of its own",
                    )
        return rivals

    def _gains(self, partition: Partition, old: Footer | None) -> dict[str, Parsed]:
        """Slices of a partition that its footer does not know under the settings of now."""
        known: set[str] = set()
        if old is not None:
            current = old["sources"] if old["recipe"] == self.lake.recipe else []
            known = {record["sha256"] for record in [*current, *old["superseded"]]}
        return {sha: one for sha, one in self.parsed.items() if partition in one.records and sha not in known}

    def _publish(self, partition: Partition, old: Footer | None, group: dict[str, Parsed]) -> None:
        names = {source.name for source in self.sources.values()}
        away: list[SourceRecord] = []
        replaced: list[SourceRecord] = []
        for record in old["sources"] if old is not None else []:
            if record["sha256"] in self.sources:
                group |= self._again(record["sha256"], partition)
            else:
                (replaced if record["name"] in names else away).append(record)
        records = [one.records[partition] for one in group.values()] + away
        rows = [frame for one in group.values() for frame in one.pending.take(partition, "kept")]
        repairs: Repairs = {}
        if old is not None and away:
            if replaced or old["recipe"] != self.lake.recipe:
                raise _cannot_stand_in(next(iter(group.values())), away[0], replaced)
            rows.append(self.lake.load(partition).drop("is_rebuilt"))
            repairs = old["repairs"]
        built = build(rows, is_complete=False, has_world_rows=True)
        for name, before in repairs.items():
            now = built.repairs.get(name, {"rows": 0, "usd": 0.0})
            built.repairs[name] = {key: now[key] + before[key] for key in now}
        self.lake.publish_slices(partition, built, records)

    def _again(self, sha: str, partition: Partition) -> dict[str, Parsed]:
        """A slice that the lake holds, read once more."""
        if sha not in self.parsed:
            parsed = self.parse(self.sources[sha])
            if parsed is not None:
                self._take(parsed)
        one = self.parsed.get(sha)
        return {sha: one} if one is not None and partition in one.records else {}


def _cannot_stand_in(new: Parsed, away: SourceRecord, replaced: list[SourceRecord]) -> SourceError:
    why = f"{replaced[0]['name']} has changed" if replaced else "the settings have changed"
    return SourceError(
        f"{new.source.name}: adds to a reporter-year that {away['name']} is a part of; {why}, so that it has to be "
        "read again, and it is not at hand",
        f"name it too: minsum ingest {new.source.name} {away['name']}",
    )
