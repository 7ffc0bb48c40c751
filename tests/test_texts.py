"""What texts stand for: damage with one reading is undone and counted, anything else is refused with line and value."""

from __future__ import annotations

import gzip

import pytest

import naive_codes
from conftest import Desk, bulk_text
from minsum.flows.text_repairs import flow_of, plain_product, repaired_product
from test_formats import BACI, LEGACY, LEGACY_BULK, LEGACY_NAME, old, web, wits, zipped

TEXT_REPAIRS: dict[str, tuple[str, set[str]]] = {
    "'010121": ("010121", {"unquoted"}),
    '"870323"': ("870323", {"unquoted"}),
    '="010121"': ("010121", {"unquoted"}),
    "\u2019870323\u2019": ("870323", {"unquoted"}),
    "\xa0870323": ("870323", {"unquoted"}),
    "870323\u2009": ("870323", {"unquoted"}),
    "\ufeff870323\u200b": ("870323", {"unquoted"}),
    "'TOTAL": ("TOTAL", {"unquoted"}),
    "total": ("TOTAL", set()),
    "870323.0": ("870323", {"decimals"}),
    "870323,0": ("870323", {"decimals"}),
    "870323.00": ("870323", {"decimals"}),
    "10121.0": ("010121", {"decimals", "padded"}),
    "8703.0": ("8703", {"decimals"}),
    "10121": ("010121", {"padded"}),
    "21011": ("021011", {"padded"}),
    "101": ("0101", {"padded"}),
    "1": ("01", {"padded"}),
    "1012100": ("01012100", {"padded"}),
    "8703.23": ("870323", {"dotted"}),
    "87.03.23": ("870323", {"dotted"}),
    "87.03": ("8703", {"dotted"}),
    "8703.23.10": ("87032310", {"dotted"}),
    "8703 23": ("870323", {"dotted"}),
    "8703\xa023\xa000": ("87032300", {"dotted"}),
    "0501.00": ("050100", {"dotted"}),
    "101.21": ("010121", {"dotted", "padded"}),
    "'10121.0": ("010121", {"unquoted", "decimals", "padded"}),
}
REFUSED = [
    "", "abc", "AG6", "010 21", "87032", "8703.2", "2501.00", "8.70323E+05", "8703-23", "870,323", "87o323", "87O323",
    "870323x", "01-05", "12345678901", "0", "00121", "8703 2 3", "8703.23 10", "\u0668\u0667\u0660\u0663\u0662\u0663", "-870323", "870323.5",
    "00", "0012", "00870323", "841OOO", "84100I",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXT_REPAIRS)
def test_damage_with_one_reading_is_undone(text: str) -> None:
    code, kinds = TEXT_REPAIRS[text]
    found = repaired_product(text, has_dots=False)
    assert found is not None
    assert (plain_product(text), found.code) == (None, code)
    bits = {"padded": 1, "unquoted": 2, "decimals": 4, "dotted": 8}
    assert {name for name, bit in bits.items() if found.repairs & bit} == kinds
    assert naive_codes.product(text, has_dots=False) == code


@pytest.mark.parametrize("text", REFUSED)
def test_other_texts_are_no_code(text: str) -> None:
    assert plain_product(text) is None
    assert repaired_product(text, has_dots=False) is None
    assert naive_codes.product(text, has_dots=False) is None


def test_two_zeros_after_a_dot_are_digits_where_the_file_writes_dots(desk: Desk) -> None:
    desk.put([{"cmdCode": "2501.00"}, {"cmdCode": "8703.23"}])
    desk.ingest()
    assert [row[2] for row in desk.rows()] == ["250100", "870323"]


@pytest.mark.parametrize("text", [text for text in REFUSED if text.isascii()])
def test_a_text_that_is_no_code_is_refused_with_line_and_value(desk: Desk, text: str) -> None:
    desk.put([{}, {}, {"cmdCode": text}])
    ((reason, hint),) = desk.ingest().rejected.values()
    assert "line 4, column cmdCode" in reason
    assert repr(text) in reason or "is empty" in reason
    assert "download" in hint


def test_what_is_mended_is_counted_with_its_value(desk: Desk) -> None:
    codes = ["'010121", "10190", "870323.0", "10129.0", "0102.21"]
    desk.put([{"cmdCode": code, "primaryValue": 2**n} for n, code in enumerate(codes)])
    report = desk.ingest()
    assert [row[2] for row in desk.rows()] == ["010121", "010129", "010190", "010221", "870323"]
    (source,) = desk.footer()["sources"]
    assert source["mended"] == {
        "codes_padded": {"rows": 2, "usd": 10.0}, "codes_unquoted": {"rows": 1, "usd": 1.0},
        "codes_decimals": {"rows": 2, "usd": 12.0}, "codes_dotted": {"rows": 1, "usd": 16.0},
    }  # fmt: skip
    assert report.repaired_texts == {source["name"]: source["mended"]}


def test_baci_saved_with_quotes(desk: Desk) -> None:
    desk.put_bytes(b'"t","i","j","k","v","q"\n2015,156,842,"010121",1.5,NA\n', BACI)
    desk.ingest()
    assert desk.rows()[0][:4] == ("X", 0, "010121", 1500.0)


