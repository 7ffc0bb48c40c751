"""Contributions by section: what they are, which references have them, and what makes them anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl
import pytest

from conftest import Desk, similarities
from minsum.esi.baskets import gather
from minsum.esi.decompose import Question
from minsum.esi.section_references import section_references
from minsum.esi.stage import compute_esi, flows_by_year
from minsum.settings.esi import WITHOUT_SELF, Basis, Residual
from minsum.workspace.footers import flows_footers, read_footer
from minsum.workspace.layout import partition_key
from test_decomposition import REFERENCES, fill, split

CODES = {"CHN": 156, "DEU": 276, "USA": 842, "VNM": 704}


def put(desk: Desk, year: int, usd: dict[str, float]) -> None:
    for label, value in usd.items():
        rows = [
            {"period": year, "reporterCode": CODES[label], "cmdCode": code, "primaryValue": value}
            for code in ("010121", "060110")
        ]
        desk.put(rows, f"COMTRADE-FINAL-CA{CODES[label]}{year}H4[2024-03-10].gz")


def compute(desk: Desk, **options: Any) -> Any:
    return compute_esi(desk.layout, similarities(**options), progress=lambda *_: None)


def test_contributions_are_those_that_decompose_finds(desk: Desk) -> None:
    fill(desk)
    compute(desk, references=REFERENCES)
    rows = pl.read_parquet(desk.layout.yearly("section_esi"), hive_partitioning=False)
    found = rows["reference"].unique(maintain_order=True).to_list()
    composites = [name for name, (_, rule) in REFERENCES.items() if rule not in WITHOUT_SELF]
    members = [label for one in REFERENCES.values() for label in one[0]]
    assert found[: len(composites)] == composites
    assert found[len(composites) :] == list(dict.fromkeys([*members, *found[len(composites) :]]))
    assert {"CHN", "USA", "DEU", "VNM"} < set(found)
    for reference in set(found) - {"VNM"}:
        expected = split(desk, Question("VNM", reference)).by_segment()
        ours = rows.filter(reporter="VNM", reference=reference).select(
            pl.col("year").cast(pl.Int64), "section", "contribution"
        )
        both = expected.join(
            ours, left_on=["year", "segment"], right_on=["year", "section"], how="full", suffix="_ours"
        )
        difference = both["contribution"].fill_null(0.0) - both["contribution_ours"].fill_null(0.0)
        assert np.abs(difference.to_numpy()).max() < 1e-13


def test_exporters_are_in_the_order_of_their_baskets(desk: Desk) -> None:
    """The footers say it without the flows."""
    rng = np.random.default_rng(5)
    for code in CODES.values():
        rows = [
            {
                "reporterCode": code,
                "cmdCode": product,
                "flowCode": flow,
                "primaryValue": float(rng.integers(1, most)),
            }
            for product in ("010121", "060110", "999999")
            for flow, most in (("X", 100), ("DX", 90), ("RX", 60))
        ]
        desk.put(rows, f"COMTRADE-FINAL-CA{code}2015H4[2024-03-10].gz")
    desk.ingest()
    for basis in get_args(Basis):
        for residual in get_args(Residual):
            options = similarities(basis=basis, residual=residual).esi
            groups = flows_by_year(flows_footers(desk.layout), options)
            found = section_references(groups, options, level=6, unit=int)["H4"]
            [baskets] = gather(list(groups["H4", 2015]), basis=basis, residual=residual)
            sizes = dict(zip(baskets.labels, baskets.values.sum(axis=1), strict=True))
            assert [sizes[one] for one in found] == sorted(sizes.values(), reverse=True), (basis, residual)


def test_one_gathering_makes_both_tables_and_another_choice_makes_contributions_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minsum.esi.section_references.BUDGET", 0)
    gathered: list[int] = []

    def counted(files: list[Path], **options: Any) -> Any:
        gathered.append(partition_key(files[0])[1])
        return gather(files, **options)

    monkeypatch.setattr("minsum.esi.baskets.gather", counted)

    def chosen() -> list[list[str]]:
        return [read_footer(path)["options"]["split"] for path in desk.layout.yearly("section_esi")]

    for year in (2015, 2016):
        put(desk, year, {"CHN": 4, "DEU": 3, "USA": 2, "VNM": 1})
    desk.ingest()
    compute(desk)
    assert chosen() == [["CHN", "DEU", "USA"]] * 2
    put(desk, 2016, {"DEU": 3.5})
    desk.ingest()
    compute(desk)
    assert gathered == [2015, 2016, 2016]
    put(desk, 2016, {"VNM": 9})
    desk.ingest()
    assert compute(desk).rows == {"esi": 12, "section_esi": 2 * 3 * 3 * 2}
    assert chosen() == [["VNM", "CHN", "DEU"]] * 2
    assert gathered == [2015, 2016, 2016, 2015, 2016]
