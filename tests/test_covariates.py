"""Covariate files in the shapes their publishers give them; every value written out by hand."""

from __future__ import annotations

import gzip
import io
import math
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from minsum.countries.names import match_country
from minsum.errors import DataCheckError, SettingsError
from minsum.panel.covariates import (
    Covariates,
    covariate_formats,
    covariate_remarks,
    read_covariates,
)
from minsum.settings.load import load_settings
from minsum.settings.panel import DEFAULT_VARIABLES, Variable
from minsum.sources.files import Source

CAPITAL, LABOUR, PATENTS = "NE.GDI.FTOT.ZS", "SL.TLF.CACT.ZS", "IP.PAT.RESD"

WDI_BULK = f"""\
Country Name,Country Code,Indicator Name,Indicator Code,1960,2002,2006
"Africa Eastern and Southern",AFE,"Gross fixed capital formation (% of GDP)",{CAPITAL},,20.5,21
China,CHN,"Gross fixed capital formation (% of GDP)",{CAPITAL},,36.25,39.5
China,CHN,"Labor force participation rate, total",{LABOUR},,75.5,
China,CHN,"Patent applications, residents",{PATENTS},,100,1000
China,CHN,"Population, total",SP.POP.TOTL,667070000,1280400000,1311020000
"Viet Nam",VNM,"Gross fixed capital formation (% of GDP)",{CAPITAL},,31.0,..
Kosovo,XKX,"Gross fixed capital formation (% of GDP)",{CAPITAL},,,25
"""

WDI_API = f"""\
\ufeff"Data Source","World Development Indicators",

"Last Updated Date","2024-06-28",

"Country Name","Country Code","Indicator Name","Indicator Code","1960","2002","2006",
"Aruba","ABW","Gross fixed capital formation (% of GDP)","{CAPITAL}","","","",
"China","CHN","Gross fixed capital formation (% of GDP)","{CAPITAL}","","36.25","39.5",
"World","WLD","Gross fixed capital formation (% of GDP)","{CAPITAL}","","23.1","24.2",
"""

DATABANK = f"""\
Series Name,Series Code,Country Name,Country Code,2002 [YR2002],2006 [YR2006]
"Labor force participation rate, total",{LABOUR},China,CHN,75.5,73.25
"Labor force participation rate, total",{LABOUR},Myanmar,MMR,..,66
,,,,,
,,,,,
Data from database: World Development Indicators,,,,,
Last Updated: 06/28/2024,,,,,
"""

UNCTAD_HEAD = [
    "Year", "Economy", "Economy Label", "Direction", "Direction Label", "Mode", "Mode Label",
    "US dollars at current prices in millions", "US dollars at current prices in millions Footnote",
    "US dollars at current prices in millions Missing value", "Percentage of total world",
]  # fmt: skip
UNCTAD_ROWS = [
    ["2002", "0000", "World", "1", "Inward", "1", "Flow", "589000", "", "", "100"],
    ["2002", "156", "China", "1", "Inward", "1", "Flow", "52743", "", "", "9"],
    ["2002", "156", "China", "1", "Inward", "2", "Stock", "216503", "", "", "3"],
    ["2002", "156", "China", "2", "Outward", "1", "Flow", "2518", "", "", "0.5"],
    ["2002", "360", "Indonesia", "1", "Inward", "1", "Flow", "", "", "Not applicable", ""],
    ["2002", "960", "Indonesia (...2002)", "1", "Inward", "1", "Flow", "-145", "Estimate, revised", "", ""],
    ["2006", "704", "Viet Nam", "1", "Inward", "1", "Flow", "2400.5", "", "", "0.2"],
]


def table(rows: Sequence[Sequence[str]], separator: str) -> str:
    """Rows as UNCTADstat quotes them."""
    return "\n".join(separator.join(f'"{cell}"' for cell in row) for row in rows) + "\n"


