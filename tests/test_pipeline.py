"""The whole path on a synthetic world: against its truth, killed, repeated, locked."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

from conftest import lake
from forked import forked
from minsum.cli import main
from minsum.errors import WorkspaceLockedError
from minsum.pipeline import Workspace
from minsum.workspace.lock import exclusive

pytestmark = pytest.mark.slow


@pytest.fixture
def done(finished_world: Workspace) -> Workspace:
    """A finished run of a small world."""
    return finished_world


def test_world_exports_equal_the_truth(done: Workspace) -> None:
    truth = pl.read_parquet(done.layout.root / "truth" / "exports.parquet")
    ours = (
        pl.scan_parquet(done.layout.partitions(), hive_partitioning=True)
        .filter(pl.col("flow") == "X", pl.col("partner_code") == 0, pl.col("product_code") != "TOTAL")
        .select(
            pl.col("year").cast(pl.Int16),
            reporter_code=pl.col("reporter").cast(pl.Int32),
            product_code="product_code",
            ours="value_usd",
        )
        .collect()
    )
    keys = ["year", "reporter_code", "product_code"]
    truth = truth.with_columns(pl.col("year").cast(pl.Int16), pl.col("reporter_code").cast(pl.Int32))
    both = truth.filter(pl.col("value_usd") > 0).join(ours, on=keys, how="full", coalesce=True)
    assert both.null_count().select("value_usd", "ours").row(0) == (0, 0)
    assert (both["value_usd"] == both["ours"]).all()


def test_similarities_equal_the_truth(done: Workspace) -> None:
    truth = pl.read_parquet(done.layout.root / "truth" / "esi.parquet").with_columns(
        pl.col("year").cast(pl.Int16)
    )
    ours = pl.read_parquet(done.layout.esi / "*" / "*.parquet", hive_partitioning=False)
    both = truth.join(ours, on=["year", "reporter", "reference"], how="full", coalesce=True, suffix="_ours")
    assert len(both) == len(truth) == len(ours)
    assert (both["esi"] - both["esi_ours"]).abs().max() < 1e-12


def test_import_shares_equal_the_truth(done: Workspace) -> None:
    truth = pl.read_parquet(done.layout.root / "truth" / "import_share.parquet").with_columns(
        pl.col("year").cast(pl.Int16)
    )
    panel = pl.read_parquet(done.layout.panel)
    both = panel.join(truth, on=["reporter", "year"], how="left", suffix="_true")
    assert len(panel) > 80
    assert (both["import_share"] - both["import_share_true"]).abs().max() < 1e-15


def test_estimates_recover_the_truth(done: Workspace) -> None:
    model = json.loads((done.layout.root / "truth" / "model.json").read_text())
    rows = pl.read_parquet(done.layout.estimates / "main.parquet")
    for name in ("FE", "FGLS"):
        found = {row["term"]: row for row in rows.filter(pl.col("model") == name).iter_rows(named=True)}
        for term, truth in model["coefficients"].items():
            assert abs(found[term]["coefficient"] - truth) < 3.3 * found[term]["std_error"], (name, term)


def test_standard_errors_are_those_of_the_errors_that_were_drawn(done: Workspace) -> None:
    """sigma (X'X)^-1/2 with the true sigma, countries' means taken off: too wide fails as too narrow does."""
    model = json.loads((done.layout.root / "truth" / "model.json").read_text())
    names = list(model["coefficients"])
    panel = pl.read_parquet(done.layout.panel).drop_nulls(["esi", *names])
    x = panel.select(pl.col(name) - pl.col(name).mean().over("reporter") for name in names).to_numpy()
    true = model["sigma"] * np.sqrt(np.diag(np.linalg.inv(x.T @ x)))
    rows = pl.read_parquet(done.layout.estimates / "main.parquet").filter(pl.col("term").is_in(names))
    for name in ("FE", "FGLS"):
        found = {row["term"]: row["std_error"] for row in rows.filter(pl.col("model") == name).to_dicts()}
        assert [found[term] for term in names] == pytest.approx(true, rel=0.2), name


def test_fgls_is_fe_with_other_degrees_of_freedom(done: Workspace) -> None:
    rows = pl.read_parquet(done.layout.estimates / "main.parquet")
    fe, fgls = (rows.filter(pl.col("model") == name) for name in ("FE", "FGLS"))
    both = fe.join(fgls, on="term", suffix="_fgls").filter(pl.col("term") != "const")
    n_obs, n_entities, n_slopes = fe["n_obs"][0], fe["n_entities"][0], len(both)
    assert n_slopes == 6
    assert (both["coefficient"] - both["coefficient_fgls"]).abs().max() < 1e-10
    ratio = (both["statistic_fgls"] / both["statistic"]).to_numpy()
    assert np.allclose(ratio, np.sqrt(n_obs / (n_obs - n_entities - n_slopes)), rtol=1e-10)


def test_a_spec_file_beside_the_main_estimates(done: Workspace, tmp_path: Path) -> None:
    """Every covariate was in a publisher's own format; the pairs need no other data than the panel has."""
    spec = tmp_path / "gravity.toml"
    spec.write_text(
        'data = "pairs"\nregressors = ["reporter.lr", "reference.lr"]\n[[models]]\nname = "level"\n'
        '[[models]]\nname = "odds"\ndependent = "logit(esi)"\nclusters = ["reporter"]\n'
    )
    again = Workspace(done.layout.root, jobs=2)
    assert again.estimate(spec).stages[0].summary["models"].keys() == {"level", "odds"}
    rows = pl.read_parquet(done.layout.estimates / "gravity.parquet")
    assert rows["n_entities"].to_list() == [9 * 11] * 4, (
        "the panel's nine with every reference, USA and DEU among them"
    )
    relation = again.sql("SELECT DISTINCT spec FROM estimates ORDER BY spec")
    assert relation is not None
    assert relation.fetchall() == [("gravity",), ("main",)]
    result = CliRunner().invoke(main, ["estimate", str(spec), "-w", str(done.layout.root)])
    assert result.exit_code == 0
    assert "Regressions: gravity" in result.stdout
    assert "nothing to do" in result.stdout
    (done.layout.estimates / "gravity.parquet").unlink()


def test_second_run_does_nothing(done: Workspace) -> None:
    before = lake(done.layout.root)
    report = done.run()
    assert not report.changed
    assert [stage.stage for stage in report.stages] == ["flows", "esi", "panel", "estimates", "report"]
    assert lake(done.layout.root) == before


def test_every_run_is_recorded(done: Workspace) -> None:
    records = [json.loads(path.read_text()) for path in sorted(done.layout.runs.glob("*.json"))]
    assert records[0]["exit_code"] == 0
    assert records[0]["stages"][0]["summary"]["n_partitions"] == len(done.layout.partitions())
    assert {"versions", "settings", "peak_rss_bytes", "seconds"} <= set(records[0])


def test_a_fresh_run_with_other_jobs_gives_the_same_bytes(done: Workspace, tmp_path: Path) -> None:
    work = Workspace(tmp_path, jobs=5).init("paper")
    work.ingest([done.layout.raw])
    work.esi()
    assert lake(tmp_path) == lake(done.layout.root)


def test_killed_at_random_moments_the_rerun_gives_the_same_bytes(done: Workspace, tmp_path: Path) -> None:
    work = Workspace(tmp_path, jobs=2).init("paper")
    whole = lake(done.layout.root)
    code = (
        f"from minsum import Workspace; w = Workspace({str(tmp_path)!r}, jobs=2); "
        f"w.ingest([{str(done.layout.raw)!r}]); w.esi()"
    )
    stages = [work.layout.flows, work.layout.esi]
    rng = random.Random(7)
    n_esi = sum(name.startswith("esi") for name in whole)
    # Three moments while the flows grow and one while the similarities do, each a little after a file appears.
    moments = [*sorted(rng.sample(range(1, len(whole) - n_esi), 3)), len(whole) - n_esi + 2]
    for moment in moments:
        process = forked(code=code, said=tmp_path / "said")
        while sum(1 for stage in stages for _ in stage.rglob("*.parquet")) < moment:
            assert process.is_alive(), "ended before it could be killed"
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.join()
        assert set(lake(tmp_path).items()) <= set(whole.items())
    work.ingest([done.layout.raw])
    work.esi()
    assert lake(tmp_path) == whole
    assert not list(work.layout.scratch.glob("*"))


def test_one_run_at_a_time(done: Workspace) -> None:
    code = f"from minsum import Workspace; Workspace({str(done.layout.root)!r}).run()"
    with exclusive(done.layout):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "WorkspaceLockedError" in other.stderr
    assert f"process {os.getpid()}" in other.stderr
    with exclusive(done.layout), pytest.raises(WorkspaceLockedError, match="another run holds the workspace"):
        done.esi()


def test_sql_over_every_table(done: Workspace) -> None:
    for table in ("flows", "esi", "coverage", "panel", "estimates"):
        relation = done.sql(f"SELECT count(*) FROM {table}")  # noqa: S608 - names from the line above
        assert relation is not None
        assert relation.fetchall()[0][0] > 0


def test_coverage_has_a_row_per_reporter_year(done: Workspace) -> None:
    coverage = pl.read_parquet(done.layout.coverage)
    assert len(coverage) == len(done.layout.partitions())
    assert (coverage["rows_in"] > coverage["rows_kept"]).all()
    assert (coverage["world_vs_partners"] - 1).abs().max() < 1e-9
    assert (coverage["total_vs_products"] - 1).abs().max() < 1e-9
