"""What a command writes: no figure is cut at 80 columns, every line is JSON when asked for, a closed pipe is no error."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import Result
from rich.console import Console as RichConsole

from conftest import COMMAND, minsum
from minsum.pipeline import Workspace
from minsum.text_tables import text_tables
from test_absent_references import put, world


def at_width(columns: list[str], rows: list[list[object]], width: int) -> str:
    page = RichConsole(file=io.StringIO(), width=width, color_system=None)
    for table in text_tables(columns, rows, width=width):
        page.print(table)
    return page.file.getvalue()  # type: ignore[attr-defined,no-any-return]


@pytest.mark.parametrize("width", [40, 60, 80, 132])
@pytest.mark.parametrize("n_years", [1, 9, 22, 60])
def test_every_figure_stands_whole_at_any_width(width: int, n_years: int) -> None:
    years = [str(1963 + k) for k in range(n_years)]
    rows = [
        [name, *((k * 1_234_567.891) % 10**9 - 5e8 + len(name) for k in range(1, n_years + 1)), 12.345]
        for name in ("CHN", "a composite with a long name and words that wrap")
    ]
    text = at_width(["reporter", *years, "growth"], rows, width)  # type: ignore[arg-type]
    assert max(map(len, text.splitlines())) <= width
    tokens = text.split()
    for row in rows:
        for value in row[1:]:
            assert f"{value:,.3f}" in tokens
    for year in years:
        assert tokens.count(year) == 1
    assert tokens.count("CHN") == tokens.count("reporter"), "each block begins with what names the row"


def test_long_texts_wrap_and_lose_nothing() -> None:
    name = "COMTRADE-FINAL-CA1562015H4[2024-03-10]_20240311T081500.123456Z_0123456789abcdef.gz"
    text = at_width(["source", "reason", "rows"], [[name, "the file is empty " * 8, 1_234_567]], 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "1234567" in text
    first_column = "".join(line[:20].split("  ")[0].strip() for line in text.splitlines()[2:])
    assert name.startswith(first_column[:15])
    assert sum(line.count("empty") for line in text.splitlines()) == 8


def test_small_figures_are_not_shown_as_zero() -> None:
    assert "0.00012" in at_width(["p"], [[0.00012]], 80)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output") / "work"
    Workspace(folder).init()
    world(folder, ("DEU",), "first")
    assert minsum("run", "-w", folder).exit_code == 0
    return folder


def test_several_references_are_one_table(finished: Path) -> None:
    asked = ["growth", "CHN", "VNM", "-r", "USA", "-r", "DEU", "-w", finished]
    rows = list(csv.DictReader(io.StringIO(minsum(*asked).stdout)))
    assert list(rows[0]) == ["reference", "reporter", "2013", "2014", "2015", "growth"]
    assert [(row["reference"], row["reporter"]) for row in rows] == [
        ("USA", "CHN"), ("USA", "VNM"), ("DEU", "CHN"), ("DEU", "VNM"),
    ]  # fmt: skip
    assert rows[2]["2013"] == ""
    read = json.loads(minsum(*asked, "--format", "json").stdout)
    assert [row["reference"] for row in read] == ["USA", "USA", "DEU", "DEU"]
    assert read[2]["2013"] is None
    assert read[0]["2015"] == float(rows[0]["2015"])
    table = minsum(*asked, "--format", "text").stdout
    assert table.splitlines()[1].split() == ["reference", "reporter", "2013", "2014", "2015", "growth"]
    assert "DEU: growth over other years: CHN 2014-2015, VNM 2014-2015." not in table, "the years are its own"


def json_lines(result: Result) -> list[dict[str, object]]:
    assert result.stdout == ""
    return [json.loads(line) for line in result.stderr.splitlines()]


@pytest.mark.slow
def test_json_is_json_in_every_line_and_the_last_has_counts_and_code(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    assert [one["exit_code"] for one in json_lines(minsum("init", folder, "--log-format", "json"))[-1:]] == [
        0
    ]
    world(folder, ("DEU",), "last")
    (folder / "raw" / "page.gz").write_bytes(b"<html>")
    for runs in (1, 2):
        lines = json_lines(minsum("run", "-w", folder, "--log-format", "json"))
        [rejected] = [one for one in lines if str(one["message"]).startswith("rejected: page.gz")]
        assert (rejected["level"], rejected["runs"]) == ("ERROR", runs)
        assert str(rejected["hint"])
        last = lines[-1]
        assert last["exit_code"] == 3
        counts = last["counts"]
        assert isinstance(counts, dict)
        assert counts["rejected"] == 1
        assert counts["reporter_years_written"] == (11 if runs == 1 else 0)
        status = json.loads(minsum("status", "-w", folder, "--json").stdout)
        assert counts["totals"] == status["totals"]
        assert status["rejected"][0]["runs"] == runs
    record = json.loads(max((folder / "runs").iterdir()).read_text())
    assert record["totals"] == status["totals"]
    assert "(for 3 runs)" in minsum("run", "-w", folder).stderr


@pytest.mark.parametrize(("arguments", "code", "words"), [
    (["run", "-w", "{none}"], 2, "no such folder"),
    (["run", "--jobs", "none"], 2, "Invalid value for '--jobs'"),
    (["growht"], 2, "No such command"),
    (["esi", "-w", "{empty}"], 4, "no flows of the chosen years and reporters"),
])  # fmt: skip
def test_errors_are_json_too(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    Workspace(tmp_path / "empty").init()
    places = {"none": str(tmp_path / "none"), "empty": str(tmp_path / "empty")}
    result = minsum(*(one.format(**places) for one in arguments), "--log-format", "json")
    lines = json_lines(result)
    assert result.exit_code == lines[-1]["exit_code"] == code
    assert any(words in str(one["message"]) for one in lines if one["level"] == "ERROR")


def test_an_unexpected_error_is_told_and_kept_with_its_traceback(
    finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("minsum.esi.stage.compute_esi", broken)
    result = minsum("esi", "-w", finished)
    assert result.exit_code == 1
    assert "error: unexpected: ZeroDivisionError: division by zero" in result.stderr
    assert "Traceback" not in result.stderr
    record = json.loads(max((finished / "runs").iterdir()).read_text())
    assert "ZeroDivisionError: division by zero" in record["traceback"]
    with pytest.raises(ZeroDivisionError):
        minsum("esi", "-w", finished, "--debug")


@pytest.mark.slow
@pytest.mark.parametrize("command", [
    ["sql", "SELECT a.esi FROM esi a, esi b, range(9)"],
    ["sql", "SELECT a.esi FROM esi a, esi b, range(9)", "--format", "text"],
    ["sql", "SELECT a.esi FROM esi a, esi b, range(9)", "--format", "json"],
    ["status"], ["status", "--json"],
])  # fmt: skip
def test_a_closed_pipe_is_no_error(finished: Path, command: list[str]) -> None:
    child = subprocess.Popen(
        [*COMMAND, *command, "-w", str(finished)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.read(10)
    child.stdout.close()
    error = child.stderr.read()
    child.stderr.close()
    assert (child.wait(), error) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("command", [["status"], ["growth", "-r", "USA", "--format", "text"]])
def test_output_fits_the_columns_of_the_environment(
    finished: Path, tmp_path: Path, command: list[str]
) -> None:
    copy = shutil.copytree(finished, tmp_path / "work")
    put(copy, "CHN", 2012)
    done = subprocess.run(
        [*COMMAND, *command, "-w", str(copy)],
        env=os.environ | {"COLUMNS": "50"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    tables = [line for line in done.stdout.splitlines() if re.search(r"\d\.\d{3}|─", line)]
    assert tables
    assert max(map(len, tables)) <= 50
    assert "…" not in done.stdout


def test_what_names_a_row_stands_in_every_block() -> None:
    columns = ["classification", "year", "reporter", "published", *(f"figure_{k}" for k in range(8))]
    rows: list[list[object]] = [
        ["H4", year, "CHN", "2024-03-10", *(k + 0.5 for k in range(8))] for year in (2014, 2015)
    ]
    lines = [line.split() for line in at_width(columns, rows, 80).splitlines()]
    blocks = [line for line in lines if line[:1] == ["classification"]]
    assert len(blocks) > 1
    assert all(line[:3] == ["classification", "year", "reporter"] for line in blocks)


def test_texts_of_the_data_are_no_markup() -> None:
    told = "[panel] names [bold]no[/bold] reference :warning: [/]"
    text = at_width(["[red]what[/red]", "n"], [[told, 1]], 120)
    assert told in text
    assert "[red]what[/red]" in text


def test_log_lines_are_no_markup(finished: Path) -> None:
    (finished / "minsum.toml").write_text("[panel]\n")
    error = minsum("run", "-w", finished).stderr
    (finished / "minsum.toml").write_text("")
    assert "error: [panel] names no reference" in error
