"""Net weight and quantity on request, on files of a few rows whose outcome is written out."""

from __future__ import annotations

import math
import random
from pathlib import Path

import polars as pl
import pytest

from conftest import COLUMNS, NAME, Desk, bulk_text
from minsum.errors import SettingsError
from minsum.flows.verify import verify_partition
from minsum.inspect.status import read_status
from minsum.pipeline import Workspace
from minsum.settings.flows import Ingest
from minsum.settings.load import load_settings
from test_formats import BACI, LEGACY_NAME, old, web, wits, zipped
from trade_files import LEGACY, LEGACY_BULK

BOTH = Ingest(columns=("net_weight", "quantity"))
HORSES, MULES = "010121", "010190"
Figures = tuple[float | None, ...]


@pytest.fixture
def asked(desk: Desk) -> Desk:
    desk.options = BOTH
    return desk


def figures(desk: Desk, **where: int) -> dict[tuple[object, ...], Figures]:
    """(flow, partner, product) to (net weight, quantity, unit)."""
    return {row[:3]: row[5:] for row in desk.rows(**where)}  # type: ignore[misc]


def source(desk: Desk) -> dict[str, object]:
    return desk.footer()["sources"][0]  # type: ignore[index,return-value]


# What each format gives ----------------------------------------------------------------------------------------------


def test_bulk(asked: Desk) -> None:
    asked.put([
        {"netWgt": "12.5", "qty": "3", "qtyUnitCode": 5},
        {"cmdCode": MULES, "netWgt": "0.0", "qty": "", "qtyUnitCode": 8},
        {"cmdCode": "TOTAL", "netWgt": "", "qty": "0.0", "qtyUnitCode": -1},
    ])  # fmt: skip
    asked.ingest()
    assert asked.rows() == [
        ("X", 0, HORSES, 100.0, False, 12.5, 3.0, 5),
        ("X", 0, MULES, 100.0, False, 0.0, None, 8),
        ("X", 0, "TOTAL", 100.0, False, None, None, -1),
    ]


def test_the_columns_have_their_types_and_come_last(asked: Desk) -> None:
    asked.put([{}])
    asked.ingest()
    schema = pl.read_parquet_schema(asked.layout.partition("H4", 2015, 156))
    assert list(schema.items())[5:] == [
        ("net_weight", pl.Float64), ("quantity", pl.Float64), ("quantity_unit", pl.Int16),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "names", "row"),
    [
        ((), [], ()),
        (("net_weight",), ["net_weight"], (12.5,)),
        (("quantity",), ["quantity", "quantity_unit"], (3.0, 5)),
        (("quantity", "net_weight"), ["net_weight", "quantity", "quantity_unit"], (12.5, 3.0, 5)),
    ],
)
def test_only_what_is_asked_for(desk: Desk, columns: tuple[str, ...], names: list[str], row: Figures) -> None:
    desk.options = Ingest(columns=columns)
    desk.put([{"netWgt": "12.5", "qty": "3", "qtyUnitCode": 5}])
    desk.ingest()
    assert list(pl.read_parquet_schema(desk.layout.partition("H4", 2015, 156)))[5:] == names
    assert desk.rows()[0][5:] == row
    assert sorted(key for key in source(desk) if key.startswith("bad_")) == [
        f"bad_{one}" for one in sorted(columns)
    ]
    assert desk.footer()["recipe"].get("columns") == (sorted(columns) or None)  # type: ignore[attr-defined]


def test_web(asked: Desk) -> None:
    rows = [
        {"netWgt": "7", "qty": "2", "qtyUnitCode": "5"},
        {"cmdCode": MULES, "qtyUnitCode": "-1", "qty": "0", "netWgt": ""},
    ]
    asked.put_bytes(web(rows), "TradeData.csv")
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): (7.0, 2.0, 5), ("X", 0, MULES): (None, None, -1)}


def test_legacy_web(asked: Desk) -> None:
    rows = [
        {"Netweight (kg)": 7, "Qty": 2, "Qty Unit Code": 6},
        {"Commodity Code": MULES, "Netweight (kg)": 9, "Qty": 0, "Qty Unit Code": 1},
    ]
    asked.put_bytes(old(rows, LEGACY), "comtrade.csv")
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): (7.0, 2.0, 6), ("X", 0, MULES): (9.0, None, 1)}


