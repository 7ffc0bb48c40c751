"""Every row rule and repair, on files of a few rows whose outcome is written out."""

from __future__ import annotations

import pytest

from conftest import COLUMNS, Desk, bulk_text

HORSES, MULES = "010121", "010190"


def world(value: float = 100.0, product: str = HORSES, flow: str = "X") -> tuple[object, ...]:
    return (flow, 0, product, float(value), False)


@pytest.mark.parametrize(
    ("rule", "removed"),
    [
        ("flow", {"flowCode": "RM"}),
        ("partner2", {"partner2Code": 842}),
        ("customs", {"customsCode": "C01"}),
        ("mot", {"motCode": 1000}),
        ("mos", {"mosCode": "1"}),
        ("level", {"cmdCode": "0101"}),
        ("level", {"cmdCode": "01"}),
        ("level", {"cmdCode": "01012100"}),
        ("level", {"cmdCode": "0101210010"}),
        ("value", {"primaryValue": ""}),
        ("value", {"primaryValue": "NaN"}),
        ("value", {"primaryValue": "inf"}),
        ("value", {"primaryValue": "-5"}),
        ("value", {"primaryValue": "1e300"}),
        ("zero", {"primaryValue": "0"}),
    ],
)
def test_a_removed_row_counts_under_its_rule(desk: Desk, rule: str, removed: dict[str, object]) -> None:
    desk.put([{}, {"cmdCode": MULES, **removed}, {"cmdCode": MULES, "primaryValue": 7}])
    desk.ingest()
    assert desk.rows() == [world(), world(7, MULES)]
    assert desk.footer()["sources"][0]["rules"][rule]["rows"] == 1


@pytest.mark.parametrize("huge", [("inf", "-inf"), ("1e308", "1e308"), ("inf", "")])
def test_numbers_that_no_sum_holds_are_removed_without_a_warning(desk: Desk, huge: tuple[str, str]) -> None:
    desk.put([{}, *({"cmdCode": MULES, "primaryValue": value} for value in huge)])
    desk.ingest()
    assert desk.rows() == [world()]
    assert desk.footer()["sources"][0]["rules"]["value"] == {"rows": 2, "usd": 0.0}


def test_first_rule_that_removes_a_row_counts_it_with_its_value(desk: Desk) -> None:
    desk.put(
        [
            {},
            {"flowCode": "FM", "motCode": 1000, "cmdCode": "01", "primaryValue": 30},
            {"motCode": 2100, "cmdCode": "01"},
        ]
    )
    desk.ingest()
    rules = desk.footer()["sources"][0]["rules"]
    assert rules == {
        "kept": {"rows": 1, "usd": 100.0},
        "flow": {"rows": 1, "usd": 30.0},
        "mot": {"rows": 1, "usd": 100.0},
    }


@pytest.mark.parametrize("mos", ["0", "-1", "", "0 ", " -1"])
def test_mos_variants_are_totals(desk: Desk, mos: str) -> None:
    desk.put([{"mosCode": mos}])
    desk.ingest()
    assert desk.rows() == [world()]


def test_x_and_rx_stay_apart(desk: Desk) -> None:
    desk.put([{}, {"flowCode": "RX", "primaryValue": 40}])
    desk.ingest()
    assert desk.rows() == [world(40, flow="RX"), world()]


def test_codes_are_text_with_leading_zeros_and_letters(desk: Desk) -> None:
    desk.put([{"cmdCode": code} for code in ("9999AA", "999999", HORSES, "TOTAL", " 010190 ")])
    desk.ingest()
    assert [row[2] for row in desk.rows()] == [HORSES, MULES, "999999", "9999AA", "TOTAL"]


def test_rows_are_sorted_by_flow_partner_and_product(desk: Desk) -> None:
    desk.put(
        [
            {"flowCode": flow, "partnerCode": partner, "cmdCode": code}
            for code in (MULES, HORSES)
            for partner in (842, 0, 36)
            for flow in "XM"
        ]
    )
    desk.ingest()
    keys = [row[:3] for row in desk.rows()]
    assert keys == sorted(keys)
    assert len(keys) == 12


