"""Brings tables with one file for each classification and year up to date with the flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from minsum.esi.moves import Move, largest_moves, merged, read_indices
from minsum.schema import check_table
from minsum.workspace import (
    Footer,
    Layout,
    digest,
    footer_digest,
    inputs_of,
    publish_parts,
    read_footer,
)

if TYPE_CHECKING:
    import pyarrow as pa

Work = TypeVar("Work")
Result = TypeVar("Result")
Groups = Mapping[tuple[str, int], Mapping[Path, Footer]]
"""Classification and year to flows files and their footers, in order of reporter code. Where vintages are brought
together the classification is their target."""


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
    facts
        Further entries of the footer.
    """

    table: str
    parts: Iterable[pa.Table]
    absent: dict[str, list[str]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


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
        From flows files and year to the tables: it reads at the call, in a thread of its own, and computes as
        they are taken. Libraries are imported inside: a run with nothing to do must not load them.
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
    moves
        The largest changes of the index of a pair that was computed before (`moves`).
    unreachable
        Why reporter-years could not be brought to the target of `[harmonise]`, to their names.
    unmatched
        Reporter-years with values without a target, and these values, USD.
    """

    is_covered: bool = False
    computed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    absent: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    unreachable: dict[str, list[str]] = field(default_factory=dict)
    unmatched: dict[str, float] = field(default_factory=dict)


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
    inputs = {key: inputs_of(key[0], flows) for key, flows in groups.items()}
    stale = {key: [job for job in jobs if _is_stale(layout, job, key, inputs[key])] for key in groups}
    report.unchanged = [_name(key) for key, todo in stale.items() if not todo]
    work = [(key, job) for key, todo in stale.items() for job in todo]
    progress("esi", len(report.unchanged), len(groups))
    for (key, job), outputs in _one_ahead(work, lambda one: one[1].compute(list(groups[one[0]]), one[0][1])):
        for output in outputs:
            footer = _footer(job, output.table, key, inputs[key]) | {"absent": output.absent} | output.facts
            target = _target(layout, output.table, key)
            before = read_indices(target) if output.table == "esi" else None
            report.rows[output.table] += publish_parts(_checked(output), target, footer=footer, layout=layout)
            if before is not None and (after := read_indices(target)) is not None:
                found = largest_moves(before, after, classification=key[0], year=key[1])
                report.moves = merged([*report.moves, *found])
        if job is stale[key][-1]:
            report.computed.append(_name(key))
            progress("esi", len(report.unchanged) + len(report.computed), len(groups))
    for key in groups:
        if absent := read_footer(_target(layout, "esi", key))["absent"]:
            report.absent[_name(key)] = absent
    for table in report.rows:
        _remove_others(layout, table, groups)


def _one_ahead(work: Sequence[Work], read: Callable[[Work], Result]) -> Iterator[tuple[Work, Result]]:
    """Each piece of work with what was read for it, while the next is being read: never more than two."""
    with ThreadPoolExecutor(1) as reader:
        reading = [reader.submit(read, one) for one in work[:1]]
        for done, one in enumerate(work):
            result = reading.pop().result()
            reading += [reader.submit(read, following) for following in work[done + 1 : done + 2]]
            yield one, result


def _name(key: tuple[str, int]) -> str:
    return f"{key[0]}/{key[1]}"


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