def test_legacy_bulk(asked: Desk) -> None:
    rows = [
        {"Partner Code": 36, "Netweight (kg)": 7, "Qty": 2, "Qty Unit Code": 5},
        {"Netweight (kg)": 8, "Qty": 3, "Qty Unit Code": 5},
    ]
    asked.put_bytes(zipped(data__csv=old(rows, LEGACY_BULK)), LEGACY_NAME)
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): (8.0, 3.0, 5), ("X", 36, HORSES): (7.0, 2.0, 5)}


def test_baci_in_tons_mirrored_and_summed_where_no_addend_is_missing(asked: Desk) -> None:
    asked.put_bytes(
        b"t,i,j,k,v,q\n2015,156,842,10121,1.5,           NA\n2015,156,842,010190,2,   1.5\n2015,156,36,010190,2,0.25\n", BACI,
    )  # fmt: skip
    asked.ingest()
    assert figures(asked) == {
        ("X", 0, HORSES): (None, None, None), ("X", 0, MULES): (1750.0, None, None),
        ("X", 0, "TOTAL"): (None, None, None), ("X", 36, MULES): (250.0, None, None),
        ("X", 36, "TOTAL"): (250.0, None, None), ("X", 842, HORSES): (None, None, None),
        ("X", 842, MULES): (1500.0, None, None), ("X", 842, "TOTAL"): (None, None, None),
    }  # fmt: skip
    assert figures(asked, reporter=36)["M", 156, MULES] == (250.0, None, None)
    assert (source(asked)["bad_net_weight"], source(asked)["bad_quantity"]) == (0, 0)


def test_a_weight_in_tons_that_no_number_of_kg_holds_is_bad(asked: Desk) -> None:
    asked.put_bytes(b"t,i,j,k,v,q\n2015,156,842,10121,1.5,1e308\n", BACI)
    asked.ingest()
    assert source(asked)["bad_net_weight"] == 1


def test_wits_has_none(asked: Desk) -> None:
    asked.put_bytes(wits([{}]), "wits.csv")
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): (None, None, None)}


@pytest.mark.parametrize(
    ("left_out", "row"),
    [("netWgt", (None, 3.0, 5)), ("qty", (12.5, None, 5)), ("qtyUnitCode", (12.5, 3.0, None))],
)
def test_a_column_that_the_header_lacks_is_null(asked: Desk, left_out: str, row: Figures) -> None:
    columns = [name for name in COLUMNS if name != left_out]
    asked.put([{"netWgt": "12.5", "qty": "3", "qtyUnitCode": 5}], columns=columns)
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): row}


def test_a_column_that_occurs_twice_is_refused_only_when_it_is_asked_for(desk: Desk) -> None:
    desk.put([{}], columns=[*COLUMNS, "NETWGT"])
    assert desk.ingest().rejected == {}
    desk.options = BOTH
    assert "column NETWGT occurs 2 times" in desk.ingest().rejected[NAME][0]


# Bad figures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", ["-1", "-0.5", "inf", "-inf", "NaN", "1e300", "12 kg", "1_0", "n/a"])
def test_a_bad_figure_is_null_and_counted_and_its_row_stays(asked: Desk, bad: str) -> None:
    asked.put([{"netWgt": bad, "qty": 3, "qtyUnitCode": 5}, {"cmdCode": MULES, "netWgt": 4, "qty": bad}])
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): (None, 3.0, 5), ("X", 0, MULES): (4.0, None, None)}
    assert (source(asked)["bad_net_weight"], source(asked)["bad_quantity"]) == (1, 1)
    assert source(asked)["rules"] == {"kept": {"rows": 2, "usd": 200.0}}
    assert read_status(asked.layout, BOTH)["sources"][0]["bad_quantity"] == 1


@pytest.mark.parametrize("unit", ["kg", "5.5", "99999", "-", "123456789"])
def test_a_unit_that_is_no_code_is_null(asked: Desk, unit: str) -> None:
    asked.put([{"qty": 3, "qtyUnitCode": unit}])
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): (None, 3.0, None)}


