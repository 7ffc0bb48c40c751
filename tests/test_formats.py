"""Every file format and its traps, on files of a few rows whose outcome is written out."""

from __future__ import annotations

import gzip
import io
import itertools
import re
import tracemalloc
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from conftest import COLUMNS, NAME, Desk, bulk_text
from minsum.errors import UnknownFormatError
from minsum.sources.formats import Header, formats, recognise
from minsum_kernels.fields import FieldReader
from trade_files import BULK, LEGACY, LEGACY_BULK, WEB, WITS

Rows = list[tuple[object, ...]]
HORSES: Rows = [("X", 0, "010121", 100.0, False)]


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


# Recognition -----------------------------------------------------------------------------------------------

TARIFFLINE = [
    "datasetCode", "typeCode", "freqCode", "refPeriodId", "period", "reporterCode", "flowCategory",
    "flowCode", "partnerCode", "partner2Code", "classificationCode", "cmdCode", "customsCode", "mosCode",
    "motCode", "qtyUnitCode", "qty", "altQtyUnitCode", "altQty", "netWgt", "grossWgt", "cifValue",
    "fobValue", "primaryValue",
]  # fmt: skip
API = [
    "pfCode", "yr", "period", "periodDesc", "aggrLevel", "IsLeaf", "rgCode", "rgDesc", "rtCode", "rtTitle", "rt3ISO", "ptCode",
    "ptTitle", "pt3ISO", "ptCode2", "ptTitle2", "pt3ISO2", "cstCode", "cstDesc", "motCode", "motDesc", "cmdCode", "cmdDescE",
    "qtCode", "qtDesc", "qtAltCode", "qtAltDesc", "TradeQuantity", "AltQuantity", "NetWeight", "GrossWeight", "TradeValue",
    "CIFValue", "FOBValue", "estCode",
]  # fmt: skip
WITS_BY_PRODUCT = ["Reporter", "TradeFlow", "ProductCode", "Product Description", "Year", "Partner", "Trade Value 1000USD",
                   "Quantity", "Quantity Unit"]  # fmt: skip
HEADERS = {
    "comtrade-bulk": [BULK], "comtrade-web": [WEB, LEGACY, API], "comtrade-legacy-bulk": [LEGACY_BULK],
    "wits": [WITS, WITS_BY_PRODUCT], "baci": [["t", "i", "j", "k", "v", "q"], ["t", "hs6", "i", "j", "v", "q"]],
    "comtrade-tariffline": [TARIFFLINE],
}  # fmt: skip


def snake(name: str) -> str:
    """As R's comtradr and janitor write a name: `reporter_code`, `x2nd_partner_code`."""
    words = re.sub("([a-z])([A-Z])", r"\1_\2", name)
    return re.sub("^([0-9])", r"x\1", re.sub("[^a-z0-9]+", "_", words.lower()).strip("_"))


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_is_taken_for_its_own_format_in_any_order_and_spelling(name: str) -> None:
    for usual, spell in itertools.product(HEADERS[name], (str, str.upper, snake)):
        names = [spell(one) for one in reversed(usual)]
        header = Header(tuple(names), ",", ",".join(names))
        if name == "comtrade-tariffline":
            with pytest.raises(UnknownFormatError, match="tariffline"):
                recognise(header, "file.csv")
        else:
            known = recognise(header, "file.csv")
            assert known is not None
            assert known.name == name


def test_every_format_is_tried_here() -> None:
    assert {known.name for known in formats()} == set(HEADERS)


def test_the_web_file_has_every_name_that_bulk_files_need_and_is_not_one() -> None:
    lower = {name.lower() for name in WEB}
    bulk = next(known for known in formats() if known.name == "comtrade-bulk")
    assert all(column.source.lower() in lower for column in bulk.columns.values() if column.required)
    known = recognise(Header(("datasetCode", *WEB), ",", ""), "TradeData.csv")
    assert known is not None
    assert known.name == "comtrade-web"


def test_tariffline_is_refused_by_its_columns(desk: Desk) -> None:
    desk.put([{}], "file.gz", columns=TARIFFLINE)
    reason, hint = desk.ingest().rejected["file.gz"]
    assert "UN Comtrade tariffline data: monthly national detail" in reason
    assert "COMTRADE-FINAL" in hint


def test_tariffline_is_refused_by_its_name(desk: Desk) -> None:
    name = "COMTRADE-TARIFFLINE-CM156201501H4[2024-03-10].gz"
    desk.put([{}], name)
    assert "tariffline" in desk.ingest().rejected[name][0]


def test_a_needed_column_that_occurs_twice_is_refused(desk: Desk) -> None:
    desk.put([{}], columns=[*COLUMNS, "PRIMARYVALUE"])
    assert "column PRIMARYVALUE occurs 2 times" in desk.ingest().rejected[NAME][0]


