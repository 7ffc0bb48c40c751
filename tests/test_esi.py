"""Similarities of the stage against the naive twin, closed forms and the options."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import naive
from conftest import Desk, one, similarities
from minsum.errors import MissingInputError, SettingsError
from minsum.esi.stage import compute_esi
from minsum.settings.load import load_settings
from minsum.workspace.footers import read_footer
from minsum_kernels import KernelInputError
from test_formats import web

REFERENCES = {
    rule: (("USA", "DEU"), rule) for rule in ("pooled", "mean_share", "mean_esi", "common")
}  # every rule with members, under its own name
WORLDS = {rule: ((), rule) for rule in ("world", "world_minus_self")}
EXPORTS = {
    156: {"010121": 60.0, "020110": 30.0, "999999": 10.0},
    842: {"010121": 10.0, "020110": 10.0, "030111": 20.0},
    276: {"020110": 5.0, "030111": 1.0, "9999AA": 2.0},
    704: {"640399": 8.0},
}


def fill(desk: Desk, exports: dict[int, dict[str, float]] = EXPORTS, flow: str = "X") -> None:
    for reporter, basket in exports.items():
        rows = [
            {"reporterCode": reporter, "cmdCode": code, "primaryValue": value, "flowCode": flow}
            for code, value in basket.items()
        ]
        desk.put(rows, f"COMTRADE-FINAL-CA{reporter:03}2015H4[2024-03-10].gz")
    desk.ingest()


def compute(desk: Desk, **options: object) -> pl.DataFrame:
    compute_esi(desk.layout, similarities(**options), progress=lambda *_: None)
    return pl.read_parquet(desk.layout.esi / "classification=H4" / "2015.parquet", hive_partitioning=False)


def test_values_by_hand(desk: Desk) -> None:
    fill(desk)
    table = compute(desk)
    # CHN without residuals: 2/3, 1/3; USA: 1/4, 1/4, 1/2
    assert one(table, "CHN", "USA") == {
        "year": 2015, "reporter": "CHN", "reference": "USA", "reporter_code": 156, "reference_code": 842, "esi": 0.5,
        "n_reporter": 2, "n_reference": 3, "n_common": 2, "residual_reporter": 0.1, "residual_reference": 0.0,
        "is_rebuilt": False, "reason": None,
    }  # fmt: skip
    assert one(table, "CHN", "VNM")["esi"] == 0.0
    assert len(table) == 4 * 3


def test_order_and_ordered_pairs(desk: Desk) -> None:
    fill(desk)
    table = compute(desk, references=REFERENCES)
    keys = table.select("reporter", "reference").rows()
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys) == 4 * 3 + 4 * len(REFERENCES)
    assert all(reporter != reference for reporter, reference in keys)


def test_composites_in_closed_form(desk: Desk) -> None:
    fill(desk)
    table = compute(desk, references=REFERENCES)
    usa, deu = (np.array(shares) for shares in ([0.25, 0.25, 0.5], [0.0, 5 / 6, 1 / 6]))
    china = np.array([2 / 3, 1 / 3, 0.0])
    expected = {
        "pooled": np.minimum(china, np.array([10, 15, 21]) / 46).sum(),
        "mean_share": np.minimum(china, (usa + deu) / 2).sum(),
        "mean_esi": (np.minimum(china, usa).sum() + np.minimum(china, deu).sum()) / 2,
        "common": np.minimum(china, np.minimum(usa, deu)).sum(),
    }
    for rule, value in expected.items():
        row = one(table, "CHN", rule)
        assert row["esi"] == pytest.approx(value, abs=1e-15)
        assert row["reference_code"] is None
        assert row["n_reference"] == (2 if rule == "common" else 3)
        assert row["residual_reference"] == pytest.approx(2 / 48)


def test_the_world_and_the_world_without_oneself_in_closed_form(desk: Desk) -> None:
    fill(desk)
    table = compute(desk, references=WORLDS)
    # by country: CHN 60, 30, 0, 0; USA 10, 10, 20, 0; DEU 0, 5, 1, 0; VNM 0, 0, 0, 8
    world = np.array([70, 45, 21, 8]) / 144
    china, vietnam = np.array([2 / 3, 1 / 3, 0, 0]), np.array([0, 0, 0, 1.0])
    others = np.array([10, 15, 21, 8]) / 54
    row = one(table, "CHN", "world")
    assert row["esi"] == pytest.approx(np.minimum(china, world).sum(), abs=1e-15)
    assert (row["n_reference"], row["n_common"], row["reference_code"]) == (4, 2, None)
    assert row["residual_reference"] == pytest.approx(12 / 156)
    row = one(table, "CHN", "world_minus_self")
    assert row["esi"] == pytest.approx(np.minimum(china, others).sum(), abs=1e-15)
    assert row["residual_reference"] == pytest.approx(2 / 56)
    assert not row["is_rebuilt"]
    row = one(table, "VNM", "world")
    assert row["esi"] == pytest.approx(np.minimum(vietnam, world).sum(), abs=1e-15)
    row = one(table, "VNM", "world_minus_self")
    assert (row["esi"], row["n_reference"], row["n_common"]) == (0.0, 3, 0)


def test_the_others_are_not_lost_beside_a_giant(desk: Desk) -> None:
    """A sum of all less one's own would cancel here."""
    fill(desk, {156: {"010121": 1e18}, 842: {"010121": 1.0, "020110": 3.0}})
    table = compute(desk, references=WORLDS)
    assert one(table, "CHN", "world_minus_self")["esi"] == 0.25
    assert one(table, "CHN", "world_minus_self")["n_reference"] == 2