FLOWS = [
    ("X", "X"), ("x", "X"), ("Export", "X"), ("exports", "X"), ("IMPORT", "M"), ("Imports", "M"), ("Re-Export", "RX"),
    ("re-exports", "RX"), ("Re Import", "RM"), ("Re\u2010Export", "RX"), ("dx", "DX"), ("Domestic Export", "DX"), ("'rx'", "RX"),
    ("0", None), ("", None), ("Transit", None), ("2", None), ("XX", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "flow"), FLOWS)
def test_flows_in_letters_and_words(text: str, flow: str | None) -> None:
    assert flow_of(text, {}) == naive_codes.flow(text, {}) == flow


@pytest.mark.parametrize("code", ["2", "2.0", "X", "x", "Export", "'2"])
def test_flows_by_a_formats_code(code: str) -> None:
    codes = {"1": "M", "2": "X"}
    assert flow_of(code, codes) == naive_codes.flow(code, codes) == "X"


@pytest.mark.parametrize("code", ["0", ""])
@pytest.mark.parametrize("columns", [LEGACY, LEGACY_BULK], ids=["web", "bulk"])
def test_the_name_of_a_legacy_flow_counts_where_its_code_says_nothing(
    desk: Desk, columns: list[str], code: str
) -> None:
    names = {"X": "X", "Import": "M", "re-export": "RX", "DX": "DX"}
    text = old([{"Trade Flow Code": code, "Trade Flow": name} for name in names], columns)
    name = "c.csv" if columns is LEGACY else LEGACY_NAME
    desk.put_bytes(text if columns is LEGACY else zipped(**{"data.csv": text}), name)
    desk.ingest()
    assert [row[0] for row in desk.rows()] == sorted(names.values())
    assert desk.footer()["sources"][0]["mended"] == {"flow_words": {"rows": 4, "usd": 400.0}}


@pytest.mark.parametrize(
    ("row", "words"),
    [({"Trade Flow Code": 0, "Trade Flow": "Transit"}, "line 3, column Trade Flow: 'Transit' is no Comtrade flow"),
     ({"Trade Flow Code": 0, "Trade Flow": ""}, "line 3, column Trade Flow: a flow is empty"),
     ({"Trade Flow Code": 9}, "line 3, column Trade Flow Code: '9' is no Comtrade flow"),
     ({"Trade Flow": "Import"}, "line 3, column Trade Flow Code: the flow's code is '2', its name 'Import'"),
     ({"Trade Flow Code": "X", "Trade Flow": "Re-Export"}, "the flow's code is 'X', its name 'Re-Export'"),
     ({"Trade Flow Code": 1, "Trade Flow": "DX"}, "the flow's code is '1', its name 'DX'")],
)  # fmt: skip
def test_a_flow_that_is_none_is_refused_with_line_and_value(
    desk: Desk, row: dict[str, object], words: str
) -> None:
    desk.put_bytes(old([{}, row], LEGACY), "c.csv")
    assert words in desk.ingest().rejected["c.csv"][0]


def test_names_of_flows_contradict_codes_in_other_formats_too(desk: Desk) -> None:
    desk.put_bytes(web([{"flowDesc": "Export"}, {"flowDesc": "Import"}]), "web.csv")
    desk.put_bytes(wits([{}, {"TradeFlowName": "Import"}, {"TradeFlowCode": 3}]), "wits.csv")
    rejected = desk.ingest().rejected
    assert (
        "web.csv, line 3, column flowCode: the flow's code is 'X', its name 'Import'"
        in rejected["web.csv"][0]
    )
    assert (
        "line 3, column TradeFlowCode: the flow's code is '6', its name 'Import'" in rejected["wits.csv"][0]
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [({"flowCode": "??"}, "line 3, column flowCode: '??' is no Comtrade flow"), ({"flowCode": ""}, "line 3, column flowCode: a flow is empty"),
     ({"customsCode": "C0O"}, "line 3, column customsCode: 'C0O'"), ({"mosCode": "x"}, "line 3, column mosCode: 'x'"),
     ({"freqCode": "M"}, "line 3, column freqCode: frequency 'M', expected A"),
     ({"freqCode": "Q"}, "line 3, column freqCode: frequency 'Q'")],
)  # fmt: skip
@pytest.mark.parametrize("form", ["bulk", "web"])
def test_other_texts_that_stand_for_nothing_are_refused(
    desk: Desk, form: str, row: dict[str, object], words: str
) -> None:
    rows = [{}, row]
    desk.put_bytes(gzip.compress(bulk_text(rows)) if form == "bulk" else web(rows), "file.gz")
    assert words in desk.ingest().rejected["file.gz"][0]


def test_marks_around_other_codes_do_not_count(desk: Desk) -> None:
    desk.put([{"customsCode": "'c00", "mosCode": "00", "classificationCode": "'H4", "flowCode": "'x'"}])
    desk.ingest()
    assert desk.rows() == [("X", 0, "010121", 100.0, False)]