def test_an_unknown_header_is_quoted() -> None:
    with pytest.raises(UnknownFormatError, match="found 2 columns: 'a,b'"):
        recognise(Header(("a", "b"), ",", "a,b"), "notes.csv")


@pytest.mark.parametrize("mark", ["\t", ",", ";", "|"])
def test_bulk_files_are_known_by_their_header_whatever_separates_them_and_whatever_they_are_called(
    desk: Desk, mark: str
) -> None:
    desk.put_bytes(bulk_text([{}]).replace(b"\t", mark.encode()), "export of mine.dat")
    desk.ingest()
    assert desk.rows() == HORSES


# Comtrade bulk ---------------------------------------------------------------------------------------------


def test_publication_date_1900_means_unknown(desk: Desk) -> None:
    desk.put([{}], "COMTRADE-FINAL-CA1562015H4[1900-01-01].gz")
    desk.ingest()
    assert desk.footer()["sources"][0]["published"] is None
    desk.put([{"primaryValue": 80}], NAME)
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 80.0, False)]


def test_a_newer_file_time_says_nothing(desk: Desk) -> None:
    import os

    desk.put([{"primaryValue": 80}], "COMTRADE-FINAL-CA1562015H4[2024-06-01].gz")
    old = desk.put([{}], NAME)
    os.utime(old, (2e9, 2e9))
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 80.0, False)]


def test_flags_of_reporting_and_aggregation_are_not_used(desk: Desk) -> None:
    desk.put(
        [
            {"cmdCode": f"01{n:04}", "isReported": reported, "isAggregate": aggregate}
            for n, (reported, aggregate) in enumerate(
                [("true", "true"), ("false", "false"), ("0", "1"), ("", "")]
            )
        ]
    )
    desk.ingest()
    assert [row[2] for row in desk.rows()] == ["010000", "010001", "010002", "010003"]


def test_totals_and_their_parts_side_by_side_count_once(desk: Desk) -> None:
    parts = [
        {"partner2Code": 36, "primaryValue": 60}, {"partner2Code": 842, "primaryValue": 40},
        {"customsCode": "C01", "primaryValue": 70}, {"customsCode": "C20", "primaryValue": 30},
        {"motCode": 1000, "primaryValue": 55}, {"motCode": 2100, "primaryValue": 45},
        {"mosCode": "1", "primaryValue": 100}, {"motCode": 2100, "customsCode": "C01", "primaryValue": 25},
    ]  # fmt: skip
    desk.put([{}, *parts])
    desk.ingest()
    assert desk.rows() == HORSES
    rules = desk.footer()["sources"][0]["rules"]
    assert {name: hit["rows"] for name, hit in rules.items()} == {
        "kept": 1,
        "partner2": 2,
        "customs": 3,
        "mot": 2,
        "mos": 1,
    }


def test_residual_codes_stay_in_the_lake_at_six_characters(desk: Desk) -> None:
    desk.put([{"cmdCode": code} for code in ("99", "9999", "999999", "9999AA")])
    desk.ingest()
    assert [row[2] for row in desk.rows()] == ["999999", "9999AA"]


# Comtrade web, today's ---------------------------------------------------------------------------------------


def web(rows: Iterable[dict[str, object]], *, tail: str = ",", columns: list[str] = WEB) -> bytes:
    """As comtradeplus.un.org writes it: every field quoted, a comma after the last, Latin-1."""
    usual = {
        "typeCode": "C", "freqCode": "A", "refMonth": "52", "period": "2015", "reporterCode": "156", "reporterISO": "CHN",
        "flowCode": "X", "partnerCode": "0", "partner2Code": "0", "classificationCode": "H4",
        "classificationSearchCode": "HS", "cmdCode": "010121", "cmdDesc": 'Horses; "live", pure-bred',
        "customsCode": "C00", "mosCode": "0", "motCode": "0", "primaryValue": "100", "isReported": "true",
        "isAggregate": "false",
    }  # fmt: skip
    lines = [",".join(columns)]
    for row in rows:
        cells = [str((usual | row).get(name, "")).replace('"', '""') for name in columns]
        lines.append(",".join(f'"{cell}"' for cell in cells) + tail)
    return ("\n".join(lines) + "\n").encode("latin-1")


def test_web_rows_have_a_field_more_than_names_and_nothing_shifts(desk: Desk) -> None:
    desk.put_bytes(
        web([{"partnerCode": 36, "primaryValue": 5}, {"flowCode": "M", "primaryValue": 7}]), "TradeData.csv"
    )
    desk.ingest()
    assert desk.rows() == [("M", 0, "010121", 7.0, False), ("X", 36, "010121", 5.0, False)]