def workbook(sheets: dict[str, Sequence[Sequence[Any]]]) -> bytes:
    """A minimal XLSX file: numbers as numbers, the rest as inline text."""

    def cell(value: Any) -> str:
        if isinstance(value, int | float):
            return f"<c><v>{value}</v></c>"
        return f'<c t="inlineStr"><is><t>{value}</t></is></c>'

    kind = "http://schemas.openxmlformats.org/"
    types = "".join(
        f'<Override PartName="/xl/{part}.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        f'spreadsheetml.{name}+xml"/>'
        for part, name in [("workbook", "sheet.main"), *((f"s{n}", "worksheet") for n in range(len(sheets)))]
    )
    links = "".join(
        f'<Relationship Id="r{n}" Type="{kind}officeDocument/2006/relationships/worksheet" Target="s{n}.xml"/>'
        for n in range(len(sheets))
    )
    listed = "".join(f'<sheet name="{name}" sheetId="{n + 1}" r:id="r{n}"/>' for n, name in enumerate(sheets))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{kind}package/2006/content-types">{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{kind}package/2006/relationships"><Relationship Id="r" '
        f'Type="{kind}officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{kind}spreadsheetml/2006/main" '
        f'xmlns:r="{kind}officeDocument/2006/relationships"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{kind}package/2006/relationships">{links}'
        "</Relationships>",
    }
    for n, rows in enumerate(sheets.values()):
        data = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
        parts[f"xl/s{n}.xml"] = (
            f'<worksheet xmlns="{kind}spreadsheetml/2006/main"><sheetData>{data}</sheetData></worksheet>'
        )
    return zipped({name: f'<?xml version="1.0"?>{text}'.encode() for name, text in parts.items()})


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


Read = Callable[..., Covariates]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Write files, given as name=content, and read them with the paper's variables and others."""

    def run(files: dict[str, str | bytes], **variables: Variable) -> Covariates:
        sources = []
        for name, content in files.items():
            path = tmp_path / name
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            sources.append(Source(path, path.stat().st_size, name))
        return read_covariates(sources, DEFAULT_VARIABLES | variables)

    return run


def rows(covariates: Covariates) -> list[tuple[Any, ...]]:
    return covariates.frame.rows()


def test_wdi_bulk(read: Read) -> None:
    found = read({"WDICSV.csv": WDI_BULK})
    assert found.frame.columns == ["iso3", "year", "capital", "lr", "pa"]
    assert rows(found) == [
        ("CHN", 2002, 0.3625, 0.755, math.log(100)),
        ("CHN", 2006, 0.395, None, math.log(1000)),
        ("VNM", 2002, 0.31, None, None),
        ("_KS", 2006, 0.25, None, None),
    ]
    file = found.report["files"][0]
    assert (file["format"], file["indicators"]) == ("wdi-bulk", [PATENTS, CAPITAL, LABOUR])
    assert (file["unused"], file["values"], file["countries"]) == (1, 7, 3)
    assert file["unmatched"] == {"Africa Eastern and Southern": 2}
    assert found.report["variables"]["pa"]["recipe"] == f"ln({PATENTS})"
    assert found.report["absent"]["ln_fdi"] == "no file gives fdi_inward_flow or fdi_inward_stock"


def test_wdi_api_download_as_csv_and_as_the_zip_it_comes_in(read: Read) -> None:
    plain = read({"API_NE.GDI.FTOT.ZS_DS2_en_csv_v2_1.csv": WDI_API})
    assert rows(plain) == [("CHN", 2002, 0.3625), ("CHN", 2006, 0.395)]
    assert plain.report["files"][0]["unmatched"] == {"World": 2}
    members = {
        "Metadata_Country_API.csv": b'"Country Code","Region","IncomeGroup","SpecialNotes","TableName",\n"CHN","x","y","","China",\n',
        "Metadata_Indicator_API.csv": b'\xef\xbb\xbf"INDICATOR_CODE","INDICATOR_NAME","SOURCE_NOTE",\n',
        "API.csv": WDI_API.encode(),
    }
    packed = read({"API.zip": zipped(members)})
    assert rows(packed)[:2] == rows(plain)
    assert packed.report["passed_over"] == [
        "API.zip: Metadata_Country_API.csv",
        "API.zip: Metadata_Indicator_API.csv",
    ]


def test_databank_export_with_footer_lines(read: Read) -> None:
    found = read({"P_Data_Extract.csv": DATABANK})
    assert rows(found) == [("CHN", 2002, 0.755), ("CHN", 2006, 0.7325), ("MMR", 2006, 0.66)]
    assert found.report["files"][0]["unmatched"] == {}


