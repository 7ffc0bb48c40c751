"""Commands that run stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from minsum.cli.common import (
    FORMS,
    LocalPath,
    Place,
    chosen_years,
    cluster_flag,
    common,
    finish,
    on_cluster,
    opened,
    working,
)
from minsum.cli.completion import country_list
from minsum.cli.display import show_changes, show_plan, show_tables
from minsum.cli.forms import answer
from minsum.errors import MinsumError
from minsum.export.options import FORMATS, Format

_LOOK: Final = "minsum status, or minsum growth CHN -r USA"
_accept: Final = click.option(
    "--accept", is_flag=True, help="Take files that hold less than half of what is there."
)


@click.command()
@click.option("--plan", "is_plan", is_flag=True, help="Calls, bytes and days; downloads nothing.")
@click.option("--classification", multiple=True, help="HS as reported, H0 to H6 as converted; repeatable.")
@click.option("--years", help="Years and ranges, such as 2002,2014-2021; default: all.")
@click.option("--reporters", shell_complete=country_list, help="ISO3, separated by commas; default: all.")
@click.option("--dataset", type=click.Choice(["final", "classic"]), help="Default: final.")
@click.option("--since", help="Only what was published from this date on, YYYY-MM-DD.")
@common
def fetch(console: Any, workspace: Path, jobs: int | None, *, is_plan: bool, **options: Any) -> int:
    """Download what is new at UN Comtrade into raw/.

    What is wanted: [fetch] in minsum.toml, and the options.

    \b
    minsum fetch --plan --classification H2 --years 2002-2023
    minsum fetch                           what [fetch] names
    """
    options["years"] = chosen_years(options["years"])
    options["reporters"] = (options["reporters"] or "").split(",") if options["reporters"] else ()
    flags = {name: value for name, value in options.items() if value}
    work = opened(console, workspace, jobs, **({"fetch": flags} if flags else {}))
    if is_plan:
        show_plan(console, work.fetch_plan())
        return 0
    return finish(console, work.fetch(), str(work.layout.raw), "minsum run")


@click.command()
@click.argument("paths", nargs=-1, type=Place())
@click.option("--classification", help="HS vintage of files that do not state it, such as H5.")
@_accept
@on_cluster
@common
def ingest(
    console: Any,
    workspace: Path,
    jobs: int | None,
    *,
    paths: tuple[Path | str, ...],
    classification: str | None,
    accept: bool,
    cluster: str | None,
) -> int:
    """Bring files and folders (default: raw/) into the lake.

    \b
    minsum ingest                          everything in raw/
    minsum ingest ~/Downloads/comtrade     a folder of downloads
    minsum ingest s3://bucket/comtrade     what lies in a bucket
    """
    flags = {"ingest": {"classification": classification}} if classification else {}
    work = working(console, workspace, jobs, **flags, **cluster_flag(cluster))
    return finish(console, work.ingest(paths or None, accept=accept), str(work.layout.flows), "minsum esi")


@click.command()
@on_cluster
@common
def esi(console: Any, workspace: Path, jobs: int | None, *, cluster: str | None) -> int:
    """Compute the similarities that changed.

    \b
    minsum esi                        esi/, coverage.parquet and other tables
    MINSUM_ESI__LEVEL=4 minsum esi    a setting for once
    """
    work = working(console, workspace, jobs, **cluster_flag(cluster))
    return finish(console, work.esi(), str(work.layout.esi), _LOOK)


@click.command()
@common
def panel(console: Any, workspace: Path, jobs: int | None) -> int:
    """Build the panel that [panel] describes.

    \b
    minsum panel                      esi/, flows/, covariates/ -> panel.parquet
    """
    work = working(console, workspace, jobs)
    return finish(console, work.panel(), str(work.layout.panel), "minsum estimate")


@click.command()
@click.argument("specs", nargs=-1, type=LocalPath())
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    help="Print only the tables of these spec files, side by side, in this form.",
)
@click.option(
    "--brackets",
    type=click.Choice(["t", "se"]),
    default="t",
    show_default=True,
    help="What stands below a coefficient.",
)
@click.option(
    "--stars/--no-stars", default=True, show_default=True, help="Stars at significant coefficients."
)
@common
def estimate(
    console: Any,
    workspace: Path,
    jobs: int | None,
    *,
    specs: tuple[Path, ...],
    form: str | None,
    **style: Any,
) -> int:
    """Estimate the models of spec files, and print the tables.

    Without SPECS: the models of [estimate] in minsum.toml, which are also called main.

    \b
    minsum estimate                        [estimate] -> estimates/main.parquet
    minsum estimate models/gravity.toml    -> estimates/gravity.parquet
    minsum estimate --format latex --brackets se --no-stars > table3.tex
    minsum estimate main models/gravity.toml --format html    models side by side
    """
    from minsum.settings.specs import MAIN

    work = working(console, workspace, jobs)
    code = 0
    for spec in specs or (Path(MAIN),):
        report = work.estimate(None if str(spec) == MAIN else spec)
        code = code or report.exit_code
    if form is not None:
        names = dict.fromkeys(one.stem for one in specs)
        answer(console, work.regression_tables(*names, **style), form)
        return code
    show_tables(console, work.tables())
    finish(console, report, str(work.layout.estimates), "minsum report")
    return code


@click.command()
@common
def report(console: Any, workspace: Path, jobs: int | None) -> int:
    """Write the report: a page, figures and tables.

    Everything lies in report/: index.html, figures as SVG and PNG and, with a panel, tables as CSV, text, LaTeX and HTML,
    which are also printed.

    \b
    minsum report                          -> report/
    """
    work = working(console, workspace, jobs)
    done = work.report()
    if work.settings.panel is not None and work.layout.panel.is_file():
        show_tables(console, work.tables())
    return finish(console, done, str(work.layout.page), f"open {work.layout.page} in a browser")


@click.command()
@click.argument("folder", type=LocalPath())
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["parquet", "csv", "dta"]),
    help="Repeatable; default: all.",
)
@click.option("--since", type=LocalPath(), help="An earlier release: CHANGES.md says what changed.")
@common
def export(
    console: Any,
    workspace: Path,
    jobs: int | None,
    *,
    folder: Path,
    formats: tuple[Format, ...],
    since: Path | None,
) -> int:
    """Write the results into FOLDER as a data release.

    Tables, codebook, data package, citation and checksums (docs/release.md).

    \b
    minsum export release                  Parquet, CSV and Stata
    minsum export release-2 --format dta --format parquet --since release
    """
    work = working(console, workspace, jobs)
    done = work.export(folder, formats or FORMATS, since=since)
    return finish(console, done, str(folder), f"look at {folder / 'codebook.html'}")


@click.command()
@_accept
@on_cluster
@common
def run(console: Any, workspace: Path, jobs: int | None, *, accept: bool, cluster: str | None) -> int:
    """Run every stage the settings name; only what changed is done.

    The nightly command (docs/operation.md).

    \b
    minsum run
    minsum run -w my-study -q --log-format json
    minsum run --cluster tcp://scheduler:8786
    minsum run -w s3://bucket/study        a workspace in a bucket
    """
    work = working(console, workspace, jobs, **cluster_flag(cluster))
    try:
        done = work.run(accept=accept)
    except MinsumError:
        console.summary(work.done, str(work.layout.root))
        raise
    show_changes(console, done)
    if done.changed and any(stage.stage == "panel" for stage in done.stages):
        show_tables(console, work.tables())
    return finish(console, done, str(work.layout.root), _LOOK)