def test_a_web_file_that_something_rewrote_without_the_last_comma(desk: Desk) -> None:
    desk.put_bytes(web([{}], tail=""), "TradeData.csv")
    desk.ingest()
    assert desk.rows() == HORSES


@pytest.mark.parametrize("tail", [",5", ",,"])
def test_anything_in_or_after_the_last_field_is_refused(desk: Desk, tail: str) -> None:
    good, bad = web([{}]), web([{"cmdCode": "010190"}], tail=tail)
    desk.put_bytes(good + bad.split(b"\n", 1)[1], "TradeData.csv")
    reason = desk.ingest().rejected["TradeData.csv"][0]
    assert "a value after the last column" in reason or "too many fields" in reason


def test_a_web_file_of_several_years_is_split_by_classification(desk: Desk) -> None:
    years = {"2014": "H4", "2017": "H5", "2022": "H6"}
    rows = [
        {"period": year, "classificationCode": code, "primaryValue": year} for year, code in years.items()
    ]
    desk.put_bytes(web(rows), "TradeData.csv")
    assert desk.ingest().n_partitions == 3
    for year, code in years.items():
        assert desk.rows(code, int(year)) == [("X", 0, "010121", float(year), False)]


def test_latin1_in_a_web_file(desk: Desk) -> None:
    desk.put_bytes(web([{"partnerDesc": "T\xfcrkiye", "cmdDesc": "Chevaux \xe9lev\xe9s"}]), "TradeData.csv")
    desk.ingest()
    assert desk.rows() == HORSES


def test_web_files_are_slices_nothing_is_rebuilt_from(desk: Desk) -> None:
    desk.put_bytes(web([{"partnerCode": 36}]), "TradeData.csv")
    desk.ingest()
    assert desk.rows() == [("X", 36, "010121", 100.0, False)]


@pytest.mark.slow
def test_slices_that_wait_for_others_reserve_no_more_than_their_rows_need(desk: Desk) -> None:
    for reporter in range(1, 61):
        desk.put_bytes(web([{"reporterCode": reporter}]), f"{reporter}.csv")
    tracemalloc.start()
    try:
        desk.ingest()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(list(desk.layout.partitions())) == 60
    assert peak < 1 << 30  # 60 first rooms are 3 GiB


@pytest.mark.parametrize(("kept", "coarser"), [("010121", "0101"), ("0101", "01"), ("01", None)])
def test_products_of_fewer_digits_are_kept_where_there_are_no_longer_ones(
    desk: Desk, kept: str, coarser: str | None
) -> None:
    codes = [kept, "TOTAL", *([coarser] if coarser else [])]
    desk.put_bytes(web([{"cmdCode": code} for code in codes]), "TradeData.csv")
    desk.ingest()
    assert [row[2] for row in desk.rows()] == [kept, "TOTAL"]
    source = desk.footer()["sources"][0]
    assert source["levels"] == ({str(len(coarser)): {"rows": 1, "usd": 100.0}} if coarser else {})
    assert desk.footer()["checks"]["X"]["level"] == len(kept)
    assert desk.ingest().unchanged == ["TradeData.csv"]


def test_the_level_is_that_of_each_reporter_year_of_a_file(desk: Desk) -> None:
    fine, coarse = {"cmdCode": "010121"}, {"cmdCode": "0101", "reporterCode": 36}
    desk.put_bytes(web([fine, {"cmdCode": "0101"}, coarse, coarse | {"cmdCode": "01"}]), "TradeData.csv")
    desk.ingest()
    assert [row[2] for row in desk.rows()] == ["010121"]
    assert [row[2] for row in desk.rows(reporter=36)] == ["0101"]


def test_of_slices_the_products_with_most_digits_count_in_each_flow(desk: Desk) -> None:
    imports = {"flowCode": "M", "cmdCode": "0101"}
    desk.put_bytes(web([{"cmdCode": "0101"}, {"cmdCode": "0102"}, imports]), "four.csv")
    desk.ingest()
    desk.put_bytes(web([{"primaryValue": 60}, {"cmdCode": "010190", "primaryValue": 40}]), "six.csv")
    desk.ingest()
    assert [row[:4] for row in desk.rows()] == [
        ("M", 0, "0101", 100.0), ("X", 0, "010121", 60.0), ("X", 0, "010190", 40.0),
    ]  # fmt: skip
    assert desk.footer()["repairs"] == {
        "coarser": {"rows": 2, "usd": 200.0}, "uncontained": {"rows": 1, "usd": 100.0},
    }  # fmt: skip


