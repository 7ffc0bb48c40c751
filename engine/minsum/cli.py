"""The command line: parse, one call, one summary line, exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from minsum.errors import DataCheckError, MinsumError

if TYPE_CHECKING:
    from minsum.pipeline import Workspace
    from minsum.runs import RunReport


def _common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that works on a workspace; errors end with their exit code."""

    @click.option(
        "-w",
        "--workspace",
        type=click.Path(path_type=Path),
        default=Path(),
        help="Workspace folder; found by its minsum.toml here or above.",
    )
    @click.option("--jobs", type=click.IntRange(min=1), help="Files read at a time; default: all cores.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress, only the result.")
    @click.option(
        "--log-format", type=click.Choice(["text", "json"]), default="text", help="Log lines on stderr."
    )
    @click.option("--no-color", is_flag=True, help="No colours; the environment's NO_COLOR does the same.")
    @click.option("--debug", is_flag=True, help="Show tracebacks.")
    @wraps(command)
    def wrapped(
        *, quiet: bool, log_format: str, debug: bool, workspace: Path, jobs: int | None, **options: Any
    ) -> None:
        from minsum.console import Console

        colour = not options.pop("no_color")
        console = Console(quiet=quiet, log_format=log_format, colour=colour)
        try:
            with console:
                code = command(console, workspace, jobs, **options)
        except MinsumError as error:
            if debug:
                raise
            console.error(error)
            code = error.exit_code
        except OSError as error:
            if debug:
                raise
            hint = "what was published before is whole; mend that and run again"
            console.error(MinsumError(f"{error.filename or 'workspace'}: {error.strerror or error}", hint))
            code = MinsumError.exit_code
        sys.exit(code or 0)

    return wrapped


def _open(console: Any, workspace: Path, jobs: int | None, **flags: Any) -> Workspace:
    from minsum.pipeline import Workspace
    from minsum.workspace import find_root

    return Workspace(find_root(workspace), jobs=jobs, progress=console.progress, flags=flags)


def _finish(console: Any, report: RunReport, where: str, then: str) -> int:
    from minsum.advice import next_step

    console.summary(report, where)
    if report.remote is not None:
        console.error(report.remote)
    console.advise(next_step(report, otherwise=then))
    return report.exit_code


_LOOK = "minsum status, or minsum growth CHN -r USA"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="minsum")
def main() -> None:
    """Export similarity of every country, reference and year from UN Comtrade bulk files.

    \b
    Start:   minsum demo              a synthetic world, from raw files to the tables
             minsum init my-study     then put files into my-study/raw
             cd my-study; minsum run

    Exit codes: 0 done; 2 usage or settings; 3 done, but sources were rejected; 4 data check failed;
    5 estimation impossible; 6 another run holds the workspace; 7 remote service (quota, key, network);
    1 unexpected.
    """


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--paper", "template", flag_value="paper", help="Settings of the China-ASEAN replication.")
@click.option("--world", "template", flag_value="world", help="Settings for all reporters.")
@_common
def init(console: Any, _workspace: Path, _jobs: int | None, *, folder: Path, template: str | None) -> int:
    """Make FOLDER a workspace with a commented minsum.toml.

    \b
    minsum init my-study
    minsum init --paper study              the China-ASEAN panel and its regressions
    minsum init --world world              all reporters
    """
    from minsum.pipeline import Workspace

    Workspace(folder).init(template or "empty")
    console.say(f"workspace {folder}: put files into {folder / 'raw'}, then: minsum run -w {folder}")
    return 0


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("demo"))
@_common
def demo(console: Any, _workspace: Path, jobs: int | None, *, folder: Path) -> int:
    """Run everything on a synthetic world in FOLDER (default: demo).

    \b
    minsum demo
    minsum demo my-demo --jobs 1
    """
    from minsum.pipeline import Workspace
    from minsum.synth import WorldSpec, write_world

    work = Workspace(folder, jobs=jobs, progress=console.progress)
    if not work.layout.settings.exists():
        work.init("paper")
    write_world(WorldSpec(), folder, jobs=work.jobs, progress=partial(console.progress, "synth"))
    report = work.run()
    console.tables(work.tables())
    console.summary(report, str(folder))
    console.say(f"ESI panel: {work.layout.panel}")
    console.say(f"estimates: {work.layout.estimates}")
    console.say(f"report:    {work.layout.page}")
    console.advise(f"minsum growth CHN VNM -r high_end -w {folder}")
    return report.exit_code


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--reporters", type=click.IntRange(min=3), default=24, show_default=True, help="How many countries."
)
@click.option("--years", default="2002,2006,2010,2014-2021", show_default=True, help="Years and ranges.")
@click.option(
    "--rows", type=click.IntRange(min=1), default=20_000, show_default=True, help="Rows per file, about."
)
@click.option("--max-rows", type=int, help="With it, file sizes are spread from --rows to this.")
@click.option("--classification", default="H2", show_default=True, help="HS vintage.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another world.")
@_common
def synth(console: Any, _workspace: Path, jobs: int | None, *, folder: Path, **options: Any) -> int:
    """Write a synthetic world as Comtrade bulk files, with its covariates and its truth, into FOLDER.

    \b
    minsum synth world --reporters 8 --years 2019-2021 --rows 2000
    minsum synth big --reporters 180 --rows 5000 --max-rows 1600000
    """
    from minsum.console import parse_years
    from minsum.pipeline import default_jobs
    from minsum.synth import WorldSpec, write_world

    rows, top = options["rows"], options["max_rows"]
    spec = WorldSpec(
        reporters=options["reporters"],
        years=parse_years(options["years"]),
        rows_per_file=(rows, top) if top else rows,
        classification=options["classification"],
        seed=options["seed"],
    )
    world = write_world(
        spec, folder, jobs=jobs or default_jobs(), progress=partial(console.progress, "synth")
    )
    console.say(f"{world.files} files, {world.rows:,} rows in {folder / 'raw'}; truth in {folder / 'truth'}")
    console.advise(f"minsum init {folder}; minsum run -w {folder}")
    return 0


