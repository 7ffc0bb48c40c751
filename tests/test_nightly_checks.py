"""What a run checks of what it changed: falls of exports, references that vanish, large moves, identities."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conftest import bulk_text, minsum
from minsum.cli import main
from minsum.pipeline import Workspace
from minsum.settings.load import load_settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]

CODES = {"CHN": 156, "VNM": 704, "USA": 842, "DEU": 276}


def put(
    folder: Path, country: str, year: int, values: list[float], *, date: str = "2024-03-10", flow: str = "X"
) -> None:
    code = CODES[country]
    rows = [
        {
            "reporterCode": code,
            "period": year,
            "flowCode": flow,
            "cmdCode": f"{10 + k}0121",
            "primaryValue": value,
        }
        for k, value in enumerate(values)
    ]
    name = f"COMTRADE-FINAL-CA{code:03}{year}H4[{date}].gz"
    (folder / "raw" / name).write_bytes(gzip.compress(bulk_text(rows), mtime=0))


def run(folder: Path, *options: str) -> Result:
    return minsum("run", *options, "-w", folder)


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years of four countries, after their first night."""
    folder = tmp_path_factory.mktemp("first") / "work"
    Workspace(folder).init()
    for k, country in enumerate(CODES):
        for year in (2014, 2015):
            put(folder, country, year, [100.0 + k, 50, 50])
    assert run(folder).exit_code == 0
    return folder


@pytest.fixture
def night(first_night: Path, tmp_path: Path) -> Path:
    """A copy of it, to go on with."""
    return shutil.copytree(first_night, tmp_path / "work")


def warnings(result: Result) -> list[str]:
    return [line for line in result.stderr.splitlines() if line.startswith("warning:")]


def test_a_night_without_news_has_no_warnings(night: Path) -> None:
    result = run(night)
    assert (result.exit_code, warnings(result)) == (0, [])


@pytest.mark.parametrize("usd", [99.0, 101.0])
def test_a_revision_that_halves_the_exports(night: Path, usd: float) -> None:
    """Below half of the 200 of before is said when it is accepted, above is not."""
    put(night, "CHN", 2015, [usd / 2, usd / 4, usd / 4], date="2024-04-01")
    result = run(night, "--accept")
    if usd > 100:
        assert (result.exit_code, warnings(result)) == (0, [])
        return
    assert result.exit_code == 3
    assert warnings(result) == [
        "warning: exports_fall: H4 2015 CHN: exports of 99 USD after 200 USD in 2015 before the revision, "
        "expected a fall by at most 50%"
    ]
    assert "1 warnings" in result.stdout
    assert "next: look at the warnings above" in result.stdout
    record = json.loads(max((night / "runs").iterdir()).read_text())
    assert (record["exit_code"], [one["about"] for one in record["warnings"]]) == (3, ["exports_fall"])
    assert run(night).exit_code == 0, "said once, when it came"


def test_a_new_year_with_half_of_the_year_before(night: Path) -> None:
    put(night, "VNM", 2016, [40, 20, 20])
    assert warnings(run(night)) == [
        "warning: exports_fall: H4 2016 VNM: exports of 80 USD after 201 USD in 2015, expected a fall by at most 50%"
    ]


def test_a_limit_of_ones_own(night: Path) -> None:
    text = (night / "minsum.toml").read_text()
    text = text.replace("exports_fall = 0.5", "exports_fall = 1").replace("esi_move = 0.2", "esi_move = 1")
    (night / "minsum.toml").write_text(text)
    put(night, "CHN", 2015, [1, 0.1, 0.1], date="2024-04-01")
    assert run(night, "--accept").exit_code == 0
    check = load_settings(night / "minsum.toml").check
    assert (check.exports_fall, check.esi_move) == (1, 1)