OTHER_LEVELS: dict[str, tuple[list[tuple[str, int]], tuple[int, float] | None]] = {
    "a subtotal": ([("0101", 100)], None),
    "a heading without products": ([("0102", 100)], (1, 100.0)),
    "more than its products": ([("0101", 130)], (1, 30.0)),
    "rounded": ([("0101", 100.4)], None),
    "a chapter that a heading makes up for": ([("01", 150), ("0102", 50)], (1, 50.0)),
    "a chapter beyond its headings": ([("01", 170), ("0102", 50)], (2, 70.0)),
    "national codes of a product": ([("01012110", 60), ("01012190", 40)], None),
    "national codes without one": ([("01012910", 60), ("01012990", 40)], (2, 100.0)),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHER_LEVELS)
@pytest.mark.parametrize("is_bulk", [False, True])
def test_codes_of_other_levels_count_as_far_as_no_product_holds_them(
    desk: Desk, case: str, is_bulk: bool
) -> None:
    codes, uncontained = OTHER_LEVELS[case]
    rows = [{"cmdCode": code, "primaryValue": usd} for code, usd in [("010121", 100), *codes]]
    if is_bulk:
        desk.put([*rows, {"cmdCode": "TOTAL", "primaryValue": 1000}])
    else:
        desk.put_bytes(web(rows), "t.csv")
    desk.ingest()
    found = desk.footer()["repairs"].get("uncontained")
    assert found == (uncontained and dict(zip(("rows", "usd"), uncontained, strict=True)))


def test_exports_in_headings_beside_imports_in_products_are_told(desk: Desk) -> None:
    desk.put_bytes(web([{"flowCode": "M"}, {"cmdCode": "0101"}]), "t.csv")
    desk.ingest()
    assert desk.footer()["repairs"] == {"uncontained": {"rows": 1, "usd": 100.0}}


@pytest.mark.parametrize(("total", "world"), [(150, 150.0), (150.7, 150.0), (160, None), (None, None)])
def test_world_of_a_slice_is_the_sum_of_partners_where_its_total_shows_that_all_are_there(
    desk: Desk, total: float | None, world: float | None
) -> None:
    partners = [{"partnerCode": 36}, {"partnerCode": 842, "primaryValue": 50}]
    of_total = [] if total is None else [{"cmdCode": "TOTAL", "primaryValue": total}]
    desk.put_bytes(web([*partners, *of_total]), "TradeData.csv")
    desk.ingest()
    found = [row for row in desk.rows() if row[1:3] == (0, "010121")]
    assert found == ([] if world is None else [("X", 0, "010121", world, True)])


# Comtrade web, legacy ----------------------------------------------------------------------------------------


def old(rows: Iterable[dict[str, object]], columns: list[str]) -> bytes:
    """Legacy CSV: quoted where needed, CRLF."""
    usual = {
        "Classification": "H4", "Year": 2015, "Period": 2015, "Period Desc.": 2015, "Aggregate Level": 6, "Is Leaf Code": 1,
        "Trade Flow Code": 2, "Trade Flow": "Export", "Reporter Code": 156, "Reporter": "China", "Partner Code": 0,
        "Partner": "World", "Partner ISO": "WLD", "Commodity Code": "010121", "Commodity": '"Horses; live, pure-bred"',
        "Trade Value (US$)": 100, "Flag": 0,
    }  # fmt: skip
    names = {1: "Import", 2: "Export", 3: "Re-Export", 4: "Re-Import"}
    lines = [",".join(columns)]
    for row in rows:
        one = {"Trade Flow": names.get(row.get("Trade Flow Code", 2), "Export")} | row
        lines.append(",".join(str((usual | one).get(name, "")) for name in columns))
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")


def test_legacy_flow_codes(desk: Desk) -> None:
    desk.options = type(desk.options)(flows=("M", "RM", "RX", "X"))
    desk.put_bytes(
        old([{"Trade Flow Code": code, "Trade Value (US$)": code} for code in (1, 2, 3, 4)], LEGACY), "c.csv"
    )
    desk.ingest()
    assert [(row[0], row[3]) for row in desk.rows()] == [("M", 1.0), ("RM", 4.0), ("RX", 3.0), ("X", 2.0)]


def test_is_leaf_code_is_not_used(desk: Desk) -> None:
    desk.put_bytes(old([{"Is Leaf Code": 0}], LEGACY), "c.csv")
    desk.ingest()
    assert desk.rows() == HORSES


def test_the_same_reporter_year_in_two_overlapping_downloads_counts_once(desk: Desk) -> None:
    desk.put_bytes(old([{}, {"Commodity Code": "010190", "Trade Value (US$)": 7}], LEGACY), "one.csv")
    desk.put_bytes(old([{}, {"Partner Code": 36, "Trade Value (US$)": 9}], LEGACY), "two.csv")
    desk.ingest()
    assert desk.rows() == [*HORSES, ("X", 0, "010190", 7.0, False), ("X", 36, "010121", 9.0, False)]


