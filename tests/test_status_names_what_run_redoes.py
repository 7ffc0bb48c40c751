"""After each kind of change of settings, input and version, `status` names exactly what `run` then makes anew or removes."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from conftest import NAME, bulk_text
from minsum.pipeline import Workspace
from minsum.settings.esi import DestinationEsi, Esi, MarketEsi
from minsum.settings.flows import Ingest
from minsum.settings.load import Report
from minsum.settings.panel import Panel

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("undrawn")]

TEXT = """
specs = ["other.toml"]
[esi]
levels = [4]
[esi.references.high_end]
members = ["USA", "DEU"]
[market_esi]
[complementarity]
[destination_esi]
[panel]
reference = "high_end"
[estimate]
regressors = ["lr"]
estimators = ["FE"]
"""
COUNTRIES = ((156, "CHN"), (276, "DEU"), (392, "JPN"), (842, "USA"))
YEARS = (2013, 2014, 2015)

SETTINGS: dict[str, Any] = {
    "ingest.flows": ["X", "M"],
    "ingest.classification": "H4",
    "ingest.reporters": ["CHN", "DEU", "USA"],
    "ingest.columns": ["net_weight"],
    "esi.basis": "X-RX",
    "esi.level": 4,
    "esi.levels": [2],
    "esi.residual": "keep",
    "esi.min_products": 2,
    "esi.years": [2014, 2015],
    "esi.reporters": ["CHN", "JPN"],
    "esi.references": {"rest": {"rule": "world_minus_self"}},
    "market_esi.min_flow_usd": 1,
    "market_esi.markets": ["CHN"],
    "destination_esi.overlap_usd": True,
    "harmonise.target": "H4",
    "panel.reference": "USA",
    "panel.classification": "H4",
    "panel.reporters": ["CHN", "JPN"],
    "panel.years": [2014, 2015],
    "panel.bloc": ["CHN"],
    "panel.covariates": "other",
    "panel.max_width": 0.5,
    "panel.variables": {"lr": {"indicator": "lr", "divide_by": 2.0}},
    "estimate": {"estimators": ["pooled"]},
    "specs": [],
    "check.world_tolerance": 0.5,
    "check.total_tolerance": 0.5,
    "report.paper_notes": True,
}
"""A setting and another value of it."""

VERSIONS = (
    "minsum.esi.coverage.RECIPE", "minsum.panel.stage.RECIPE", "minsum.estimate.stage.RECIPE",
    "minsum.report.inputs.TABLES_RECIPE", "minsum.report.inputs._FIGURES_RECIPE", "minsum.report.stage.RECIPE",
    "minsum.flows.recipe.RECIPE",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with every stage, up to date."""
    folder = tmp_path_factory.mktemp("told") / "w"
    work = Workspace(folder).init()
    work.layout.settings.write_text(TEXT)
    (folder / "other.toml").write_text('regressors = ["lr"]\nestimators = ["pooled"]\n')
    lines = ["iso3,year,lr"]
    for n, (code, label) in enumerate(COUNTRIES):
        for year in YEARS:
            put(folder, code, year, times=n + 1)
            lines.append(f"{label},{year},{(n * year) % 7 / 10 + 0.1}")
    for name in ("covariates", "other"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "lr.csv").write_text("\n".join([*lines, ""]))
    assert work.run().exit_code == 0
    return folder


def put(folder: Path, code: int, year: int, *, times: int) -> None:
    rows = [
        {"reporterCode": code, "period": year, "cmdCode": f"{10 + k}0121", "flowCode": flow, "partnerCode": partner,
         "primaryValue": (code * k + year * times) % 97 + 1, "netWgt": 5}
        for k in range(6) for flow in ("X", "M") for partner in (0, 36)
    ]  # fmt: skip
    name = NAME.replace("156", str(code)).replace("2015", str(year))
    (folder / "raw" / name).write_bytes(bulk_text(rows))


def published(folder: Path) -> dict[str, tuple[int, int]]:
    """Every output with what tells whether it was written anew."""
    places = (
        "flows",
        "esi*",
        "section_esi",
        "market_*",
        "complementarity",
        "destination_esi",
        "estimates",
        "report",
    )
    files = [
        file for place in places for top in folder.glob(place) for file in top.rglob("*.*") if file.is_file()
    ]
    files += folder.glob("*.parquet")
    return {
        str(file.relative_to(folder)): (file.stat().st_ino, file.stat().st_ctime_ns)
        for file in files
        if file.name != "files.json"
    }


def place(what: str, which: str) -> str:
    """The file that status means."""
    if what == "flows":
        return f"flows/{which}/flows.parquet"
    if what in ("coverage", "panel"):
        return which
    if what in ("estimates", "report"):
        return f"{what}/{which}"
    classification, _, year = which.partition("/")
    return f"{what}/classification={classification}/{year}.parquet"


def told_and_done(folder: Path, flags: dict[str, Any] | None = None) -> tuple[set[str], set[str]]:
    """What status names, and what the run after it writes or removes."""
    before = published(folder)
    stale = Workspace(folder, flags=flags).status()["stale"]
    told = {place(one["what"], name) for one in stale if one["what"] != "raw" for name in one["which"]}
    Workspace(folder, flags=flags).run()
    after = published(folder)
    assert Workspace(folder, flags=flags).status()["stale"] == []
    done = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    if any(one["what"] == "raw" for one in stale):  # of a source, not of what it will give
        done -= {name for name in done if name.startswith("flows") and name not in before}
    return told, done


@pytest.mark.parametrize("first", range(0, len(SETTINGS), 8))
def test_settings(folder: Path, first: int) -> None:
    """Each in turn, so that the one before goes as the next comes."""
    for name, value in [*islice(SETTINGS.items(), first, first + 8), ("esi", {})]:
        section, _, key = name.partition(".")
        needed = {"harmonise": {"target": "H4"}} if key == "max_width" else {}
        told, done = told_and_done(folder, needed | {section: {key: value} if key else value})
        assert told == done, name


def test_every_setting_of_what_is_published_is_tried() -> None:
    sections = {
        "ingest": Ingest, "esi": Esi, "market_esi": MarketEsi, "destination_esi": DestinationEsi, "panel": Panel, "report": Report,
    }  # fmt: skip
    assert {f"{name}.{key}" for name, one in sections.items() for key in one.model_fields} <= SETTINGS.keys()


def test_versions(folder: Path) -> None:
    for name in VERSIONS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(name, "another")
            told, done = told_and_done(folder)
        assert told == done != set(), name


def test_inputs(folder: Path) -> None:
    (folder / "other.toml").write_text('regressors = ["lr"]\nestimators = ["RE"]\n')
    told, done = told_and_done(folder)
    assert told == done > {"estimates/other.parquet"}
    lines = (folder / "covariates" / "lr.csv").read_text()
    (folder / "covariates" / "lr.csv").write_text(lines.replace("0.1", "0.15"))
    told, done = told_and_done(folder)
    assert told == done > {"panel.parquet"}
    put(folder, 392, 2015, times=2)
    Workspace(folder).ingest()
    told, done = told_and_done(folder)
    assert told == done
    anew = {
        table: {Path(name).stem for name in done if name.startswith(f"{table}/")}
        for table in ("esi", "section_esi")
    }
    assert anew == {
        "esi": {"2015"},
        "section_esi": {"2013", "2014", "2015"},
    }  # the exporters' order is another
