"""The lake of flows: publishes and replaces reporter-years.

A partition belongs to one publication (a complete file) or to partial files of one publisher that add up. A later
publication replaces the earlier one completely; the footer keeps the name and digest of the earlier one. A source
that would leave less than half of the rows or USD, or nothing of a flow, is refused unless that is accepted.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from minsum.countries.codes import iso3_of
from minsum.errors import RivalSourceError, SmallerSourceError
from minsum.flows.pending import Partition
from minsum.flows.recipe import recipe
from minsum.flows.repairs import Built
from minsum.settings.flows import Ingest
from minsum.sources.publications import version_of
from minsum.workspace.checksums import prove
from minsum.workspace.footers import Footer, digest, read_footer
from minsum.workspace.layout import Layout
from minsum.workspace.publish import ROW_GROUP_ROWS, publish_footer, publish_parts

_READ_WHOLE: Final = ["M", "X"]
"""Flows whose World rows are read by complementarity, and by similarity unless its basis is DX or X-RX."""

SourceRecord = dict[str, Any]


class Lake:
    """Publishes partitions. Safe to call from several threads.

    Parameters
    ----------
    layout
        The workspace.
    options
        `[ingest]`, which decides the content; its recipe is stored in every footer.
    at_hand
        Digests of the sources of this run. Among them the later version wins; a source of an earlier run is replaced
        by new content under its name.
    accept
        Whether a source may leave less than half of a reporter-year, or nothing of a flow.
    """

    def __init__(
        self, layout: Layout, options: Ingest, at_hand: Collection[str], *, accept: bool = False
    ) -> None:
        self.recipe = recipe(options)
        self._layout, self._at_hand, self._accepts = layout, at_hand, accept
        self._locks: dict[Partition, threading.Lock] = defaultdict(threading.Lock)

    def existing(self, partition: Partition) -> Footer | None:
        """Footer of a partition; None if the lake does not hold it."""
        path = self._layout.partition(*partition)
        return read_footer(path) if path.is_file() else None

    def refuse_other_publishers(self, partitions: list[Partition], record: SourceRecord) -> None:
        """Refuse a source if one of the partitions holds another publisher's data.

        Raises
        ------
        RivalSourceError
            With the partition and the name of the source in the lake.
        """
        for partition in partitions:
            footer = self.existing(partition)
            if footer is not None and footer["sources"][0]["publisher"] != record["publisher"]:
                classification, year, reporter = partition
                raise RivalSourceError(
                    f"{record['name']}: {record['publisher']} data for reporter {reporter}, {year}, "
                    f"{classification}, where the lake holds {footer['sources'][0]['publisher']}'s "
                    f"({footer['sources'][0]['name']})",
                    "keep each publisher in a workspace of its own",
                    because={partition_id(partition): sources_digest(footer["sources"])},
                )

    def publish_complete(self, partition: Partition, built: Built, record: SourceRecord) -> bool:
        """Publish one partition of a complete source; False if the lake holds a later publication.

        Raises
        ------
        SmallerSourceError
            As `refuse_smaller`.
        """
        with self._locks[partition]:
            old = self.existing(partition)
            superseded: list[SourceRecord] = []
            if old is not None:
                if old["sources"] == [record] and old["recipe"] == self.recipe:
                    return True
                superseded = [one for one in old["superseded"] if one["sha256"] != record["sha256"]]
                same = [one for one in old["sources"] if one["sha256"] == record["sha256"]]
                if not same and is_outranked(record, old["sources"], self._at_hand):
                    self._remember(partition, old, [*superseded, _remembered(record)])
                    return False
                if not same:
                    self.refuse_smaller(partition, old, built, record["name"])
                superseded += [_remembered(one) for one in old["sources"] if one not in same]
            self._write(partition, built, [record], superseded)
            return True

    def publish_partial_files(self, partition: Partition, built: Built, records: list[SourceRecord]) -> None:
        """Publish one partition built from partial files."""
        self._write(partition, built, records, [])

    def refuse_smaller(self, partition: Partition, old: Footer, built: Built, name: str) -> None:
        """Refuse a build with less than half of the lake's rows or USD, or without a flow that the lake holds.

        Raises
        ------
        SmallerSourceError
            With the name of the source, unless smaller sources are accepted.
        """
        if self._accepts:
            return
        wanted = pl.col("flow").cast(pl.String).is_in(self.recipe["flows"])
        before, after = (_sizes(rows.filter(wanted)) for rows in (self.load(partition), built.rows))
        gone = sorted(before.keys() - after.keys())
        rows, rows_left = (sum(n for n, _ in one.values()) for one in (before, after))
        usd, usd_left = (sum(value for _, value in one.values()) for one in (before, after))
        if rows_left and gone:
            raise too_small(partition, old, name, f"nothing of flow {', '.join(gone)}")
        sizes = ((rows_left, rows, "rows"), (usd_left, usd, "USD"))
        if fallen := [f"{left:,.0f} of {was:,.0f} {unit}" for left, was, unit in sizes if 2 * left < was]:
            raise too_small(partition, old, name, " and ".join(fallen) if rows_left else "nothing")

    def remember(self, partition: Partition, records: list[SourceRecord]) -> None:
        """Record partial files that a complete publication in the lake supersedes."""
        with self._locks[partition]:
            old = self.existing(partition)
            if old is not None:
                new = {one["sha256"] for one in records}
                others = [one for one in old["superseded"] if one["sha256"] not in new]
                self._remember(partition, old, [*others, *map(_remembered, records)])

    def load(self, partition: Partition) -> pl.DataFrame:
        """Published rows of a partition.

        Raises
        ------
        DataCheckError
            If the file is damaged.
        """
        path = self._layout.partition(*partition)
        prove([path])
        return read_rows(path)

    def _remember(self, partition: Partition, old: Footer, superseded: list[SourceRecord]) -> None:
        told = sorted(superseded, key=version_of)
        if told != old["superseded"]:
            path = self._layout.partition(*partition)
            publish_footer(path, footer=old | {"superseded": told}, layout=self._layout)

    def _write(
        self,
        partition: Partition,
        built: Built,
        sources: list[SourceRecord],
        superseded: list[SourceRecord],
    ) -> None:
        footer = {
            "stage": "flows",
            "of": list(partition),
            "recipe": self.recipe,
            "sources": sorted(sources, key=version_of),
            "superseded": sorted(superseded, key=version_of),
            "repairs": built.repairs,
            "checks": built.checks,
        }
        target = self._layout.partition(*partition)
        publish_parts(as_parts(built.rows), target, footer=footer, layout=self._layout)


def is_outranked(record: SourceRecord, current: Sequence[SourceRecord], at_hand: Collection[str]) -> bool:
    """Whether the publication in the lake takes precedence over a source.

    Parameters
    ----------
    record
        Record of the source: `published`, `made`, `name`, `sha256`, `is_complete`.
    current
        Records of the sources in the lake.
    at_hand
        Digests of the sources at hand. New content replaces a source of the same name that is not among them.
    """
    first = current[0]
    if not (first["is_complete"] and record.get("is_complete", True)):
        return bool(first["is_complete"])
    if first["name"] == record["name"] and first["sha256"] not in at_hand:
        return False
    return version_of(first) > version_of(record)


def sources_digest(sources: Sequence[SourceRecord]) -> str:
    """Digest of the sources of a reporter-year."""
    return digest(sorted(one["sha256"] for one in sources))


def partition_id(partition: tuple[str, int, int]) -> str:
    """Text that identifies a reporter-year, such as `H4/2015/156`."""
    return "/".join(map(str, partition))


def too_small(partition: tuple[str, int, int], old: Footer, name: str, left: str) -> SmallerSourceError:
    """Error for a source that would leave too little of a reporter-year; `left` says what it would leave."""
    classification, year, code = partition
    return SmallerSourceError(
        f"{name}: would leave {left} of {iso3_of(code)} {year} {classification}; the lake keeps what "
        f"{old['sources'][0]['name']} gave",
        "look at the file; if it is right: minsum run --accept, or minsum ingest --accept FILE",
        because={partition_id(partition): sources_digest(old["sources"])},
    )


def _sizes(rows: pl.DataFrame) -> dict[str, tuple[int, float]]:
    """Rows and USD by flow."""
    found = rows.group_by(pl.col("flow").cast(pl.String)).agg(pl.len(), pl.col("value_usd").sum())
    return {flow: (n, usd) for flow, n, usd in found.sort("flow").iter_rows()}


def _remembered(record: SourceRecord) -> SourceRecord:
    kept = (
        "name", "sha256", "published", "partitions", "made", "row_key", "e_tag", "is_complete", "assumed", "reporters",
    )  # fmt: skip
    return {key: record[key] for key in kept if key in record}


def read_rows(path: Path) -> pl.DataFrame:
    """Rows of a flows file."""
    with path.open("rb") as file:  # Polars would read a path as a pattern
        return pl.read_parquet(file).with_columns(pl.col("flow", "product_code").cast(pl.Categorical))


def as_parts(rows: pl.DataFrame) -> list[pa.Table]:
    """The table, split so that World rows of exports and of imports have row groups of their own.

    World exports of a year (200 reporters) are then read in 0.09 s instead of 0.15 s. World rows of other flows are
    seldom read and not split off, because every row group repeats the dictionary of products. A table of one row
    group stays whole.
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
