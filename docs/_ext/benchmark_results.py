"""The directive `benchmark-results`: a table of recorded benchmark results, made from the files themselves.

    ```{benchmark-results} flows
    :columns: seconds, rows_per_second
    :where: years=22
    ```

Of each benchmark the rows of the latest date with a clean commit are shown. Where every row was recorded from
changed files, the latest of those, and the table says so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"
DIRTY = "-dirty"

Row = dict[str, Any]


def latest_rows(bench: str, where: dict[str, str], *, folder: Path = RESULTS) -> list[Row]:
    """Rows of the latest run that meet the conditions, clean ones before dirty ones.

    Parameters
    ----------
    bench
        Name of the results file.
    where
        Name of a field to the value it must have, as text.
    folder
        Where the results lie.

    Raises
    ------
    ValueError
        If no row meets the conditions.
    """
    lines = (folder / f"{bench}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    rows = [row for row in rows if all(str(row.get(name)) == value for name, value in where.items())]
    rows = [row for row in rows if not row["commit"].endswith(DIRTY)] or rows
    if not rows:
        raise ValueError(f"no results of {bench} with {where}")
    last = max(row["date"] for row in rows)
    return [row for row in rows if row["date"] == last]


def as_markdown(rows: list[Row], columns: list[str]) -> str:
    """The table, and a line on when, where and from which commit it was recorded."""
    lines = ["| name | " + " | ".join(_heading(one) for one in columns) + " |"]
    lines.append("|---|" + "---:|" * len(columns))
    for row in rows:
        cells = [row["failure"]] if "failure" in row else [_cell(row.get(one), one) for one in columns]
        cells += [""] * (len(columns) - len(cells))
        lines.append(f"| {row['name']} | " + " | ".join(cells) + " |")
    first = rows[0]
    commit, machine = first["commit"], first["machine"]
    state = " with uncommitted changes" if commit.endswith(DIRTY) else ""
    lines += ["", f"Recorded {first['date'][:10]} from commit `{commit[:10]}`{state}, {machine['cpu']}, "
              f"{machine['threads']} threads, Python {first['versions']['python']}."]  # fmt: skip
    return "\n".join(lines)


def _heading(column: str) -> str:
    return column.replace("_bytes", "_MB").replace("_", " ")


def _cell(value: object, column: str) -> str:
    if value is None:
        return ""
    if column.endswith("_bytes") and isinstance(value, int):
        return f"{value / 1e6:,.0f}"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


class BenchmarkResults(SphinxDirective):
    """Names a results file; `columns` are fields of its rows, `where` conditions such as `years=22`."""

    required_arguments = 1
    option_spec: ClassVar = {"columns": directives.unchanged_required, "where": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """The table, parsed as Markdown."""
        bench = self.arguments[0]
        self.env.note_dependency(str(RESULTS / f"{bench}.jsonl"))
        parts = [one.split("=", 1) for one in self.options.get("where", "").split(";") if one]
        where = {name.strip(): value.strip() for name, value in parts}
        columns = [one.strip() for one in self.options["columns"].split(",")]
        return self.parse_text_to_nodes(as_markdown(latest_rows(bench, where), columns))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("benchmark-results", BenchmarkResults)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
