"""Writes the `--help` texts into commands.md: python docs/write_commands.py. A test holds the page against them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from minsum.cli import main

PAGE = Path(__file__).resolve().parent / "commands.md"
MARK = "<!-- what follows is written by write_commands.py -->\n"
WIDTH = 80


def help_texts() -> Iterator[tuple[str, str]]:
    """Heading and help text of minsum and of each command, in the order of work."""
    above = main.make_context("minsum", [], resilient_parsing=True, terminal_width=WIDTH)
    yield "minsum", main.get_help(above)
    for name, command in main.commands.items():
        context = click.Context(command, info_name=name, parent=above, terminal_width=WIDTH)
        yield f"minsum {name}", command.get_help(context)


def page(written: str) -> str:
    """The page with its help texts as they are now; what is above the mark stays."""
    by_hand = written.partition(MARK)[0]
    sections = [f"## {heading}\n\n```text\n{text.strip()}\n```\n" for heading, text in help_texts()]
    return by_hand + MARK + "\n" + "\n".join(sections)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