def test_databank_export_with_years_in_rows(read: Read) -> None:
    head = f"Time,Time Code,Country Name,Country Code,Gross fixed [{CAPITAL}],Labor force [{LABOUR}]"
    lines = ["2002,YR2002,China,CHN,36.25,75.5", "2006,YR2006,China,CHN,..,73.25", ",,,,,"]
    foot = ["Data from database: World Development Indicators,,,,,", "Last Updated: 06/28/2024,,,,,"]
    found = read({"P_Data_Extract.csv": "\n".join([head, *lines, *foot]) + "\n"})
    assert found.frame.select("iso3", "year", "capital", "lr").rows() == [
        ("CHN", 2002, 0.3625, 0.755),
        ("CHN", 2006, None, 0.7325),
    ]
    assert found.report["files"][0]["format"] == "wdi-databank-rows"


@pytest.mark.parametrize(
    "value",
    [
        "US_at_current_prices_in_millions_Value",
        "Millions of US$ at current prices",
        "US$ at current prices in millions",
    ],
)
@pytest.mark.parametrize("has_code", [True, False])
def test_unctadstat_names_of_the_api(read: Read, value: str, has_code: bool) -> None:
    head = ["Year", "Economy_Code", "Economy_Label", "Direction_Label", "Mode_Label", value]
    lines = [
        ["2002", "156", "China", "Inward", "Flow", "52743"],
        ["2002", "0000", "World", "Inward", "Flow", "1"],
    ]
    cut = [[cell for place, cell in enumerate(row) if has_code or place != 1] for row in [head, *lines]]
    found = read({"US.FdiFlowsStock_20251216_022212.csv": table(cut, ",")})
    assert rows(found) == [("CHN", 2002, math.log(52743))]
    assert found.report["files"][0]["unmatched"] == {"World": 1}


@pytest.mark.parametrize("separator", [",", ";"])
def test_unctadstat(read: Read, separator: str) -> None:
    found = read({"US_FdiFlowsStock.csv": table([UNCTAD_HEAD, *UNCTAD_ROWS], separator)})
    assert rows(found) == [
        ("CHN", 2002, math.log(52743)),
        ("IDN", 2002, None),
        ("VNM", 2006, math.log(2400.5)),
    ]
    told = found.report["variables"]["ln_fdi"]
    assert told["recipe"] == "ln(fdi_inward_flow)"
    assert told["without_logarithm"] == {"IDN": 1}
    assert found.report["files"][0]["unmatched"] == {"World": 1}


def test_unctadstat_stock_newer_names_and_decimal_commas(read: Read) -> None:
    head = [
        name.replace("Mode", "Flow").replace("US dollars at current", "US$ at current")
        for name in UNCTAD_HEAD
    ]
    some = [[cell.replace(".", ",") for cell in row] for row in UNCTAD_ROWS]
    stock = {"ln_fdi": Variable(first_of=("fdi_inward_stock",), ln=True, unit="million_usd")}
    found = read({"fdi.csv": table([head, *some], ";")}, **stock)
    assert rows(found) == [("CHN", 2002, math.log(216503))]
    flow = read({"fdi.csv": table([head, *some], ";")})
    assert rows(flow)[-1] == ("VNM", 2006, math.log(2400.5))


def test_stock_serves_where_there_is_no_flow_and_the_report_says_so(read: Read) -> None:
    only_stock = [row for row in UNCTAD_ROWS if row[6] == "Stock"]
    found = read({"fdi.csv": table([UNCTAD_HEAD, *only_stock], ",")})
    assert found.report["variables"]["ln_fdi"]["recipe"] == "ln(fdi_inward_stock)"
    only_outward = [row for row in UNCTAD_ROWS if row[4] == "Outward"]
    absent = read({"fdi.csv": table([UNCTAD_HEAD, *only_outward], ",")}).report["absent"]["ln_fdi"]
    assert absent == "no file gives fdi_inward_flow or fdi_inward_stock; there is fdi_outward_flow"


FRASER = [
    ["Economic Freedom of the World: 2023 Annual Report"],
    ["Published by: Fraser Institute"],
    [],
    ["Year", "ISO Code 2", "ISO Code 3", "Countries", "Economic Freedom Summary Index", "Rank", "Quartile"],
    [2006, "CN", "CHN", "China", 6.05, 90, 3],
    [2006, "HK", "HKG", "Hong Kong SAR, China", 9.02, 1, 1],
    [2006, "TW", "TWN", "Taiwan", 7.9, 20, 1],
    [2006, "MM", "MMR", "Myanmar", "", "", ""],
]  # fmt: skip
FRASER_VALUES = [("CHN", 2006, 6.05), ("HKG", 2006, 9.02), ("S19", 2006, 7.9)]


