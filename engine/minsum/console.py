"""What people see: progress, tables, the summary line, errors."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import rich.console
from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable
from rich.text import Text

from minsum.errors import MinsumError
from minsum.harmonise.islands import Islands
from minsum.logs import JsonLines, WithoutHints
from minsum.progress import StageProgress
from minsum.summary import summary_line

if TYPE_CHECKING:
    import duckdb

    from minsum.check import Finding
    from minsum.esi.decomposition import Decomposition
    from minsum.fetch.stage import Plan
    from minsum.report.table import Table
    from minsum.runs import RunReport

_SHOWN = 15
"""Rows of a table that may have thousands."""


class Console:
    """Output of one command.

    Parameters
    ----------
    quiet
        Only results and errors.
    log_format
        `text` or `json` lines on stderr; on a terminal, text gives way to progress bars.
    colour
        Whether a terminal gets colours and type styles; the environment's NO_COLOR forbids them too.
    """

    def __init__(self, *, quiet: bool, log_format: str, colour: bool = True) -> None:
        system: Literal["auto"] | None = "auto" if colour and not os.environ.get("NO_COLOR") else None
        self._out = rich.console.Console(width=None if sys.stdout.isatty() else 160, color_system=system)
        self._err = rich.console.Console(stderr=True, soft_wrap=True, color_system=system)
        self._quiet = quiet
        on_bars = self._err.is_terminal and not quiet and log_format == "text"
        self._progress = StageProgress(self._err if on_bars else None)
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines() if log_format == "json" else logging.Formatter("%(message)s"))
        if log_format == "text":
            handler.addFilter(WithoutHints())
        logger = logging.getLogger("minsum")
        logger.handlers = [handler]
        logger.setLevel(logging.WARNING if quiet or on_bars else logging.INFO)

    def __enter__(self) -> Console:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        self._progress.stop()

    def progress(self, stage: str, done: int, total: int) -> None:
        """How far a stage is: a bar on a terminal, a line every few seconds elsewhere."""
        self._progress.move(stage, done, total)

    def say(self, text: str) -> None:
        """One line on stdout."""
        self._stop()
        self._out.print(text, markup=False, highlight=False, soft_wrap=True)

    def error(self, error: MinsumError) -> None:
        """`error: ...` and `hint: ...` on stderr."""
        self._stop()
        self._err.print(Text.assemble(("error:", "bold red"), f" {error.message}"))
        if error.hint:
            self._err.print(Text.assemble(("hint:", "bold"), f" {error.hint}"))

    def summary(self, report: RunReport, where: str) -> None:
        """Rejected sources with their reasons, then one line on what was done and where it is."""
        for reason, hint in report.rejected.values():
            self.error(MinsumError(f"rejected: {reason}", hint))
        self.say(summary_line(report, where))

    def advise(self, text: str) -> None:
        """What to do next; not with --quiet."""
        if not self._quiet:
            self.say(f"next: {text}")

    def changes(self, report: RunReport) -> None:
        """What changed in the numbers: new and revised reporter-years, and the largest moves of the index."""
        if self._quiet:
            return
        new = [one for one in report.reporter_years if one["exports_usd_before"] is None]
        revised = [one for one in report.reporter_years if one["exports_usd_before"] is not None]
        if new:
            names = [f"{one['reporter']} {one['year']} {one['classification']}" for one in new]
            self.say(f"New reporter-years: {_listed(names)}")
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
        """The paper's tables."""
        if self._quiet:
            return
        for table in tables:
            headings = [table.headings.get(name, name) for name in table.frame.columns]
            self._print_frame(table.title, headings, table.frame.rows())
            for note in table.notes:
                self.say(f"  {note}")

    def relation(self, relation: duckdb.DuckDBPyRelation, form: str | None) -> None:
        """Rows of a query."""
        self._answer("", relation.columns, relation.fetchall(), form)

    def answers(self, tables: list[Table], form: str | None) -> None:
        """Tables that a command was asked for; beside a form for machines their notes go to stderr."""
        for table in tables:
            self._answer(table.title, table.frame.columns, table.frame.rows(), form)
            for note in table.notes:
                if self._form(form) == "table":
                    self.say(f"  {note}")
                elif not self._quiet:
                    self._err.print(note, markup=False, highlight=False)

    def decomposition(self, found: Decomposition, form: str | None) -> None:
        """For people the index by year and what changed; for machines every contribution."""
        between = f"{found.reporter} and {found.reference}, {found.classification}"
        by_segment = found.by_segment()
        if self._form(form) != "table":
            self._answer("", by_segment.columns, by_segment.rows(), form)
            return
        totals = found.totals()
        self._print_frame(f"Similarity of {between}", totals.columns, totals.rows())
        several = len(found.years) > 1
        parts = found.change() if several else by_segment
        self._print_frame("Change by segment" if several else "Contributions", parts.columns, parts.rows())
        for year, missing in found.left_out.items():
            self.say(f"  {year}: no data of {', '.join(missing)}")

    def _form(self, form: str | None) -> str:
        return form or ("table" if self._out.is_terminal else "csv")

    def _answer(self, title: str, columns: list[str], rows: list[tuple[Any, ...]], form: str | None) -> None:
        form = self._form(form)
        if form == "table":
            self._print_frame(title, columns, rows)
        elif form == "json":
            self.say(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str))
        else:
            import csv

            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)

    def mapping(self, values: dict[str, Any]) -> None:
        """Names and values."""
        for name, value in values.items():
            self.say(f"{name:22} {value}")

    def status(self, status: dict[str, Any], *, as_json: bool) -> None:
        """State of the workspace."""
        if as_json:
            self._stop()
            sys.stdout.write(json.dumps(status, indent=2) + "\n")
            return
        years = [list(row.values()) for row in status["years"]]
        if years:
            self._print_frame("Classification-years", list(status["years"][0]), years)
        self._islands(status["islands"])
        self._audit(status)
        if status["rejected"]:
            rows = [[one["name"], one["reason"], one["hint"]] for one in status["rejected"]]
            self._print_some("Rejected sources", ["source", "reason", "what to do"], rows)
        if status["panel"]:
            panel = status["panel"]
            countries = len(panel["countries"] or ())
            self.say(f"Panel: {panel['rows']} rows, {countries} countries, {panel['classification']}")
            for line in panel["remarks"] or ():
                self.say(f"  {line}")
        if status["stale"]:
            rows = [[one["what"], _listed(one["which"]), one["why"], one["do"]] for one in status["stale"]]
            self._print_frame("Not up to date", ["what", "which", "why", "what to do"], rows)
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
        if as_json:
            self._stop()
            sys.stdout.write(json.dumps([asdict(one) for one in findings], indent=2) + "\n")
            return
        for check in dict.fromkeys(one.check for one in findings):
            rows = [[one.place, one.found, one.expected] for one in findings if one.check == check]
            self._print_some(f"Check {check}: {len(rows)}", ["where", "found", "expected"], rows)
        self.say(f"{len(findings)} findings in {where}" if findings else f"{where} is sound")

    def _islands(self, found: dict[str, Any]) -> None:
        """Countries that filed one year in different HS vintages, and how to bring them together."""
        islands = Islands(found["years"], found["target"])
        if lines := islands.lines():
            self.say("Countries are compared only within an HS vintage; these years have several:")
            for line in [*lines[-4:-1], lines[-1]]:
                self.say(f"  {line}")

    def _audit(self, status: dict[str, Any]) -> None:
        """What the rules and repairs did, over all sources and for those that lost most."""
        counts = [("rule", status["rules"]), ("repair", status["repairs"])]
        rows = [
            [kind, name, hit["rows"], hit["usd"] / 1e9] for kind, hits in counts for name, hit in hits.items()
        ]
        if rows:
            self._print_frame("Rows by rule and repair", ["", "name", "rows", "bn USD"], rows)
        rules = [name for name in status["rules"] if name != "kept"]
        rows = [
            [one["name"], one["format"], one["rows_in"], one["rows_kept"]]
            + [one["rules"].get(name, {"rows": 0})["rows"] for name in rules]
            for one in sorted(status["sources"], key=lambda one: one["rows_kept"] / max(one["rows_in"], 1))
        ]
        if rows:
            self._print_some(
                "Sources, by the share of rows kept", ["source", "format", "read", "kept", *rules], rows
            )

    def _print_some(self, title: str, columns: list[str], rows: list[list[Any]]) -> None:
        self._print_frame(title, columns, rows[:_SHOWN])
        if len(rows) > _SHOWN:
            self.say(f"  ... and {len(rows) - _SHOWN:,} more: --json shows all")

    def _print_frame(self, title: str, columns: list[str], rows: Any) -> None:
        self._stop()
        if title:
            self._out.print(title, style="italic", markup=False, highlight=False, soft_wrap=True)
        table = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for column in columns:
            table.add_column(column)
        for row in rows:
            table.add_row(*(_cell(value) for value in row))
        self._out.print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.3f}" if isinstance(value, float) else str(value)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