def test_of_the_two_zeros_one(asked: Desk) -> None:
    asked.put([{"netWgt": "-0.0", "qty": "-0", "qtyUnitCode": 5}])
    asked.ingest()
    row = figures(asked)["X", 0, HORSES]
    assert [math.copysign(1, one) for one in row[:2]] == [1, 1]  # type: ignore[arg-type]


# Repeats -----------------------------------------------------------------------------------------------------------------


def test_of_unequal_repeats_the_largest_value_gives_the_figures(asked: Desk) -> None:
    asked.put([
        {"primaryValue": 5, "netWgt": 900, "qty": 900, "qtyUnitCode": 5},
        {"primaryValue": 9, "netWgt": 2, "qty": 1, "qtyUnitCode": 8},
        {"primaryValue": 7, "netWgt": 800},
        {"cmdCode": MULES, "primaryValue": 9},
        {"cmdCode": MULES, "primaryValue": 5, "netWgt": 900, "qty": 900, "qtyUnitCode": 5},
    ])  # fmt: skip
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): (2.0, 1.0, 8), ("X", 0, MULES): (None, None, None)}


def test_of_equal_repeats_any_that_has_the_figure_and_the_largest(asked: Desk) -> None:
    rows = [
        {"netWgt": "", "qty": 5, "qtyUnitCode": 5}, {"netWgt": 3, "qty": "", "qtyUnitCode": 8},
        {"netWgt": 4, "qty": 2, "qtyUnitCode": 8}, {},
    ]  # fmt: skip
    for n, row in enumerate(rows):
        asked.put_bytes(web([row]), f"{n}.csv")
    asked.ingest()
    assert figures(asked) == {("X", 0, HORSES): (4.0, 5.0, 5)}


