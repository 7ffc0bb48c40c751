"""A world whose countries switch HS vintages in different years, against its truth in every vintage."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from minsum.harmonise.shipped import nomenclature, shipped
from minsum.harmonise.vintages import VINTAGES, steps
from minsum.pipeline import Workspace
from minsum.synth import WorldSpec, write_world
from minsum.synth.vintages import codes_of_things

pytestmark = pytest.mark.slow

SPEC = WorldSpec(reporters=16, years=(2004, 2013, 2022), rows_per_file=3_000, products=800, vintages=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("vintages")
    work = Workspace(folder, jobs=2, flags={"harmonise": {"target": "H1"}}).init()
    write_world(SPEC, folder, jobs=2)
    assert work.ingest().exit_code == 0
    work.esi()
    return work


def truth(work: Workspace, name: str) -> pl.DataFrame:
    return pl.read_parquet(work.layout.root / "truth" / f"{name}.parquet")


def similarities(work: Workspace) -> pl.DataFrame:
    return pl.read_parquet(work.layout.yearly("esi"), hive_partitioning=False)


def test_things_follow_the_links() -> None:
    codes = codes_of_things(500)
    assert {vintage: len(found) for vintage, found in codes.items()} == dict.fromkeys(VINTAGES, 500)
    for newer, older in steps("H6", "H0"):
        links = set(map(tuple, shipped()[newer, older].links.tolist()))
        assert set(zip(codes[newer].tolist(), codes[older].tolist(), strict=True)) <= links
        assert set(codes[newer].tolist()) <= set(nomenclature()[newer].tolist())


def test_files_hold_what_the_truth_says_was_filed(world: Workspace) -> None:
    filed = truth(world, "vintage_exports").filter("is_filed")
    assert filed["vintage"].n_unique() >= 4
    ours = world.sql(
        "SELECT year, classification AS vintage, product_code, sum(value_usd) AS usd FROM flows "
        "WHERE flow = 'X' AND partner_code = 0 AND product_code <> 'TOTAL' GROUP BY ALL"
    )
    assert ours is not None
    expected = filed.group_by("year", "vintage", "product_code").agg(pl.col("value_usd").sum())
    both = expected.join(ours.pl(), on=["year", "vintage", "product_code"], how="full", coalesce=True)
    assert both.null_count().sum_horizontal().item() == 0
    assert both["usd"].to_numpy() == pytest.approx(both["value_usd"].to_numpy(), rel=1e-12)


def test_the_truth_lies_in_every_interval(world: Workspace) -> None:
    true = truth(world, "vintage_esi").filter(vintage="H1")
    both = similarities(world).join(true, on=["year", "reporter", "reference"], suffix="_true", how="inner")
    assert len(both) == len(similarities(world)) > 600
    assert (both["esi_low"] <= both["esi"]).all()
    assert (both["esi"] <= both["esi_high"]).all()
    assert (both["esi_low"] <= both["esi_true"] + 1e-12).all()
    assert (both["esi_true"] <= both["esi_high"] + 1e-12).all()
    in_target = both.filter(vintage_reporter="H1", vintage_reference="H1")
    assert in_target["esi"].to_numpy() == pytest.approx(in_target["esi_true"].to_numpy(), abs=1e-12)


def test_every_value_is_that_of_the_chain(world: Workspace) -> None:
    """The naive twin: each filed basket, code by code along the Conversion sheets, then the sum of minima."""
    shares: dict[tuple[int, str], dict[int, float]] = {}
    filed = truth(world, "vintage_exports").filter(
        "is_filed", ~pl.col("product_code").str.starts_with("9999")
    )
    for (year, reporter, vintage), rows in filed.group_by("year", "reporter", "vintage"):
        basket = {int(code): usd for code, usd in rows.select("product_code", "value_usd").rows()}
        for step in steps(str(vintage), "H1"):
            sheet = shipped()[step]
            goes = dict(zip(sheet.sources.tolist(), sheet.targets.tolist(), strict=True))
            after: dict[int, float] = {}
            for code, usd in basket.items():
                after[goes.get(code, 999999)] = after.get(goes.get(code, 999999), 0.0) + usd
            basket = after
        basket.pop(999999, None)
        total = math.fsum(basket.values())
        shares[year, str(reporter)] = {code: usd / total for code, usd in basket.items()}  # type: ignore[index]
    rows = similarities(world).filter(pl.col("reference") != "high_end")
    for year, reporter, reference, esi in rows.select("year", "reporter", "reference", "esi").iter_rows():
        one, other = shares[year, reporter], shares[year, reference]
        assert esi == pytest.approx(
            math.fsum(min(share, other.get(code, 0.0)) for code, share in one.items()), abs=1e-12
        )


def test_equal_specs_give_equal_bytes_and_other_worlds_are_as_before(tmp_path: Path) -> None:
    small = WorldSpec(
        reporters=3, years=(2022,), rows_per_file=1_000, products=200, vintages=True, missing_share=0
    )
    folders = [tmp_path / name for name in ("a", "b")]
    for folder, jobs in zip(folders, (1, 2), strict=True):
        write_world(small, folder, jobs=jobs)
    first, second = ({path.name: path.read_bytes() for path in (one / "raw").iterdir()} for one in folders)
    assert first == second
