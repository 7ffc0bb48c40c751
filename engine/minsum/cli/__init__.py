"""The command line: a command parses its options, calls one method of `Workspace`, prints the result, sets the exit code."""

from __future__ import annotations

from typing import Final

import click

from minsum.cli import asking, making, stages
from minsum.cli.common import Commands

_SECTIONS: Final = {
    "Begin": [making.init, making.demo, making.synth],
    "Make, in the order of work": [
        stages.run, stages.fetch, stages.ingest, stages.esi, stages.panel, stages.estimate, stages.report, stages.export,
    ],
    "Ask": [
        asking.status, asking.check, asking.growth, asking.decompose, asking.trace, asking.rows, asking.sql,
    ],
    "This machine": [asking.doctor, asking.bench],
}  # fmt: skip


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, sections=_SECTIONS)
@click.version_option(package_name="minsum")
def main() -> None:
    """Export similarity of countries from UN Comtrade bulk files.

    \b
    minsum demo              a synthetic world, from raw files to the tables
    minsum init my-study     then put files into my-study/raw
    cd my-study; minsum run

    Exit codes: 0 done; 2 usage or settings; 3 done, but sources were rejected or there are warnings;
    4 data check failed; 5 estimation impossible; 6 another run holds the workspace; 7 remote service
    (quota, key, network); 1 unexpected; 130 and 143 stopped by Ctrl-C and SIGTERM.
    """
