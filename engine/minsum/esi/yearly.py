"""Brings tables with one file for each classification and year up to date with the flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minsum.schema import check_table
from minsum.workspace import (
    Footer,
    Layout,
    digest,
    footer_digest,
    partition_key,
    publish_parts,
    read_footer,
)

if TYPE_CHECKING:
    import pyarrow as pa

Groups = Mapping[tuple[str, int], Mapping[Path, Footer]]
"""Classification and year to flows files and their footers, in order of reporter code."""


@dataclass(frozen=True, slots=True)
class Output:
    """One table of a classification and year.

    Attributes
    ----------
    table
        Its name in `schema.TABLES`.
    parts
        Its rows in their final order, in one or more parts.
    absent
        Composites that could not be formed, and their members without data.
    """

    table: str
    parts: Iterable[pa.Table]
    absent: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Tables that come from one pass over the flows of a classification and year.

    Attributes
    ----------
    recipe
        Changes whenever the same flows and options would give other rows.
    tables
        Table to the options that decide its rows, as JSON holds them.
    compute
        From flows files and year to the tables. Libraries are imported inside: a run with nothing to do
        must not load them.
    """

    recipe: str
    tables: Mapping[str, dict[str, Any]]
    compute: Callable[[list[Path], int], Iterable[Output]]


@dataclass(slots=True)
class EsiReport:
    """What one run of the stage did.

    Attributes
    ----------
    is_covered
        Whether `coverage.parquet` was written.
    computed, unchanged
        `classification/year` where anything was written, and where everything was current.
    absent
        `classification/year` to composite name to its members without data there.
    rows
        Table to rows written.
    """

    is_covered: bool = False
    computed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    absent: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def bring_up_to_date(
    layout: Layout,
    jobs: Sequence[Job],
    groups: Groups,
    *,
    report: EsiReport,
    progress: Callable[[str, int, int], None],
) -> None:
    """Write the tables that are missing or stale, and remove files of years that are not in `groups`."""
    report.rows = {table: 0 for job in jobs for table in job.tables}
    for done, (key, flows) in enumerate(groups.items()):
        inputs = {str(partition_key(path)[2]): digest(footer) for path, footer in flows.items()}
        stale = [job for job in jobs if _is_stale(layout, job, key, inputs)]
        for job in stale:
            for output in job.compute(list(flows), key[1]):
                footer = _footer(job, output.table, key, inputs) | {"absent": output.absent}
                target = _target(layout, output.table, key)
                n_rows = publish_parts(_checked(output), target, footer=footer, layout=layout)
                report.rows[output.table] += n_rows
        (report.computed if stale else report.unchanged).append(f"{key[0]}/{key[1]}")
        if absent := read_footer(_target(layout, "esi", key))["absent"]:
            report.absent[f"{key[0]}/{key[1]}"] = absent
        progress("esi", done + 1, len(groups))
    for table in report.rows:
        _remove_others(layout, table, groups)


def _is_stale(layout: Layout, job: Job, key: tuple[str, int], inputs: dict[str, str]) -> bool:
    return any(
        footer_digest(_target(layout, table, key)) != _footer(job, table, key, inputs)["digest"]
        for table in job.tables
    )


def _checked(output: Output) -> Iterable[pa.Table]:
    for part in output.parts:
        check_table(part, output.table)
        yield part


def _target(layout: Layout, table: str, key: tuple[str, int]) -> Path:
    return layout.table(table) / f"classification={key[0]}" / f"{key[1]}.parquet"


def _footer(job: Job, table: str, key: tuple[str, int], inputs: dict[str, str]) -> Footer:
    options = job.tables[table]
    return {
        "stage": "esi",
        "recipe": job.recipe,
        "classification": key[0],
        "year": key[1],
        "options": options,
        "digest": digest([job.recipe, options, inputs]),
    }


def _remove_others(layout: Layout, table: str, groups: Groups) -> None:
    """Drop files of years that the flows or the options no longer give."""
    for path in layout.yearly(table):
        if (path.parent.name.partition("=")[2], int(path.stem)) not in groups:
            path.unlink()