def test_rebuilt_values_of_others_flag_the_world_without_oneself(desk: Desk) -> None:
    desk.put([{"partnerCode": 36}], "COMTRADE-FINAL-CA1562015H4[2024-03-10].gz")
    fill(desk, {842: EXPORTS[842]})
    assert one(compute(desk, references=WORLDS), "USA", "world_minus_self")["is_rebuilt"]


def test_reporters_are_rows_while_every_country_stays_a_reference(desk: Desk) -> None:
    fill(desk)
    table = compute(desk, reporters=("CHN",), references=REFERENCES | WORLDS)
    assert table["reporter"].unique().to_list() == ["CHN"]
    assert set(table["reference"]) == {"USA", "DEU", "VNM", *REFERENCES, *WORLDS}
    assert one(table, "CHN", "pooled") == one(compute(desk, references=REFERENCES), "CHN", "pooled")
    with pytest.raises(MissingInputError):
        compute(desk, reporters=("FRA",))


def test_levels_side_by_side_equal_each_level_alone(desk: Desk) -> None:
    exports = {156: {"010121": 1.0, "010190": 1.0, "020110": 2.0}, 842: {"010129": 2.0, "020230": 2.0}}
    fill(desk, exports)
    alone = {level: compute(desk, level=level, references=WORLDS) for level in (6, 4, 2)}
    main = compute(desk, level=4, levels=(6, 4, 2), references=WORLDS)
    assert main.equals(alone[4])
    both = pl.read_parquet(desk.layout.yearly("esi_levels"), hive_partitioning=False)
    assert both["level"].unique(maintain_order=True).to_list() == [6, 4, 2]
    for level, table in alone.items():
        assert both.filter(pl.col("level") == level).drop("level").equals(table)


def test_options_are_recorded_and_levels_beside_do_not_change_the_main_table(desk: Desk) -> None:
    fill(desk)
    compute(desk, references=WORLDS, level=2, residual="keep", min_products=3)
    file = desk.layout.yearly("esi")[0]
    before = file.read_bytes()
    assert read_footer(file)["options"] == {
        "basis": "X", "level": 2, "residual": "keep", "min_products": 3, "reporters": [],
        "references": {"world": [[], "world"], "world_minus_self": [[], "world_minus_self"]},
    }  # fmt: skip
    compute(desk, references=WORLDS, level=2, residual="keep", min_products=3, levels=(6,))
    assert file.read_bytes() == before


def test_a_composite_without_all_its_members_is_absent_and_said(desk: Desk) -> None:
    fill(desk, {code: EXPORTS[code] for code in (156, 842)})
    report = compute_esi(desk.layout, similarities(references=REFERENCES), progress=lambda *_: None)
    assert report.absent["H4/2015"]["pooled"] == ["DEU"]
    assert compute(desk, references=REFERENCES)["reference"].unique().sort().to_list() == ["CHN", "USA"]


def test_residual_policies_by_hand(desk: Desk) -> None:
    fill(desk, {156: {"010121": 20.0, "999999": 80.0}, 842: {"010121": 50.0, "999999": 50.0}})
    found = {
        policy: one(compute(desk, residual=policy), "CHN", "USA")["esi"]
        for policy in ("exclude", "keep", "denominator")
    }
    assert found == pytest.approx({"exclude": 1.0, "keep": 0.7, "denominator": 0.2})