def test_columns_in_any_order_and_spelling(desk: Desk) -> None:
    respelt = [name.upper() if name.endswith("Value") else name for name in reversed(COLUMNS)]
    lines = bulk_text([{}], reversed(COLUMNS)).split(b"\n")
    lines[0] = "\t".join(respelt).encode()
    desk.put_bytes(b"\n".join(lines), "COMTRADE-FINAL-CA1562015H4[2024-03-10].txt")
    desk.ingest()
    assert desk.rows() == [world()]


def test_classic_files_without_breakdown_columns(desk: Desk) -> None:
    columns = [name for name in COLUMNS if name not in ("partner2Code", "customsCode", "mosCode", "motCode")]
    desk.put([{}], "COMTRADE-FINALCLASSIC-CA1562015H4[2024-03-10].gz", columns=columns)
    desk.ingest()
    assert desk.rows() == [world()]


def test_equal_repeats_are_one_row_and_unequal_ones_keep_the_largest(desk: Desk) -> None:
    desk.put(
        [
            {},
            {},
            {"cmdCode": MULES, "primaryValue": 5},
            {"cmdCode": MULES, "primaryValue": 9},
            {"cmdCode": MULES, "primaryValue": 7},
        ]
    )
    desk.ingest()
    assert desk.rows() == [world(), world(9, MULES)]
    assert desk.footer()["repairs"] == {
        "duplicates": {"rows": 1, "usd": 100.0},
        "conflicts": {"rows": 2, "usd": 12.0},
    }


def test_usd_of_repeats_is_that_of_the_rows_that_go_even_beside_a_value_that_dwarfs_them(desk: Desk) -> None:
    desk.put([{"primaryValue": 0.1}, {"primaryValue": "1e18"}, {"primaryValue": 0.2}])
    desk.ingest()
    conflicts = desk.footer()["repairs"]["conflicts"]
    assert conflicts == {"rows": 2, "usd": pytest.approx(0.3, rel=1e-12)}


def test_missing_world_row_is_rebuilt_from_partners(desk: Desk) -> None:
    desk.put([{"partnerCode": 36, "primaryValue": 30}, {"partnerCode": 842, "primaryValue": 12}])
    desk.ingest()
    assert desk.rows()[0] == ("X", 0, HORSES, 42.0, True)
    assert desk.footer()["repairs"] == {"world_missing": {"rows": 1, "usd": 42.0}}


@pytest.mark.parametrize("partners", [99, 99.4375, 101])
def test_world_that_disagrees_with_partners_is_kept_and_counted(desk: Desk, partners: float) -> None:
    desk.put([{}, {"partnerCode": 36, "primaryValue": partners}])
    desk.ingest()
    assert desk.rows()[0] == world()
    assert desk.footer()["repairs"] == {"world_discrepancies": {"rows": 1, "usd": abs(100 - partners)}}


def test_world_within_half_a_per_cent_of_partners_agrees(desk: Desk) -> None:
    desk.put([{}, {"partnerCode": 36, "primaryValue": 99.5}])
    desk.ingest()
    assert desk.footer()["repairs"] == {}


def test_world_above_total_is_rebuilt_from_partners(desk: Desk) -> None:
    desk.put(
        [
            {"cmdCode": "TOTAL", "primaryValue": 150},
            {"primaryValue": "1e11"},
            {"partnerCode": 36},
            {"cmdCode": MULES, "primaryValue": 50},
        ]
    )
    desk.ingest()
    assert desk.rows()[:2] == [("X", 0, HORSES, 100.0, True), world(50, MULES)]
    assert desk.footer()["repairs"] == {"world_impossible": {"rows": 1, "usd": 1e11}}


