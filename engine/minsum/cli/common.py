"""What commands share: options, errors to exit codes, and the last lines they print."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from minsum.cli.endings import Signals, as_error, check_address_space
from minsum.errors import UsageError
from minsum.settings.paths import is_remote, local_path, remote_url

if TYPE_CHECKING:
    from minsum.pipeline import Workspace
    from minsum.workspace.runs import RunReport


FORMS: Final = ("text", "csv", "json", "markdown", "latex", "html")
"""Forms in which a command prints the tables asked for."""


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options common to all commands; an error ends the command with its exit code."""

    @click.option(
        "-w",
        "--workspace",
        type=Place(),
        default=Path(),
        help="Workspace folder; found by its minsum.toml here or above. Or a URL: s3://bucket/prefix.",
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
        from minsum.cli.console import Console

        console = Console(quiet=quiet, log_format=log_format, colour=not options.pop("no_color"))
        signals = Signals()
        try:
            with signals.caught(), console:
                code = command(console, workspace, jobs, **options) or 0
        except BaseException as error:
            shown = signals.as_error() or (None if debug else as_error(error))
            if shown is None:
                raise
            console.error(shown)
            code = signals.stopped.exit_code if signals.stopped else shown.exit_code
        console.finish(code)
        sys.exit(code)

    return wrapped


def on_cluster(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option of commands whose work a cluster can do."""
    return click.option(
        "--cluster", metavar="ADDRESS", help="Dask cluster: tcp://host:port, a scheduler file, or local:N."
    )(command)


def cluster_flag(address: str | None) -> dict[str, str]:
    """The option as a setting for once; a scheduler file is looked for here, that of minsum.toml in the workspace."""
    if not address:
        return {}
    is_file = "://" not in address and not address.startswith("local:")
    return {"cluster": str(Path(address).absolute()) if is_file else address}


class LocalPath(click.Path):
    """A path of this machine; `s3://...` and other addresses are refused."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the text before `Path` merges the slashes of an address."""
        try:
            local_path(value)
        except UsageError as error:
            self.fail(f"{error.message}. {error.hint}", param, ctx)
        return super().convert(value, param, ctx)


class Place(LocalPath):
    """A path of this machine, or a URL of object storage, which stays a text."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A path, or the URL in one form."""
        try:
            url = remote_url(value)
        except UsageError as error:
            self.fail(f"{error.message}. {error.hint}", param, ctx)
        return url or super().convert(value, param, ctx)


class Commands(click.Group):
    """Group of all commands. With `--log-format json`, messages of click about wrong arguments are JSON too.

    Parameters
    ----------
    sections
        Heading in the help text to its commands, both in the order of work.
    """

    def __init__(self, *, sections: dict[str, list[click.Command]], **settings: Any) -> None:
        super().__init__(commands=[one for section in sections.values() for one in section], **settings)
        self._sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands in the order of work."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands section by section."""
        width = max(map(len, self.commands))
        for heading, commands in self._sections.items():
            with formatter.section(heading):
                rows = [(f"{one.name:{width}}", one.get_short_help_str(formatter.width)) for one in commands]
                formatter.write_dl(rows)

    def main(self, args: Sequence[str] | None = None, *rest: Any, **named: Any) -> Any:
        """Run a command line."""
        words = list(sys.argv[1:] if args is None else args)
        is_json = "--log-format=json" in words or ("--log-format", "json") in pairwise(words)
        if not is_json or not named.get("standalone_mode", True):
            return super().main(args, *rest, **named)
        try:
            return super().main(args, *rest, **named | {"standalone_mode": False})
        except click.ClickException as error:
            from minsum.cli.console import Console

            console = Console(quiet=True, log_format="json")
            console.error(UsageError(error.format_message(), "see minsum --help"))
            console.finish(error.exit_code)
            sys.exit(error.exit_code)
        except click.Abort:  # Ctrl-C
            sys.exit(1)


def opened(console: Any, workspace: Path | str, jobs: int | None, **flags: Any) -> Workspace:
    """The workspace of a command, with progress on the console; `flags` are settings for this command only."""
    from minsum.pipeline import Workspace
    from minsum.workspace.layout import find_root

    root = workspace if is_remote(workspace) else find_root(Path(workspace))
    return Workspace(root, jobs=jobs, progress=console.progress, flags=flags)


def working(console: Any, workspace: Path | str, jobs: int | None, **flags: Any) -> Workspace:
    """As `opened`, for a command that computes: check the address space first."""
    check_address_space()
    return opened(console, workspace, jobs, **flags)


def finish(console: Any, report: RunReport, where: str, then: str) -> int:
    """Print what a run did and what to do next; return its exit code."""
    from minsum.cli.summary import next_step

    console.summary(report, where)
    console.advise(next_step(report, otherwise=then))
    return report.exit_code


def chosen_years(text: str | None) -> tuple[int, ...]:
    """Years of an option; empty if it is not given."""
    return parse_years(text) if text else ()


def parse_years(text: str) -> tuple[int, ...]:
    """`2002,2006,2014-2021` as years.

    Raises
    ------
    UsageError
        If a part is neither a year nor a range.
    """
    years: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdigit() or (last and not last.isdigit()):
            raise UsageError(
                f"years {text!r}: {part!r} is neither a year nor a range", "such as 2002,2006,2014-2021"
            )
        years.extend(range(int(first), int(last or first) + 1))
    return tuple(years)
