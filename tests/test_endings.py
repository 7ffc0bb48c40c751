"""How commands end: damage anywhere in the workspace, wrong SQL, too little memory and signals end in a message."""

from __future__ import annotations

import gzip
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from conftest import CODE, COMMAND, NAME, bulk_text, cut, flipped
from conftest import minsum as command
from minsum.errors import WorkspaceLockedError
from minsum.pipeline import Workspace
from minsum.workspace.layout import Layout
from minsum.workspace.lock import exclusive

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]

PANEL = """
[panel]
reporters = []
reference = "USA"
bloc = ["CHN"]
[estimate]
regressors = ["lr"]
estimators = ["FE"]
"""


def minsum(folder: Path, *arguments: str) -> Result:
    return command(*arguments, "-w", folder)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with panel, estimates, report and a rejected source."""
    folder = tmp_path_factory.mktemp("finished") / "w"
    work = Workspace(folder).init()
    with work.layout.settings.open("a") as file:
        file.write(PANEL)
    rows = []
    for n, (code, label) in enumerate(((156, "CHN"), (276, "DEU"), (704, "VNM"), (842, "USA"))):
        for year in (2014, 2015, 2016):
            products = [
                {"reporterCode": code, "period": year, "cmdCode": f"{10 + k}0121", "primaryValue": (code * k + year * (n + 1)) % 97 + 1}
                for k in range(12)
            ]  # fmt: skip
            name = NAME.replace("156", str(code)).replace("2015", str(year))
            (work.layout.raw / name).write_bytes(gzip.compress(bulk_text(products)))
            rows.append(f"{label},{year},{(n * year) % 7 / 10 + 0.1}")
    (work.layout.raw / "page.gz").write_bytes(b"<html>")
    (folder / "covariates" / "lr.csv").write_text("\n".join(["iso3,year,lr", *rows, ""]))
    assert work.run().exit_code == 3
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    shutil.copytree(finished, tmp_path / "w")
    return tmp_path / "w"


def of(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


SPOILT: dict[str, Callable[[Path], None]] = {
    "cut": cut, "empty": of(b""), "list": of(b"[1]"), "deep": of(b"[" * 100_000), "latin": of(b"\xff\xfe{}"),
    "null": of(b"null"), "other": of(b'{"name": 7, "recipe": null}'),
}  # fmt: skip
COMMANDS = [["status"], ["status", "--json"], ["check"], ["sql", "SELECT count(*) FROM flows"], ["run"]]


@pytest.mark.parametrize("change", SPOILT)
def test_a_record_of_a_rejected_source_that_is_none(folder: Path, change: str) -> None:
    [record] = (folder / "rejected").iterdir()
    whole = record.read_bytes()
    SPOILT[change](record)
    for arguments in COMMANDS:
        result = minsum(folder, *arguments)
        assert result.exit_code == {"run": 3, "check": 4}.get(arguments[0], 0), (arguments, result.output)
        assert "unexpected" not in result.output
    assert record.read_bytes() == whole


def test_a_record_whose_source_is_gone_goes_too(folder: Path) -> None:
    stray = folder / "rejected" / "0.json"
    stray.write_text("{")
    assert "rejected/0.json" in minsum(folder, "status").stdout
    result = minsum(folder, "run")
    assert "0.json: no record of a rejected source: removed" in result.stderr
    assert not stray.exists()
    assert "0.json" not in minsum(folder, "status").stdout


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"x" * 100_000])
def test_a_holder_that_is_no_text(folder: Path, content: bytes) -> None:
    layout = Layout(folder)
    with exclusive(layout):
        (layout.private / "holder.json").write_bytes(content)
        with pytest.raises(WorkspaceLockedError, match="another run holds"), exclusive(layout):
            pass


@pytest.mark.parametrize("name", ["runs", "rejected", ".minsum", "esi", "estimates", "report", "covariates"])
def test_a_file_in_place_of_a_folder(folder: Path, name: str) -> None:
    shutil.rmtree(folder / name)
    (folder / name).write_text("x")
    for arguments in COMMANDS:
        result = minsum(folder, *arguments)
        assert "unexpected" not in result.output, (arguments, result.output)
        assert "Traceback" not in result.output


@pytest.mark.parametrize("change", [cut, flipped, of(b""), of(b"PAR1" * 9)])
@pytest.mark.parametrize("name", ["panel.parquet", "coverage.parquet", "estimates/main.parquet", "esi/classification=H4/2015.parquet"])  # fmt: skip
def test_sql_names_the_damaged_table_and_serves_the_others(
    folder: Path, name: str, change: Callable[[Path], None]
) -> None:
    change(folder / name)
    table = name.partition("/")[0].removesuffix(".parquet")
    for other in {"flows", "esi", "coverage", "panel", "estimates"} - {table}:
        result = minsum(folder, "sql", f"SELECT count(*) FROM {other}")  # noqa: S608 - names from the line above
        assert result.exit_code == 0
        assert f"{name}: " in result.stderr
        assert "is not served" in result.stderr
    result = minsum(folder, "sql", f"SELECT * FROM {table}")  # noqa: S608
    assert result.exit_code == 4
    assert f"error: {folder / name}: " in result.stderr


def test_sql_on_a_damaged_flows_file(folder: Path) -> None:
    path = folder / "flows" / "classification=H4" / "year=2016" / "reporter=842" / "flows.parquet"
    cut(path)
    result = minsum(folder, "sql", "SELECT sum(value_usd) FROM flows")
    assert result.exit_code == 4
    assert str(path) in result.stderr
    assert minsum(folder, "sql", "SELECT count(*) FROM esi").exit_code == 0


@pytest.mark.parametrize(
    "query",
    [
        "SELEKT", "SELECT * FROM nothing", "SELECT CAST(reporter AS INTEGER) FROM esi", "SELECT 'x'::DATE",
        "SELECT * FROM read_parquet('/no/such/file.parquet')", "SELECT 1; SELEKT",
        "SELECT error('mine')", "SELECT * FROM read_csv('panel.parquet', columns={'a': 'INT'})",
    ],
)  # fmt: skip
def test_a_users_sql_error_ends_with_two(folder: Path, query: str) -> None:
    result = minsum(folder, "sql", query)
    assert (result.exit_code, "unexpected" in result.output) == (2, False), result.output
    assert "error: " in result.stderr


def test_what_nobody_thought_of_is_a_message(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("never seen")

    monkeypatch.setattr("minsum.inspect.status.read_status", fail)
    result = minsum(folder, "status")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: unexpected: KeyError: 'never seen'\nhint: ")
    with pytest.raises(KeyError):
        minsum(folder, "status", "--debug")


def start(folder: Path, *arguments: str, address_space: int | None = None) -> subprocess.Popen[str]:
    def limit() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what starts the tests may ignore it
        if address_space is not None:
            resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))

    return subprocess.Popen(
        [*COMMAND, *arguments, "-w", str(folder)], text=True, preexec_fn=limit,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("megabytes", [150, 400, 800, 1600, 2800])
def test_too_little_address_space(folder: Path, megabytes: int) -> None:
    (folder / "panel.parquet").unlink()
    run = start(folder, "run", address_space=megabytes << 20)
    _, error = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "error: not enough memory" in error
    assert "Traceback" not in error
    assert minsum(folder, "run").exit_code == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_with_their_code_and_one_line(folder: Path, number: signal.Signals) -> None:
    big = "".join(f"{n:09}\n" for n in range(200_000))
    for k in range(40):
        (folder / "raw" / f"big{k}.csv").write_text(f"t,i,j,k,v,q\n{k}{big}")
    before = set((folder / "runs").iterdir())
    run = start(folder, "run")
    while not (folder / ".minsum" / "holder.json").exists():
        assert run.poll() is None
        time.sleep(0.01)
    time.sleep(0.05)
    run.send_signal(number)
    _, error = run.communicate(timeout=60)
    assert run.returncode == 128 + number, error
    last = error.splitlines()[-1]
    assert last.startswith("error: stopped by ")
    assert number.name in last
    assert "run again" in last
    assert "Traceback" not in error
    [new] = set((folder / "runs").iterdir()) - before
    record = json.loads(new.read_text())
    assert record["exit_code"] == 128 + number, record["traceback"]
    assert not (folder / ".minsum" / "holder.json").exists()
    assert not list((folder / ".minsum" / "tmp").glob("*"))


def test_an_ignored_signal_stays_ignored(folder: Path) -> None:
    """As under nohup and in the background of a shell."""
    code = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); print('ready', flush=True); {CODE}"
    run = subprocess.Popen(
        [sys.executable, "-c", code, "check", "-w", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert run.stdout is not None
    run.stdout.readline()
    while run.poll() is None:
        run.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, error = run.communicate()
    assert run.returncode in (0, 4), error
