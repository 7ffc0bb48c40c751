"""Tables with one file per classification and year: plan them, compute what is stale, remove what is unwanted."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minsum.esi.largest_changes import largest_moves, merged, read_indices
from minsum.esi.outcome import EsiReport
from minsum.schema import YEARLY, check_table
from minsum.workspace.checksums import damage, prove
from minsum.workspace.footers import Footer, digest, inputs_of, read_footer
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.marks import Mark, Plan, plan_of, remove_files
from minsum.workspace.publish import publish_parts

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

    from minsum.workspace.tasks import Result, Task, Workers

Groups = Mapping[tuple[str, int], Mapping[Path, Footer]]
"""Classification and year to flows files and their footers, in order of reporter code. With `[harmonise]` the
classification is the target."""

Jobs = Mapping[str, Sequence["Job"]]
"""By classification."""


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


@dataclass(frozen=True, slots=True)
class _Year:
    """A task: a job for one classification and year.

    Attributes
    ----------
    key
        Classification and year.
    job
        What is computed.
    files
        Flows files, in order of reporter code.
    marks
        Of the tables to write, by name; the others of the job are up to date.
    """

    key: tuple[str, int]
    job: Job
    files: list[Path]
    marks: Mapping[str, Mark]


def plan_tables(layout: Layout, jobs: Jobs, groups: Groups) -> Plan:
    """Which tables of which years are missing or stale, and which are no longer asked for."""
    inputs = {key: inputs_of(key[0], flows) for key, flows in groups.items()}
    wanted = {
        _target(layout, table, key): Mark(f"{table} {_name(key)}", job.recipe, options, inputs[key])
        for key in groups
        for job in jobs[key[0]]
        for table, options in job.tables.items()
    }
    return plan_of(wanted, [path for table in YEARLY for path in layout.yearly(table)])


def bring_up_to_date(
    layout: Layout,
    jobs: Jobs,
    groups: Groups,
    *,
    report: EsiReport,
    progress: Callable[[str, int, int], None],
    workers: Workers | None = None,
) -> None:
    """Write the tables that are missing or stale, and remove those that are no longer asked for.

    Raises
    ------
    DataCheckError
        If a flows file that is needed is damaged.
    """
    plan = plan_tables(layout, jobs, groups)
    report.rows = {table: 0 for alike in jobs.values() for job in alike for table in job.tables}
    todo = list(_tasks(layout, jobs, groups, plan))
    left = Counter(task.key for task in todo)
    report.unchanged = [_name(key) for key in groups if key not in left]
    progress("esi", len(report.unchanged), len(groups))
    before: dict[tuple[str, int], tuple[Footer, pl.DataFrame]] = {}

    def drawn() -> Iterator[_Year]:
        for task in todo:
            if "esi" in task.marks and (found := _before(_target(layout, "esi", task.key))) is not None:
                before[task.key] = found
            yield task

    for task, rows in _done(drawn(), layout, workers):
        for table, n_rows in rows.items():
            report.rows[table] += n_rows
        target = _target(layout, "esi", task.key)
        if "esi" in rows and task.key in before and (after := read_indices(target)) is not None:
            _compare(before.pop(task.key), (read_footer(target), after), key=task.key, report=report)
        left[task.key] -= 1
        if not left[task.key]:
            report.computed.append(_name(task.key))
            progress("esi", len(report.unchanged) + len(report.computed), len(groups))
    report.sort([_name(key) for key in groups])
    for key in groups:
        if absent := read_footer(_target(layout, "esi", key))["absent"]:
            report.absent[_name(key)] = absent
    remove_files(plan.remove)
    report.removed = [f"{path.parent.parent.name} {_year_of(path)}" for path in plan.remove]


def _tasks(layout: Layout, jobs: Jobs, groups: Groups, plan: Plan) -> Iterator[_Year]:
    """The jobs of each classification and year of which a table is missing or stale."""
    for key, flows in groups.items():
        for job in jobs[key[0]]:
            targets = {table: _target(layout, table, key) for table in job.tables}
            marks = {table: plan.wanted[path] for table, path in targets.items() if path in plan.redo}
            if marks:
                yield _Year(key, job, list(flows), marks)


def _done(
    tasks: Iterator[_Year], layout: Layout, workers: Workers | None
) -> Iterator[tuple[_Year, dict[str, int]]]:
    """Each task with the rows it wrote by table: by workers, or here, the next one's flows being read meanwhile."""
    if workers is None:
        for task, outputs in _one_ahead(tasks, _read):
            yield task, _write(task, outputs, layout)
    else:
        for task, outcome in workers.as_done(_make, tasks):
            yield task, outcome()


