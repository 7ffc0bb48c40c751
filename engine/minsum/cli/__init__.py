"""The command line: a command parses its options, calls one method of `Workspace`, prints the result, sets the exit code."""

from __future__ import annotations

from typing import Final

import click

from minsum.cli import asking, making, stages
from minsum.cli.common import Commands

_COMMANDS: Final = [
    making.init, making.demo, making.synth,
    stages.fetch, stages.ingest, stages.esi, stages.panel, stages.estimate, stages.report, stages.run,
    stages.export,
    asking.status, asking.check, asking.growth, asking.decompose, asking.trace, asking.rows, asking.sql, asking.doctor, asking.bench,
]  # fmt: skip


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, commands=_COMMANDS)
@click.version_option(package_name="minsum")
def main() -> None:
    """Export similarity of every country, reference and year from UN Comtrade bulk files.

    \b
    Start:   minsum demo              a synthetic world, from raw files to the tables
             minsum init my-study     then put files into my-study/raw
             cd my-study; minsum run

    Exit codes: 0 done; 2 usage or settings; 3 done, but sources were rejected or there are warnings;
    4 data check failed; 5 estimation impossible; 6 another run holds the workspace; 7 remote service
    (quota, key, network); 1 unexpected; 130 and 143 stopped by Ctrl-C and SIGTERM.
    """
