"""Commands that read: status, check, tables, SQL, and the state of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from minsum.cli.common import FORMS, LocalPath, Place, chosen_years, cluster_flag, common, on_cluster, opened
from minsum.cli.completion import countries, query_words, references, rules, vintages
from minsum.cli.display import (
    show_bench,
    show_decomposition,
    show_findings,
    show_relation,
    show_ruled_rows,
    show_status,
    show_trace,
)
from minsum.cli.forms import answer, print_mapping
from minsum.countries.names import comtrade_label
from minsum.errors import DataCheckError, UsageError


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common
def status(console: Any, workspace: Path, jobs: int | None, *, as_json: bool) -> int:
    """Show what is there, what is stale, what was rejected and why.

    \b
    minsum status
    minsum status --json
    """
    show_status(console, opened(console, workspace, jobs).status(), as_json=as_json)
    return 0


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@common
def check(console: Any, workspace: Path, jobs: int | None, *, as_json: bool) -> int:
    """Read every file and compare the figures with each other.

    Exit code 4 when something is wrong.

    \b
    minsum check
    minsum check --json
    """
    work = opened(console, workspace, jobs)
    found = work.check()
    show_findings(console, found, where=str(work.layout.root), as_json=as_json)
    return DataCheckError.exit_code if found else 0


_format = click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="Default: text on a terminal, csv elsewhere.",
)
_years = click.option("--years", help="Years and ranges, such as 2002,2014-2021; default: all.")
_vintage = click.option(
    "--classification", shell_complete=vintages, help="HS vintage, where the workspace holds several."
)


@click.command()
@click.argument("reporters", nargs=-1, shell_complete=countries)
@click.option(
    "-r", "--reference", "references", multiple=True, required=True, shell_complete=references,
    help="ISO3 or composite; repeatable.",
)  # fmt: skip
@_years
@_vintage
@_format
@common
def growth(console: Any, workspace: Path, jobs: int | None, *, form: str | None, **options: Any) -> int:
    """Show the similarity of REPORTERS by year, and its growth.

    REPORTERS are ISO3 labels; default: all. Growth is the mean yearly change in percentage points.

    \b
    minsum growth CHN VNM MYS -r USA --years 2006-2021
    minsum growth CHN VNM -r USA -r DEU    one table, with a column reference
    """
    options["years"] = chosen_years(options["years"])
    work = opened(console, workspace, jobs)
    named = list(dict.fromkeys(map(comtrade_label, options.pop("references"))))
    tables = work.growth(options.pop("reporters"), named, **options)
    if len(tables) > 1:
        from minsum.report.growth import one_table

        tables = [one_table(dict(zip(named, tables, strict=True)))]
    answer(console, tables, form)
    return 0


@click.command()
@click.argument("reporter", shell_complete=countries)
@click.argument("reference", shell_complete=references)
@click.option(
    "--by",
    type=click.Choice(["section", "chapter", "product"]),
    default="section",
    show_default=True,
    help="Parts of the HS.",
)
@click.option(
    "--bands",
    type=click.Choice(["bootstrap", "jackknife"]),
    help="95 % bands: products drawn anew 999 times, or left out in turn.",
)
@_years
@_vintage
@_format
@common
def decompose(console: Any, workspace: Path, jobs: int | None, *, form: str | None, **options: Any) -> int:
    """Split a similarity into HS sections, chapters or products.

    Shows what each part adds to the similarity of REPORTER with REFERENCE, and what changed between the first and the
    last year.

    \b
    minsum decompose VNM USA --years 2006,2021
    minsum decompose VNM USA --by chapter --bands bootstrap --format csv
    minsum decompose VNM USA --by product --years 2021
    """
    options["years"] = chosen_years(options["years"])
    work = opened(console, workspace, jobs)
    show_decomposition(
        console, work.decompose(options.pop("reporter"), options.pop("reference"), **options), form
    )
    return 0


@click.command()
@click.argument("reporter", shell_complete=countries)
@click.argument("reference", shell_complete=references)
@click.argument("year", type=int)
@click.option("--product", help="Code of a product, such as 620342.")
@_vintage
@_format
@common
def trace(console: Any, workspace: Path, jobs: int | None, *, form: str | None, **options: Any) -> int:
    """Follow a similarity to its products, rows and lines of files.

    Shows how the similarity of REPORTER with REFERENCE in YEAR is defined, and what each product adds. With --product:
    the rows of the lake behind the product, and the lines of the files they come from.

    \b
    minsum trace KHM PHL 2014
    minsum trace KHM PHL 2014 --product 620342
    """
    work = opened(console, workspace, jobs)
    asked = [options.pop(name) for name in ("reporter", "reference", "year")]
    show_trace(console, work.trace(*asked, **options), form)
    return 0


@click.command()
@click.argument("file", type=Place())
@click.option("--rule", shell_complete=rules, help="Only rows that this rule removes; kept: rows that stay.")
@_format
@common
def rows(
    console: Any, workspace: Path, jobs: int | None, *, file: Path | str, rule: str | None, form: str | None
) -> int:
    """List the rows of FILE that the row rules remove.

    Each row with its line and rule. FILE may be a folder.

    \b
    minsum rows raw
    minsum rows raw --rule mot --format csv
    """
    show_ruled_rows(console, opened(console, workspace, jobs).rows(file, rule=rule), form)
    return 0


@click.command()
@click.argument("query", shell_complete=query_words)
@_format
@common
def sql(console: Any, workspace: Path, jobs: int | None, *, query: str, form: str | None) -> int:
    """Run a DuckDB query over the tables of the workspace.

    Each table that is there is a view: flows, esi, coverage, panel, estimates ... SHOW TABLES lists them.

    \b
    minsum sql "SHOW TABLES"
    minsum sql "SELECT * FROM esi WHERE year = 2021 AND reference = 'USA'"
    """
    from minsum.inspect.sql import query_errors

    work = opened(console, workspace, jobs)
    relation = work.sql(query)
    if relation is not None:
        with query_errors(work.layout, query):
            show_relation(console, relation, form)
    return 0


@click.command()
@common
def doctor(console: Any, workspace: Path, _jobs: int | None) -> int:
    """Show versions, threads, memory and disk.

    \b
    minsum doctor
    """
    from minsum.machine import examine

    print_mapping(console, examine(workspace))
    return 0


@click.command()
@click.option(
    "--scale",
    type=click.FloatRange(min=0.001, max=22),
    default=1.0,
    show_default=True,
    help="Years of bulk files of 180 reporters; 0.1: files a tenth as long.",
)
@click.option("--against", type=LocalPath(), help="An earlier record, of the same scale, to compare with.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON, for --against.")
@on_cluster
@common
def bench(
    console: Any,
    _workspace: Path,
    jobs: int | None,
    *,
    scale: float,
    against: Path | None,
    as_json: bool,
    cluster: str | None,
) -> int:
    """Measure this machine with standard work on a synthetic world.

    Exit code 4 when an answer is wrong.

    \b
    minsum bench --scale 0.1              under a minute
    minsum bench --json > before.json     the record
    minsum bench --against before.json
    minsum bench --cluster local:2        a cluster and the threads in turn
    """
    from minsum.bench.record import compare, read_record
    from minsum.bench.work import standard_work
    from minsum.machine import default_jobs
    from minsum.settings.load import cluster_address

    earlier = read_record(against, scale=scale) if against else None
    try:
        address = cluster_address(cluster_flag(cluster).get("cluster", ""))
    except ValueError as error:
        raise UsageError(str(error), "see docs/cluster.md") from error
    found = standard_work(scale, jobs=jobs or default_jobs(), progress=console.progress, cluster=address)
    compared = compare(found, earlier) if earlier else []
    show_bench(console, found, compared, as_json=as_json)
    wrong = [row for row in found["rows"] if "failure" in row]
    return DataCheckError.exit_code if wrong or any(row["answer"] != "same" for row in compared) else 0