def slices(seed: int) -> list[bytes]:
    rng = random.Random(seed)
    return [
        web([
            {"cmdCode": f"0101{rng.randrange(4):02}", "primaryValue": rng.choice([1, 2]), "netWgt": rng.choice(["", 3, 4]),
             "qty": rng.choice(["", 1, 2]), "qtyUnitCode": rng.choice([-1, 5, 8])}
            for _ in range(12)
        ])
        for _ in range(4)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_slices_in_any_order_and_with_earlier_ones_gone_give_the_same_rows(seed: int, tmp_path: Path) -> None:
    outcomes = []
    for order in ("at once", "one by one", "backwards", "gone"):
        (folder := tmp_path / order).mkdir()
        desk = Desk(folder)
        desk.options = BOTH
        contents = list(enumerate(slices(seed)))
        for n, content in reversed(contents) if order == "backwards" else contents:
            path = desk.put_bytes(content, f"{n}.csv")
            if order != "at once":
                desk.ingest()
            if order == "gone":
                path.unlink()
        desk.ingest()
        outcomes.append(desk.rows())
    assert outcomes[1:] == outcomes[:1] * 3
    assert any(row[5] is not None for row in outcomes[0])


# Rows that minsum makes ----------------------------------------------------------------------------------------------------


def test_world_from_partners_has_sums_only_of_whole_figures(asked: Desk) -> None:
    rows: list[dict[str, object]] = []
    for product, first, second in (
        ("010100", (1, 10, 5), (2, 20, 5)),
        ("010101", (1, 10, 5), ("", 20, 5)),
        ("010102", (1, 10, 5), (2, "", 5)),
        ("010103", (1, 10, 5), (2, 20, 8)),
        ("010104", (1, 10, ""), (2, 20, "")),
    ):
        for partner, (weight, quantity, unit) in zip((36, 842), (first, second), strict=True):
            rows.append({
                "cmdCode": product, "partnerCode": partner, "netWgt": weight, "qty": quantity, "qtyUnitCode": unit,
            })  # fmt: skip
    asked.put(rows)
    asked.ingest()
    made = {row[2]: row[5:] for row in asked.rows() if row[4]}
    assert made == {
        "010100": (3.0, 30.0, 5), "010101": (None, 30.0, 5), "010102": (3.0, None, None),
        "010103": (3.0, None, None), "010104": (3.0, None, None),
    }  # fmt: skip


def test_an_impossible_world_row_loses_its_figures_to_the_partners(asked: Desk) -> None:
    asked.put([
        {"cmdCode": "TOTAL", "primaryValue": 150, "netWgt": 9},
        {"primaryValue": "1e11", "netWgt": 7e9, "qty": 1e9, "qtyUnitCode": 8},
        {"partnerCode": 36, "netWgt": 5, "qty": 6, "qtyUnitCode": 5},
    ])  # fmt: skip
    asked.ingest()
    assert figures(asked)["X", 0, HORSES] == (5.0, 6.0, 5)
    assert figures(asked)["X", 0, "TOTAL"] == (9.0, None, None)


def test_a_total_from_parts_has_the_sums_of_its_breakdown(asked: Desk) -> None:
    part = {"customsCode": "C01", "primaryValue": 30, "netWgt": 1, "qty": 10, "qtyUnitCode": 5}
    asked.put([
        part, {**part, "netWgt": 4}, {**part, "primaryValue": 20, "netWgt": 900},
        {**part, "customsCode": "C02", "netWgt": 2, "qty": 20},
        {"motCode": 1000, "primaryValue": 50, "netWgt": 700, "qty": 700, "qtyUnitCode": 5},
        {**part, "cmdCode": MULES}, {**part, "cmdCode": MULES, "customsCode": "C02", "netWgt": "", "qtyUnitCode": 8},
    ])  # fmt: skip
    asked.ingest()
    assert asked.rows() == [
        ("X", 0, HORSES, 60.0, True, 6.0, 30.0, 5),
        ("X", 0, MULES, 60.0, True, None, None, None),
    ]


def test_random_files_equal_a_naive_count(asked: Desk) -> None:
    rng = random.Random(5)
    rows = [
        {"cmdCode": f"0101{rng.randrange(6):02}", "partnerCode": rng.choice([36, 251, 842]), "flowCode": rng.choice("XM"),
         "primaryValue": rng.randrange(1, 4), "netWgt": rng.choice(["", rng.random(), rng.random(), rng.random()]),
         "qty": rng.choice(["", 1, 2, 3, 4]), "qtyUnitCode": rng.choice([5, 5, 5, 8])}
        for _ in range(80)
    ]  # fmt: skip
    asked.put(rows)
    asked.ingest()
    naive: dict[tuple[object, ...], Figures] = {}
    cells = {(row["flowCode"], row["partnerCode"], row["cmdCode"]) for row in rows}
    for cell in cells:
        group = [row for row in rows if (row["flowCode"], row["partnerCode"], row["cmdCode"]) == cell]
        largest = [row for row in group if row["primaryValue"] == max(one["primaryValue"] for one in group)]
        weights = [float(row["netWgt"]) for row in largest if row["netWgt"] != ""]
        quantities = [(float(row["qty"]), int(row["qtyUnitCode"])) for row in largest if row["qty"] != ""]
        no_quantity = (None, max(int(row["qtyUnitCode"]) for row in largest))
        naive[cell] = (max(weights, default=None), *(max(quantities) if quantities else no_quantity))
    for flow, product in {(flow, product) for flow, _, product in cells}:
        addends = [naive[cell] for cell in cells if (cell[0], cell[2]) == (flow, product)]
        weights = [one[0] for one in addends]
        is_whole = len({one[2] for one in addends}) == 1 and None not in [one[1] for one in addends]
        naive[flow, 0, product] = (
            None if None in weights else sum(sorted(weights)),
            *((sum(one[1] for one in addends), addends[0][2]) if is_whole else (None, None)),
        )
    assert figures(asked) == naive


# The lake -------------------------------------------------------------------------------------------------------------------


def test_a_change_of_the_setting_makes_the_lake_anew_and_back_gives_the_same_bytes(desk: Desk) -> None:
    desk.put([{"netWgt": 5}])
    desk.put_bytes(web([{"netWgt": 6, "period": 2014}]), "TradeData.csv")
    desk.ingest()
    before, plain = desk.lake(), desk.rows()
    desk.options = BOTH
    assert desk.ingest().n_partitions == 2
    assert [row[:5] for row in desk.rows()] == plain
    assert figures(desk)["X", 0, HORSES] == (5.0, None, None)
    assert desk.ingest().n_partitions == 0
    desk.options = Ingest()
    desk.ingest()
    assert desk.lake() == before


def test_an_earlier_publication_does_not_make_a_reporter_year_of_other_settings_current(desk: Desk) -> None:
    desk.put([{"netWgt": 5}], "COMTRADE-FINAL-CA1562015H4[2024-06-01].gz")
    desk.ingest()
    desk.options = BOTH
    desk.ingest(desk.put([{"netWgt": 4, "primaryValue": 80}], NAME))
    assert desk.rows() == [("X", 0, HORSES, 100.0, False)]
    desk.ingest()
    assert figures(desk) == {("X", 0, HORSES): (5.0, None, None)}
    assert [one["name"] for one in desk.footer()["superseded"]] == [NAME]


def test_rows_that_do_not_fit_in_memory_keep_their_figures(
    asked: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("minsum.flows.pending.SPILL_ROWS", 3)
    monkeypatch.setattr("minsum.flows.reader.BLOCK_BYTES", 400)
    asked.put([{"cmdCode": f"0101{n:02}", "netWgt": n, "qty": 2 * n, "qtyUnitCode": 5} for n in range(40)])
    asked.ingest()
    assert figures(asked) == {("X", 0, f"0101{n:02}"): (n, 2 * n, 5) for n in range(40)}


def test_check_takes_the_columns_and_finds_what_is_wrong_with_them(asked: Desk) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    asked.put([{"netWgt": 5, "qty": 3, "qtyUnitCode": 5}, {"cmdCode": MULES}])
    asked.ingest()
    path, footer = asked.layout.partition("H4", 2015, 156), asked.footer()
    assert verify_partition(path, footer, path.read_bytes()) == []
    table = pq.read_table(path, partitioning=None)
    for position, column, found in (
        (5, pa.array([-5.0, None]), "net_weight below 0 or not finite"),
        (6, pa.array([math.inf, None]), "quantity below 0 or not finite"),
        (7, pa.array([5, None], pa.int32()), "quantity_unit of type Int32"),
    ):
        pq.write_table(table.set_column(position, table.schema.names[position], column), path)
        assert [(check, about) for check, about, _ in verify_partition(path, footer, path.read_bytes())] == [
            ("rows", found)
        ]
    pq.write_table(table.drop_columns("quantity_unit"), path)
    assert verify_partition(path, footer, path.read_bytes())[0][1:] == (
        "further columns: net_weight, quantity", "net_weight, quantity, quantity_unit",
    )  # fmt: skip


@pytest.mark.slow
def test_similarities_are_the_same_with_the_columns_without_and_where_some_files_have_them(
    tmp_path: Path,
) -> None:
    esi = []
    for case in ("without", "with", "some"):
        workspace = Workspace(tmp_path / case, jobs=1).init()
        for reporter, value in ((156, 3), (842, 5)):
            rows = [
                {"reporterCode": reporter, "primaryValue": value},
                {"reporterCode": reporter, "cmdCode": MULES},
            ]
            (raw := workspace.layout.root / "raw").mkdir(exist_ok=True)
            (raw / f"{reporter}.txt").write_bytes(bulk_text(rows))
            columns = "[]" if case == "without" or (case == "some" and reporter == 156) else '["quantity"]'
            (workspace.layout.root / "minsum.toml").write_text(f"[ingest]\ncolumns = {columns}\n")
            workspace = Workspace(workspace.layout.root, jobs=1)
            workspace.ingest([raw / f"{reporter}.txt"])
        workspace.esi()
        esi.append(pl.read_parquet(workspace.layout.yearly("esi")[0], hive_partitioning=False))
    assert esi[0].equals(esi[1])
    assert esi[0].equals(esi[2])


def test_an_unknown_column_is_a_wrong_setting(tmp_path: Path) -> None:
    (path := tmp_path / "minsum.toml").write_text('[ingest]\ncolumns = ["net_weigth"]\n')
    with pytest.raises(SettingsError, match=r"columns"):
        load_settings(path)
    path.write_text('[ingest]\ncolumns = ["quantity", "net_weight"]\n')
    assert load_settings(path).ingest.columns == ("quantity", "net_weight")
