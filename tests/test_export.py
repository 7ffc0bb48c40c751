"""A data release: every table in every format with equal values, valid, the same bytes twice, whole or not there."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import polars as pl
import pyreadstat
import pytest
from polars.testing import assert_frame_equal

from conftest import cut, minsum
from forked import forked
from minsum.errors import DataCheckError, UsageError
from minsum.export.folder import release_folder
from minsum.export.stata import StataFiles, stata_names
from minsum.pipeline import Workspace
from minsum.schema import Column, columns_of

ASKED = """
specs = ["dyads.toml"]
[market_esi]
[complementarity]
[destination_esi]
overlap_usd = true
"""
DYADS = """
data = "pairs"
regressors = ["reporter.capital", "ln(reference.capital)"]
"""
TABLES = {
    "esi", "esi_wide", "market_mean", "complementarity", "destination_esi", "coverage", "panel", "estimates",
    "sample_main", "sample_dyads", "pairs",
}  # fmt: skip


@pytest.fixture(scope="module")
def world(finished_world: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished run with every table that goes into a release."""
    folder = tmp_path_factory.mktemp("export") / "world"
    shutil.copytree(finished_world.layout.root, folder)
    settings = folder / "minsum.toml"
    first, _, rest = settings.read_text().partition("[ingest]")
    settings.write_text(first + ASKED.replace("[market", f"[ingest]{rest}\n[market", 1))
    (folder / "dyads.toml").write_text(DYADS)
    work = Workspace(folder, jobs=2)
    for report in (work.esi(), work.panel(), work.estimate(), work.estimate(folder / "dyads.toml")):
        assert report.exit_code == 0
    return work