def test_slices_one_at_a_time_and_all_at_once_give_the_same_bytes(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    paths = []
    for n in range(4):
        rows = [
            {"Commodity Code": f"0101{k:02}", "Trade Value (US$)": 10 * k + (k == n)} for k in range(n, n + 4)
        ]
        paths.append(desk.put_bytes(old(rows, LEGACY), f"slice {3 - n}.csv"))
        desk.ingest(*paths)
    other = Desk(tmp_path_factory.mktemp("other"))
    other.ingest(*paths)
    assert desk.lake() == other.lake()


def test_a_slice_can_be_added_when_the_others_are_gone(desk: Desk) -> None:
    first = desk.put_bytes(old([{}], LEGACY), "one.csv")
    desk.ingest()
    first.unlink()
    desk.put_bytes(old([{"Partner Code": 36, "Trade Value (US$)": 9}], LEGACY), "two.csv")
    desk.ingest()
    assert desk.rows() == [*HORSES, ("X", 36, "010121", 9.0, False)]
    assert [one["name"] for one in desk.footer()["sources"]] == ["one.csv", "two.csv"]


def test_a_slice_with_new_content_replaces_what_the_old_one_gave(desk: Desk) -> None:
    desk.put_bytes(old([{"Trade Value (US$)": 150}], LEGACY), "one.csv")
    desk.put_bytes(old([{"Partner Code": 36, "Trade Value (US$)": 9}], LEGACY), "two.csv")
    desk.ingest()
    desk.put_bytes(old([{}], LEGACY), "one.csv")
    desk.ingest()
    assert desk.rows() == [*HORSES, ("X", 36, "010121", 9.0, False)]
    assert desk.footer()["repairs"] == {}


def test_a_changed_slice_is_refused_while_the_others_of_its_year_are_away(desk: Desk) -> None:
    desk.put_bytes(old([{"Trade Value (US$)": 150}], LEGACY), "one.csv")
    gone = desk.put_bytes(old([{"Partner Code": 36}], LEGACY), "two.csv")
    desk.ingest()
    before = desk.lake()
    content = gone.read_bytes()
    gone.unlink()
    desk.put_bytes(old([{}], LEGACY), "one.csv")
    reason, hint = desk.ingest().rejected["one.csv"]
    assert "two.csv is a part of; one.csv has changed" in reason
    assert "two.csv" in hint
    assert desk.lake() == before
    desk.put_bytes(content, "two.csv")
    desk.ingest()
    assert desk.rows() == [*HORSES, ("X", 36, "010121", 100.0, False)]


def test_stopped_between_two_reporter_years_of_slices_the_rerun_gives_the_same_bytes(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minsum.flows.lake import Lake

    years = [{"Year": year, "Period": year} for year in (2014, 2015, 2016)]
    desk.put_bytes(old(years, LEGACY), "one.csv")
    desk.put_bytes(old([*years, {"Partner Code": 36}], LEGACY), "two.csv")
    published, publish = [], Lake.publish_partial_files

    def stop_after_one(*arguments: object) -> None:
        if published:
            raise KeyboardInterrupt
        published.append(arguments)
        publish(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "publish_partial_files", stop_after_one)
        with pytest.raises(KeyboardInterrupt):
            desk.ingest()
    assert len(desk.lake()) == 1
    desk.ingest()
    other = Desk(tmp_path_factory.mktemp("other"))
    other.ingest(desk.inbox)
    assert desk.lake() == other.lake()
    assert len(desk.lake()) == 3


def test_slices_of_two_publishers_in_one_folder_are_not_mixed(desk: Desk) -> None:
    desk.put_bytes(old([{}], LEGACY), "a.csv")
    desk.put_bytes(wits([{"TradeValue in 1000 USD": 5}]), "b.csv")
    assert "World Bank WITS data for a reporter-year that a.csv" in desk.ingest().rejected["b.csv"][0]
    assert desk.rows() == HORSES


# Comtrade bulk, legacy ---------------------------------------------------------------------------------------

LEGACY_NAME = "type-C_r-ALL_ps-2015_freq-A_px-H4_pub-20230210_fmt-csv_ex-20230224.zip"


def test_legacy_bulk_holds_all_reporters_at_every_level(desk: Desk) -> None:
    rows = [
        {
            "Reporter Code": reporter,
            "Commodity Code": code,
            "Aggregate Level": level,
            "Trade Value (US$)": reporter,
        }
        for reporter in (36, 156, 842)
        for code, level in (("TOTAL", 0), ("01", 2), ("0101", 4), ("010121", 6))
    ]
    desk.put_bytes(zipped(data__csv=old(rows, LEGACY_BULK)), LEGACY_NAME)
    assert desk.ingest().n_partitions == 3
    for reporter in (36, 156, 842):
        usd = float(reporter)
        assert desk.rows(reporter=reporter) == [("X", 0, "010121", usd, False), ("X", 0, "TOTAL", usd, False)]
    source = desk.footer()["sources"][0]
    assert (source["format"], source["published"], source["is_complete"]) == (
        "comtrade-legacy-bulk",
        "2023-02-10",
        True,
    )
    assert source["rules"]["level"]["rows"] == 2


def test_legacy_bulk_is_complete_so_world_is_rebuilt(desk: Desk) -> None:
    desk.put_bytes(zipped(data__csv=old([{"Partner Code": 36}], LEGACY_BULK)), LEGACY_NAME)
    desk.ingest()
    assert desk.rows()[0] == ("X", 0, "010121", 100.0, True)


def test_legacy_bulk_of_one_reporter_must_hold_that_reporter(desk: Desk) -> None:
    name = LEGACY_NAME.replace("r-ALL", "r-842")
    desk.put_bytes(zipped(data__csv=old([{}], LEGACY_BULK)), name)
    assert "156 in the rows, 842 in the file's name" in desk.ingest().rejected[name][0]


def test_legacy_bulk_as_reported_is_split_by_classification(desk: Desk) -> None:
    rows = [{"Reporter Code": 156, "Classification": "H4"}, {"Reporter Code": 4, "Classification": "H1"}]
    desk.put_bytes(zipped(data__csv=old(rows, LEGACY_BULK)), LEGACY_NAME.replace("px-H4", "px-HS"))
    desk.ingest()
    assert desk.rows("H4") == desk.rows("H1", reporter=4) == HORSES


def test_later_of_legacy_and_todays_bulk_wins(desk: Desk) -> None:
    desk.put_bytes(zipped(data__csv=old([{}], LEGACY_BULK)), LEGACY_NAME)
    desk.put([{"primaryValue": 80}], NAME)
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 80.0, False)]
    assert [one["name"] for one in desk.footer()["superseded"]] == [LEGACY_NAME]


