"""Contributions by chapter and section: they add up to the index, and the bands are what they say."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Desk, similarities
from minsum.errors import MissingInputError, SettingsError, UsageError
from minsum.esi.bands import Pair, Resampling, band, replicates
from minsum.esi.decompose import Question, decompose
from minsum.esi.section_changes import Decomposition
from minsum.esi.sections import segments_of
from minsum.esi.stage import compute_esi, files_of
from minsum.pipeline import Workspace
from minsum.schema import SECTIONS
from minsum.settings.esi import WORLD_RULES, Rule

RULES = get_args(Rule)
REFERENCES = {rule: ((() if rule in WORLD_RULES else ("USA", "DEU")), rule) for rule in RULES}
CHN, USA, DEU, VNM = 156, 842, 276, 704


def fill(desk: Desk, years: tuple[int, ...] = (2015, 2016)) -> None:
    """Forty random products of all chapters, residual codes among them."""
    rng = np.random.default_rng(11)
    codes = [f"{chapter:02}{rng.integers(1000, 9999)}" for chapter in range(1, 98) if chapter != 77] + [
        "999999"
    ]
    for year in years:
        for reporter in (CHN, USA, DEU, VNM):
            rows = [
                {"period": year, "reporterCode": reporter, "cmdCode": code,
                 "primaryValue": round(float(rng.pareto(0.7)) + 0.01, 2)}
                for code in codes if rng.random() < 0.6
            ]  # fmt: skip
            desk.put(rows, f"COMTRADE-FINAL-CA{reporter:03}{year}H4[2024-03-10].gz")
    desk.ingest()


def split(desk: Desk, question: Question, **options: object) -> Decomposition:
    chosen = similarities(references=REFERENCES, **options)
    return decompose(files_of(desk.layout, "H4", ()), "H4", options=chosen.esi, question=question)


@pytest.mark.slow
@pytest.mark.parametrize("residual", ["exclude", "keep", "denominator"])
def test_contributions_add_up_to_the_index_under_every_rule(desk: Desk, residual: str) -> None:
    fill(desk)
    compute_esi(desk.layout, similarities(references=REFERENCES, residual=residual), progress=lambda *_: None)
    esi = pl.concat(pl.read_parquet(file, hive_partitioning=False) for file in desk.layout.yearly("esi"))
    for reference in ("USA", *RULES):
        for by in ("section", "chapter", "product"):
            found = split(desk, Question("VNM", reference, by), residual=residual)
            index = esi.filter(pl.col("reporter") == "VNM", pl.col("reference") == reference).sort("year")
            assert found.years == index["year"].to_list() == [2015, 2016]
            assert np.abs(found.totals()["esi"].to_numpy() - index["esi"].to_numpy()).max() < 1e-13
            assert np.abs(found.contributions.sum(axis=1) - index["esi"].to_numpy()).max() < 1e-13


def test_contributions_by_hand_and_the_change(desk: Desk) -> None:
    for year, values in {2015: (1, 1, 2), 2016: (3, 1, 0)}.items():
        for reporter, basket in {CHN: dict(zip(("010121", "060110", "851712"), values, strict=True)),
                                 USA: {"010121": 1, "851712": 1}}.items():  # fmt: skip
            desk.put([{"period": year, "reporterCode": reporter, "cmdCode": code, "primaryValue": value}
                      for code, value in basket.items()], f"COMTRADE-FINAL-CA{reporter:03}{year}H4[2024-03-10].gz")  # fmt: skip
    desk.ingest()
    found = split(desk, Question("CHN", "USA"))
    assert found.by_segment().select("year", "segment", "contribution").rows() == [
        (2015, "I", 0.25), (2015, "II", 0.0), (2015, "XVI", 0.5), (2016, "I", 0.5), (2016, "II", 0.0), (2016, "XVI", 0.0),
    ]  # fmt: skip
    assert found.change().select("segment", "2015", "2016", "change").rows() == [
        ("I", 0.25, 0.5, 0.25), ("II", 0.0, 0.0, 0.0), ("XVI", 0.5, 0.0, -0.5), ("total", 0.75, 0.5, -0.25),
    ]  # fmt: skip
    assert "Similarity of CHN and USA, H4\n" in repr(found)
    assert "<td>-0.25</td>" in found._repr_html_()
    assert split(desk, Question("CHN", "USA", "chapter")).by_segment()["segment"].to_list()[:3] == [
        "01",
        "06",
        "85",
    ]


def test_years_without_data_are_left_out_and_said(desk: Desk) -> None:
    fill(desk)
    desk.put([{"period": 2017, "reporterCode": VNM}], "COMTRADE-FINAL-CA7042017H4[2024-03-10].gz")
    desk.ingest()
    found = split(desk, Question("VNM", "pooled"))
    assert (found.years, found.left_out) == ([2015, 2016], {2017: ["USA", "DEU"]})
    with pytest.raises(UsageError, match="year 2017 is not decomposed"):
        found.change(2015, 2017)
    with pytest.raises(UsageError, match="no change within one year"):
        found.change(2016)


def test_wrong_questions(desk: Desk) -> None:
    fill(desk, (2015,))
    for question, error, words in (
        (Question("VNM", "nobody"), UsageError, "no composite reference 'nobody'"),
        (Question("VNN", "USA"), SettingsError, "'VNN' is the label of no country"),
        (Question("VNM", "VNM"), UsageError, "VNM with itself"),
        (Question("VNM", "USA", "product", Resampling("jackknife")), UsageError, "a product has none"),
        (Question("VNM", "FRA"), MissingInputError, "no year of H4 has data of VNM and FRA"),
    ):
        with pytest.raises(error, match=words):
            split(desk, question)


def test_the_21_sections_cut_the_chapters_without_gaps() -> None:
    assert len(SECTIONS) == 21 + 1
    assert (SECTIONS[0][1], SECTIONS[-1][2]) == (1, 99)
    assert all(before[2] + 1 == after[1] for before, after in pairwise(SECTIONS))


@given(st.lists(st.integers(100, 9999), min_size=1, unique=True))
def test_segments_cover_all_products_in_order(headings: list[int]) -> None:
    products = sorted(f"{heading:04}00" for heading in headings)
    for by in ("section", "chapter", "product"):
        segments, bounds = segments_of(products, by)
        assert bounds[0] == 0
        assert bounds[-1] == len(products)
        assert len(set(segments)) == len(segments) == len(bounds) - 1
        assert all(first < last for first, last in pairwise(bounds))


def test_jackknife_equals_leaving_out_each_product() -> None:
    rng = np.random.default_rng(3)
    values = rng.pareto(0.8, (3, 9)) * (rng.random((3, 9)) < 0.8)
    for rule in ("pooled", "mean_share", "mean_esi", "common"):
        members = values[1:].sum(axis=0, keepdims=True) if rule == "pooled" else values[1:]
        pair = Pair(np.vstack([values[:1], members]), np.array([0.5, *[0.0] * len(members)]), rule)
        draws = replicates([pair], [0, 4], Resampling("jackknife"))
        assert draws.shape == (9, 1, 2)
        for k in range(9):
            kept = np.delete(pair.values, k, axis=1)
            shares = kept / (kept.sum(axis=1) + pair.outside)[:, None]
            others = {"common": [shares[1:].min(axis=0)], "mean_share": [shares[1:].mean(axis=0)]}.get(
                rule, shares[1:]
            )
            expected = math.fsum(np.minimum(shares[0], other).sum() for other in others) / len(others)
            assert draws[k].sum() == pytest.approx(expected, abs=1e-14)


def test_jackknife_bands_of_a_mean_are_its_standard_error() -> None:
    values = np.random.default_rng(1).normal(size=200)
    left_out = (values.sum() - values) / 199
    low, high = band(values.mean(), left_out, "jackknife")
    error = values.std(ddof=1) / np.sqrt(200)
    assert high - values.mean() == pytest.approx(1.959963984540054 * error)
    assert low == pytest.approx(values.mean() - 1.959963984540054 * error)


def test_bootstrap_draws_the_same_products_in_every_year_and_always_the_same() -> None:
    rng = np.random.default_rng(5)
    pair = Pair(rng.pareto(1.0, (2, 400)), np.zeros(2), "pooled")
    resampling = Resampling("bootstrap", draws=100)
    draws = replicates([pair, pair], [0, 150], resampling)
    assert draws.shape == (100, 2, 2)
    assert (draws[:, 0] == draws[:, 1]).all(), "a change between equal years is 0 in every draw"
    assert (replicates([pair, pair], [0, 150], resampling) == draws).all()
    assert (
        replicates([pair], [0, 150], Resampling("bootstrap", draws=100, seed=2))[:, 0] != draws[:, 0]
    ).any()


def test_bootstrap_and_jackknife_agree_on_many_products() -> None:
    rng = np.random.default_rng(6)
    pair = Pair(rng.lognormal(0, 1, (2, 1500)), np.zeros(2), "pooled")
    estimate = np.minimum(*pair.values / pair.values.sum(axis=1, keepdims=True)).sum()
    widths = []
    for method in ("bootstrap", "jackknife"):
        low, high = band(estimate, replicates([pair], [0], Resampling(method, draws=400)).ravel(), method)
        assert low < estimate < high
        widths.append(high - low)
    assert widths[0] == pytest.approx(widths[1], rel=0.15)


def test_workspace_answers_from_its_settings(desk: Desk) -> None:
    fill(desk)
    (desk.layout.root / "minsum.toml").write_text("[esi.references.rest]\nrule = 'world_minus_self'\n")
    work = Workspace(desk.layout.root)
    found = work.decompose("VNM", "rest", by="chapter", years=(2016,), bands="jackknife")
    assert found.years == [2016]
    assert {"low", "high"} <= set(found.by_segment().columns)
    expected = split(desk, Question("VNM", "world_minus_self", "chapter"))
    assert found.totals()["esi"][0] == pytest.approx(expected.totals()["esi"][1], abs=1e-13)