def test_fraser_workbook_and_csv(read: Read) -> None:
    book = workbook({"Notes": [["How to read this file"]], "EFW Data": FRASER, "EFW Panel": FRASER[3:]})
    found = read({"efotw-2023.xlsx": book})
    assert rows(found) == FRASER_VALUES
    assert found.report["passed_over"] == ["efotw-2023.xlsx: sheet Notes", "efotw-2023.xlsx: sheet EFW Panel"]
    csv = (
        "year,ISO_code,countries,ECONOMIC FREEDOM,rank,quartile\n"
        '2006,CHN,China,6.05,90,3\n2006,HKG,"Hong Kong SAR, China",9.02,1,1\n2006,TWN,Taiwan,7.9,20,1\n2006,MMR,Myanmar,,,\n'
    )
    assert rows(read({"efw_cc.csv": csv})) == FRASER_VALUES


def test_heritage_by_name_all_years_and_one_year_a_file(read: Read) -> None:
    site = (
        "Index of Economic Freedom\n\nExported,2025-06-20\n\n"
        "Country,Index Year,Overall Score,Property Rights\n"
        '"Myanmar",2021,55.2,N/A\n"South Korea",2021,74,81\n"North Korea",2021,N/A,N/A\n'
        'Atlantis,2021,99,99\n"Côte d\'Ivoire",2021,-1,\n'
    )
    found = read({"heritage.csv": site})
    assert rows(found) == [("KOR", 2021, 74.0), ("MMR", 2021, 55.2)]
    assert found.report["files"][0]["unmatched"] == {"Atlantis": 1}
    assert found.report["variables"]["efi"]["recipe"] == "heritage_overall"
    head = ["CountryID", "Country Name", "WEBNAME", "Region", "World Rank", "Region Rank"]
    one = {
        f"index{year}_data.xlsx": workbook(
            {str(year): [[*head, f"{year} Score"], [1, "Viet Nam", "Vietnam", "Asia-Pacific", 9, 9, score]]}
        )
        for year, score in ((2020, 58.8), (2021, 61.7))
    }
    assert rows(read(one)) == [("VNM", 2020, 58.8), ("VNM", 2021, 61.7)]


def test_fraser_goes_before_heritage(read: Read) -> None:
    heritage = "Name,Index Year,Overall Score\nChina,2006,53.6\n"
    found = read({"a.csv": heritage, "b.xlsx": workbook({"EFW": FRASER})})
    assert rows(found)[0] == ("CHN", 2006, 6.05)
    assert found.report["variables"]["efi"]["recipe"] == "efw_summary"


def test_tidy_csv_and_parquet(read: Read, tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"iso3": ["VNM", "TWN"], "year": [2002.0, 2002.0], "gdp": [1.5, float("nan")], "roads": [1, 2]}
    )
    frame.write_parquet(tmp_path / "other.parquet")
    found = read(
        {
            "lr.csv": "iso3,year,lr\nCHN,2002,0.7\nCHN,2006,NA\n",
            "other.parquet": (tmp_path / "other.parquet").read_bytes(),
        },
        ln_gdp=Variable(first_of=("gdp",), divide_by=1.5, ln=True),
    )
    assert found.frame.columns == ["iso3", "year", "lr", "ln_gdp", "gdp", "roads"]
    assert rows(found) == [
        ("CHN", 2002, 0.7, None, None, None),
        ("S19", 2002, None, None, None, 2.0),
        ("VNM", 2002, None, 0.0, 1.5, 1.0),
    ]


def test_files_without_a_table_are_named(read: Read) -> None:
    found = read(
        {
            "a.zip": zipped({"licence.pdf": b"%PDF"}),
            "b.csv": "\n\n",
            "notes.md": "x",
            "lr.csv": "iso3,year,lr\n",
        }
    )
    assert found.report["passed_over"] == ["a.zip", "b.csv", "notes.md"]
    assert rows(found) == []


def test_gzip_latin_1_and_blank_lines(read: Read) -> None:
    text = "Country,Year,Overall Score\n\nTürkiye,2021,64\n\n".encode("latin-1")
    assert rows(read({"h.csv.gz": gzip.compress(text)})) == [("TUR", 2021, 64.0)]