def test_level_adds_up_before_shares(desk: Desk) -> None:
    fill(desk, {156: {"010121": 1.0, "010190": 1.0}, 842: {"010129": 2.0, "020110": 2.0}})
    assert one(compute(desk, level=6), "CHN", "USA")["esi"] == 0.0
    assert one(compute(desk, level=4), "CHN", "USA")["esi"] == 0.5
    assert one(compute(desk, level=2), "CHN", "USA")["esi"] == 0.5


def test_basis_less_reexports_never_goes_below_zero(desk: Desk) -> None:
    for reporter, rows in {
        156: [
            {"primaryValue": 10},
            {"cmdCode": "020110", "primaryValue": 10},
            {"flowCode": "RX", "primaryValue": 15},
        ],
        842: [{"primaryValue": 10}, {"cmdCode": "020110", "primaryValue": 10}],
    }.items():
        desk.put(
            [{"reporterCode": reporter, **row} for row in rows],
            f"COMTRADE-FINAL-CA{reporter}2015H4[2024-03-10].gz",
        )
    desk.ingest()
    row = one(compute(desk, basis="X-RX"), "CHN", "USA")
    assert (row["esi"], row["n_reporter"]) == (0.5, 1)


def test_too_few_products_give_null_with_a_reason(desk: Desk) -> None:
    fill(desk)
    row = one(compute(desk, min_products=2), "CHN", "VNM")
    assert row["esi"] is None
    assert row["reason"] == "fewer than 2 products"
    assert one(compute(desk, min_products=2), "CHN", "USA")["reason"] is None


def test_groups_of_countries_are_left_out_and_taiwan_stays(desk: Desk) -> None:
    fill(desk, {97: EXPORTS[156], 490: EXPORTS[156], 842: EXPORTS[842]})
    assert set(compute(desk)["reporter"]) == {"S19", "USA"}


def test_rebuilt_values_are_flagged_on_both_sides(desk: Desk) -> None:
    desk.put([{"partnerCode": 36}], "COMTRADE-FINAL-CA1562015H4[2024-03-10].gz")
    fill(desk, {842: EXPORTS[842], 276: EXPORTS[276]})
    table = compute(desk)
    assert one(table, "CHN", "USA")["is_rebuilt"]
    assert one(table, "USA", "CHN")["is_rebuilt"]
    assert not one(table, "USA", "DEU")["is_rebuilt"]


def test_random_world_equals_the_naive_twin(desk: Desk) -> None:
    rng = np.random.default_rng(1)
    codes = [f"{number:06}" for number in rng.choice(np.arange(10000, 970000), 60, replace=False)]
    reporters = [156, 842, 276, 704, 360, 764, 702]
    exports = {
        reporter: {
            code: round(float(value), 3)
            for code, value in zip(codes, rng.pareto(0.5, 60), strict=True)
            if rng.random() < 0.6
        }
        for reporter in reporters
    }
    fill(desk, exports)
    table = compute(desk)
    for i in reporters:
        for r in reporters:
            if i == r:
                continue
            totals = [math.fsum(exports[code].values()) for code in (i, r)]
            shares = [
                [exports[code].get(k, 0.0) / total for k in codes]
                for code, total in zip((i, r), totals, strict=True)
            ]
            row = table.filter((pl.col("reporter_code") == i) & (pl.col("reference_code") == r)).row(
                0, named=True
            )
            assert row["esi"] == pytest.approx(naive.min_sum(*shares), abs=1e-13)


def test_only_changed_years_are_recomputed(desk: Desk) -> None:
    fill(desk)
    desk.put([{"period": 2016, "reporterCode": 842}], "COMTRADE-FINAL-CA8422016H4[2024-03-10].gz")
    desk.ingest()
    options = similarities()
    assert compute_esi(desk.layout, options, progress=lambda *_: None).computed == ["H4/2015", "H4/2016"]
    assert compute_esi(desk.layout, options, progress=lambda *_: None).computed == []
    desk.put([{"reporterCode": 156, "primaryValue": 1}], "COMTRADE-FINAL-CA1562015H4[2025-03-10].gz")
    desk.ingest(accept=True)
    again = compute_esi(desk.layout, options, progress=lambda *_: None)
    assert (again.computed, again.unchanged) == (["H4/2015"], ["H4/2016"])
    only = compute_esi(desk.layout, similarities(years=(2016,)), progress=lambda *_: None)
    assert (only.computed, only.unchanged) == ([], ["H4/2016"])
    assert not (desk.layout.esi / "classification=H4" / "2015.parquet").exists()


