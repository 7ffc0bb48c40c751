"""What each command shows of its result: tables and lines for people, JSON or CSV for machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from minsum.cli.forms import (
    MOST_ROWS,
    PAPER_FORMS,
    answer_frame,
    answer_rows,
    form_of,
    print_csv,
    print_first_rows,
    print_json,
    print_mapping,
    print_table,
)
from minsum.errors import MinsumError

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from minsum.cli.console import Console
    from minsum.esi.section_changes import Decomposition
    from minsum.fetch.stage import Plan
    from minsum.inspect.check import Finding
    from minsum.inspect.trace import Trace
    from minsum.report.table import Table
    from minsum.workspace.runs import RunReport


def show_changes(console: Console, report: RunReport) -> None:
    """For people, what changed in the data: new and revised reporter-years, and the largest moves of the index."""
    if console.is_quiet or console.is_json:
        return
    from minsum.text_tables import listed

    first = [one for one in report.reporter_years if one["exports_usd_before"] is None]
    new = [one for one in first if one["exports_usd"]]
    revised = [one for one in report.reporter_years if one["exports_usd_before"] is not None]
    if new:
        names = [f"{one['reporter']} {one['year']} {one['classification']}" for one in new]
        console.say(f"New reporter-years: {listed(names)}")
    if partners := [one for one in first if not one["exports_usd"]]:
        names = [f"{one['reporter']} {one['year']} {one['classification']}" for one in partners]
        console.say(f"Without World exports (imports or partners only): {listed(names)}")
    if revised:
        rows = [
            [one["classification"], one["year"], one["reporter"], before := one["exports_usd_before"] / 1e9,
             after := one["exports_usd"] / 1e9, after - before]
            for one in sorted(revised, key=lambda one: -abs(one["exports_usd"] - one["exports_usd_before"]))
        ]  # fmt: skip
        columns = ["", "year", "reporter", "before", "after", "change"]
        print_first_rows(console, "Revised reporter-years, exports in bn USD", columns, rows)
    if report.moves:
        moves = [[*one.values(), one["after"] - one["before"]] for one in report.moves]
        columns = ["", "year", "reporter", "reference", "before", "after", "change"]
        print_first_rows(console, "Largest moves of the index", columns, moves)


def show_tables(console: Console, tables: list[Table]) -> None:
    """Print tables that a run made, for people only; programs find them in report/."""
    if console.is_quiet or console.is_json:
        return
    for table in tables:
        headings = [table.headings.get(name, name) for name in table.frame.columns]
        print_table(console, table.title, headings, table.frame.rows())
        for note in table.notes:
            console.say(f"  {note}")


def show_relation(console: Console, relation: duckdb.DuckDBPyRelation, form: str | None) -> None:
    """Print the rows of a query."""
    form = form_of(console, form)
    if form in PAPER_FORMS:
        answer_frame(console, "query", "", relation.pl(), (), form)
    else:
        answer_rows(console, "", relation.columns, relation.fetchall(), form)


def show_decomposition(console: Console, found: Decomposition, form: str | None) -> None:
    """Print for people the index by year and its changes; for machines every contribution."""
    between = f"{found.reporter} and {found.reference}, {found.classification}"
    by_segment = found.by_segment()
    several = len(found.years) > 1
    parts = found.change() if several else by_segment
    left_out = tuple(f"{year}: no data of {', '.join(missing)}" for year, missing in found.left_out.items())
    if form_of(console, form) != "text":
        shown = parts if form in PAPER_FORMS else by_segment
        answer_frame(
            console,
            f"decomposition_{found.reporter}_{found.reference}",
            f"Similarity of {between}",
            shown,
            left_out,
            form,
        )
        return
    totals = found.totals()
    print_table(console, f"Similarity of {between}", totals.columns, totals.rows())
    title = "Change by segment" if several else "Contributions"
    if found.by == "product":
        largest = found.largest_first(parts)
        print_first_rows(console, f"{title}, the largest", largest.columns, largest.rows(), "--format csv")
    else:
        print_table(console, title, parts.columns, parts.rows())
    for line in left_out:
        console.print(f"  {line}")


def show_trace(console: Console, found: Trace, form: str | None) -> None:
    """Print for people the definition and the largest parts; for machines the lines of a product, or every product."""
    if form_of(console, form) != "text":
        shown = found.products if found.lines is None else found.lines
        answer_frame(console, "trace", f"Similarity of {found.title}", shown, found.notes, form)
        return
    console.print(f"Similarity of {found.title}")
    for line in (*found.definition, *found.sums()):
        console.print(f"  {line}")
    products = found.products.rows()
    print_first_rows(console, "What each product adds", found.products.columns, products, "--format csv")
    if found.flows is not None and found.lines is not None:
        print_table(console, "Rows of the lake", found.flows.columns, found.flows.rows())
        rows = found.lines.rows()
        print_first_rows(console, "Lines of the files", found.lines.columns, rows, "--format csv")
    for note in found.notes:
        console.print(f"  {note}")


def show_ruled_rows(console: Console, batches: Iterable[pl.DataFrame], form: str | None) -> None:
    """Print rows with the rule that removes them; for people the first rows, and counts by rule."""
    import polars as pl

    form = form_of(console, form)
    counts: dict[str, list[float]] = {}
    kept: list[pl.DataFrame] = []
    for number, rows in enumerate(batches):
        if form == "csv":
            print_csv(console, [*([] if number else [rows.columns]), *rows.iter_rows()])
            continue
        kept.append(rows if form != "text" else rows.head(MOST_ROWS - sum(map(len, kept))))
        for rule, n, usd in rows.group_by("rule").agg(n=pl.len(), usd=pl.col("value_usd").sum()).iter_rows():
            count = counts.setdefault(rule, [0, 0.0])
            count[0], count[1] = count[0] + n, count[1] + usd
    if form == "json":
        print_json(console, [row for rows in kept for row in rows.iter_rows(named=True)])
    elif form in PAPER_FORMS and kept:
        answer_frame(console, "rows", "Rows and their rules", pl.concat(kept, how="diagonal"), (), form)
    elif form == "text":
        shown = pl.concat(kept, how="diagonal") if kept else pl.DataFrame()
        print_table(console, "The first rows; --format csv gives all", shown.columns, shown.rows())
        print_table(
            console, "By rule", ["rule", "rows", "usd"], [[rule, *count] for rule, count in counts.items()]
        )


def show_bench(
    console: Console, found: dict[str, Any], compared: list[dict[str, Any]], *, as_json: bool
) -> None:
    """Print what `minsum bench` measured, and the comparison with an earlier record."""
    if as_json or console.is_json:
        print_json(console, found | ({"compared": compared} if compared else {}), indent=2)
        return
    from minsum.bench.tables import bench_tables

    for title, columns, rows in bench_tables(found, compared):
        print_table(console, title, columns, rows)


def show_status(console: Console, status: dict[str, Any], *, as_json: bool) -> None:
    """Print the state of the workspace."""
    if as_json or console.is_json:
        print_json(console, status, indent=2)
        return
    from minsum.inspect.status import status_tables

    for title, columns, rows in status_tables(status):
        is_long = title.startswith(("Rejected", "Sources"))
        (print_first_rows if is_long else print_table)(console, title, columns, rows)
        if title == "Classification-years":
            _show_islands(console, status["islands"])
    if status["panel"]:
        panel = status["panel"]
        countries = len(panel["countries"] or ())
        console.print(f"Panel: {panel['rows']} rows, {countries} countries, {panel['classification']}")
        for line in panel["remarks"] or ():
            console.print(f"  {line}")
    for path in status["strays"]:
        console.print(f"Not written by minsum, and not read: {path}: move it away")
    print_mapping(console, status["totals"])


def show_plan(console: Console, plan: Plan) -> None:
    """Print what a fetch would do."""
    for reason, hint in plan.rejected.values():
        console.error(MinsumError(f"rejected: {reason}", hint))
    print_mapping(console, {
        "files to fetch": f"{plan.files:,}", "files here already": f"{plan.held:,}", "calls": f"{plan.calls:,}",
        "bytes": f"{plan.n_bytes:,}", "disk free": f"{plan.free_bytes:,}", "days": plan.days,
    })  # fmt: skip


def show_findings(console: Console, findings: list[Finding], *, where: str, as_json: bool) -> None:
    """Print the findings of `minsum check`."""
    if as_json or console.is_json:
        print_json(console, [asdict(one) for one in findings], indent=2)
        return
    for check in dict.fromkeys(one.check for one in findings):
        rows = [[one.place, one.found, one.expected] for one in findings if one.check == check]
        print_first_rows(console, f"Check {check}: {len(rows)}", ["where", "found", "expected"], rows)
    console.print(f"{len(findings)} findings in {where}" if findings else f"{where} is sound")


def _show_islands(console: Console, found: dict[str, Any]) -> None:
    """Print years in which countries filed in different HS vintages, and how to harmonise them."""
    from minsum.harmonise.islands import Islands

    islands = Islands(found["years"], found["target"])
    if lines := islands.lines():
        console.print("Countries are compared only within an HS vintage; these years have several:")
        for line in [*lines[-4:-1], lines[-1]]:
            console.print(f"  {line}")