@main.command()
@click.option("--plan", "is_plan", is_flag=True, help="Calls, bytes and days; downloads nothing.")
@click.option("--classification", multiple=True, help="HS as reported, H0 to H6 as converted; repeatable.")
@click.option("--years", help="Years and ranges, such as 2002,2014-2021; default: all.")
@click.option("--reporters", help="ISO3, separated by commas; default: all.")
@click.option("--dataset", type=click.Choice(["final", "classic"]), help="Default: final.")
@click.option("--since", help="Only what was published from this date on, YYYY-MM-DD.")
@_common
def fetch(console: Any, workspace: Path, jobs: int | None, *, is_plan: bool, **options: Any) -> int:
    """Download what is new at UN Comtrade into raw/, as [fetch] in minsum.toml and the options say.

    \b
    minsum fetch --plan --classification H2 --years 2002-2023
    minsum fetch                           what [fetch] names
    """
    options["years"] = _chosen_years(options["years"])
    options["reporters"] = (options["reporters"] or "").split(",") if options["reporters"] else ()
    flags = {name: value for name, value in options.items() if value}
    work = _open(console, workspace, jobs, **({"fetch": flags} if flags else {}))
    if is_plan:
        console.plan(work.fetch_plan())
        return 0
    return _finish(console, work.fetch(), str(work.layout.raw), "minsum run")


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--classification", help="HS vintage of files that do not say, such as H5.")
@_common
def ingest(
    console: Any, workspace: Path, jobs: int | None, *, paths: tuple[Path, ...], classification: str | None
) -> int:
    """Bring files and folders (default: raw/) into the lake.

    \b
    minsum ingest                          everything in raw/
    minsum ingest ~/Downloads/comtrade     a folder of downloads
    """
    flags = {"ingest": {"classification": classification}} if classification else {}
    work = _open(console, workspace, jobs, **flags)
    return _finish(console, work.ingest(paths or None), str(work.layout.flows), "minsum esi")


@main.command()
@_common
def esi(console: Any, workspace: Path, jobs: int | None) -> int:
    """Compute the similarities that changed.

    \b
    minsum esi                             -> esi/, coverage.parquet, and what minsum.toml asks for
    MINSUM_ESI__LEVEL=4 minsum esi         a setting for once
    """
    work = _open(console, workspace, jobs)
    return _finish(console, work.esi(), str(work.layout.esi), _LOOK)


@main.command()
@_common
def panel(console: Any, workspace: Path, jobs: int | None) -> int:
    """Build the panel that [panel] describes.

    \b
    minsum panel                           esi/, flows/ and covariates/ -> panel.parquet
    """
    work = _open(console, workspace, jobs)
    return _finish(console, work.panel(), str(work.layout.panel), "minsum estimate")


@main.command()
@click.argument("spec", required=False, type=click.Path(path_type=Path))
@_common
def estimate(console: Any, workspace: Path, jobs: int | None, *, spec: Path | None) -> int:
    """Estimate the models of a spec file (default: of [estimate] in minsum.toml), and print the tables.

    \b
    minsum estimate                        [estimate] -> estimates/main.parquet
    minsum estimate models/gravity.toml    -> estimates/gravity.parquet
    """
    work = _open(console, workspace, jobs)
    report = work.estimate(spec)
    console.tables(work.tables())
    return _finish(console, report, str(work.layout.estimates), "minsum report")


