"""Examples in the Markdown pages, found and run as a reader would run them, in one process."""

from __future__ import annotations

import doctest
import glob
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from minsum.cli import main
from minsum.settings.load import load_settings, load_spec

_BUCKET = "needs a bucket; test_bucket.py serves one"
NOT_RUN = {
    "make": "makes an environment, by download",
    "source": "the reader's own shell",
    "eval": "the reader's own shell; test_docs.py tests completion",
    "minsum bench": "takes a minute and more; test_bench.py runs it small",
    "minsum run -w /shared/world": "needs a cluster; test_cluster.py starts one",
    "minsum init s3://bucket/study": _BUCKET,
    "minsum run -w s3://bucket/study": _BUCKET,
    "minsum sql -w s3://bucket/study": _BUCKET,
    "minsum ingest s3://bucket/comtrade": _BUCKET,
    "minsum fetch": "asks UN Comtrade, with a key; test_fetch.py asks a stub",
}
"""How commands begin that are counted instead of run, and why."""


def blocks(text: str) -> Iterator[str]:
    """Fenced and indented blocks, without fences and indent; directives and generated help are left out."""
    text = text.partition("<!-- what follows is written by")[0]
    for fenced in re.finditer(r"^```(?!\{)\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield fenced[1]
    rest = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for indented in re.finditer(r"(?<=\n\n)((?: {4}.*\n|\n(?= {4}))+)", rest):
        yield re.sub(r"^ {4}", "", indented[1], flags=re.MULTILINE)


def inline_commands(text: str) -> Iterator[str]:
    """Commands in running text, in tables and in generated help."""
    yield from re.findall(r"`(minsum [a-z][^`]*)`", text)
    yield from re.findall(
        r"^ {2}(minsum (?!-)[a-z][^\n]*)", text.partition("<!-- what follows")[2], re.MULTILINE
    )


def check_words(command: str) -> None:
    """Every command and option named exists."""
    words = re.sub(r"\s{2,}.*|[\[\]]", " ", command).split()
    found = main.commands.get(words[1])
    assert found is not None, command
    known = {
        name
        for one in found.params
        if isinstance(one, click.Option)
        for name in (*one.opts, *one.secondary_opts)
    }
    for word in words[2:]:
        if word.startswith("-") and not word.startswith("->"):
            assert word.partition("=")[0].rstrip(".,;:") in known | {"-h", "--help"}, f"{command}: {word}"


@dataclass(slots=True)
class Reader:
    """Someone who types what a page says, block after block.

    Attributes
    ----------
    home
        Where they start; `~`, and where Python examples run. `demo` in it is a finished workspace.
    patch
        Changes the folder and the environment.
    not_run, n_run
        Commands left out, and how many examples ran.
    """

    home: Path
    patch: pytest.MonkeyPatch
    names: dict[str, object] = field(default_factory=dict)
    not_run: list[str] = field(default_factory=list)
    n_run: int = 0

    def read(self, block: str) -> None:
        """Run a block, whatever it is; text that is no example is passed over."""
        first = block.split(maxsplit=1)[0]
        if first == ">>>":
            self._doctest(block)
        elif first in ("from", "import"):
            self._python(block)
        elif first == "[panel.variables]" or re.search(r"^\w+ = [\[{\"]", block, re.MULTILINE):
            self._toml(block, is_settings=first.startswith("["))
        else:
            for line in block.splitlines():
                self._command(line)

    def _doctest(self, block: str) -> None:
        example = doctest.DocTestParser().get_doctest(block, {}, "example", None, 0)
        assert doctest.DocTestRunner(verbose=False).run(example).failed == 0, block
        self.n_run += 1

    def _python(self, block: str) -> None:
        with self.patch.context() as patch:
            patch.chdir(self.home)
            exec(compile(block, "example", "exec"), self.names)
        self.n_run += 1

    def _toml(self, block: str, *, is_settings: bool) -> None:
        file = self.home / "example.toml"
        file.write_text(block, encoding="utf-8")
        assert tomllib.loads(block)
        (load_settings if is_settings else load_spec)(file)
        self.n_run += 1

    def _command(self, line: str) -> None:
        first = (line.split() or [""])[0]
        program = "" if "=" in first else Path(first).name  # WorkingDirectory=/srv/minsum is none
        if any(f"{line} ".startswith(f"{beginning} ") for beginning in NOT_RUN):
            self.not_run.append(line)
            return
        if program not in {"cd", "cp", "minsum"}:
            return
        words = shlex.split(line, comments=True)
        words = words[: words.index(">")] if ">" in words else words
        if program == "cd":
            self.patch.chdir(Path(words[1]).expanduser())
            self.n_run += 1
        elif program == "cp":
            *sources, target = words[1:]
            found = [one for source in sources for one in glob.glob(os.path.expanduser(source))]
            assert found, line
            for one in found:
                shutil.copy(one, target)
            self.n_run += 1
        else:
            self._minsum(line, words[1:])

    def _minsum(self, line: str, arguments: list[str]) -> None:
        stands_alone = arguments[0] in ("init", "demo", "synth", "doctor")
        if not stands_alone and not Path("minsum.toml").exists() and "-w" not in arguments:
            self.patch.chdir(self.home / "demo")
        arguments = [os.path.expanduser(one) for one in arguments]
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert result.exit_code == 0, f"{line}\n{result.output}"
        self.n_run += 1