def test_a_sum_needs_all_its_parts(read: Read) -> None:
    both = Variable(sum_of=(PATENTS, "IP.PAT.NRES"), ln=True, unit="count")
    text = (
        "Country Name,Country Code,Indicator Name,Indicator Code,2002,2006\n"
        f"China,CHN,r,{PATENTS},40,50\nChina,CHN,n,IP.PAT.NRES,60,\n"
    )
    found = read({"WDICSV.csv": text}, pa=both)
    assert rows(found) == [("CHN", 2002, math.log(100)), ("CHN", 2006, None)]
    assert found.report["variables"]["pa"]["recipe"] == f"ln({PATENTS} + IP.PAT.NRES)"


def test_slices_of_one_indicator_add_up(read: Read) -> None:
    second = DATABANK.replace("China,CHN,75.5,73.25", "Viet Nam,VNM,76,77")
    found = read({"one.csv": DATABANK, "two.csv": second})
    assert [row[0] for row in rows(found)] == ["CHN", "CHN", "MMR", "VNM", "VNM"]


def test_remarks_say_what_was_done(read: Read) -> None:
    found = read({"fdi.csv": table([UNCTAD_HEAD, *UNCTAD_ROWS], ","), "README.md": "x", "b.csv": WDI_BULK})
    lines = covariate_remarks(found.report)
    assert "ln_fdi: ln(fdi_inward_flow) (fdi.csv)" in lines
    assert "ln_fdi: 1 values are 0 or negative and have no logarithm (IDN)" in lines
    assert "fdi.csv: 1 values of 1 places that are not Comtrade reporters (World)" in lines
    assert "skipped, without data: README.md" in lines
    assert "efi: absent, no file gives efw_summary or heritage_overall" in lines


