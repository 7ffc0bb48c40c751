"""Hand-made inputs: Comtrade bulk files row by row, and workspaces."""

from __future__ import annotations

import gc
import gzip
import shutil
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from filelock import FileLock

import sketches
from minsum.cli import main
from minsum.flows.ingest import IngestReport, ingest
from minsum.pipeline import Workspace
from minsum.settings.esi import Esi, Similarities
from minsum.settings.flows import Ingest
from minsum.synth import WorldSpec, write_world
from minsum.workspace.footers import read_footer
from minsum.workspace.layout import Layout
from minsum.workspace.tasks import Workers

COLUMNS = [
    "datasetCode",
    "typeCode",
    "freqCode",
    "refPeriodId",
    "refYear",
    "refMonth",
    "period",
    "reporterCode",
    "flowCode",
    "partnerCode",
    "partner2Code",
    "classificationSearchCode",
    "classificationCode",
    "isOriginalClassification",
    "cmdCode",
    "customsCode",
    "mosCode",
    "motCode",
    "qtyUnitCode",
    "qty",
    "isQtyEstimated",
    "altQtyUnitCode",
    "altQty",
    "isAltQtyEstimated",
    "netWgt",
    "isNetWgtEstimated",
    "grossWgt",
    "isGrossWgtEstimated",
    "cifValue",
    "fobValue",
    "primaryValue",
    "legacyEstimationFlag",
    "isReported",
    "isAggregate",
]
_DEFAULTS = {
    "typeCode": "C", "freqCode": "A", "refMonth": "52", "period": "2015", "reporterCode": "156", "flowCode": "X",
    "partnerCode": "0", "partner2Code": "0", "classificationSearchCode": "HS", "classificationCode": "H4",
    "cmdCode": "010121", "customsCode": "C00", "mosCode": "0", "motCode": "0", "primaryValue": "100",
    "isReported": "true", "isAggregate": "false",
}  # fmt: skip
NAME = "COMTRADE-FINAL-CA1562015H4[2024-03-10].gz"
CODE = "import os; os.fsync = lambda _: None; from minsum.cli import main; main()"
COMMAND = (sys.executable, "-c", CODE)
"""`minsum` in a process of its own, which waits for the disk as little as the tests; its arguments follow."""


def minsum(*arguments: object) -> Result:
    """A command in this process."""
    return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


def lake(folder: Path) -> dict[str, bytes]:
    """Bytes of everything under flows/ and esi/."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for stage in ("flows", "esi")
        for path in sorted((folder / stage).rglob("*.parquet"))
    }


def cut(path: Path) -> None:
    """Leave the first half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def one(table: pl.DataFrame, reporter: str, reference: str) -> dict[str, object]:
    """The row of a pair."""
    wanted = (pl.col("reporter") == reporter) & (pl.col("reference") == reference)
    return table.row(by_predicate=wanted, named=True)


def bulk_text(rows: Iterable[dict[str, object]], columns: Iterable[str] = COLUMNS) -> bytes:
    """A bulk file as text: rows give what differs from an export of 100 USD of horses to the World."""
    columns = list(columns)
    lines = ["\t".join(columns)]
    lines += ["\t".join(str((_DEFAULTS | row).get(name, "")) for name in columns) for row in rows]
    return ("\n".join(lines) + "\n").encode()


def similarities(
    *, references: dict[str, tuple[tuple[str, ...], str]] | None = None, **given: Any
) -> Similarities:
    """Settings of the esi stage: those of `[esi]`, sections beside it, and composites as (members, rule)."""
    composites = {name: {"members": one[0], "rule": one[1]} for name, one in (references or {}).items()}
    beside = {name: given.pop(name) for name in Similarities.model_fields if name in given}
    return Similarities(esi=Esi.model_validate({"references": composites} | given), **beside)


