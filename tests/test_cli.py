"""Commands, exit codes and messages, as a person at a shell meets them."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import NAME, bulk_text, minsum


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with one good file in raw/."""
    work = tmp_path / "work"
    assert minsum("init", work).exit_code == 0
    (work / "raw" / NAME).write_bytes(gzip.compress(bulk_text([{}])))
    other = NAME.replace("156", "842")
    (work / "raw" / other).write_bytes(gzip.compress(bulk_text([{"reporterCode": 842}])))
    return work


def test_run_then_nothing_to_do(folder: Path) -> None:
    first = minsum("run", "-w", folder)
    assert first.exit_code == 0
    assert "2 sources, 2 rows, 2 reporter-years; 2 similarities, 2 in section_esi of 1 years" in first.stdout
    second = minsum("run", "-w", folder)
    assert second.exit_code == 0
    assert "nothing to do" in second.stdout


def test_workspace_is_found_from_below(folder: Path) -> None:
    assert minsum("ingest", "-w", folder / "raw").exit_code == 0


def test_no_workspace(tmp_path: Path) -> None:
    result = minsum("run", "-w", tmp_path)
    assert result.exit_code == 2
    assert "error:" in result.stderr
    assert "hint: make one with: minsum init DIR" in result.stderr


def test_no_such_folder(folder: Path) -> None:
    result = minsum("ingest", folder / "nowhere", "-w", folder)
    assert result.exit_code == 2
    assert "nowhere: no such file or folder" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_settings_typo(folder: Path) -> None:
    (folder / "minsum.toml").write_text("[esi]\nlevle = 4\n")
    result = minsum("run", "-w", folder)
    assert result.exit_code == 2
    assert "unknown setting 'esi.levle'" in result.stderr
    assert "did you mean 'level'?" in result.stderr


def test_rejected_sources_end_with_three_and_the_rest_is_done(folder: Path) -> None:
    (folder / "raw" / "page.gz").write_bytes(b"<html>")
    result = minsum("run", "-w", folder)
    assert result.exit_code == 3
    assert "rejected: page.gz, line 1: a web page" in result.stderr
    assert "2 sources" in result.stdout
    again = minsum("run", "-w", folder)
    assert again.exit_code == 3
    assert "nothing to do" in again.stdout


def test_nothing_to_compare_is_a_data_check(tmp_path: Path) -> None:
    minsum("init", tmp_path / "w")
    result = minsum("esi", "-w", tmp_path / "w")
    assert result.exit_code == 4
    assert "minsum ingest" in result.stderr


@pytest.mark.slow
def test_impossible_estimation_ends_with_five(folder: Path) -> None:
    (folder / "minsum.toml").write_text(
        '[panel]\nreporters = []\nreference = "USA"\n[estimate]\nregressors = ["gone"]\n'
    )
    (folder / "covariates" / "lr.csv").write_text("iso3,year,lr\nCHN,2015,0.7\n")
    result = minsum("run", "-w", folder)
    assert result.exit_code == 5
    assert "no column 'gone'" in result.stderr


@pytest.mark.slow
def test_a_spec_that_is_wrong_or_not_there(folder: Path) -> None:
    (folder / "minsum.toml").write_text(
        'specs = ["gravity.toml"]\n[panel]\nreporters = []\nreference = "USA"\n'
    )
    result = minsum("run", "-w", folder)
    assert result.exit_code == 2
    assert "gravity.toml: no such spec file" in result.stderr
    (folder / "gravity.toml").write_text("regresors = []\n")
    result = minsum("estimate", folder / "gravity.toml", "-w", folder)
    assert result.exit_code == 2
    assert "gravity.toml: unknown setting 'regresors'" in result.stderr
    assert "did you mean 'regressors'?" in result.stderr


def test_environment_wins_over_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINSUM_ESI__LEVEL", "5")
    result = minsum("run", "-w", folder)
    assert result.exit_code == 2
    assert "level 5, expected 6, 4 or 2 digits" in result.stderr


def test_init_refuses_to_overwrite(folder: Path) -> None:
    assert minsum("init", folder).exit_code == 2


@pytest.mark.slow
def test_status_as_json(folder: Path) -> None:
    (folder / "raw" / "page.gz").write_bytes(b"<html>")
    minsum("run", "-w", folder)
    status = json.loads(minsum("status", "-w", folder, "--json").stdout)
    assert status["years"][0] | {"exports_bn_usd": 0} == {
        "classification": "H4", "year": 2015, "reporters": 2, "exports_bn_usd": 0, "repaired_rows": 0, "esi": "yes",
    }  # fmt: skip
    assert status["rejected"][0]["name"] == "page.gz"
    assert status["sources"][0]["rules"]["kept"] == {"rows": 1, "usd": 100.0}


@pytest.mark.slow
def test_sql_formats(folder: Path) -> None:
    minsum("run", "-w", folder)
    query = "SELECT reporter, esi FROM esi ORDER BY reporter"
    assert minsum("sql", query, "-w", folder).stdout == "reporter,esi\nCHN,1.0\nUSA,1.0\n"
    assert json.loads(minsum("sql", query, "-w", folder, "--format", "json").stdout)[0] == {
        "reporter": "CHN",
        "esi": 1.0,
    }
    wrong = minsum("sql", "SELECT * FROM nothing", "-w", folder)
    assert wrong.exit_code == 2
    assert "tables here: flows, esi, section_esi, coverage" in wrong.stderr


def test_json_log_lines(folder: Path) -> None:
    lines = minsum("run", "-w", folder, "--log-format", "json").stderr.splitlines()
    assert json.loads(lines[0])["message"] == "flows: started"


def test_doctor() -> None:
    assert "polars" in minsum("doctor").stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", ["ingest", "status"])
def test_where_nothing_is_new_numba_is_not_loaded(folder: Path, command: str) -> None:
    minsum("ingest", "-w", folder)
    code = "import sys, minsum.cli; minsum.cli.main(sys.argv[1:], standalone_mode=False)"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code, command, "-w", folder],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "pyarrow" in loaded
    assert "numba" not in loaded


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = "import sys, minsum.cli; minsum.cli.main(['--help'], standalone_mode=False); print(sorted({'polars', 'numba', 'pandas', 'duckdb', 'pyarrow'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
