"""Output that somebody may stop reading: `| head` is no error."""

from __future__ import annotations

import os
from typing import IO

import rich.console


class Pipe(rich.console.Console):
    """A console that goes quiet when nobody reads it any more: `| head` is no error."""

    def on_broken_pipe(self) -> None:
        """Called by rich in place of BrokenPipeError."""
        self.quiet = True
        _read_no_more(self.file)


def write(stream: IO[str], text: str) -> None:
    """Write and flush a text; into nothing when nobody reads it any more."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        _read_no_more(stream)


def _read_no_more(stream: IO[str]) -> None:
    """Point a closed pipe at nothing, so that what is still buffered does not fail at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
