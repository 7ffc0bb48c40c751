"""The lake of flows: how a reporter-year is published or replaced.

A partition belongs to one publication (a complete file) or to slices of one publisher that add up.
A later publication replaces an earlier one whole; the earlier one is remembered by name and digest.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from minsum.countries import iso3_of
from minsum.errors import RivalSourceError
from minsum.flows.pending import Partition
from minsum.flows.repairs import Built, in_order
from minsum.publications import version_key
from minsum.workspace import ROW_GROUP_ROWS, Footer, Layout, publish_parts, read_footer

_READ_WHOLE: Final = ["M", "X"]
"""Flows whose World rows similarity (unless its basis is DX or X-RX) and complementarity read."""

SourceRecord = dict[str, Any]


class Lake:
    """Publishes partitions. Safe to call from several threads.

    Parameters
    ----------
    layout
        The workspace.
    recipe
        Version and settings that decide the content, stored in every footer.
    batch
        Digests of the sources of this run: among them the version decides, while a file of an earlier
        run is replaced by new content under its own name.

    Attributes
    ----------
    changes
        Reporter-years that are new or have other sources than before: classification, year, reporter, and
        World exports before (None: there were none) and after, in USD.
    """

    def __init__(self, layout: Layout, recipe: Footer, batch: frozenset[str]) -> None:
        self.recipe = recipe
        self.changes: list[dict[str, Any]] = []
        self._layout, self._batch = layout, batch
        self._locks: dict[Partition, threading.Lock] = defaultdict(threading.Lock)

    def existing(self, partition: Partition) -> Footer | None:
        """Footer of a partition, or None."""
        path = self._layout.partition(*partition)
        return read_footer(path) if path.is_file() else None

    def refuse_rivals(self, partitions: list[Partition], record: SourceRecord) -> None:
        """Raise if any of the partitions holds another publisher's figures.

        Raises
        ------
        RivalSourceError
            Naming the partition and the source it has.
        """
        for partition in partitions:
            footer = self.existing(partition)
            if footer is not None and footer["sources"][0]["publisher"] != record["publisher"]:
                classification, year, reporter = partition
                raise RivalSourceError(
                    f"{record['name']}: {record['publisher']} figures for reporter {reporter}, {year}, "
                    f"{classification}, where the lake holds {footer['sources'][0]['publisher']}'s "
                    f"({footer['sources'][0]['name']})",
                    "keep each publisher in a workspace of its own",
                )

    def publish_complete(self, partition: Partition, built: Built, record: SourceRecord) -> bool:
        """Publish one partition of a complete source; False when the lake holds a later one."""
        with self._locks[partition]:
            old = self.existing(partition)
            same: list[SourceRecord] = []
            superseded: list[SourceRecord] = []
            if old is not None:
                same = [one for one in old["sources"] if one["sha256"] == record["sha256"]]
                if same and old["recipe"] == self.recipe:
                    return True
                superseded = list(old["superseded"])
                if not same and self._is_later(old["sources"][0], record):
                    self._rewrite(partition, old, [*superseded, _remembered(record)])
                    return False
                superseded += [
                    _remembered(one) for one in old["sources"] if one["sha256"] != record["sha256"]
                ]
            self._write(partition, built, [record], superseded)
            if old is None or not same:
                self._note(partition, old, built)
            return True

    def publish_slices(self, partition: Partition, built: Built, records: list[SourceRecord]) -> None:
        """Publish one partition made of slices."""
        old = self.existing(partition)
        self._write(partition, built, records, [])
        self._note(partition, old, built)

    def remember(self, partition: Partition, records: list[SourceRecord]) -> None:
        """Note slices that a complete publication in the lake makes superfluous."""
        with self._locks[partition]:
            old = self.existing(partition)
            if old is not None:
                self._rewrite(partition, old, [*old["superseded"], *map(_remembered, records)])

    def load(self, partition: Partition) -> pl.DataFrame:
        """Rows of a partition as they were published."""
        return read_rows(self._layout.partition(*partition))

    def _is_later(self, old: SourceRecord, new: SourceRecord) -> bool:
        """Whether what the lake holds is the later publication."""
        if not old["is_complete"]:
            return False
        if old["name"] == new["name"] and old["sha256"] not in self._batch:
            return False
        return _version(old) > _version(new)

    def _note(self, partition: Partition, old: Footer | None, built: Built) -> None:
        classification, year, reporter = partition
        self.changes.append({
            "classification": classification, "year": year, "reporter": iso3_of(reporter),
            "exports_usd_before": None if old is None else _exports(old["checks"]),
            "exports_usd": _exports(built.checks),
        })  # fmt: skip

    def _rewrite(self, partition: Partition, old: Footer, superseded: list[SourceRecord]) -> None:
        built = Built(in_order(self.load(partition)).drop("cell"), old["repairs"], old["checks"])
        self._write(partition, built, old["sources"], superseded, recipe=old["recipe"])

    def _write(
        self,
        partition: Partition,
        built: Built,
        sources: list[SourceRecord],
        superseded: list[SourceRecord],
        *,
        recipe: Footer | None = None,
    ) -> None:
        recipe = recipe or self.recipe
        distinct = {one["sha256"]: one for one in superseded}
        footer = {
            "stage": "flows",
            "recipe": recipe,
            "sources": sorted(sources, key=_version),
            "superseded": sorted(distinct.values(), key=_version),
            "repairs": built.repairs,
            "checks": built.checks,
        }
        target = self._layout.partition(*partition)
        publish_parts(as_parts(built.rows), target, footer=footer, layout=self._layout)


def _exports(checks: Footer) -> float:
    return float(checks.get("X", {}).get("world_usd", 0.0))


def _version(record: SourceRecord) -> tuple[str, str, str, str]:
    return *version_key(record["published"], record.get("made")), record["name"], record["sha256"]


def _remembered(record: SourceRecord) -> SourceRecord:
    kept = ("name", "sha256", "published", "partitions", "made", "row_key", "e_tag")
    return {key: record[key] for key in kept if key in record}


def read_rows(path: Path) -> pl.DataFrame:
    """Rows of a flows file."""
    with path.open("rb") as file:  # a path could be taken for a pattern
        return pl.read_parquet(file).with_columns(pl.col("flow", "product_code").cast(pl.Categorical))


def as_parts(rows: pl.DataFrame) -> list[pa.Table]:
    """The table cut where the World rows of exports and of imports begin and end: row groups of their own.

    World exports of a year (200 reporters) are then read in 0.09 s instead of 0.15 s. Every row
    group writes its dictionary of products, so the World rows of other flows, seldom read, get none of their own, and
    what fits one row group stays one.
    """
    table = rows.to_arrow()
    if len(rows) <= ROW_GROUP_ROWS:
        return [table]
    is_read_whole = (pl.col("partner_code") == 0) & pl.col("flow").is_in(_READ_WHOLE)
    block = rows.select(pl.when(is_read_whole).then("flow").to_physical().fill_null(255)).to_series()
    borders = [
        0,
        *block.to_frame("block")
        .select(pl.arg_where(pl.col("block") != pl.col("block").shift()))
        .to_series()
        .to_list(),
        len(rows),
    ]
    return [table.slice(first, last - first) for first, last in pairwise(borders)]