REFUSED = {
    "a header of no format": (
        {"x.csv": "country;gdp\nChina;1\n"},
        r"x\.csv: not a covariate format that minsum reads; it starts with 'country, gdp'",
    ),
    "per cent in place of a ratio": (
        {"lr.csv": "iso3,year,lr\nCHN,2002,70.5\nVNM,2002,0.7\n"},
        r"lr: a ratio was expected, but the values of CHN \(lr\.csv\) are about 70\.5: they look like per cent",
    ),
    "plain values in place of logarithms": (
        {"pa.csv": "iso3,year,pa\nCHN,2002,5200\n"},
        r"pa: a natural logarithm was expected, but the values of CHN .* look like plain values",
    ),
    "USD in place of million USD": (
        {
            "f.csv": table(
                [UNCTAD_HEAD, ["2002", "156", "China", "1", "Inward", "1", "Flow", "5e10", *[""] * 3]], ","
            )
        },
        r"ln_fdi: million USD was expected, .* about 5e\+10: they look like USD",
    ),
    "ready made and by indicator": (
        {"capital.csv": "iso3,year,capital\nCHN,2002,0.3\n", "w.csv": WDI_BULK},
        r"capital\.csv gives 'capital', and w\.csv gives",
    ),
    "two files that disagree": (
        {"a.csv": WDI_API, "b.csv": WDI_API.replace("39.5", "39.6")},
        r"a\.csv and b\.csv both give 'NE\.GDI\.FTOT\.ZS' and disagree: CHN 2006 is 39\.5 and 39\.6",
    ),
    "a country twice": (
        {"lr.csv": "iso3,year,lr\nCHN,2002,0.7\nCHN,2002,0.8\n"},
        r"lr\.csv: CHN 2002 has two values of lr: 0\.7 \(line 2\) and 0\.8 \(line 3\)",
    ),
    "text among numbers": (
        {"lr.csv": "iso3,year,lr\nCHN,2002,0.7\nVNM,2002,high\n"},
        r"lr\.csv, line 3, column lr: 'high' is not a number",
    ),
    "an infinite number": (
        {"lr.csv": "iso3,year,lr\nCHN,2002,inf\nVNM,2002,0.7\n"},
        r"column lr: 'inf' is not a number",
    ),
    "no year": ({"lr.csv": "iso3,year,lr\nCHN,20002,0.7\n"}, r"line 2, column year: '20002' is not a year"),
    "unknown countries only": (
        {"lr.csv": "iso3,year,lr\nChina proper,2002,0.7\n"},
        r"lr\.csv: no known country \('China proper'\)",
    ),
    "a column twice": ({"lr.csv": "iso3,year,lr,lr\nCHN,2002,1,2\n"}, r"line 1: column 'lr' occurs twice"),
    "a shifted line": (
        {"lr.csv": "iso3,year,lr\nCHN,2002,0.7,9\n"},
        r"lr\.csv, line 2: '9' is in a column without a name",
    ),
    "a much longer line": (
        {"lr.csv": "iso3,year,lr\nCHN,2002,0.7\nCHN,2003,0.7,,9\n"},
        r"lr\.csv, line 3: '9' is in a column without a name",
    ),
    "quotes that do not match": (
        {"lr.csv": 'iso3,year,lr\nCHN,2002,"0.7" "x\n'},
        r"lr\.csv: malformed table",
    ),
    "an empty file": ({"lr.csv": ""}, r"lr\.csv: the file is empty"),
    "a truncated gzip": (
        {"lr.csv.gz": gzip.compress(b"iso3,year,lr\n" * 99)[:40]},
        r"lr\.csv\.gz: truncated",
    ),
    "a 7z archive": ({"US_Fdi.csv.7z": b"7z\xbc\xaf'\x1c"}, r"a 7z archive"),
    "a broken workbook": ({"x.xlsx": b"PK\x03\x04rubbish"}, r"x\.xlsx: the zip cannot be read"),
    "no Parquet": ({"x.parquet": b"PAR1rubbish"}, r"x\.parquet: not readable as Parquet"),
    "a binary": ({"x.csv": b"\x01\x00\x02\x00"}, r"x\.csv: neither text nor a workbook"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(read: Read, case: str) -> None:
    files, message = REFUSED[case]
    with pytest.raises(DataCheckError, match=message) as caught:
        read(files)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("code", "name", "label"),
    [
        ("CHN", "China", "CHN"), ("156", "China", "CHN"), ("4", None, "AFG"), ("842", None, "USA"),
        ("840", None, "USA"), ("251", None, "FRA"), ("356", None, "IND"), ("158", None, "S19"),
        ("960", "Indonesia (...2002)", "IDN"), ("TW", None, "S19"), ("XKX", "Kosovo", "_KS"),
        ("ROM", "Romania", "ROU"), (None, "Korea, Rep.", "KOR"), (None, "Congo, Dem. Rep.", "COD"),
        (None, "The Bahamas", "BHS"), (None, "Türkiye", "TUR"), (None, "Bosnia & Herzegovina", "BIH"),
        (None, "Lao PDR", "LAO"), (None, "Burma", "MMR"), (None, "Micronesia", "FSM"),
        (None, "Korea", None), (None, "World", None), ("0000", "World", None), ("5100", "Africa", None),
        ("EUU", "European Union", None), ("97", "EU", None), (None, "Sub-Saharan Africa", None),
    ],
)  # fmt: skip
def test_countries_match(code: str | None, name: str | None, label: str | None) -> None:
    assert match_country(code, name) == label


def test_every_economy_of_iso_matches_by_code_and_name() -> None:
    import pycountry

    for country in pycountry.countries:
        by_code, by_name = match_country(country.alpha_3, None), match_country(None, country.name)
        assert by_code is not None
        assert by_code == by_name == match_country(country.numeric, None), country.name


def test_every_format_is_documented() -> None:
    text = (Path(__file__).parents[1] / "docs" / "covariates.md").read_text(encoding="utf-8")
    assert len(covariate_formats()) == 10
    for known in covariate_formats():
        assert f"`{known.name}`" in text


def test_a_variable_needs_one_source(tmp_path: Path) -> None:
    path = tmp_path / "minsum.toml"
    path.write_text('[panel.variables.gdp]\nindicator = "NY.GDP.MKTP.CD"\nsum_of = ["a", "b"]\n')
    with pytest.raises(SettingsError, match=r"panel\.variables\.gdp: needs exactly one of indicator"):
        load_settings(path)
    path.write_text('[panel.variables.gdp]\nindicator = "NY.GDP.MKTP.CD"\n')
    variables = load_settings(path).panel.recipes()  # type: ignore[union-attr]
    assert variables["gdp"].first_of == ("NY.GDP.MKTP.CD",)
    assert set(DEFAULT_VARIABLES) < set(variables)