@main.command()
@_common
def report(console: Any, workspace: Path, jobs: int | None) -> int:
    """Write report/index.html, its figures and, with a panel, the tables (CSV, text, LaTeX, HTML), and print them.

    \b
    minsum report                          -> report/
    """
    work = _open(console, workspace, jobs)
    done = work.report()
    if work.layout.panel.is_file():
        console.tables(work.tables())
    return _finish(console, done, str(work.layout.page), f"open {work.layout.page} in a browser")


@main.command()
@_common
def run(console: Any, workspace: Path, jobs: int | None) -> int:
    """Every stage the settings name, only what changed: the nightly command.

    \b
    minsum run
    minsum run -w my-study -q --log-format json
    """
    work = _open(console, workspace, jobs)
    done = work.run()
    console.changes(done)
    if done.changed and work.settings.panel is not None:
        console.tables(work.tables())
    return _finish(console, done, str(work.layout.root), _LOOK)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@_common
def status(console: Any, workspace: Path, jobs: int | None, *, as_json: bool) -> int:
    """What is there, what is stale, what was rejected and why.

    \b
    minsum status
    minsum status --json
    """
    console.status(_open(console, workspace, jobs).status(), as_json=as_json)
    return 0


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@_common
def check(console: Any, workspace: Path, jobs: int | None, *, as_json: bool) -> int:
    """Read every file and compare the figures with each other; exit code 4 when something is wrong.

    \b
    minsum check
    minsum check --json
    """
    work = _open(console, workspace, jobs)
    found = work.check()
    console.findings(found, where=str(work.layout.root), as_json=as_json)
    return DataCheckError.exit_code if found else 0


_format = click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    help="Default: table on a terminal, csv elsewhere.",
)
_years = click.option("--years", help="Years and ranges, such as 2002,2014-2021; default: all.")
_vintage = click.option("--classification", help="HS vintage, where the workspace holds several.")


@main.command()
@click.argument("reporters", nargs=-1)
@click.option(
    "-r", "--reference", "references", multiple=True, required=True, help="ISO3 or composite; repeatable."
)
@_years
@_vintage
@_format
@_common
def growth(console: Any, workspace: Path, jobs: int | None, *, form: str | None, **options: Any) -> int:
    """Similarity of REPORTERS (ISO3; default: all) by year, and its mean yearly change.

    \b
    minsum growth CHN VNM MYS -r high_end -r USA --years 2006-2021
    """
    options["years"] = _chosen_years(options["years"])
    work = _open(console, workspace, jobs)
    console.answers(work.growth(options.pop("references"), **options), form)
    return 0


@main.command()
@click.argument("reporter")
@click.argument("reference")
@click.option(
    "--by",
    type=click.Choice(["section", "chapter"]),
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
@_common
def decompose(console: Any, workspace: Path, jobs: int | None, *, form: str | None, **options: Any) -> int:
    """Which sections of the HS the similarity of REPORTER with REFERENCE comes from, and what changed.

    \b
    minsum decompose VNM high_end --years 2006,2021
    minsum decompose VNM USA --by chapter --bands bootstrap --format csv
    """
    options["years"] = _chosen_years(options["years"])
    work = _open(console, workspace, jobs)
    console.decomposition(work.decompose(options.pop("reporter"), options.pop("reference"), **options), form)
    return 0


def _chosen_years(text: str | None) -> tuple[int, ...]:
    from minsum.console import parse_years

    return parse_years(text) if text else ()


@main.command()
@click.argument("query")
@_format
@_common
def sql(console: Any, workspace: Path, jobs: int | None, *, query: str, form: str | None) -> int:
    """Run a DuckDB query; views: flows, esi, market_esi, coverage, panel, estimates and other tables here.

    \b
    minsum sql "SELECT reporter, esi FROM esi WHERE year = 2021 AND reference = 'high_end' ORDER BY esi DESC"
    """
    work = _open(console, workspace, jobs)
    relation = work.sql(query)
    if relation is not None:
        console.relation(relation, form)
    return 0


@main.command()
@_common
def doctor(console: Any, workspace: Path, _jobs: int | None) -> int:
    """Versions, threads, memory and disk.

    \b
    minsum doctor
    """
    from minsum.status import examine

    console.mapping(examine(workspace))
    return 0
