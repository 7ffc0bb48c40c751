"""The same trade data as other programs write it: each is read in the one way it can be meant, or refused with its cause."""

from __future__ import annotations

import codecs
import gzip
import json

import pytest

from conftest import NAME, Desk, bulk_text
from minsum import scan
from minsum.sources import opening
from test_covariates import workbook
from test_formats import HORSES, old, snake, web
from trade_files import LEGACY, WEB

FIELDS = [
    "period",
    "reporterCode",
    "flowCode",
    "partnerCode",
    "classificationCode",
    "cmdCode",
    "primaryValue",
]
RECORD = dict(zip(FIELDS, [2015, 156, "X", 0, "H4", "010121", 100.0], strict=True))
TRIMMED = (",".join(FIELDS) + "\n2015,156,X,0,H4,010121,100\n").encode()
OLD = {"Trade Flow Code": "2", "Commodity Code": "010121"}


def renamed(text: bytes, names: list[str]) -> bytes:
    """The table under other column names."""
    return ",".join(names).encode() + text[text.index(b"\n") :]


def with_cells(columns: dict[str, str], text: bytes = TRIMMED) -> bytes:
    """The trimmed table with other cells in its row."""
    cells = [columns.get(name, str(value)) for name, value in RECORD.items()]
    return text.split(b"\n")[0] + b"\n" + ",".join(cells).encode("latin-1") + b"\n"


def machine_names() -> bytes:
    names = {"Classification": "pfCode", "Period": "yr", "Trade Flow Code": "rgCode", "Reporter Code": "rtCode",
             "Partner Code": "ptCode", "2nd Partner Code": "ptCode2", "Customs Proc. Code": "cstCode", "Commodity Code": "cmdCode",
             "Mode of Transport Code": "motCode", "Trade Value (US$)": "TradeValue"}  # fmt: skip
    return renamed(old([{}], list(names)), list(names.values()))


def r_names(name: str) -> str:
    """As `make.names` of R: every other character is a point."""
    return "".join(one if one.isalnum() else "." for one in ("X" + name if name[0].isdigit() else name))