def test_rows_that_do_not_fit_in_memory_go_by_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minsum.flows.pending.SPILL_ROWS", 3)
    monkeypatch.setitem(FieldReader.__init__.__kwdefaults__, "batch_rows", 3)
    rows = [
        {"Reporter Code": reporter, "Commodity Code": f"0101{n:02}"}
        for n in range(20)
        for reporter in (36, 156)
    ]
    desk.put_bytes(zipped(data__csv=old(rows, LEGACY_BULK)), LEGACY_NAME)
    desk.ingest()
    assert (
        [row[2] for row in desk.rows()]
        == [row[2] for row in desk.rows(reporter=36)]
        == [f"0101{n:02}" for n in range(20)]
    )
    assert not list(desk.layout.scratch.rglob("pending-*/*"))


# WITS ----------------------------------------------------------------------------------------------------------


def wits(rows: Iterable[dict[str, object]]) -> bytes:
    usual = {
        "Nomenclature": "H4", "ReporterISO3": "CHN", "ProductCode": "010121", "ReporterName": "China", "PartnerISO3": "WLD",
        "PartnerName": " World", "Year": 2015, "TradeFlowName": "Export", "TradeFlowCode": 6, "TradeValue in 1000 USD": 0.1,
    }  # fmt: skip
    lines = [",".join(f'"{name}"' for name in WITS)]
    names = {2: "Gross Exp.", 5: "Import"}
    for row in rows:
        one = usual | {"TradeFlowName": names.get(row.get("TradeFlowCode", 6), "Export")} | row
        lines.append(",".join(f'"{one[name]}"' for name in WITS))
    return ("\r\n".join(lines) + "\r\n").encode()


def test_wits_is_in_thousands_by_iso3_with_world_after_a_blank(desk: Desk) -> None:
    desk.put_bytes(
        wits([{}, {"TradeFlowCode": 5, "PartnerISO3": "USA", "TradeValue in 1000 USD": 2.5}]), "wits.csv"
    )
    desk.ingest()
    assert desk.rows() == [("M", 842, "010121", 2500.0, False), *HORSES]


def test_wits_gross_and_net_exports_of_one_product_are_never_added(desk: Desk) -> None:
    desk.put_bytes(wits([{}, {"TradeFlowCode": 2, "TradeValue in 1000 USD": 0.15}]), "wits.csv")
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 150.0, False)]
    assert desk.footer()["repairs"] == {"conflicts": {"rows": 1, "usd": 100.0}}


def test_wits_headings_of_four_digits_are_removed_and_counted(desk: Desk) -> None:
    desk.put_bytes(
        wits([{"ProductCode": "0101"}, {}, {"ProductCode": "10190"}, {"ProductCode": "Total"}]), "wits.csv"
    )
    desk.ingest()
    assert [row[2] for row in desk.rows()] == ["010121", "010190", "TOTAL"]
    assert desk.footer()["sources"][0]["rules"]["level"]["rows"] == 1


