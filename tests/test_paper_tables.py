"""Tables for a paper: every form of every command, and LaTeX that compiles."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

from conftest import minsum
from minsum.pipeline import Workspace
from minsum.report.render import as_html, as_latex, as_markdown
from minsum.report.table import Table
from minsum.schema import LABELS

LONG = Table(
    "a b_c", "50 % of x_1 & y", pl.DataFrame({"name": ["a & b_%"] * 80, "x": [-0.5] * 80}), ("note $ 1 #",)
)
WORDS = "COMTRADE-FINAL-CA1562015H4[2024-03-10]_20240311T081500.123456Z_0123456789abcdef.gz: the file's header lacks cmdCode"
WIDE = {
    f"{n}-years": Table(
        f"growth-{n}", "Growth",
        pl.DataFrame({"reporter": ["CHN", "USA"], **{str(1963 + k): [0.123, 0.5] for k in range(n)}, "growth": [-0.01, None]}), ("note",),
    )
    for n in (3, 9, 11, 13, 16, 22, 40, 60)
} | {
    "texts": Table("texts", WORDS, pl.DataFrame({"source": [WORDS] * 3, "reason": [WORDS * 3] * 3, "rows": [1234567] * 3}), (WORDS * 2,)),
    "many-texts": Table("many", "T", pl.DataFrame({f"text_{k}": ["MMMM WWWW MMMM WWWW @@@@ " * 3] * 30 for k in range(9)}), (WORDS,)),
    "long-texts": Table("long", "T", pl.DataFrame({"a": [WORDS] * 40, "b": [WORDS[::-1]] * 40}), (WORDS,) * 60),
    "signs": Table("signs", r"~^\\{}<>×²−", pl.DataFrame({"a": [r"\\textbf{x} 10^2 ~ <b>"], "b×": ["R² − 1"]}), ("<–> é",)),
}  # fmt: skip
"""Tables of every kind of width and length."""
HEAD = r"\documentclass{article}\usepackage{booktabs,longtable,caption,pdflscape}\usepackage[T1]{fontenc}\begin{document}"


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


def compiled(tables: list[str], folder: Path, *, runs: int = 1) -> str:
    """What pdflatex says of tables in an article, and that none runs over the page."""
    if shutil.which("pdflatex") is None:
        pytest.skip("no pdflatex here")
    (folder / "paper.tex").write_text("\n\n".join([HEAD, *tables, r"\end{document}"]))
    for _ in range(runs):
        done = subprocess.run(
            ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "paper.tex"],
            cwd=folder, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2_000:]
    over = re.findall(r"Overfull .*|.*Float too large.*", done.stdout)
    assert not over, over
    return done.stdout


@pytest.mark.slow
def test_latex_compiles_and_fits_the_page(world: Workspace, tmp_path: Path) -> None:
    tables = [*commands(world), *(as_latex(one) for one in world.tables()), as_latex(LONG)]
    references = " ".join(rf"\ref{{tab:{name}}}" for name in ("growth", "table1", "a-b-c"))
    assert "undefined" not in compiled([*tables, references], tmp_path, runs=2)  # then references are known


@pytest.mark.slow
def test_latex_of_any_width_fits_the_page(tmp_path: Path) -> None:
    compiled([as_latex(one) for one in WIDE.values()], tmp_path, runs=2)


def test_latex_has_label_caption_rules_and_pages() -> None:
    text = as_latex(LONG)
    assert r"\begin{longtable}" in text
    assert r"\endhead" in text
    assert r"\label{tab:a-b-c}" in text
    assert r"\toprule" in text
    assert r"a \& b\_\allowbreak{}\% & $-$0.500 \\" in text
    short = as_latex(Table("t", "", LONG.frame.head(2), ()))
    assert "longtable" not in short
    assert "caption" not in short


def test_wide_latex_is_smaller_then_turned_then_in_blocks() -> None:
    texts = {n: as_latex(WIDE[f"{n}-years"]) for n in (3, 11, 22, 60)}
    assert not re.search(
        r"small|scriptsize|landscape", texts[3].replace("smallskip", "").replace("footnotesize", "")
    )
    assert r"\footnotesize" in texts[11].partition("tabular")[0]
    assert r"\begin{landscape}" in texts[22]
    assert texts[60].count(r"\begin{tabular}") == 3
    assert texts[60].count("reporter &") == 3


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
    assert f"| {LABELS[first['term']]} | {first['coefficient']:.3f} |" in plain
    assert f"|  | ({first['std_error']:.3f}) |" in plain
    assert "*" not in plain.partition("\n")[2]
    assert "In brackets: standard errors." in plain
    assert "| Country effects | yes | random | yes |" in plain
    starred = asked(world, "estimate", "--format", "markdown")
    assert f"| {LABELS[first['term']]} | {first['coefficient']:.3f}{first['stars']} |" in starred
    assert f"|  | ({first['statistic']:.2f}) |" in starred


@pytest.mark.parametrize("form", ["text", "csv", "json", "markdown", "latex", "html"])
def test_every_form_of_a_query(form: str, world: Workspace) -> None:
    query = "SELECT year, esi FROM esi WHERE reporter = 'KHM' AND reference = 'USA' ORDER BY year"
    text = asked(world, "sql", query, "--format", form)
    assert "2014" in text
    assert "esi" in text
    assert text.endswith("\n")