# fmt: off
READ: dict[str, tuple[bytes, dict[str, int]]] = {
    # columns
    "a choice of columns": (TRIMMED, {}),
    "refYear": (TRIMMED.replace(b"period", b"refYear"), {}),
    "Year without Period": (old([{}], [one for one in LEGACY if one != "Period"]), {}),
    "a few legacy columns": (old([{}], ["Classification", "Year", "Trade Flow Code", "Reporter Code", "Partner Code", "Commodity Code", "Trade Value (US$)"]), {}),
    "comtradr": (renamed(web([{}], tail=""), [f'"{snake(one)}"' for one in WEB]), {}),
    "comtradr before 2023": (renamed(old([{}], LEGACY), [snake(one).replace("_us", "_usd") for one in LEGACY]), {}),
    "names of R": (renamed(old([{}], LEGACY), [r_names(one) for one in LEGACY]), {}),
    "capitals": (renamed(TRIMMED, [one.upper() for one in FIELDS]), {}),
    "API names": (machine_names(), {}),
    # row names
    "index of pandas": (b"," + TRIMMED.replace(b"\n2015", b"\n0,2015"), {}),
    "row names of write.csv": (b'"",' + TRIMMED.replace(b"\n2015", b'\n"1",2015'), {}),
    "row names of write.table": (TRIMMED.replace(b",", b"\t").replace(b"\n2015", b'\n"1"\t2015'), {}),
    "bulk with quotes": (b"\n".join(b"\t".join(b'"%s"' % one for one in line.split(b"\t")) for line in bulk_text([{}]).splitlines()), {}),
    # lines
    "header twice": (TRIMMED + TRIMMED, {"repeated_headers": 1}),
    "header twice, quoted once": (TRIMMED + b"\r\n" + b",".join(b'"%s"' % one.encode() for one in FIELDS) + b"\r\n", {"repeated_headers": 1}),
    "header three times with a comma after rows": (web([{}]) * 3, {"repeated_headers": 2}),
    "header twice in bulk": (bulk_text([{}]) * 2, {"repeated_headers": 1}),
    "header at the end": (TRIMMED + TRIMMED.split(b"\n")[0], {"repeated_headers": 1}),
    "empty rows at the end": (TRIMMED + b",,,,,,\n,,,,,,\n", {"empty_lines": 2}),
    "empty rows of fewer fields": (TRIMMED + b",,,\n\n,\n", {"empty_lines": 2}),
    "empty rows in quotes and blanks": (web([{}]) + b'"",' * 47 + b'\n , ,\n', {"empty_lines": 2}),
    "empty rows above": (b",,,\n\n" + TRIMMED, {}),
    "a separator after rows": (TRIMMED.replace(b"100\n", b"100,\n"), {}),
    "a separator after all lines": (TRIMMED.replace(b"Value\n", b"Value,\n").replace(b"100\n", b"100,\n"), {}),
    "sep=,": (b"sep=,\r\n" + TRIMMED, {}),
    "sep=; with a mark": (codecs.BOM_UTF8 + b"sep=;\n" + TRIMMED.replace(b",", b";"), {}),
    "sep in quotes": (b'"SEP=\t"\r\n' + TRIMMED.replace(b",", b"\t"), {}),
    "sep=, padded": (b"sep=,,,,,,,\r\n" + TRIMMED, {}),
    "bars": (TRIMMED.replace(b",", b"|"), {}),
    "carriage returns": (TRIMMED.replace(b"\n", b"\r"), {"carriage_returns": 1}),
    "carriage returns twice": (TRIMMED.replace(b"\n", b"\r\r\n"), {"carriage_returns": 1}),
    "carriage returns and accents": (web([{"cmdDesc": "\xe9lev\xe9s"}]).replace(b"\n", b"\r"), {"carriage_returns": 1}),
    # encodings
    "UTF-8 with a mark": (codecs.BOM_UTF8 + TRIMMED, {}),
    "a mark taken for text": ("\xef\xbb\xbf".encode() + TRIMMED, {}),
    "UTF-16": (TRIMMED.decode().encode("utf-16"), {"utf_16": 1}),
    "UTF-16 of Excel": (codecs.BOM_UTF16_LE + TRIMMED.decode().replace(",", "\t").replace("\n", "\r\n").encode("utf-16-le"), {"utf_16": 1}),
    "UTF-16 without a mark": (TRIMMED.decode().encode("utf-16-be"), {"utf_16": 1}),
    "UTF-32": (TRIMMED.decode().encode("utf-32"), {"utf_16": 1}),
    "UTF-16 in gzip": (gzip.compress(TRIMMED.decode().encode("utf-16")), {"utf_16": 1}),
    "Windows-1252": (web([{"cmdDesc": "x"}]).replace(b'"x"', b'"d\x92elevage \x80"'), {}),
    # cells
    "NA in a breakdown": (web([{"motCode": "NA", "partner2Code": "N/A"}]), {"empty_words": 2}),
    "words for nothing": (web([{"motCode": "<NA>"}, {"motCode": "None"}, {"motCode": "NULL"}]), {"empty_words": 3}),
    "NA in columns that nobody reads": (web([{"cifvalue": "NA", "aggrLevel": "NA"}]), {}),
    "floats of pandas": (with_cells({"period": "2015.0", "reporterCode": "156.0", "partnerCode": "0.0"}), {"whole_numbers": 3}),
    "floats in quotes": (with_cells({"period": '"2015."', "reporterCode": '"156.00"'}), {"whole_numbers": 2}),
    "a number with an exponent": (with_cells({"primaryValue": "1e+02"}), {"short_numbers": 1}),
    # other files
    "JSON of the API": (json.dumps({"count": 1, "data": [RECORD], "error": ""}).encode(), {"json": 1}),
    "JSON of the old API": (json.dumps({"validation": {"status": {}}, "dataset": [dict(zip(["yr", "rtCode", "rgCode", "ptCode", "pfCode", "cmdCode", "TradeValue"], [2015, 156, 2, 0, "H4", "010121", 100], strict=True))]}).encode(), {"json": 1}),
    "a list of records": (json.dumps([RECORD], indent=1).encode(), {"json": 1}),
    "a record a line": (b"\n".join([json.dumps(RECORD).encode()] * 2), {"json": 1}),
    "JSON with a mark in gzip": (gzip.compress(codecs.BOM_UTF8 + json.dumps([RECORD]).encode()), {"json": 1}),
    "a workbook": (workbook({"Sheet1": [FIELDS, list(RECORD.values())]}), {"workbook": 1}),
    "a workbook that lost the zero": (workbook({"Sheet1": [FIELDS, [2015, 156, "X", 0, "H4", 10121, 100]]}), {"workbook": 1}),
    "a workbook with an empty sheet and lines above": (workbook({"a": [[], FIELDS, list(RECORD.values())], "b": []}), {"workbook": 1}),
}
# fmt: on


