"""Commands that make a workspace or a synthetic world."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from minsum.cli.common import LocalPath, Place, common, finish, parse_years
from minsum.cli.display import show_tables


@click.command()
@click.argument("folder", type=Place())
@click.option("--paper", "template", flag_value="paper", help="Settings of the China-ASEAN replication.")
@click.option("--world", "template", flag_value="world", help="Settings for all reporters.")
@common
def init(
    console: Any, _workspace: Path, _jobs: int | None, *, folder: Path | str, template: str | None
) -> int:
    """Make FOLDER a workspace with a commented minsum.toml.

    \b
    minsum init my-study
    minsum init --paper study         the China-ASEAN panel and its regressions
    minsum init --world world         all reporters
    minsum init s3://bucket/study     in a bucket
    """
    from minsum.pipeline import Workspace

    work = Workspace(folder).init(template or "empty")
    console.say(f"workspace {folder}: put files into {work.layout.raw}, then: minsum run -w {folder}")
    return 0


@click.command()
@click.argument("folder", type=LocalPath(), default=Path("demo"))
@common
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
    show_tables(console, work.tables())
    code = finish(console, report, str(folder), f"minsum growth CHN VNM -r high_end -w {folder}")
    console.say(f"ESI panel: {work.layout.panel}")
    console.say(f"estimates: {work.layout.estimates}")
    console.say(f"report:    {work.layout.page}")
    return code


@click.command()
@click.argument("folder", type=LocalPath())
@click.option(
    "--reporters", type=click.IntRange(min=3), default=24, show_default=True, help="How many countries."
)
@click.option("--years", default="2002,2006,2010,2014-2021", show_default=True, help="Years and ranges.")
@click.option(
    "--rows", type=click.IntRange(min=1), default=20_000, show_default=True, help="Rows per file, about."
)
@click.option("--max-rows", type=int, help="Rows of the largest file; sizes are spread.")
@click.option("--classification", default="H2", show_default=True, help="HS vintage.")
@click.option("--vintages", is_flag=True, help="Countries switch HS vintages in different years.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another world.")
@common
def synth(console: Any, _workspace: Path, jobs: int | None, *, folder: Path, **options: Any) -> int:
    """Write a synthetic world as Comtrade bulk files into FOLDER.

    Its covariates and its truth lie beside them.

    \b
    minsum synth world --reporters 8 --years 2019-2021 --rows 2000
    minsum synth big --reporters 180 --rows 5000 --max-rows 1600000
    minsum synth mixed --vintages --years 2012-2023
    """
    from minsum.machine import default_jobs
    from minsum.synth import WorldSpec, write_world

    rows, top = options["rows"], options["max_rows"]
    spec = WorldSpec(
        reporters=options["reporters"],
        years=parse_years(options["years"]),
        rows_per_file=(rows, top) if top else rows,
        classification=options["classification"],
        vintages=options["vintages"],
        seed=options["seed"],
    )
    world = write_world(
        spec, folder, jobs=jobs or default_jobs(), progress=partial(console.progress, "synth")
    )
    console.say(f"{world.files} files, {world.rows:,} rows in {folder / 'raw'}; truth in {folder / 'truth'}")
    console.advise(f"minsum init {folder}; minsum run -w {folder}")
    return 0
