"""What changed against an earlier release: rows and figures of every table, sources, settings and versions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from minsum.errors import UsageError
from minsum.export.codebook import flat
from minsum.export.folder import proven, sums_of
from minsum.export.tables import Released
from minsum.text_tables import listed

PROVENANCE: Final = "provenance.json"
_LARGEST: Final = 10


@dataclass(slots=True)
class TableChange:
    """How a table differs from the earlier release's.

    Attributes
    ----------
    name
        Of the table.
    added, removed, changed
        Rows.
    new_columns, lost_columns
        Names.
    largest
        The largest changes of the first figure after the key: the row's key, before and after.
    """

    name: str
    added: int = 0
    removed: int = 0
    changed: int = 0
    new_columns: list[str] = field(default_factory=list)
    lost_columns: list[str] = field(default_factory=list)
    largest: pl.DataFrame | None = None


class Earlier:
    """An earlier release, to compare with.

    Raises
    ------
    UsageError
        If the folder is none, or holds no Parquet files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = sums_of(folder)
        if not any(name.endswith(".parquet") for name in self._files):
            raise UsageError(
                f"{folder}: a release without Parquet files cannot be compared with",
                "export it with --format parquet too",
            )
        self.provenance: dict[str, Any] = json.loads(proven(folder, PROVENANCE).read_text(encoding="utf-8"))
        self._changes: list[TableChange] = []
        self._seen: set[str] = set()

    def compare(self, table: Released) -> None:
        """Note how a table differs, a batch at a time."""
        name = f"data/{table.name}.parquet"
        self._seen.add(name)
        names = [one.name for one in table.columns]
        change = TableChange(table.name)
        self._changes.append(change)
        if name not in self._files:
            change.added = sum(len(rows) for _, rows in table.batches())
            change.new_columns = names
            return
        old = pl.scan_parquet(proven(self._folder, name), glob=False, hive_partitioning=False)
        before = old.collect_schema().names()
        change.new_columns = [one for one in names if one not in before]
        change.lost_columns = [one for one in before if one not in names]
        n_met = 0
        for label, rows in table.batches():
            earlier = old.filter(_of(label)).collect() if label else old.collect()
            n_met += len(earlier)
            _count(change, earlier, rows, table.key)
        change.removed += int(old.select(pl.len()).collect().item()) - n_met

    def text(self, now: Mapping[str, Any]) -> str:
        """`CHANGES.md`."""
        return (
            "\n".join(["# What changed", "", *self._about_tables(), *_about_making(self.provenance, now)])
            + "\n"
        )

    def _about_tables(self) -> Iterator[str]:
        yield "| table | rows added | rows removed | rows changed | columns |"
        yield "|---|---|---|---|---|"
        for one in self._changes:
            columns = [f"+ {name}" for name in one.new_columns] + [f"- {name}" for name in one.lost_columns]
            counts = f"{one.added:,} | {one.removed:,} | {one.changed:,}"
            yield f"| {one.name} | {counts} | {listed(columns) if columns else ''} |"
        gone = [name for name in self._files if name.endswith(".parquet") and name not in self._seen]
        if gone:
            yield f"\nTables that are no longer there: {', '.join(Path(name).stem for name in gone)}."
        for one in self._changes:
            if one.largest is not None and len(one.largest):
                yield f"\nLargest changes of {one.name}:\n"
                yield f"| {' | '.join(one.largest.columns)} |"
                yield f"|{'---|' * one.largest.width}"
                for row in one.largest.iter_rows():
                    yield f"| {' | '.join(_cell(value) for value in row)} |"


def _of(label: str) -> pl.Expr:
    classification, _, year = label.partition("_")
    return (pl.col("classification") == classification) & (pl.col("year") == int(year))


def _count(change: TableChange, old: pl.DataFrame, new: pl.DataFrame, key: tuple[str, ...]) -> None:
    """Add what differs in one batch; missing values are equal to each other."""
    texts = [name for name, dtype in new.schema.items() if dtype in (pl.Enum, pl.Categorical)]
    new = new.cast(dict.fromkeys(texts, pl.String))
    if not set(key) <= set(old.columns):
        change.added, change.removed = change.added + len(new), change.removed + len(old)
        return
    change.added += len(new.join(old, on=key, how="anti", nulls_equal=True))
    change.removed += len(old.join(new, on=key, how="anti", nulls_equal=True))
    both = new.join(old, on=key, how="inner", nulls_equal=True, suffix=" before")
    values = [name for name in new.columns if name not in key and f"{name} before" in both.columns]
    if not values:
        return
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name} before")) for name in values)
    changed = both.filter(differs)
    change.changed += len(changed)
    figure = next((name for name in values if new.schema[name].is_float()), None)
    if figure is not None:
        named = [name for name in new.columns if name in key or name in ("reporter", "reference", "partner")]
        moved = changed.select(*named, before=f"{figure} before", after=figure).drop_nulls(
            ["before", "after"]
        )
        moved = moved if change.largest is None else pl.concat([change.largest, moved])
        by = (pl.col("after") - pl.col("before")).abs()
        change.largest = moved.filter(by > 0).sort(by, descending=True, maintain_order=True).head(_LARGEST)


def _about_making(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Sources, settings and versions that differ."""
    for what in ("sources", "settings", "versions"):
        old, new = (dict(flat(one.get(what, {}))) for one in (before, now))
        differing = {
            "new": [name for name in new if name not in old],
            "no longer there": [name for name in old if name not in new],
            "changed": [name for name in new if name in old and old[name] != new[name]],
        }
        lines = [f"- {word}: {listed(names)}" for word, names in differing.items() if names]
        yield f"\n{what.capitalize()}: {'' if lines else 'none differs.'}"
        yield from (f"\n{lines[0]}", *lines[1:]) if lines else ()


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