@pytest.mark.parametrize("shape", READ)
def test_read_as_it_is_meant_and_said(desk: Desk, shape: str) -> None:
    content, oddities = READ[shape]
    desk.put_bytes(content, "file.csv")
    report = desk.ingest()
    assert report.rejected == {}
    assert desk.rows() == HORSES
    assert desk.footer()["sources"][0].get("oddities", {}) == oddities


# fmt: off
REFUSED: dict[str, tuple[bytes, str, str]] = {
    "decimal comma": (TRIMMED.replace(b",", b";").replace(b"100", b"100,5"), "line 2, column primaryValue: '100,5' is not a number", "decimal comma"),
    "commas between thousands": (with_cells({"primaryValue": '"1,200,000.50"'}), "'1,200,000.50' is not a number", "between thousands"),
    "points between thousands": (with_cells({"primaryValue": "1.200.000"}), "'1.200.000' is not a number", "between thousands"),
    "blanks between thousands": (with_cells({"primaryValue": "1 200 000"}), "'1 200 000' is not a number", "between thousands"),
    "no-break spaces between thousands": (with_cells({"primaryValue": "1\xa0200"}), "is not a number", "between thousands"),
    "points between all thousands": (with_cells({"primaryValue": "23.260"}) + b"2015,156,X,36,H4,010121,7\n", "line 2, column primaryValue: '23.260' may be 23260", "without dots"),
    "points between thousands in quotes": (TRIMMED.replace(b",100\n", b',"7"\n') + b'2015,156,X,36,H4,010121,"100.000"\n', "line 3, column primaryValue: '100.000' may be 100000", "without dots"),
    "points between thousands in bulk": (bulk_text([{"primaryValue": "1.200"}, {"primaryValue": "NA"}]), "line 2, column primaryValue: '1.200' may be 1200", "without dots"),
    "points between thousands in a legacy file": (old([{}, {"Trade Value (US$)": "176.040"}], LEGACY), "line 3, column Trade Value (US$): '176.040'", "without dots"),
    "a currency": (with_cells({"primaryValue": "$100"}), "'$100' is not a number", "currency"),
    "an error of Excel": (with_cells({"primaryValue": "#VALUE!"}), "'#VALUE!' is not a number", "spreadsheet"),
    "###": (with_cells({"primaryValue": "#######"}), "is not a number", "spreadsheet"),
    "apostrophe": (with_cells({"reporterCode": "'156"}), "column reporterCode: \"'156\" is not a whole number", "apostrophe"),
    "a label in place of a code": (with_cells({"reporterCode": "CHN"}), "column reporterCode: 'CHN' is not a whole number", "text where a number belongs"),
    "a fraction in a code": (with_cells({"partnerCode": "0.5"}), "'0.5' is not a whole number", "damaged"),
    "NA as the reporter": (with_cells({"reporterCode": "NA"}), "without reporter", "damaged"),
    "other columns below": (TRIMMED + ",".join(reversed(FIELDS)).encode() + b"\n", "line 3: another header", "two downloads"),
    "fewer columns below": (TRIMMED + ",".join(FIELDS[1:]).encode() + b"\n", "line 3: another header", "two downloads"),
    "an unquoted comma": (TRIMMED + b"2015,156,X,0,H4,010121,Horses, live,7\n", "line 3: too many fields: 9, where the header has 7", "quotes"),
    "a value after the last": (TRIMMED.replace(b"100\n", b"100,\n") + b"2015,156,X,0,H4,010129,1,2\n", "line 3: a value after the last column", "damaged"),
    "no flow": (b"\n".join(line.replace(b"flowCode,", b"").replace(b"X,", b"") for line in TRIMMED.split(b"\n")), "nearest: UN Comtrade web or API download", "with these columns"),
    "two sheets": (workbook({"a": [FIELDS, list(RECORD.values())], "b": [FIELDS, list(RECORD.values())]}), "2 sheets hold tables: 'a', 'b'", "each table"),
    "an empty workbook": (workbook({"a": []}), "a workbook without a table", "CSV"),
    "a damaged workbook": (workbook({"a": [FIELDS]})[:-900], "corrupt archive", "again"),
    "JSON that is cut": (json.dumps([RECORD] * 9).encode()[:-30], "not readable as JSON", "cut"),
    "JSON without rows": (b'{"count": 0, "data": [], "error": ""}', "JSON without a list of records", "CSV"),
    "JSON of a part": (json.dumps({"count": 5, "data": [RECORD]}).encode(), "1 records, but its count says 5", "in parts"),
    "a lone quote": (web([{}, {"cmdDesc": "x"}]).replace(b'"x"', b'"x'), "line 3: a quote that never closes", "lone quote"),
    "UTF-16 that is cut": (TRIMMED.decode().encode("utf-16")[:-1], "is not valid to its end", "cut"),
    "XML": (b'<?xml version="1.0"?><message:GenericData>', "a web page or XML", "CSV"),
    "Parquet": (b"PAR1\x15\x04\x15\x00", "a Parquet file", "CSV"),
    "SQLite": (b"SQLite format 3\0\x10\0", "an SQLite database", "CSV"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3", "a PDF, not a table", "out of the folder"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0", "a PNG picture", "out of the folder"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive", "unpack"),
    "RAR": (b"Rar!\x1a\x07\x01\0", "a RAR archive", "unpack"),
    "Stata": (b"<stata_dta><header><release>118", "Stata data", "export delimited"),
    "R": (gzip.compress(b"X\n\0\0\0\x03\0\x04\x02"), "R data", "write.csv"),
    "a pickle": (b"\x80\x05\x95\x10\0\0\0", "a Python pickle", "to_csv"),
    "something binary": (b"\x01\x02\0\x03\0\0\0\n", "a zero byte", "does not know"),
}
# fmt: on


@pytest.mark.parametrize("shape", REFUSED)
def test_refused_with_what_it_is_and_what_to_do(desk: Desk, shape: str) -> None:
    content, reason, hint = REFUSED[shape]
    desk.put_bytes(content, "file.csv")
    found = desk.ingest().rejected["file.csv"]
    assert reason in found[0]
    assert hint in found[1]
    assert "a zero byte" not in found[0] or shape == "something binary"


@pytest.mark.parametrize("other", ["1234.567", "0.567", "7.5", "1000", "1.2345", "1e2"])
def test_three_decimals_are_decimals_where_another_value_shows_it(desk: Desk, other: str) -> None:
    rows = [{"primaryValue": "23.260"}, {"partnerCode": 36, "primaryValue": other}]
    desk.put_bytes(web(rows), "t.csv")
    desk.ingest()
    assert [row[3] for row in desk.rows()] == [23.26, float(other)]


def test_numbers_in_json_have_no_groups(desk: Desk) -> None:
    text = json.dumps([RECORD]).replace("100.0", "100.260")
    desk.put_bytes(text.encode(), "t.json")
    desk.ingest()
    assert desk.rows()[0][3] == 100.26


def test_what_the_nearest_format_lacks_is_named(desk: Desk) -> None:
    desk.put_bytes(TRIMMED.replace(b"primaryValue", b"value").replace(b"cmdCode", b"hs"), "file.csv")
    reason, _ = desk.ingest().rejected["file.csv"]
    assert "without cmdCode or Commodity Code, primaryValue or Trade Value (US$)" in reason
    assert "found 7 columns: 'period,reporterCode" in reason


def test_a_file_without_its_vintage_can_be_told(desk: Desk) -> None:
    desk.put_bytes(TRIMMED.replace(b"classificationCode,", b"").replace(b"H4,", b""), "file.csv")
    assert "which HS vintage" in desk.ingest().rejected["file.csv"][0]
    desk.options = type(desk.options)(classification="H4")
    desk.ingest()
    assert desk.rows() == HORSES


def test_wits_by_product_is_in_thousands_with_countries_by_name(desk: Desk) -> None:
    desk.options = type(desk.options)(classification="H4")
    rows = [
        "China;Export;10121;Horses;2015; World;        0.10;3e+008;Item",
        "China;Import;10121;Horses;2015;Korea, Rep.;2;;",
    ]
    head = "Reporter;TradeFlow;ProductCode;Product Description;Year;Partner;Trade Value 1000USD;Quantity;Quantity Unit"
    desk.put_bytes("\n".join([head, *rows]).encode(), "WITS-By-HS6Product(By-HS6Product).csv")
    desk.ingest()
    assert desk.rows() == [("M", 410, "010121", 2000.0, False), *HORSES]


@pytest.mark.parametrize(("name", "text"), [
    ("baci12_2015.csv", b"t,hs6,i,j,v,q\n2015,010121,156,842,0.1,1.5\n"),
    ("BACI_HS12_Y2015_V202301.csv", b'"t","i","j","k","v","q"\n2015,156,842,"010121",0.1,NA\n'),
    ("BACI_HS12_Y2015_V202301.csv", b",t,i,j,k,v,q\n0,2015,156.0,842.0,010121,0.1,           NA\n"),
])  # fmt: skip
def test_baci_of_other_years_and_programs(desk: Desk, name: str, text: bytes) -> None:
    desk.put_bytes(text, name)
    desk.ingest()
    assert ("X", 842, "010121", 100.0, False) in desk.rows()


def test_a_missing_value_of_r_is_removed_under_its_rule(desk: Desk) -> None:
    desk.put_bytes(web([{}, {"cmdCode": "010129", "primaryValue": "NA"}]), "file.csv")
    desk.ingest()
    assert desk.rows() == HORSES
    assert desk.footer()["sources"][0]["rules"]["value"] == {"rows": 1, "usd": 0.0}


PARTS = [{"motCode": 2100, "primaryValue": 60}, {"motCode": 3200, "primaryValue": 40}]


@pytest.mark.parametrize("missing", ["motCode", "customsCode", "partner2Code"])
def test_parts_of_totals_that_cannot_be_told_apart_are_refused(desk: Desk, missing: str) -> None:
    columns = [one for one in WEB if one != missing]
    desk.put_bytes(web([{"primaryValue": 60}, {"primaryValue": 40}], columns=columns), "file.csv")
    reason, hint = desk.ingest().rejected["file.csv"]
    assert (
        f"2 different values of reporter 156, 2015, flow X, partner 0, product 010121, and no column {missing}"
        in reason
    )
    assert "download it with these columns" in hint


def test_months_under_a_year_are_refused(desk: Desk) -> None:
    columns = [one for one in WEB if one not in ("period", "freqCode")]
    months = [
        {"refYear": 2015, "refMonth": 1, "primaryValue": 60},
        {"refYear": 2015, "refMonth": 2, "primaryValue": 50},
    ]
    desk.put_bytes(web(months, columns=columns), "file.csv")
    assert (
        "and no column period: these rows may be parts of a total, or months"
        in desk.ingest().rejected["file.csv"][0]
    )


def test_a_total_beside_all_its_parts_is_known_without_their_column(desk: Desk) -> None:
    columns = [one for one in WEB if one != "motCode"]
    desk.put_bytes(web([*PARTS, {}], columns=columns), "file.csv")
    desk.ingest()
    assert desk.rows() == HORSES


def test_line_numbers_count_what_is_left_out(desk: Desk) -> None:
    bad = with_cells({"primaryValue": "x1"}).split(b"\n")[1]
    desk.put_bytes(b"sep=,\n,,\n" + TRIMMED * 2 + b",,,,,,\n" + bad + b"\n", "file.csv")
    assert "line 8, column primaryValue: 'x1'" in desk.ingest().rejected["file.csv"][0]


@pytest.mark.parametrize("block", [64, 200, 5000])
def test_joined_files_are_read_alike_in_blocks_of_any_size(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr("minsum.flows.reader.BLOCK_BYTES", block)
    texts = [bulk_text([{"cmdCode": f"01{n:02}{k:02}"} for k in range(30)]) for n in range(20)]
    desk.put(()) if not texts else desk.put_bytes(gzip.compress(b"".join(texts)), NAME)
    desk.ingest()
    assert len(desk.rows()) == 600
    assert desk.footer()["sources"][0]["oddities"] == {"repeated_headers": 19}


def test_a_query_that_needs_no_number_sees_no_header_among_the_rows(desk: Desk) -> None:
    path = desk.put_bytes(TRIMMED * 2 + b",,,,,,\n", "file.csv")
    assert scan(path).select("flow").collect()["flow"].to_list() == ["X", "X"]


def test_numbers_of_json_are_the_text_that_they_are(desk: Desk) -> None:
    desk.put_bytes(json.dumps([RECORD]).encode().replace(b"100.0", b"907350002.1251"), "file.json")
    desk.ingest()
    assert desk.rows()[0][3] == 907350002.1251


@pytest.mark.parametrize(("limit", "content"), [
    ("MAX_JSON", json.dumps([RECORD]).encode()), ("MAX_WORKBOOK", workbook({"a": [FIELDS, list(RECORD.values())]})),
])  # fmt: skip
def test_large_workbooks_and_json_are_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, limit: str, content: bytes
) -> None:
    monkeypatch.setattr(opening, limit, 100)
    desk.put_bytes(content, "file.xlsx")
    assert "of more than 0 MiB" in desk.ingest().rejected["file.xlsx"][0]


def test_what_was_odd_is_told_where_the_user_looks(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    from minsum.inspect.status import read_status, status_tables

    desk.put_bytes(TRIMMED * 3 + b",,,\n", "file.csv")
    with caplog.at_level("INFO", "minsum"):
        desk.ingest()
    said = "headers repeated among the rows, left out: 2"
    assert any("file.csv" in one and said in one for one in caplog.messages)
    tables = {title: rows for title, _, rows in status_tables(read_status(desk.layout, desk.options, None))}
    assert said in tables["Sources with oddities"][0][1]
