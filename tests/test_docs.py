"""The site and the README: built without warnings, links followed, examples run, help texts as they are."""

from __future__ import annotations

import gzip
import os
import pty
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from conftest import COMMAND, NAME, bulk_text
from documents import Reader, blocks, check_words, inline_commands
from minsum.cli import main
from minsum.cli.progress import StageProgress
from minsum.pipeline import Workspace

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COUNTED = {"README.md": 3, "cluster.md": 4, "comtrade-folder.md": 1, "operation.md": 1, "start.md": 3}
"""Commands of a page that are not run (documents.NOT_RUN)."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    out = tmp_path_factory.mktemp("site")
    build = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-d",
        str(out / "trees"),
    ]
    done = subprocess.run(
        [*build, str(ROOT / "docs"), str(out / "html")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return out / "html"


@pytest.mark.slow
def test_links_within_the_site_lead_somewhere(site: Path) -> None:
    ids = {page: set(re.findall(r'\bid="([^"]+)"', page.read_text())) for page in site.rglob("*.html")}
    n_links = 0
    for page in ids:
        for link in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', page.read_text()):
            if re.match(r"\w+:", link):
                continue
            place, _, anchor = link.partition("#")
            target = (page.parent / place).resolve() if place else page
            assert target.exists(), f"{page.name}: {link}"
            assert not anchor or target not in ids or anchor in ids[target], f"{page.name}: {link}"
            n_links += 1
    assert n_links > 100


@pytest.mark.slow
def test_pages_hold_what_they_should(site: Path) -> None:
    assert "pairwise_min_sum" in (site / "api.html").read_text()
    assert "decompression (isal)" in (site / "benchmarks.html").read_text()


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"])
def test_links_of_the_top_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        assert link.startswith("http") or (ROOT / link).exists(), link


def test_figures_of_the_readme_are_recorded_ones() -> None:
    extension = runpy.run_path(str(ROOT / "docs" / "_ext" / "benchmark_results.py"))
    rows = {row["name"]: row for row in extension["latest_rows"]("flows", {})}
    text = (ROOT / "README.md").read_text()
    for name in ("minsum", "polars script", "duckdb read_csv", "pandas script"):
        assert f"{rows[name]['seconds']:.1f} s" in text, name
        assert not rows[name]["commit"].endswith("-dirty")


def baci_files(folder: Path) -> None:
    """A download of CEPII's, and one table of another year under a name of the user's."""
    rows = [(i, j, 10121 * n) for i in (156, 704, 842) for j in (276, 392) for n in (1, 2)]
    for year in (2023, 2024):
        lines = ["t,i,j,k,v,q", *(f"{year},{i},{j},{k:06d},{i / 7:.3f},1" for i, j, k in rows)]
        (folder / f"trade{year}.csv").write_text("\n".join(lines) + "\n")
    with zipfile.ZipFile(folder / "BACI_HS17_V202601.zip", "w") as packed:
        packed.write(folder / "trade2023.csv", "BACI_HS17_Y2023_V202601.csv")


@pytest.fixture
def reader(tmp_path: Path, finished_world: Workspace, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """At home, with downloads and the demo."""
    shutil.copytree(finished_world.layout.root, tmp_path / "demo")
    (tmp_path / "demo" / "covariates").mkdir(exist_ok=True)
    (tmp_path / "downloads").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Reader(tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page: Path, reader: Reader) -> None:
    text = page.read_text(encoding="utf-8")
    if page.name == "baci.md":
        baci_files(reader.home / "downloads")
    else:
        for file in (reader.home / "demo" / "raw").iterdir():
            (reader.home / "downloads" / file.name).hardlink_to(file)
    for block in blocks(text):
        reader.read(block)
    for command in inline_commands(text):
        check_words(command)
    assert len(reader.not_run) == COUNTED.get(page.name, 0), reader.not_run
    if page.name in ("README.md", "start.md", "comtrade-folder.md", "baci.md"):
        assert reader.n_run >= 5


def test_help_texts_on_the_page_are_those_of_the_commands() -> None:
    written = runpy.run_path(str(ROOT / "docs" / "write_commands.py"))
    text = written["PAGE"].read_text(encoding="utf-8")
    assert written["page"](text) == text, "run: python docs/write_commands.py"


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_and_option_is_explained(name: str) -> None:
    command = main.commands[name]
    assert f"\n    minsum {name}" in (command.callback.__doc__ or ""), "an example"
    assert all(one.help for one in command.params if isinstance(one, click.Option))


def completed(words: str) -> list[str]:
    """What bash is offered after these words; an open quote makes the last one."""
    number = len(words.partition('"')[0].split(" ")) - 1
    asked = {"_MINSUM_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(number)}
    lines = CliRunner().invoke(main, prog_name="minsum", env=asked).output.splitlines()
    return [line.partition(",")[2] for line in lines]


def test_the_shell_completes_commands_and_options() -> None:
    assert completed("minsum gr") == ["growth"]
    assert completed("minsum sql --for") == ["--format"]
    assert completed("minsum fetch --reporters DEU,Vietnam") == ["DEU,VNM"]
    source = CliRunner().invoke(main, prog_name="minsum", env={"_MINSUM_COMPLETE": "zsh_source"})
    assert "compdef" in source.output


@pytest.mark.slow
def test_the_shell_completes_what_the_workspace_holds(finished_world: Workspace) -> None:
    here = f"-w {finished_world.layout.root}"
    for words, offered in {
        "growth TH": ["THA"],
        "growth phil": ["PHL"],
        "growth CHN -r high": ["high_end"],
        "trace KHM hig": ["high_end"],
        "decompose VNM USA --classification ": ["H2"],
        "rows raw --rule mo": ["mot", "mos"],
        'sql "SELECT import_sh': ["SELECT import_share"],
        'sql "SELECT * FROM cove': ["SELECT * FROM coverage"],
    }.items():
        command, _, rest = words.partition(" ")
        assert completed(f"minsum {command} {here} {rest}") == offered, words


def test_help_fits_80_columns() -> None:
    for name in ("", *main.commands):
        text = CliRunner().invoke(main, f"{name} --help", env={"COLUMNS": "80"}).output
        assert max(map(len, text.splitlines())) <= 80, name
    overview = CliRunner().invoke(main, "--help", env={"COLUMNS": "80"}).output
    assert "..." not in overview.partition("Begin:")[2]  # the beginning of a sentence


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "words"), [
    (["growht"], "Did you mean one of: 'growth', 'rows'?"),
    (["growth", "--refrence", "USA"], "Did you mean '--reference'?"),
    (["growth", "CHI", "-r", "USA"], "did you mean CHL or CHN?"),
    (["growth", "viet nam", "-r", "USA"], "did you mean VNM?"),
    (["growth", "CHN", "-r", "Britain"], "did you mean GBR?"),
    (["growth", "CHN", "-r", "EU"], "EU is a group: make it a member of a composite"),
    (["trace", "Philipines", "USA", "2014"], "did you mean PHL?"),
    (["decompose", "CHN", "vietnam"], "did you mean VNM?"),
    (["decompose", "CHN", "hi_end"], "did you mean high_end?"),
    (["decompose", "GER", "USA"], "did you mean DEU?"),
    (["growth", "CHN", "-r", "usa"], "did you mean USA?"),
])  # fmt: skip
def test_typos_are_answered(
    arguments: list[str], words: str, finished_world: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished_world.layout.root)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.slow
def test_a_run_ends_with_what_to_do_next(tmp_path: Path) -> None:
    work = tmp_path / "work"
    CliRunner().invoke(main, ["init", str(work)])
    empty = CliRunner().invoke(main, ["ingest", "-w", str(work)])
    assert "next: no file was found; put Comtrade or BACI files into raw/" in empty.stdout
    (work / "raw" / NAME).write_bytes(gzip.compress(bulk_text([{}])))
    alone = CliRunner().invoke(main, ["run", "-w", str(work)])
    assert "next: a similarity needs two countries" in alone.stdout
    (work / "raw" / NAME.replace("156", "842")).write_bytes(gzip.compress(bulk_text([{"reporterCode": 842}])))
    assert "next: minsum esi" in CliRunner().invoke(main, ["ingest", "-w", str(work)]).stdout
    assert "next:" not in CliRunner().invoke(main, ["esi", "-q", "-w", str(work)]).stdout
    (work / "raw" / "page.gz").write_bytes(b"<html>")
    rejected = CliRunner().invoke(main, ["run", "-w", str(work)])
    assert "next: minsum status" in rejected.stdout
    assert rejected.stderr.count("page.gz, line 1") == 1


def test_progress_on_a_terminal_and_elsewhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    moments = iter((0.0, 5.0, 20.0))
    monkeypatch.setattr("minsum.cli.progress.time.monotonic", lambda: next(moments))
    plain = StageProgress(None)
    with caplog.at_level("INFO", logger="minsum"):
        for done in (1_000, 2_000, 5_000):
            plain.move("flows", done, 9_000)
    assert [one.message for one in caplog.records] == ["flows: 5,000 of 9,000 rows, about 20 s left"]


def on_terminal(arguments: list[str], **environment: str) -> str:
    """Output of a command whose stdout and stderr are a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*COMMAND, *arguments], stdout=theirs, stderr=theirs, stdin=theirs, env=os.environ | environment
    )
    os.close(theirs)
    pieces = []
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(ours)
    child.wait()
    return b"".join(pieces).decode()


@pytest.mark.slow
def test_colours_are_for_terminals_and_switch_off(tmp_path: Path) -> None:
    wrong = ["status", "-w", str(tmp_path / "none")]
    terminal = {"TERM": "xterm-256color", "NO_COLOR": ""}
    assert "\x1b[1;31merror:" in on_terminal(wrong, **terminal)
    assert "\x1b[1" not in on_terminal([*wrong, "--no-color"], **terminal)
    assert "\x1b[1" not in on_terminal(wrong, **terminal | {"NO_COLOR": "1"})


@pytest.mark.slow
def test_tables_fit_the_terminal(finished_world: Workspace) -> None:
    query = "SELECT * FROM coverage LIMIT 2"
    text = on_terminal(
        ["sql", query, "-w", str(finished_world.layout.root)], COLUMNS="60", TERM="xterm", NO_COLOR="1"
    )
    assert max(map(len, re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", text).splitlines())) <= 60