@pytest.mark.parametrize(
    ("label", "year", "code"),
    [("ROM", 2015, 642), ("OAS", 2015, 490), ("SER", 2015, 688), ("SER", 2004, 891), ("ZAR", 2015, 180), ("TMP", 2015, 626),
     ("SUD", 2015, 729), ("SDN", 2010, 736), ("FRA", 2015, 251), ("IND", 2015, 699), ("BLX", 1996, 58), ("UNS", 2015, 899)],
)  # fmt: skip
def test_wits_labels_are_comtrade_codes(desk: Desk, label: str, year: int, code: int) -> None:
    desk.put_bytes(wits([{"PartnerISO3": label, "Year": year}]), "wits.csv")
    desk.ingest()
    assert [row[1] for row in desk.rows(year=year)] == [code]


def test_wits_groups_of_partners_are_removed_and_counted(desk: Desk) -> None:
    desk.put_bytes(wits([{}, {"PartnerISO3": "EAS", "TradeValue in 1000 USD": 9}]), "wits.csv")
    desk.ingest()
    assert desk.rows() == HORSES
    assert desk.footer()["sources"][0]["rules"]["partner"] == {"rows": 1, "usd": 9000.0}


@pytest.mark.parametrize(("row", "reason"), [
    ({"PartnerISO3": "XYZ"}, "column PartnerISO3: no country is known by 'XYZ'"),
    ({"PartnerISO3": "HN"}, "no country is known by 'HN'"),
    ({"ReporterISO3": "All"}, "a group of countries as reporter"),
    ({"Nomenclature": "S3"}, "classification 'S3', expected H0 to H6"),
])  # fmt: skip
def test_wits_labels_that_are_no_country_are_refused(desk: Desk, row: dict[str, object], reason: str) -> None:
    desk.put_bytes(wits([row]), "wits.csv")
    assert reason in desk.ingest().rejected["wits.csv"][0]


# BACI ------------------------------------------------------------------------------------------------------------

BACI = "BACI_HS12_Y2015_V202301.csv"
BACI_TEXT = b"t,i,j,k,v,q\n2015,156,842,10121,0.1,           NA\n"
COUNTRIES = {
    "country_codes_V202001.csv": b"country_code,country_name_abbreviation,country_name_full\r\n4,Afghanistan,Afghanistan\r\n",
    "country_codes_V202201.csv": b'"country_code","country_name_abbreviation"\n4,"Afghanistan"\n',
    "country_codes_with_BOM.csv": b"\xef\xbb\xbfcountry_code,country_name\n4,Afghanistan\n",
    "country_codes_V202301.csv": b"country_code,country_name,country_iso2,country_iso3\n4,Afghanistan,AF,AFG\n",
    "product_codes_HS12_V202301.csv": b"code,description\n010121,Horses\n",
}


def test_tables_that_accompany_baci_are_passed_over_in_every_layout(desk: Desk) -> None:
    for name, content in COUNTRIES.items():
        desk.put_bytes(content, name)
    desk.put_bytes(BACI_TEXT, BACI)
    report = desk.ingest()
    assert sorted(report.passed_over) == sorted(COUNTRIES)
    assert report.rejected == {}
    assert ("X", 842, "010121", 100.0, False) in desk.rows()


def test_a_baci_zip_of_several_years_is_read_table_by_table(desk: Desk) -> None:
    files = {
        "BACI_HS12_Y2015_V202301__csv": BACI_TEXT, "BACI_HS12_Y2016_V202301__csv": BACI_TEXT.replace(b"2015", b"2016"),
        "country_codes_V202301__csv": COUNTRIES["country_codes_V202301.csv"], "Readme__txt": b"read me\n",
    }  # fmt: skip
    desk.put_bytes(zipped(**files), "BACI_HS12_V202301.zip")
    report = desk.ingest()
    names = [f"BACI_HS12_Y{year}_V202301.csv in BACI_HS12_V202301.zip" for year in (2015, 2016)]
    assert (sorted(report.added), report.rejected) == (names, {})
    assert desk.rows(year=2015) == desk.rows(year=2016) != []
    assert sorted(desk.ingest().unchanged) == names


def test_baci_aggregated_codes_stay_as_they_are(desk: Desk) -> None:
    desk.put_bytes(BACI_TEXT.replace(b"10121", b"271000"), BACI)
    desk.ingest()
    assert {row[2] for row in desk.rows()} == {"271000", "TOTAL"}