def test_nothing_to_compare_is_said(desk: Desk) -> None:
    with pytest.raises(MissingInputError, match="no flows"):
        compute_esi(desk.layout, similarities(), progress=lambda *_: None)
    path = desk.layout.root / "minsum.toml"
    path.parent.mkdir(exist_ok=True)
    for members, message in (
        ("USA', 'USA", "a member occurs twice"),
        ("GER", "'GER' is the label of no country"),
    ):
        path.write_text(f"[esi.references.a]\nmembers = ['{members}']\n")
        with pytest.raises(SettingsError, match=f"esi.references.a.members: {message}"):
            load_settings(path)


def test_esi_matrix() -> None:
    from minsum import esi_matrix

    values = np.array([[3.0, 1.0, 0.0], [1.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    assert esi_matrix(values).tolist() == [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]]
    for wrong in ([[-1.0, -1.0]], [[np.nan, 1.0]]):
        with pytest.raises(KernelInputError):
            esi_matrix(wrong)


@pytest.mark.parametrize("level", [6, 4, 2])
def test_countries_of_other_digits_count_at_the_levels_that_they_have(desk: Desk, level: int) -> None:
    fine = {156: {"010121": 1.0, "010190": 1.0, "020110": 2.0}, 842: {"010129": 2.0, "020230": 2.0}}
    coarse = {276: {"0101": 3.0, "0202": 1.0}, 704: {"01": 1.0, "03": 1.0}}
    fill(desk, fine | coarse)
    table = compute(desk, level=level)
    baskets = [
        {
            code[:level]: sum(usd for one, usd in basket.items() if one[:level] == code[:level])
            for code in basket
        }
        for basket in (fine | coarse).values()
        if min(map(len, basket)) >= level
    ]
    labels = ["CHN", "USA", "DEU", "VNM"][: len(baskets)]
    for label, mine in zip(labels, baskets, strict=True):
        for other, theirs in zip(labels, baskets, strict=True):
            if label != other:
                shares = [
                    min(
                        mine.get(code, 0.0) / sum(mine.values()), theirs.get(code, 0.0) / sum(theirs.values())
                    )
                    for code in {*mine, *theirs}
                ]
                assert one(table, label, other)["esi"] == pytest.approx(sum(shares), abs=1e-12)
    assert set(table["reporter"]) == set(labels)
    beside = compute(desk, level=2, levels=(level,))
    assert set(beside["reporter"]) == {"CHN", "USA", "DEU", "VNM"}
    both = pl.read_parquet(desk.layout.yearly("esi_levels"), hive_partitioning=False)
    assert both.drop("level").equals(table)


def test_countries_without_a_basket_are_named_with_the_reason(desk: Desk) -> None:
    fill(desk, {156: {"010121": 1.0}, 842: {"0101": 1.0}, 276: {"01": 1.0}})
    desk.put_bytes(web([{"reporterCode": "704", "partnerCode": "36"}]), "t.csv")
    desk.ingest()
    report = compute_esi(desk.layout, similarities(), progress=lambda *_: None)
    assert report.left_out == {
        "H4/2015": {
            "products of 2 digits, fewer than the 6 that are compared": ["DEU"],
            "exports to partners without World rows, which may not be all partners": ["VNM"],
            "products of 4 digits, fewer than the 6 that are compared": ["USA"],
        }
    }
    assert report.alone == {"H4/2015": "only CHN has exports there"}


@pytest.mark.parametrize("option", ["market_esi", "destination_esi", "complementarity"])
def test_no_table_mixes_digits(desk: Desk, option: str) -> None:
    for reporter in (156, 842, 276):
        rows = [
            {"reporterCode": reporter, "flowCode": flow, "cmdCode": "0101" if reporter == 276 else "010121",
             "partnerCode": partner}
            for flow in ("X", "M")
            for partner in (0, 36)
        ]  # fmt: skip
        desk.put(rows, f"{reporter}.gz")
    desk.ingest()
    compute(desk, **{option: {}})
    (file,) = desk.layout.yearly(option)
    assert set(pl.read_parquet(file, hive_partitioning=False)["reporter"]) <= {"CHN", "USA"}
    assert pl.read_parquet(file, hive_partitioning=False).height
