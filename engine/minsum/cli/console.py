"""What people see: progress, tables, the summary line, errors."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from rich.text import Text

from minsum.cli.logs import JsonLines, json_line
from minsum.cli.pipes import Pipe, write
from minsum.cli.progress import StageProgress
from minsum.cli.summary import run_counts, summary_line
from minsum.errors import MinsumError
from minsum.harmonise.islands import Islands
from minsum.text_tables import listed, text_tables

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from minsum.esi.section_changes import Decomposition
    from minsum.fetch.stage import Plan
    from minsum.inspect.check import Finding
    from minsum.inspect.trace import Trace
    from minsum.report.table import Table
    from minsum.workspace.runs import RunReport

_FORMS = ("markdown", "latex", "html")
"""Of tables for papers, which hold title and notes."""
_SHOWN = 15
"""Rows of a table that may have thousands."""

_ROWS_AT_ONCE = 10_000
"""Rows of CSV that are written at a time."""

_WIDTH = 160
"""Of what is no terminal, unless COLUMNS says another."""


class Console:
    """Output of one command.

    Parameters
    ----------
    quiet
        Only results and errors.
    log_format
        `text` or `json` lines on stderr; on a terminal, text gives way to progress bars. With `json` every line is a
        JSON object: what a command says goes to stderr as such, and what it was asked for to stdout.
    colour
        Whether a terminal gets colours and type styles; the environment's NO_COLOR forbids them too.
    """

    def __init__(self, *, quiet: bool, log_format: str, colour: bool = True) -> None:
        system: Literal["auto"] | None = "auto" if colour and not os.environ.get("NO_COLOR") else None
        columns = os.environ.get("COLUMNS", "")
        width = None if sys.stdout.isatty() or columns.isdigit() else _WIDTH
        self._out = Pipe(width=width, color_system=system, emoji=False)
        self._err = Pipe(stderr=True, soft_wrap=True, color_system=system, emoji=False)
        self._quiet = quiet
        self._is_json = log_format == "json"
        self._last: tuple[str, dict[str, Any]] = ("", {})
        on_bars = self._err.is_terminal and not quiet and not self._is_json
        self._progress = StageProgress(self._err if on_bars else None)
        handler = _Lines(self)
        logger = logging.getLogger("minsum")
        logger.handlers = [handler]
        logger.setLevel(logging.WARNING if quiet or on_bars else logging.INFO)
        self._python_warnings = logging.getLogger("py.warnings")
        if self._is_json:
            self._python_warnings.handlers = [handler]

    def __enter__(self) -> Console:
        if self._is_json:
            logging.captureWarnings(True)
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_json:
            logging.captureWarnings(False)
            self._python_warnings.handlers = []
        self._stop()

    def _stop(self) -> None:
        self._progress.stop()

    def progress(self, stage: str, done: int, total: int) -> None:
        """How far a stage is: a bar on a terminal, a line every few seconds elsewhere."""
        self._progress.move(stage, done, total)

    def say(self, text: str) -> None:
        """One line: on stdout, or as JSON on stderr."""
        if self._is_json:
            self._json_line("INFO", text)
        else:
            self._print(text)

    def _print(self, text: str) -> None:
        """One line of what was asked for, on stdout."""
        self._stop()
        self._out.print(text, markup=False, highlight=False, soft_wrap=True)

    def _json_line(self, level: str, text: str, **extra: Any) -> None:
        self._stop()
        write(sys.stderr, json_line(time.time(), level, text, extra) + "\n")

    def error(self, error: MinsumError) -> None:
        """`error: ...` and `hint: ...` on stderr."""
        self._stop()
        if self._is_json:
            self._json_line("ERROR", error.message, hint=error.hint, error=type(error).__name__)
        else:
            self._told("error", "bold red", error.message, error.hint)

    def _told(self, word: str, style: str, message: str, hint: str) -> None:
        self._err.print(Text.assemble((f"{word}:", style), f" {message}"))
        if hint:
            self._err.print(Text.assemble(("hint:", "bold"), f" {hint}"))

    def log_line(self, record: logging.LogRecord) -> None:
        """A log record on stderr: as JSON, or for people, as an error or a warning where there is something to do."""
        if self._is_json:
            write(sys.stderr, JsonLines().format(record) + "\n")
        elif hasattr(record, "hint"):
            word, style = (
                ("error", "bold red") if record.levelno >= logging.ERROR else ("warning", "bold yellow")
            )
            self._told(word, style, record.getMessage(), record.hint)
        else:
            self._err.print(record.getMessage(), markup=False, highlight=False)

    def summary(self, report: RunReport, where: str) -> None:
        """One line on what was done and where it is; rejections and warnings were said when they came up."""
        line = summary_line(report, where)
        if self._is_json:
            self._last = (line, run_counts(report))
        else:
            self._print(line)

    def finish(self, code: int) -> None:
        """The last line, as JSON: what was done, the counts and the exit code. For people the summary was it."""
        if self._is_json:
            message, counts = self._last
            words = message if not code or message else f"ended with exit code {code}"
            self._json_line(
                "INFO" if code in (0, 3) else "ERROR", words or "done", counts=counts, exit_code=code
            )
        for stream in (sys.stdout, sys.stderr):
            write(stream, "")

    def advise(self, text: str) -> None:
        """What to do next; not with --quiet."""
        if not self._quiet:
            self.say(f"next: {text}")

    def changes(self, report: RunReport) -> None:
        """What changed in the numbers: new and revised reporter-years, and the largest moves of the index."""
        if self._quiet or self._is_json:
            return
        first = [one for one in report.reporter_years if one["exports_usd_before"] is None]
        new = [one for one in first if one["exports_usd"]]
        revised = [one for one in report.reporter_years if one["exports_usd_before"] is not None]
        if new:
            names = [f"{one['reporter']} {one['year']} {one['classification']}" for one in new]
            self.say(f"New reporter-years: {listed(names)}")
        if partners := [one for one in first if not one["exports_usd"]]:
            names = [f"{one['reporter']} {one['year']} {one['classification']}" for one in partners]
            self.say(f"Without World exports (imports or partners only): {listed(names)}")
        if revised:
            rows = [
                [one["classification"], one["year"], one["reporter"], before := one["exports_usd_before"] / 1e9,
                 after := one["exports_usd"] / 1e9, after - before]
                for one in sorted(revised, key=lambda one: -abs(one["exports_usd"] - one["exports_usd_before"]))
            ]  # fmt: skip
            columns = ["", "year", "reporter", "before", "after", "change"]
            self._print_some("Revised reporter-years, exports in bn USD", columns, rows)
        if report.moves:
            moves = [[*one.values(), one["after"] - one["before"]] for one in report.moves]
            columns = ["", "year", "reporter", "reference", "before", "after", "change"]
            self._print_some("Largest moves of the index", columns, moves)

    def tables(self, tables: list[Table]) -> None:
        """Tables that a run made; a machine finds them in report/."""
        if self._quiet or self._is_json:
            return
        for table in tables:
            headings = [table.headings.get(name, name) for name in table.frame.columns]
            self._print_frame(table.title, headings, table.frame.rows())
            for note in table.notes:
                self.say(f"  {note}")

    def relation(self, relation: duckdb.DuckDBPyRelation, form: str | None) -> None:
        """Rows of a query."""
        if self._form(form) in _FORMS:
            self._answers("query", "", relation.pl(), (), form)
        else:
            self._answer("", relation.columns, relation.fetchall(), form)

    def _answers(
        self, name: str, title: str, frame: pl.DataFrame, notes: tuple[str, ...], form: str | None
    ) -> None:
        from minsum.report.table import Table

        self.answers([Table(name, title, frame, notes)], form)

    def answers(self, tables: list[Table], form: str | None) -> None:
        """Tables that a command was asked for; beside a form for machines their notes go to stderr."""
        for table in tables:
            if self._form(form) in _FORMS:
                from minsum.report import render

                self._stop()
                write(sys.stdout, getattr(render, f"as_{form}")(table))
                continue
            self._answer(table.title, table.frame.columns, table.frame.rows(), form)
            for note in table.notes:
                if self._form(form) == "text":
                    self._print(f"  {note}")
                elif not self._quiet and self._is_json:
                    self._json_line("INFO", note)
                elif not self._quiet:
                    self._err.print(note, markup=False, highlight=False)

    def decomposition(self, found: Decomposition, form: str | None) -> None:
        """For people the index by year and what changed; for machines every contribution."""
        between = f"{found.reporter} and {found.reference}, {found.classification}"
        by_segment = found.by_segment()
        several = len(found.years) > 1
        parts = found.change() if several else by_segment
        left_out = tuple(
            f"{year}: no data of {', '.join(missing)}" for year, missing in found.left_out.items()
        )
        if self._form(form) != "text":
            shown = parts if form in _FORMS else by_segment
            self._answers(
                f"decomposition_{found.reporter}_{found.reference}",
                f"Similarity of {between}",
                shown,
                left_out,
                form,
            )
            return
        totals = found.totals()
        self._print_frame(f"Similarity of {between}", totals.columns, totals.rows())
        title = "Change by segment" if several else "Contributions"
        if found.by == "product":
            largest = found.largest_first(parts)
            self._print_some(f"{title}, the largest", largest.columns, largest.rows(), "--format csv")
        else:
            self._print_frame(title, parts.columns, parts.rows())
        for line in left_out:
            self._print(f"  {line}")

    def trace(self, found: Trace, form: str | None) -> None:
        """For people the definition and the largest parts; for machines the lines of a product, or every product."""
        if self._form(form) != "text":
            shown = found.products if found.lines is None else found.lines
            self._answers("trace", f"Similarity of {found.title}", shown, found.notes, form)
            return
        self._print(f"Similarity of {found.title}")
        for line in (*found.definition, *found.sums()):
            self._print(f"  {line}")
        products = found.products.rows()
        self._print_some("What each product adds", found.products.columns, products, "--format csv")
        if found.flows is not None and found.lines is not None:
            self._print_frame("Rows of the lake", found.flows.columns, found.flows.rows())
            rows = found.lines.rows()
            self._print_some("Lines of the files", found.lines.columns, rows, "--format csv")
        for note in found.notes:
            self._print(f"  {note}")

    def ruled(self, batches: Iterable[pl.DataFrame], form: str | None) -> None:
        """Rows of a file and what the rules make of them: for people the first, and counts by rule."""
        import polars as pl

        form = self._form(form)
        counts: dict[str, list[float]] = {}
        kept: list[pl.DataFrame] = []
        for number, rows in enumerate(batches):
            if form == "csv":
                self._csv([*([] if number else [rows.columns]), *rows.iter_rows()])
                continue
            kept.append(rows if form != "text" else rows.head(_SHOWN - sum(map(len, kept))))
            for rule, n, usd in (
                rows.group_by("rule").agg(n=pl.len(), usd=pl.col("value_usd").sum()).iter_rows()
            ):
                count = counts.setdefault(rule, [0, 0.0])
                count[0], count[1] = count[0] + n, count[1] + usd
        if form == "json":
            self._json([row for rows in kept for row in rows.iter_rows(named=True)])
        elif form in _FORMS and kept:
            self._answers("rows", "Rows and their rules", pl.concat(kept, how="diagonal"), (), form)
        elif form == "text":
            shown = pl.concat(kept, how="diagonal") if kept else pl.DataFrame()
            self._print_frame("The first rows; --format csv gives all", shown.columns, shown.rows())
            self._print_frame(
                "By rule", ["rule", "rows", "usd"], [[rule, *count] for rule, count in counts.items()]
            )

    def _form(self, form: str | None) -> str:
        return form or ("text" if self._out.is_terminal else "json" if self._is_json else "csv")

    def _answer(self, title: str, columns: list[str], rows: list[tuple[Any, ...]], form: str | None) -> None:
        form = self._form(form)
        if form == "text":
            self._print_frame(title, columns, rows)
        elif form == "json":
            self._json([dict(zip(columns, row, strict=True)) for row in rows])
        else:
            self._csv([columns])
            self._csv(rows)

    def _csv(self, rows: Sequence[Sequence[Any]]) -> None:
        import csv
        import io

        self._stop()
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(rows[first : first + _ROWS_AT_ONCE])
            write(sys.stdout, text.getvalue())

    def _json(self, value: Any, *, indent: int | None = None) -> None:
        self._stop()
        text = json.dumps(value, indent=None if self._is_json else indent, default=str)
        write(sys.stdout, text + "\n")

    def mapping(self, values: dict[str, Any]) -> None:
        """Names and values."""
        if self._is_json:
            self._json(values)
            return
        for name, value in values.items():
            self._print(f"{name:22} {value}")

    def bench(self, found: dict[str, Any], compared: list[dict[str, Any]], *, as_json: bool) -> None:
        """What `minsum bench` measured, and how it compares with an earlier record."""
        if as_json or self._is_json:
            self._json(found | ({"compared": compared} if compared else {}), indent=2)
            return
        from minsum.bench.tables import bench_tables

        for title, columns, rows in bench_tables(found, compared):
            self._print_frame(title, columns, rows)

    def status(self, status: dict[str, Any], *, as_json: bool) -> None:
        """State of the workspace."""
        if as_json or self._is_json:
            self._json(status, indent=2)
            return
        from minsum.inspect.status import status_tables

        for title, columns, rows in status_tables(status):
            is_long = title.startswith(("Rejected", "Sources"))
            (self._print_some if is_long else self._print_frame)(title, columns, rows)
            if title == "Classification-years":
                self._islands(status["islands"])
        if status["panel"]:
            panel = status["panel"]
            countries = len(panel["countries"] or ())
            self._print(f"Panel: {panel['rows']} rows, {countries} countries, {panel['classification']}")
            for line in panel["remarks"] or ():
                self._print(f"  {line}")
        for path in status["strays"]:
            self._print(f"Not written by minsum, and not read: {path}: move it away")
        self.mapping(status["totals"])

    def plan(self, plan: Plan) -> None:
        """What a fetch would do."""
        for reason, hint in plan.rejected.values():
            self.error(MinsumError(f"rejected: {reason}", hint))
        self.mapping({
            "files to fetch": f"{plan.files:,}", "files here already": f"{plan.held:,}", "calls": f"{plan.calls:,}",
            "bytes": f"{plan.n_bytes:,}", "disk free": f"{plan.free_bytes:,}", "days": plan.days,
        })  # fmt: skip

    def findings(self, findings: list[Finding], *, where: str, as_json: bool) -> None:
        """What `minsum check` found."""
        if as_json or self._is_json:
            self._json([asdict(one) for one in findings], indent=2)
            return
        for check in dict.fromkeys(one.check for one in findings):
            rows = [[one.place, one.found, one.expected] for one in findings if one.check == check]
            self._print_some(f"Check {check}: {len(rows)}", ["where", "found", "expected"], rows)
        self._print(f"{len(findings)} findings in {where}" if findings else f"{where} is sound")

    def _islands(self, found: dict[str, Any]) -> None:
        """Countries that filed one year in different HS vintages, and how to bring them together."""
        islands = Islands(found["years"], found["target"])
        if lines := islands.lines():
            self._print("Countries are compared only within an HS vintage; these years have several:")
            for line in [*lines[-4:-1], lines[-1]]:
                self._print(f"  {line}")

    def _print_some(
        self, title: str, columns: list[str], rows: Sequence[Sequence[Any]], all_by: str = "--json"
    ) -> None:
        self._print_frame(title, columns, rows[:_SHOWN])
        if len(rows) > _SHOWN:
            self._print(f"  ... and {len(rows) - _SHOWN:,} more: {all_by} shows all")

    def _print_frame(self, title: str, columns: list[str], rows: Sequence[Sequence[Any]]) -> None:
        self._stop()
        if title:
            self._out.print(title, style="italic", markup=False, highlight=False, soft_wrap=True)
        for number, table in enumerate(text_tables(columns, list(rows), width=self._out.width)):
            if number:
                self._out.print("")
            self._out.print(table)


class _Lines(logging.Handler):
    """Passes log records to the console, which knows of bars and of JSON."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        try:
            self._console.log_line(record)
        except Exception:
            self.handleError(record)