def test_world_above_total_without_partners_is_kept_and_counted(desk: Desk) -> None:
    desk.put([{"cmdCode": "TOTAL", "primaryValue": 50}, {}])
    desk.ingest()
    assert desk.footer()["repairs"] == {"world_unresolved": {"rows": 1, "usd": 100.0}}


def test_total_of_a_cell_with_parts_only_comes_from_one_breakdown(desk: Desk) -> None:
    desk.put(
        [
            {"motCode": 1000, "primaryValue": 60},
            {"motCode": 2100, "primaryValue": 40},
            {"customsCode": "C01", "primaryValue": 70},
            {"cmdCode": MULES, "primaryValue": 1},
            {"cmdCode": MULES, "motCode": 1000, "primaryValue": 1},
        ]
    )
    desk.ingest()
    assert desk.rows() == [("X", 0, HORSES, 100.0, True), world(1, MULES)]
    assert desk.footer()["repairs"] == {"totals_rebuilt": {"rows": 1, "usd": 100.0}}


def test_a_mode_of_transport_inside_another_is_not_added_to_it(desk: Desk) -> None:
    desk.put(
        [
            {"motCode": 2000, "primaryValue": 60},
            {"motCode": 2100, "primaryValue": 60},
            {"motCode": 3200, "primaryValue": 40},
        ]
    )
    desk.ingest()
    assert desk.rows() == [("X", 0, HORSES, 100.0, True)]


def test_a_part_that_is_repeated_counts_once_in_its_total(desk: Desk) -> None:
    desk.put(
        [
            {"customsCode": "C01", "primaryValue": 30},
            {"customsCode": "C02", "primaryValue": 30},
            {"customsCode": "C02", "primaryValue": 30},
            {"customsCode": "C01", "primaryValue": 25},
        ]
    )
    desk.ingest()
    assert desk.rows() == [("X", 0, HORSES, 60.0, True)]
    assert desk.footer()["repairs"] == {
        "parts_repeated": {"rows": 2, "usd": 55.0},
        "totals_rebuilt": {"rows": 1, "usd": 60.0},
    }


def test_blank_lines_and_no_rows_at_all(desk: Desk) -> None:
    desk.put_bytes(bulk_text([]) + b"\n\r\n\n", "blank.txt")
    assert "a header line and no rows" in desk.ingest().rejected["blank.txt"][0]


@pytest.mark.parametrize("code", ["010121\0", "\x00010121"])
def test_zero_bytes_are_no_text(desk: Desk, code: str) -> None:
    desk.put([{}, {"cmdCode": code}])
    assert "a zero byte" in next(iter(desk.ingest().rejected.values()))[0]


def test_identity_checks_are_stored(desk: Desk) -> None:
    desk.put(
        [
            {"cmdCode": "TOTAL", "primaryValue": 200},
            {},
            {"cmdCode": "999999", "primaryValue": 60},
            {"partnerCode": 36, "primaryValue": 100.1},
        ]
    )
    desk.ingest()
    assert desk.footer()["checks"] == {
        "X": {
            "rows": 4, "level": 6, "products_usd": 260.1, "n_products": 2, "world_usd": 160.0, "world_vs_partners": 1.001, "total_vs_products": 0.8,
            "residual_share": 0.375,
        }
    }  # fmt: skip


def test_a_file_of_several_classifications_is_split(desk: Desk) -> None:
    desk.put([{}, {"classificationCode": "H5", "primaryValue": 7}], "renamed.gz")
    assert desk.ingest().n_partitions == 2
    assert desk.rows("H4") == [world()]
    assert desk.rows("H5") == [world(7)]
    assert desk.ingest().unchanged == ["renamed.gz"]


def test_a_removed_row_may_hold_any_number_as_partner(desk: Desk) -> None:
    desk.put([{}, {"partnerCode": "99999999999999999", "primaryValue": "0"}])
    assert not desk.ingest().rejected
    assert len(desk.rows()) == 1