def test_a_reference_that_vanishes(night: Path) -> None:
    with (night / "minsum.toml").open("a") as file:
        file.write('[esi.references.big_two]\nmembers = ["USA", "DEU"]\n')
    assert run(night).exit_code == 0, "a new setting is no news of the data"
    put(night, "DEU", 2015, [100.0, 50, 50], date="2024-04-01", flow="M")
    result = run(night, "--accept")
    assert result.exit_code == 3
    assert [
        one for one in warnings(result) if "reference_vanished" in one
    ] == [
        "warning: reference_vanished: H4/2015: no similarity any more with DEU, big_two, expected what was there before"
    ]  # fmt: skip
    assert "esi: H4/2015: no similarity with big_two: no data of DEU" in result.stderr


def test_a_large_move(night: Path) -> None:
    """CHN has shares .5 .25 .25 like USA's .504 .248 .248; then .1 .1 .8: a similarity of .448."""
    put(night, "CHN", 2015, [20, 20, 160], date="2024-04-01")
    result = run(night)
    assert result.exit_code == 3
    told = [one for one in warnings(result) if "CHN with USA" in one]
    assert told == [
        "warning: esi_move: H4/2015 CHN with USA: 0.9950 became 0.4475, expected a move of at most 0.2"
    ]


def test_another_setting_is_no_large_move(night: Path) -> None:
    text = (night / "minsum.toml").read_text()
    (night / "minsum.toml").write_text(text.replace("level = 6 ", "level = 2 ").replace("[100.0", "[1"))
    put(night, "CHN", 2014, [100.0, 50, 50], date="2024-05-01")
    assert run(night).exit_code == 0


def test_figures_that_contradict_each_other(night: Path) -> None:
    rows = [
        {"reporterCode": 392, "period": 2015, "cmdCode": code, "primaryValue": usd}
        for code, usd in (("TOTAL", 300), ("100121", 100), ("110121", 50))
    ]
    name = "COMTRADE-FINAL-CA3922015H4[2024-03-10].gz"
    (night / "raw" / name).write_bytes(gzip.compress(bulk_text(rows), mtime=0))
    result = run(night)
    assert result.exit_code == 3
    assert warnings(result)[0] == (
        "warning: total_vs_products: H4 2015 392 X: products are 0.5 of TOTAL, expected 1 within 0.005"
    )


@pytest.mark.parametrize(("flow", "code"), [("X", 3), ("RX", 0)])
def test_flows_that_nothing_is_made_of_are_left_to_check(night: Path, flow: str, code: int) -> None:
    rows = (
        [{"reporterCode": 392, "period": 2015, "cmdCode": "100121", "primaryValue": 100}]
        if flow == "RX"
        else []
    )
    rows += [
        {"reporterCode": 392, "period": 2015, "flowCode": flow, "cmdCode": product, "primaryValue": usd}
        for product, usd in (("999999", 90), ("100121", 10))
    ]
    name = "COMTRADE-FINAL-CA3922015H4[2024-03-10].gz"
    (night / "raw" / name).write_bytes(gzip.compress(bulk_text(rows), mtime=0))
    assert run(night).exit_code == code
    result = CliRunner().invoke(main, ["check", "-w", str(night)], catch_exceptions=False)
    assert "residual_share" in result.stdout


def test_a_corrupt_lake_is_a_failed_check_while_the_service_is_down(night: Path) -> None:
    text = (night / "minsum.toml").read_text().replace("# [fetch]", "[fetch]")
    text = text.replace('# classification = "H2"\n', 'classification = "H4"\n', 1)
    (night / "minsum.toml").write_text(
        text.replace(
            "[fetch]", '[fetch]\nbase_url = "http://127.0.0.1:9"\nattempts = 1\nkey_file = "none"', 1
        )
    )
    assert run(night).exit_code == 7
    broken = next((night / "flows").rglob("*.parquet"))
    broken.write_bytes(broken.read_bytes()[:-20])
    result = run(night)
    assert result.exit_code == 4
    assert f"{broken}: not a Parquet file written by minsum" in result.stderr
    assert "no Comtrade key" in result.stderr, "the service's trouble is said as well"