class Desk:
    """A workspace and the folder of files a test drops into it."""

    def __init__(self, folder: Path) -> None:
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.layout = Layout(folder / "work")
        self.options = Ingest()

    def put(self, rows: Iterable[dict[str, object]], name: str = NAME, **options: Iterable[str]) -> Path:
        """Write a gzip bulk file."""
        return self.put_bytes(gzip.compress(bulk_text(rows, **options), mtime=0), name)

    def put_bytes(self, content: bytes, name: str) -> Path:
        path = self.inbox / name
        path.write_bytes(content)
        return path

    def ingest(
        self, *paths: Path, jobs: int = 2, accept: bool = False, workers: Workers | None = None
    ) -> IngestReport:
        return ingest(
            self.layout,
            paths or [self.inbox],
            self.options,
            jobs=jobs,
            accept=accept,
            progress=lambda _stage, _done, _total: None,
            workers=workers,
        )

    def rows(
        self, classification: str = "H4", year: int = 2015, reporter: int = 156
    ) -> list[tuple[object, ...]]:
        """(flow, partner, product, usd, is_rebuilt) of one partition."""
        return pl.read_parquet(
            self.layout.partition(classification, year, reporter), hive_partitioning=False
        ).rows()

    def footer(self, classification: str = "H4", year: int = 2015, reporter: int = 156) -> dict[str, object]:
        return read_footer(self.layout.partition(classification, year, reporter))

    def lake(self) -> dict[str, bytes]:
        """Every published file with its bytes."""
        root = self.layout.root
        return {
            str(path.relative_to(root)): path.read_bytes()
            for folder in (self.layout.flows, self.layout.esi)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work", jobs=2).init()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is imported stays: the garbage collector, a tenth of the time of small tests, leaves it alone."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that needs a whole world is slow."""
    for item in items:
        if {"finished_world", "real_2024"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def _unsynced() -> Iterator[None]:
    """Files need not outlast a power cut: waiting for the disk took a third of the time of the suite."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _descriptor: None)
        yield


@pytest.fixture(scope="module")
def undrawn() -> Iterator[None]:
    """Pictures are the data they would show: for modules that run every stage and are about something else."""
    with sketches.undrawn():
        yield


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """Makes a workspace once for all test processes: `once(name, make)`, where `make` fills the folder it is given.

    Each process has a copy.
    """
    top = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent

    def own(name: str, make: Callable[[Path], None]) -> Path:
        made = top / f"once-{name}"
        with FileLock(f"{made}.lock"):
            if not made.exists():
                begun = top / f"begun-{name}"
                make(begun)
                begun.rename(made)
        folder = tmp_path_factory.mktemp(name) / "work"
        return shutil.copytree(made, folder)

    return own


@pytest.fixture(scope="session")
def finished_world(once: Callable[..., Path]) -> Workspace:
    """A finished run of a small synthetic world with the paper's settings; to be read, not changed."""

    def make(folder: Path) -> None:
        work = Workspace(folder, jobs=2).init("paper")
        write_world(WorldSpec(reporters=14, rows_per_file=4_000, products=600), folder, jobs=2)
        assert work.run().exit_code == 0

    work = Workspace(once("world", make), jobs=2)
    assert not work.ingest().changed, "its files have another place now"
    return work


SPECS = 'specs = ["other.toml"]\n'
ESI = """
[esi]
levels = [4]
[market_esi]
[complementarity]
"""
MODELS = """
[esi.references.high_end]
members = ["USA", "DEU"]
[panel]
reporters = []
reference = "high_end"
bloc = ["CHN"]
[estimate]
regressors = ["lr"]
estimators = ["FE"]
diagnostics = ["effects"]
"""


@pytest.fixture(scope="session")
def every_output(once: Callable[..., Path]) -> Path:
    """A tiny workspace with every kind of output, of the settings `SPECS + ESI + MODELS`, undrawn; not to be changed."""
    countries = ((156, "CHN"), (276, "DEU"), (392, "JPN"), (704, "VNM"), (842, "USA"))

    def make(folder: Path) -> None:
        work = Workspace(folder).init()
        work.layout.settings.write_text(SPECS + ESI + MODELS)
        (folder / "other.toml").write_text('regressors = ["lr"]\nestimators = ["pooled"]\n')
        lines = ["iso3,year,lr"]
        for (n, (code, label)), year in product(enumerate(countries), (2014, 2015, 2016)):
            rows = []
            for k, flow in product(range(12), "XM"):
                usd = {partner: (code * k + year * (n + 1) + partner) % 97 + 1 for partner in (156, 842)}
                rows += [
                    {"reporterCode": code, "period": year, "cmdCode": f"{10 + k}0121", "flowCode": flow,
                     "partnerCode": partner, "primaryValue": value}
                    for partner, value in (usd | {0: sum(usd.values())}).items()
                ]  # fmt: skip
            name = NAME.replace("156", str(code)).replace("2015", str(year))
            (work.layout.raw / name).write_bytes(bulk_text(rows))
            lines.append(f"{label},{year},{(n * year) % 7 / 10 + 0.1}")
        (folder / "covariates" / "lr.csv").write_text("\n".join([*lines, ""]))
        with sketches.undrawn():
            assert work.run().exit_code == 0
            assert not work.run().changed

    return once("every-output", make)


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Real data outside the project; tests on it skip, saying so, where it is not there."""

    def find(name: str) -> Path:
        path = Path(__file__).parents[2] / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"no real data here: shared/data/{name}")
        return path

    return find


@pytest.fixture(scope="session")
def real_2024(shared_data: Callable[[str], Path], once: Callable[..., Path]) -> Workspace:
    """The real world of 2024 as a BACI file, through ingest and esi; importers are pooled into five, for a sixth of the rows."""
    world = pl.scan_parquet(shared_data("baci/baci_hs17_2024_bilateral.parquet"))
    codes = pl.read_csv(shared_data("countries/world_2024_codes.csv"))
    code = dict(zip(codes["iso3"], codes["code"], strict=True))
    numbered = pl.col("exporter", "importer").cast(pl.String).replace_strict(code, return_dtype=pl.Int32)
    pool = (pl.col("importer") % 4).replace_strict(
        [0, 1, 2, 3], [code[one] for one in ("USA", "CHN", "DEU", "JPN")]
    )
    pooled = (
        world.with_columns(numbered)
        .group_by(
            i="exporter", j=pl.when(pool == pl.col("exporter")).then(code["IND"]).otherwise(pool), k="hs6"
        )
        .agg(v=pl.col("value_usd").sum() / 1000)
    )

    def make(folder: Path) -> None:
        work = Workspace(folder, jobs=2).init()
        with work.layout.settings.open("a", encoding="utf-8") as file:
            file.write('[esi.references.high_end]\nmembers = ["USA", "DEU"]\n')
        pooled.sort("i", "j", pl.col("k").cast(pl.String)).select(
            pl.lit(2024).alias("t"), "i", "j", "k", "v", q=pl.lit("           NA")
        ).sink_csv(work.layout.raw / "BACI_HS17_Y2024_V202601.csv", float_precision=3, quote_style="never")
        work.ingest()
        work.esi()

    return Workspace(once("real", make), jobs=2)