@pytest.fixture(scope="module")
def release(world: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "release"
    assert world.export(folder).exit_code == 0
    return folder


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def in_stata(path: Path) -> pl.DataFrame:
    """What pandas reads, missing texts as null again."""
    frame = pl.from_pandas(pd.read_stata(path, convert_categoricals=False))
    return frame.with_columns(pl.col(pl.String).replace("", None))


def table(release: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(release / "data" / f"{name}.parquet", hive_partitioning=False)


def test_every_table_has_the_same_values_in_every_format(release: Path) -> None:
    assert {path.stem for path in (release / "data").glob("*.parquet")} == TABLES
    for name in TABLES:
        rows = table(release, name)
        text = gzip.decompress((release / "data" / f"{name}.csv.gz").read_bytes())
        assert_frame_equal(pl.read_csv(text, schema=rows.schema), rows)
        stata = in_stata(release / "data" / f"{name}.dta")
        names = stata_names(rows.columns)
        numbers = rows.with_columns(
            pl.col(pl.Boolean).cast(pl.Int8), pl.col(pl.String).replace("", None)
        ).rename(names)
        assert_frame_equal(stata.cast(dict(numbers.schema)), numbers, check_exact=True)  # type: ignore[arg-type]


def test_tables_are_those_of_the_workspace(world: Workspace, release: Path) -> None:
    esi = pl.concat(pl.read_parquet(path, hive_partitioning=False) for path in world.layout.yearly("esi"))
    released = table(release, "esi")
    assert_frame_equal(released.drop("classification"), esi)
    wide = (
        table(release, "esi_wide")
        .unpivot(index=["classification", "year", "reporter"], value_name="esi")
        .drop_nulls("esi")
    )
    long = released.drop_nulls("esi").select(
        "classification", "year", "reporter", pl.format("esi_{}", "reference").alias("variable"), "esi"
    )
    assert_frame_equal(wide, long, check_row_order=False)
    panel = pl.read_parquet(world.layout.panel)
    terms = ["esi", "import_share", "ln_fdi", "capital", "lr", "pa", "efi"]
    assert_frame_equal(
        table(release, "sample_main"), panel.select("reporter", "year", *terms).drop_nulls(terms)
    )
    used = table(release, "estimates").filter(pl.col("spec") == "dyads")["n_obs"][0]
    assert len(table(release, "sample_dyads")) == used
    assert {"reporter.capital", "reference.capital", "esi"} <= set(table(release, "pairs").columns)


@pytest.mark.slow
def test_the_page_about_r_runs_and_gives_our_estimates(release: Path, tmp_path: Path) -> None:
    packages = ("haven", "ggplot2", "plm")
    there = "; ".join(f"stopifnot(requireNamespace('{one}', quietly = TRUE))" for one in packages)
    if not shutil.which("Rscript") or subprocess.run(["Rscript", "-e", there], check=False).returncode:
        pytest.skip(f"no R with {', '.join(packages)}")
    shutil.copytree(release, tmp_path / "release")
    page = (Path(__file__).parents[1] / "docs" / "r.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"^```r\n(.*?)^```", page, re.MULTILINE | re.DOTALL))
    subprocess.run(["Rscript", "-e", code], cwd=tmp_path / "release", check=True, timeout=300)


def test_nothing_of_comtrades_rows_goes_in(release: Path) -> None:
    assert not [path for path in release.rglob("*") if path.stem in ("flows", "market_esi")]
    for path in (release / "data").glob("*.parquet"):
        assert not {"product_code", "flow", "value_usd"} & set(pl.read_parquet_schema(path))


def test_stata_reads_labels(release: Path) -> None:
    frame, meta = pyreadstat.read_dta(release / "data" / "esi.dta")
    assert meta.column_names_to_labels["esi"] == columns_of("esi")["esi"].about
    assert meta.variable_value_labels["is_rebuilt"] == {0: "no", 1: "yes"}
    assert meta.variable_value_labels["reporter_code"][156] == "China"
    assert meta.file_label.startswith("Export similarity of every ordered pair")
    composite = frame["reference"] == "high_end"
    assert frame.loc[composite, "reference_code"].isna().all()
    assert frame.loc[~composite, "reference_code"].notna().all()
    assert pd.read_stata(release / "data" / "esi.dta")["reporter_code"].astype(str).isin(["China"]).any()


@pytest.mark.parametrize(("columns", "names"), [
    (["reporter.capital", "ln(gdp)", "year"], ["reporter_capital", "ln_gdp", "year"]),
    (["a.b", "a b", "a_b"], ["a_b", "a_b_2", "a_b_3"]),
    (["if", "str5", "2002", "_n"], ["v_if", "v_str5", "v_2002", "n"]),
    (["x" * 40, "x" * 41], ["x" * 32, "x" * 30 + "_2"]),
])  # fmt: skip
def test_names_are_such_as_stata_accepts(columns: list[str], names: list[str]) -> None:
    assert list(stata_names(columns).values()) == names


def test_a_large_table_is_split_by_year_in_stata(tmp_path: Path) -> None:
    rows = pl.DataFrame({"year": [2020, 2020, 2021], "source": ["a" * 3_000, None, "é"], "n": [1, None, 3]})
    columns = [Column(name, "string", name) for name in rows.columns]
    for label, most, stems in (
        ("", 1, ["t_2020", "t_2021"]), ("H2_2020", 1, ["t_H2_2020"]), ("", 1 << 20, ["t"])
    ):  # fmt: skip
        files = StataFiles(tmp_path, "t", title="T", columns=columns, most_bytes=most)
        files.add(label, rows)
        written = files.close()
        assert [path.stem for path in written] == stems
        again = pl.concat(in_stata(path).cast({"n": pl.Int64}) for path in written)
        assert_frame_equal(again.cast(dict(rows.schema)), rows)  # type: ignore[arg-type]


def test_tables_without_rows_are_written(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        schema={"year": pl.Int16, "reporter": pl.String, "esi": pl.Float64, "is_x": pl.Boolean}
    )
    files = StataFiles(tmp_path, "t", title="T", columns=[Column(name, "", "") for name in rows.columns])
    files.add("H2_2020", rows)
    assert in_stata(files.close()[0]).columns == rows.columns


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves files open
def test_frictionless_finds_nothing_wrong(release: Path) -> None:
    from frictionless import Package

    package = Package(str(release / "datapackage.json"))
    report = package.validate()
    assert report.valid, report.flatten(["title", "message"])[:5]
    assert len(package.resources) == 3 * len(TABLES)


def test_sums_and_codebook(release: Path, world: Workspace) -> None:
    assert subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=release, check=True)
    for name in ("codebook.md", "codebook.html"):
        text = (release / name).read_text()
        for column in (
            "converted_reporter",
            "reporter.capital",
            "reporter_capital",
            "NE.GDI.FTOT.ZS / 100, from ",
        ):
            assert column in text
    told = json.loads((release / "provenance.json").read_text())
    assert {path.name for path in world.layout.raw.glob("*.gz")} == set(told["sources"])
    assert told["covariates"]
    assert told["settings"]["esi"]["references"]["high_end"]["members"] == ["USA", "DEU"]


def test_the_same_release_twice_gives_the_same_bytes(release: Path, world: Workspace, tmp_path: Path) -> None:
    world.export(tmp_path / "again")
    for path in sorted(release.rglob("*")):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(release)).read_bytes() == path.read_bytes(), (
                path.name
            )


def test_changes_against_an_earlier_release(release: Path, world: Workspace, tmp_path: Path) -> None:
    earlier = tmp_path / "earlier"
    with release_folder(earlier) as folder:
        shutil.copytree(release, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("SHA256SUMS"))
        esi = table(release, "esi").drop("reason")
        was = esi.with_columns(
            esi=pl.when(pl.arange(pl.len()) == 3).then(pl.col("esi") / 2).otherwise("esi")
        ).filter(pl.col("year") != 2021)
        more = was.head(2).with_columns(year=pl.lit(1999, pl.Int16))
        pl.concat([more, was]).write_parquet(folder / "data" / "esi.parquet")
        (folder / "data" / "pairs.parquet").unlink()
        told = json.loads((folder / "provenance.json").read_text())
        told["settings"]["esi"]["level"] = 4
        told["sources"]["older.gz"] = {"sha256": "0"}
        (folder / "provenance.json").write_text(json.dumps(told))
    world.export(earlier, ["dta"], since=earlier)
    text = (earlier / "CHANGES.md").read_text()
    n_new = len(table(release, "esi").filter(pl.col("year") == 2021))
    assert f"| esi | {n_new:,} | 2 | 1 | + reason |" in text
    assert "| panel | 0 | 0 | 0 |  |" in text
    assert f"| pairs | {len(table(release, 'pairs')):,} | 0 | 0 | + reporter" in text
    assert "- no longer there: older.gz.sha256" in text
    assert "- changed: esi.level" in text
    moved = table(release, "esi").row(3, named=True)
    assert f"{moved['esi'] / 2:.6g} | {moved['esi']:.6g} |" in text
    with pytest.raises(UsageError, match="without Parquet"):
        world.export(tmp_path / "next", since=earlier)


def test_what_is_no_release_is_not_replaced(world: Workspace, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="no release"):
        world.export(mine)
    world.export(tmp_path / "release", ["csv"])
    (tmp_path / "release" / "data" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"data/notes\.txt"):
        world.export(tmp_path / "release", ["csv"])
    assert (mine / "thesis.tex").exists()
    with pytest.raises(UsageError, match="no release"):
        world.export(tmp_path / "other", since=mine)
    cut(tmp_path / "release" / "data" / "esi.csv.gz")  # what is damaged is replaced
    (tmp_path / "release" / "data" / "notes.txt").unlink()
    world.export(tmp_path / "release", ["csv"])


def test_stale_tables_are_not_exported(world: Workspace, tmp_path: Path) -> None:
    stale = Workspace(world.layout.root, flags={"esi": {"min_products": 7}})
    with pytest.raises(DataCheckError, match=r"coverage is not up to date: .*other inputs"):
        stale.export(tmp_path / "release")
    assert not list(tmp_path.iterdir())


def test_an_empty_workspace_has_nothing_to_export(tmp_path: Path) -> None:
    Workspace(tmp_path / "work").init()
    result = minsum("export", tmp_path / "release", "-w", tmp_path / "work")
    assert result.exit_code == 4
    assert "hint: bring it up to date first: minsum run" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_stopped_export_leaves_the_earlier_release(
    world: Workspace, release: Path, tmp_path: Path, number: signal.Signals
) -> None:
    target, new = tmp_path / "release", tmp_path / ".release.new"
    shutil.copytree(release, target)
    said = world.layout.root / "said"
    child = forked("export", target, "-q", "-w", world.layout.root, said=said)
    while child.is_alive() and not (new / "data" / "panel.csv.gz").exists():
        time.sleep(0.001)
    os.kill(child.pid, number)
    child.join()
    assert child.exitcode == (-number if number == signal.SIGKILL else 128 + number), said.read_text()
    assert new.exists() == (number == signal.SIGKILL)
    assert bytes_of(target) == bytes_of(release)
    world.export(target)
    assert bytes_of(target) == bytes_of(release)
    assert [path.name for path in tmp_path.iterdir()] == ["release"]


def test_a_release_is_found_again_after_a_kill_between_two_renames(release: Path, tmp_path: Path) -> None:
    shutil.copytree(release, tmp_path / ".release.old")
    with pytest.raises(RuntimeError, match="stopped"), release_folder(tmp_path / "release"):
        raise RuntimeError("stopped")
    assert bytes_of(tmp_path / "release") == bytes_of(release)
    assert [path.name for path in tmp_path.iterdir()] == ["release"]