def _make(task: _Year, layout: Layout) -> dict[str, int]:
    """On a worker, whose own folder is another one: paths begin at the workspace."""
    files = [layout.partition(*partition_key(path)) for path in task.files]
    return _write(task, _read(replace(task, files=files)), layout)


def _read(task: _Year) -> Iterable[Output]:
    prove(task.files)
    return task.job.compute(task.files, task.key[1])


def _write(task: _Year, outputs: Iterable[Output], layout: Layout) -> dict[str, int]:
    """Publish the tables that are asked for, and return their rows by name."""
    rows = {}
    for output in outputs:
        if output.table not in task.marks:
            deque(output.parts, maxlen=0)  # the tables after it may be made from its parts
            continue
        footer = _footer(task.key, task.marks[output.table]) | {"absent": output.absent} | output.facts
        target = _target(layout, output.table, task.key)
        rows[output.table] = publish_parts(_checked(output), target, footer=footer, layout=layout)
    return rows


def _before(target: Path) -> tuple[Footer, pl.DataFrame] | None:
    """Footer and indices of the file that will be replaced; None if it is missing or damaged."""
    indices = None if not target.is_file() or damage(target) else read_indices(target)
    return None if indices is None else (read_footer(target), indices)


def _compare(
    before: tuple[Footer, pl.DataFrame],
    after: tuple[Footer, pl.DataFrame],
    *,
    key: tuple[str, int],
    report: EsiReport,
) -> None:
    """Add changed similarities and vanished countries to the report."""
    (old_footer, old), (new_footer, new) = before, after
    found = largest_moves(old, new, classification=key[0], year=key[1])
    report.moves = merged([*report.moves, *found])
    defined = [digest([one["recipe"], one["options"]]) for one in (old_footer, new_footer)]
    if defined[0] != defined[1]:
        report.redefined.append(_name(key))
    elif gone := _known(old) - _known(new):
        report.vanished[_name(key)] = sorted(gone)


def _known(indices: pl.DataFrame) -> set[str]:
    return {*indices["reporter"], *indices["reference"]}


def _one_ahead(tasks: Iterable[Task], read: Callable[[Task], Result]) -> Iterator[tuple[Task, Result]]:
    """Each task with what was read for it, while the next is being read: never more than two."""
    with ThreadPoolExecutor(1) as reader:
        reading: deque[tuple[Task, Future[Result]]] = deque()
        for task in tasks:
            reading.append((task, reader.submit(read, task)))
            if len(reading) > 1:
                first, result = reading.popleft()
                yield first, result.result()
        for first, result in reading:
            yield first, result.result()


def _name(key: tuple[str, int]) -> str:
    return f"{key[0]}/{key[1]}"


def _checked(output: Output) -> Iterable[pa.Table]:
    for part in output.parts:
        check_table(part, output.table)
        yield part


def _target(layout: Layout, table: str, key: tuple[str, int]) -> Path:
    return layout.table(table) / f"classification={key[0]}" / f"{key[1]}.parquet"


def _year_of(path: Path) -> str:
    return f"{path.parent.name.partition('=')[2]}/{path.stem}"


def _footer(key: tuple[str, int], mark: Mark) -> Footer:
    return {"stage": "esi", "classification": key[0], "year": key[1]} | mark.record()
