"""Messages of a command, not its answers: progress, log lines, the summary line, errors."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Final, Literal

import rich.console
from rich.text import Text

from minsum.cli.progress import StageProgress
from minsum.cli.summary import run_counts, summary_line
from minsum.errors import MinsumError
from minsum.workspace.copies import shown

if TYPE_CHECKING:
    from minsum.workspace.runs import RunReport

_WIDTH: Final = 160
"""Columns of output that is no terminal, unless COLUMNS gives another number."""

_STANDARD = set(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime"}


class Console:
    """Output of one command.

    Parameters
    ----------
    quiet
        Only results and errors.
    log_format
        `text` or `json`. With `text`, log lines go to stderr; a terminal shows progress bars instead. With `json`, messages
        are JSON objects on stderr, one per line, and answers are JSON on stdout.
    colour
        Whether a terminal gets colours and type styles; the environment's NO_COLOR forbids them too.
    """

    def __init__(self, *, quiet: bool, log_format: str, colour: bool = True) -> None:
        system: Literal["auto"] | None = "auto" if colour and not os.environ.get("NO_COLOR") else None
        columns = os.environ.get("COLUMNS", "")
        width = None if sys.stdout.isatty() or columns.isdigit() else _WIDTH
        self.out = _Pipe(width=width, color_system=system, emoji=False)
        self._err = _Pipe(stderr=True, soft_wrap=True, color_system=system, emoji=False)
        self.is_quiet = quiet
        self.is_json = log_format == "json"
        self._last: tuple[str, dict[str, Any]] = ("", {})
        on_bars = self._err.is_terminal and not quiet and not self.is_json
        self._progress = StageProgress(self._err if on_bars else None)
        handler = _Lines(self)
        logger = logging.getLogger("minsum")
        logger.handlers = [handler]
        logger.setLevel(logging.WARNING if quiet or on_bars else logging.INFO)
        self._python_warnings = logging.getLogger("py.warnings")
        if self.is_json:
            self._python_warnings.handlers = [handler]

    def __enter__(self) -> Console:
        if self.is_json:
            logging.captureWarnings(True)
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_json:
            logging.captureWarnings(False)
            self._python_warnings.handlers = []
        self.stop()

    def stop(self) -> None:
        """Remove the progress bars before other output."""
        self._progress.stop()

    def progress(self, stage: str, done: int, total: int) -> None:
        """Show the progress of a stage: a bar on a terminal, a line every few seconds elsewhere."""
        self._progress.move(stage, done, total)

    def say(self, text: str) -> None:
        """Print a message: on stdout or, with JSON, on stderr."""
        if self.is_json:
            self.json_line("INFO", text)
        else:
            self.print(text)

    def print(self, text: str) -> None:
        """Print a line of an answer on stdout."""
        self.stop()
        self.out.print(shown(text), markup=False, highlight=False, soft_wrap=True)

    def json_line(self, level: str, text: str, **extra: Any) -> None:
        """Print a message as a JSON object on stderr."""
        self.stop()
        _write(sys.stderr, _json_line(time.time(), level, text, extra) + "\n")

    def aside(self, text: str) -> None:
        """Print a note on stderr beside an answer for machines; not with --quiet."""
        if self.is_quiet:
            return
        if self.is_json:
            self.json_line("INFO", text)
        else:
            self._err.print(shown(text), markup=False, highlight=False)

    def write(self, text: str) -> None:
        """Write an answer for machines to stdout, unchanged."""
        self.stop()
        _write(sys.stdout, shown(text))

    def error(self, error: MinsumError) -> None:
        """Print `error: ...` and `hint: ...` on stderr."""
        self.stop()
        if self.is_json:
            self.json_line("ERROR", error.message, hint=error.hint, error=type(error).__name__)
        else:
            self._told("error", "bold red", error.message, error.hint)

    def _told(self, word: str, style: str, message: str, hint: str) -> None:
        self._err.print(Text.assemble((f"{word}:", style), f" {shown(message)}"))
        if hint:
            self._err.print(Text.assemble(("hint:", "bold"), f" {shown(hint)}"))

    def log_line(self, record: logging.LogRecord) -> None:
        """Print a log record on stderr: as JSON, or as text; a record with a hint is marked as error or warning."""
        if self.is_json:
            _write(sys.stderr, _JsonLines().format(record) + "\n")
        elif hasattr(record, "hint"):
            word, style = (
                ("error", "bold red") if record.levelno >= logging.ERROR else ("warning", "bold yellow")
            )
            self._told(word, style, record.getMessage(), record.hint)
        else:
            self._err.print(shown(record.getMessage()), markup=False, highlight=False)

    def summary(self, report: RunReport, where: str) -> None:
        """Print one line on what a run did and where the result is."""
        line = summary_line(report, where)
        if self.is_json:
            self._last = (line, run_counts(report))
        else:
            self.print(line)

    def finish(self, code: int) -> None:
        """With JSON, print the last line: summary, counts and exit code. Flush both streams."""
        if self.is_json:
            message, counts = self._last
            words = message if not code or message else f"ended with exit code {code}"
            self.json_line(
                "INFO" if code in (0, 3) else "ERROR", words or "done", counts=counts, exit_code=code
            )
        for stream in (sys.stdout, sys.stderr):
            _write(stream, "")

    def advise(self, text: str) -> None:
        """Print what to do next; not with --quiet."""
        if not self.is_quiet:
            self.say(f"next: {text}")


class _Lines(logging.Handler):
    """Passes log records to the console."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record."""
        try:
            self._console.log_line(record)
        except Exception:
            self.handleError(record)


def _json_line(moment: float, level: str, message: str, extra: dict[str, Any]) -> str:
    """A JSON object with time, level, message and further entries."""
    when = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return shown(json.dumps({"time": when, "level": level, "message": message} | extra, default=str))


class _JsonLines(logging.Formatter):
    """Formats a log record as a JSON object: time, level, message and the entries of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without line end."""
        extra = {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        return _json_line(record.created, record.levelname, record.getMessage(), extra)


class _Pipe(rich.console.Console):
    """A console that stops printing when its pipe is closed: `| head` is no error."""

    def on_broken_pipe(self) -> None:
        """Called by rich in place of BrokenPipeError."""
        self.quiet = True
        _read_no_more(self.file)


def _write(stream: IO[str], text: str) -> None:
    """Write and flush a text; discard it if the pipe is closed."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _read_no_more(stream)


def _read_no_more(stream: IO[str]) -> None:
    """Redirect a closed pipe to /dev/null, so that flushing its buffer at exit does not fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
