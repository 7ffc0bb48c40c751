"""Tables for a paper: every form of every command, and LaTeX that compiles."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

from conftest import minsum
from minsum.pipeline import Workspace
from minsum.report.render import as_html, as_latex, as_markdown
from minsum.report.table import Table

LONG = Table(
    "a b_c", "50 % of x_1 & y", pl.DataFrame({"name": ["a & b_%"] * 80, "x": [-0.5] * 80}), ("note $ 1 #",)
)
HEAD = r"\documentclass{article}\usepackage{booktabs,longtable,caption}\begin{document}"


@pytest.fixture(scope="module")
def world(finished_world: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The finished world as one that may be written to."""
    folder = tmp_path_factory.mktemp("tables") / "world"
    shutil.copytree(finished_world.layout.root, folder, copy_function=os.link)
    return Workspace(folder)


def asked(world: Workspace, *arguments: str) -> str:
    result = minsum(*arguments, "-q", "-w", world.layout.root)
    assert result.exit_code == 0
    return result.stdout


def commands(world: Workspace) -> list[str]:
    """Tables of every command that gives any."""
    growth = ("growth", "KHM", "VNM", "-r", "high_end", "-r", "USA")
    query = "SELECT reporter, year, esi, reason FROM esi ORDER BY ALL LIMIT 70"
    return [
        asked(world, *command, "--format", "latex")
        for command in (
            growth, ("decompose", "VNM", "USA"), ("estimate",), ("sql", query), ("trace", "KHM", "USA", "2014"),
        )
    ]  # fmt: skip


@pytest.mark.slow
def test_latex_compiles(world: Workspace, tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here")
    tables = [*commands(world), as_latex(LONG)]
    references = " ".join(rf"\ref{{tab:{name}}}" for name in ("growth", "table3", "a-b-c"))
    (tmp_path / "paper.tex").write_text("\n".join([HEAD, *tables, references, r"\end{document}"]))
    for _ in range(2):  # the second time, references are known
        done = subprocess.run(
            ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"],
            cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2_000:]
    assert "undefined" not in done.stdout


def test_latex_has_label_caption_rules_and_pages() -> None:
    text = as_latex(LONG)
    assert r"\begin{longtable}" in text
    assert r"\label{tab:a-b-c}" in text
    assert r"\toprule" in text
    assert r"a \& b\_\% & $-$0.500 \\" in text
    short = as_latex(Table("t", "", LONG.frame.head(2), ()))
    assert "longtable" not in short
    assert "caption" not in short


def test_html_and_markdown_hold_what_they_are_given() -> None:
    table = Table("t", "x < y", pl.DataFrame({"name": ["a|b", None], "x": [1.0, None]}), ("a note",))
    assert "<title>x &lt; y</title>" in as_html(table)
    assert as_markdown(table) == (
        "**x < y**\n\n| name | x |\n| --- | ---: |\n| a&#124;b | 1.000 |\n|  |  |\n\na note\n"
    )


def test_regressions_show_what_is_chosen(world: Workspace) -> None:
    plain = asked(world, "estimate", "--format", "markdown", "--brackets", "se", "--no-stars")
    estimates = pl.read_parquet(world.layout.estimate("main"))
    first = estimates.row(0, named=True)
    assert f"| {first['term']} | {first['coefficient']:.3f} |" in plain
    assert f"|  | ({first['std_error']:.3f}) |" in plain
    assert "*" not in plain.partition("\n")[2]
    assert "In brackets: standard errors." in plain
    assert "| effects | country | country (random) | country |" in plain
    starred = asked(world, "estimate", "--format", "markdown")
    assert f"| {first['term']} | {first['coefficient']:.3f}{first['stars']} |" in starred
    assert f"|  | ({first['statistic']:.2f}) |" in starred


@pytest.mark.parametrize("form", ["text", "csv", "json", "markdown", "latex", "html"])
def test_every_form_of_a_query(form: str, world: Workspace) -> None:
    query = "SELECT year, esi FROM esi WHERE reporter = 'KHM' AND reference = 'USA' ORDER BY year"
    text = asked(world, "sql", query, "--format", form)
    assert "2014" in text
    assert "esi" in text
    assert text.endswith("\n")