def test_baci_year_contradicts_the_name(desk: Desk) -> None:
    desk.put_bytes(BACI_TEXT.replace(b"2015", b"2016"), BACI)
    assert "t 2016 in the rows, 2015" in desk.ingest().rejected[BACI][0]


def test_baci_has_no_world_as_exporter(desk: Desk) -> None:
    desk.put_bytes(BACI_TEXT + b"2015,0,842,010121,0.1,NA\n", BACI)
    assert "reporter code out of range" in desk.ingest().rejected[BACI][0]


@pytest.mark.parametrize("line", [b"2015,156,0,010121,0.1,NA\n", b"2015,156,,010121,0.1,NA\n"])
def test_baci_has_no_world_as_partner(desk: Desk, line: bytes) -> None:
    desk.put_bytes(BACI_TEXT + line, BACI)
    assert "partner code is empty or out of range" in desk.ingest().rejected[BACI][0]


# Reporters on request ----------------------------------------------------------------------------------------------


def test_only_wanted_reporters_are_kept(desk: Desk) -> None:
    desk.options = type(desk.options)(reporters=("USA",))
    desk.put([{}], NAME)
    desk.put([{"reporterCode": 842}], "renamed.gz")
    rows = [{"Reporter Code": reporter, "Year": 2014, "Period": 2014} for reporter in (36, 841, 842)]
    desk.put_bytes(zipped(data__csv=old(rows, LEGACY_BULK)), LEGACY_NAME.replace("2015", "2014"))
    report = desk.ingest()
    assert report.passed_over == [NAME]
    assert sorted(path.parent.name for path in desk.layout.partitions()) == [
        "reporter=841",
        "reporter=842",
        "reporter=842",
    ]
    assert set(desk.ingest().unchanged) == {"renamed.gz", LEGACY_NAME.replace("2015", "2014")}


def test_wanting_more_reporters_later_reads_again_what_was_left_out(desk: Desk) -> None:
    rows = [{"Reporter Code": reporter} for reporter in (36, 842)]
    desk.put_bytes(zipped(data__csv=old(rows, LEGACY_BULK)), LEGACY_NAME)
    desk.options = type(desk.options)(reporters=("USA",))
    desk.ingest()
    desk.options = type(desk.options)(reporters=("AUS", "USA"))
    desk.ingest()
    assert desk.rows(reporter=36) == desk.rows(reporter=842) == HORSES


def test_a_reporter_that_is_no_country_is_a_wrong_setting(desk: Desk) -> None:
    from minsum.errors import SettingsError

    desk.options = type(desk.options)(reporters=("99999",))
    with pytest.raises(SettingsError, match="no country has the label '99999'"):
        desk.ingest()


def test_gzip_of_several_members_is_one_text(desk: Desk) -> None:
    text = bulk_text([{}])
    desk.put_bytes(gzip.compress(text[:50]) + gzip.compress(b"") + gzip.compress(text[50:]), "file.gz")
    desk.ingest()
    assert desk.rows() == HORSES


@pytest.mark.parametrize("spill", [3, 10**6])
@pytest.mark.parametrize(("block", "batch_rows"), [(100, 1), (400, 4), (4000, 3)])
def test_batches_of_one_reporter_and_of_several_give_what_one_batch_gives(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, batch_rows: int, spill: int
) -> None:
    reporters = [36] * 30 + [156] * 6 + [36, 156] * 4 + [36] * 5 + [156] + [36] * 3 + [156] * 2
    rows = [
        {
            "Reporter Code": reporter,
            "Commodity Code": f"01{n:04}" if n % 3 else "01",
            "Trade Value (US$)": n + 1,
        }
        for n, reporter in enumerate(reporters)
    ]
    (tmp_path / "whole").mkdir()
    whole = Desk(tmp_path / "whole")
    content = zipped(data__csv=old(rows, LEGACY_BULK))  # once: a zip holds the time
    for one in (whole, desk):
        one.put_bytes(content, LEGACY_NAME)
    whole.ingest()
    monkeypatch.setattr("minsum.flows.pending.SPILL_ROWS", spill)
    monkeypatch.setattr("minsum.flows.reader.BLOCK_BYTES", block)
    monkeypatch.setitem(FieldReader.__init__.__kwdefaults__, "batch_rows", batch_rows)
    desk.ingest()
    assert desk.lake() == whole.lake()
    for reporter in (36, 156):
        expected = [
            (f"01{n:04}", n + 1.0) for n, other in enumerate(reporters) if other == reporter and n % 3
        ]
        assert [(row[2], row[3]) for row in desk.rows(reporter=reporter)] == expected
        levels = [n + 1 for n, other in enumerate(reporters) if other == reporter and n % 3 == 0]
        rules = desk.footer(reporter=reporter)["sources"][0]["rules"]
        assert rules["level"] == {"rows": len(levels), "usd": float(sum(levels))}
