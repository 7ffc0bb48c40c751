"""Covariate tables in the shapes that R, Python, Stata, spreadsheets and people write, and what is refused in them."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from minsum.errors import DataCheckError
from minsum.panel.covariates import Covariates, covariate_remarks, read_covariates
from minsum.panel.covariates.numbers import with_numbers
from minsum.settings.panel import DEFAULT_VARIABLES, Variable
from minsum.sources.files import Source
from test_covariates import workbook

TIDY = "iso3,year,capital\nCHN,2002,0.25\nVNM,2003,0.5\n"
BOTH = [("CHN", 2002, 0.25), ("VNM", 2003, 0.5)]
FRAME = pd.DataFrame({"country": ["China", "Viet Nam"], "year": [2002, 2003], "capital": [0.25, 0.5]})
DATA360 = "STRUCTURE,FREQ,REF_AREA,REF_AREA_LABEL,SEX,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MULT\n"
API = [
    {"page": 1, "pages": 5, "total": 230},
    [
        {
            "indicator": {"id": "NE.GDI.FTOT.ZS", "value": "Gross fixed capital formation"},
            "country": {"id": code[:2], "value": name},
            "countryiso3code": code,
            "date": year,
            "value": value,
        }
        for code, name, year, value in (
            ("CHN", "China", "2002", 25.0), ("VNM", "Viet Nam", "2003", 50.0), ("WLD", "World", "2002", None),
        )
    ],
]  # fmt: skip

Read = Callable[..., Covariates]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def run(name: str, content: str | bytes, **variables: Variable) -> Covariates:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_covariates([Source(path, path.stat().st_size, name)], DEFAULT_VARIABLES | variables)

    return run


def stata(frame: pd.DataFrame, **options: object) -> bytes:
    buffer = io.BytesIO()
    frame.to_stata(buffer, write_index=False, **options)
    return buffer.getvalue()


def labelled() -> pd.DataFrame:
    year = pd.to_datetime(FRAME["year"].astype(str))
    return FRAME.assign(country=FRAME["country"].astype("category"), year=year)


SHAPES: dict[str, tuple[str, str | bytes]] = {
    "as it is": ("a.csv", TIDY),
    "capitals and blanks": ("a.csv", TIDY.replace("iso3,year", "ISO Code, Year ")),
    "country_code": ("a.csv", TIDY.replace("iso3", "country_code")),
    "Country.Code of R": ("a.csv", TIDY.replace("iso3", "Country.Code")),
    "ISO3 and TIME": ("a.csv", TIDY.replace("iso3,year", "ISO3,TIME")),
    "ISO3 in a column country": ("a.csv", TIDY.replace("iso3", "country")),
    "names only": ("a.csv", "Country,Year,capital\nChina,2002,0.25\nVietnam,2003,0.5\n"),
    "code and name": ("a.csv", "country,iso2c,iso3c,year,capital\nChina,CN,CHN,2002,.25\nVietnam,VN,VNM,2003,.5\n"),
    "iso2": ("a.csv", "iso2c,year,capital\nCN,2002,0.25\nVN,2003,0.5\n"),
    "m49": ("a.csv", "m49,year,capital\n156,2002,0.25\n704,2003,0.5\n"),
    "ISO3 of the OECD": ("a.csv", TIDY.replace("iso3,year", "LOCATION,TIME")),
    "a date of the year": ("a.csv", TIDY.replace("year", "date").replace("2002", "2002-01-01").replace("2003", "2003-12-31")),
    "years as floats": ("a.csv", TIDY.replace("2002", "2002.0")),
    "years of wbgapi": ("a.csv", TIDY.replace("iso3,year", "economy,time").replace("2002", "YR2002")),
    "quoted years": ("a.csv", '"iso3","year","capital"\n"CHN","2002","0.25"\n"VNM","2003","0.5"\n'),
    "row numbers of R": ("a.csv", '"","iso3","year","capital"\n"1","CHN",2002,0.25\n"2","VNM",2003,0.5\n'),
    "row numbers of pandas": ("a.csv", ",iso3,year,capital\n0,CHN,2002,0.25\n1,VNM,2003,0.5\n"),
    "row numbers of pandas, twice": ("a.csv", "Unnamed: 0,iso3,year,capital\n0,CHN,2002,0.25\n1,VNM,2003,0.5\n"),
    "write.table of R": ("a.txt", '"iso3","year","capital"\n"1","CHN",2002,0.25\n"2","VNM",2003,0.5\n'),
    "semicolons and decimal commas": ("a.csv", TIDY.replace(",", ";").replace(".", ",")),
    "tabs": ("a.tsv", TIDY.replace(",", "\t")),
    "bars": ("a.txt", TIDY.replace(",", "|")),
    "Unicode text of Excel": ("a.txt", TIDY.replace(",", "\t").encode("utf-16")),
    "a BOM": ("a.csv", b"\xef\xbb\xbf" + TIDY.encode()),
    "Windows-1252": ("a.csv", TIDY.replace("capital\n", "capital\nCôte d’Azur,2002,\n").encode("cp1252")),
    "line ends of old Macs": ("a.csv", TIDY.replace("\n", "\r")),
    "sep= of Excel": ("a.csv", "sep=;\r\n" + TIDY.replace(",", ";").replace("\n", "\r\n")),
    "title lines": ("a.csv", "Capital formation\nSource: WDI\n\n" + TIDY),
    "years across": ("capital.csv", "iso3,2002,2003\nCHN,0.25,\nVNM,,0.5\n"),
    "years across, X of R": ("capital.csv", '"country","X2002","X2003"\n"China",0.25,NA\n"Vietnam",NA,0.5\n'),
    "years across, wbgapi with labels": ("NE.GDI.FTOT.ZS.csv", "economy,Country,YR2002,YR2003\nCHN,China,25,\nVNM,Viet Nam,,50\n"),
    "years across, wbgapi with series": ("a.csv", "economy,series,YR2002,YR2003\nCHN,NE.GDI.FTOT.ZS,25,\nVNM,NE.GDI.FTOT.ZS,,50\n"),
    "years across, saved twice": ("capital (1).csv", "iso3,2002,2003\nCHN,0.25,\nVNM,,0.5\n"),
    "one value": ("capital.csv", TIDY.replace("capital", "value")),
    "R WDI": ("wdi.csv", "country,iso2c,iso3c,year,NE.GDI.FTOT.ZS\nChina,CN,CHN,2002,25\nVietnam,VN,VNM,2003,50\n"),
    "Our World in Data": ("o.csv", "Entity,Code,Year,Gross fixed capital formation (% of GDP)\nChina,CHN,2002,25\nVietnam,VNM,2003,50\n"),
    "Data360": ("d.csv", DATA360 + "x,A,CHN,China,_T,WB_WDI_NE_GDI_FTOT_ZS,2002,25,0\nx,A,VNM,Viet Nam,_T,WB_WDI_NE_GDI_FTOT_ZS,2003,50,0\n"),
    "the World Bank's API": ("api.json", json.dumps(API)),
    "records": ("a.json", FRAME.to_json(orient="records")),
    "records, one a line": ("a.jsonl", FRAME.to_json(orient="records", lines=True)),
    "Stata": ("a.dta", stata(FRAME)),
    "Stata 13 and later": ("a.dta", stata(FRAME, version=118)),
    "Stata with labels and dates": ("a.dta", stata(labelled(), convert_dates={"year": "ty"})),
    "Stata in gzip": ("a.dta.gz", gzip.compress(stata(FRAME))),
    "a capital letter": ("a.csv", TIDY.replace("capital", "Capital")),
    "a path like a pattern": ("controls [2024] *?.csv", TIDY),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_read(read: Read, shape: str) -> None:
    name, content = SHAPES[shape]
    found = read(name, content)
    assert found.frame.columns == ["iso3", "year", "capital"]
    assert found.frame.rows() == BOTH


def test_a_parquet_file_is_named_and_not_a_pattern(tmp_path: Path, read: Read) -> None:
    """`[2024]` would stand for any of its four digits; numbers there have types and need no witness."""
    frame = pl.DataFrame({"iso3": ["CHN", "CHN"], "year": [2002, 2003], "gdp": [800.0, 1.017]})
    frame.write_parquet(tmp_path / "made.parquet")
    found = read("controls [2024].parquet", (tmp_path / "made.parquet").read_bytes())
    assert found.frame.rows() == [("CHN", 2002, 800.0), ("CHN", 2003, 1.017)]


def test_every_tidy_sheet_of_a_workbook_is_read(read: Read) -> None:
    keys = [["iso3", "year"], ["CHN", 2002]]
    tidy = [[*keys[0], "capital"], [*keys[1], 0.25]]
    wide = [["country", 2002, 2003], ["China", 0.7, 1.017]]
    book = workbook({"read me": [["made by me"]], "capital": tidy, "lr": wide, "empty": []})
    found = read("controls.xlsx", book)
    assert found.frame.rows() == [("CHN", 2002, 0.25, 0.7), ("CHN", 2003, None, 1.017)]
    assert "controls.xlsx: sheet read me" in found.report["passed_over"]


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ('CHN,2002,"1,017.5"\nCHN,2003,"1,234,567"\nCHN,2004,"1,017"', [1017.5, 1234567.0, 1017.0]),
        ("CHN;2002;1.234.567\nCHN;2003;1.017\nCHN;2004;12,5", [1234567.0, 1017.0, 12.5]),
        ("CHN;2002;1\u00a0017\nCHN;2003;1\u202f234,5\nCHN;2004;1'500", [1017.0, 1234.5, 1500.0]),
        ("CHN,2002,6.051\nCHN,2003,0.5\nCHN,2004,700", [6.051, 0.5, 700.0]),
        ("CHN,2002,6.051\nCHN,2003,7.100\nCHN,2004,-1.250", [6.051, 7.1, -1.25]),
        ("CHN,2002,−2.5\nCHN,2003,1.5E+03\nCHN,2004,.5", [-2.5, 1500.0, 0.5]),
        ("CHN,2002,#N/A\nCHN,2003,n.a.\nCHN,2004,:\nCHN,2005,.a\nCHN,2006,1", [1.0]),
    ],
)
def test_numbers(read: Read, rows: str, values: list[float]) -> None:
    separator = ";" if ";" in rows else ","
    found = read("a.csv", f"{separator.join(['iso3', 'year', 'gdp'])}\n{rows}\n")
    assert found.frame["gdp"].to_list() == values


STYLES = [(".", ""), (".", ","), (".", " "), (".", "'"), (",", ""), (",", "."), (",", "\u00a0")]


def as_written(value: float, *, decimals: int, decimal: str, thousands: str) -> str:
    """A number as a spreadsheet of one language writes it."""
    text = f"{value:,.{decimals}f}"
    return text.replace(",", "#").replace(".", decimal).replace("#", thousands)


@pytest.mark.slow
def test_no_column_is_read_wrong() -> None:
    """Columns in every style, of few and many digits: the numbers are right, or the column is refused."""
    rng = np.random.default_rng(7)
    outcomes = Counter[str]()
    for _ in range(1500):
        decimal, thousands = STYLES[rng.integers(len(STYLES))]
        separator = ";" if decimal == "," else ",;\t"[rng.integers(3)]
        places = (
            rng.integers(0, 5, size=rng.integers(1, 6)) if rng.random() < 0.5 else [rng.integers(0, 4)] * 3
        )
        values = [round(float(10 ** rng.uniform(-1, 7)) * rng.choice([1, 1, -1]), int(one)) for one in places]
        texts = [
            as_written(value, decimals=int(one), decimal=decimal, thousands=thousands)
            for value, one in zip(values, places, strict=True)
        ]
        frame = pl.DataFrame({"line": range(len(texts)), "column": "x", "indicator": "x", "value": texts})
        with contextlib.suppress(DataCheckError):
            found = with_numbers(frame, name="t", separator=separator, has_sure_point=False)
            assert found["number"].to_list() == values, (texts, separator)
            outcomes["read"] += 1
            continue
        outcomes["refused"] += 1
    assert outcomes["read"] > 5 * outcomes["refused"] > 0


def test_a_publisher_s_point_is_a_decimal_point(read: Read) -> None:
    head = "Country Name,Country Code,Indicator Name,Indicator Code,2002,2003\n"
    found = read("WDICSV.csv", f"{head}China,CHN,x,SL.TLF.CACT.ZS,75.512,70\n")
    assert found.frame["lr"].to_list() == pytest.approx([0.75512, 0.7])


REFUSED = {
    "a point among plain thousands": (
        ("a.csv", "iso3;year;gdp\nCHN;2002;800\nCHN;2003;1.017\n"),
        r"a\.csv, line 3, column gdp: '1\.017' can be read as 1\.017 and as 1017, beside 800 in line 2",
        "save the column without thousands separators (1017), or with one more decimal (1.0170)",
    ),
    "a comma among plain thousands": (
        ("a.csv", 'iso3,year,gdp\nCHN,2002,800\nCHN,2003,"1,017"\n'),
        r"line 3, column gdp: '1,017' can be read as 1\.017 and as 1017",
        "another language",
    ),
    "thousands among four digits": (
        ("a.csv", "iso3,year,gdp\nCHN,2002,1040\nCHN,2003,1.017\n"),
        r"'1\.017' can be read as .* beside 1040 in line 2",
        "another language",
    ),
    "points only, in a file of semicolons": (
        ("a.csv", "iso3;year;efw\nCHN;2002;6.051\nCHN;2003;7.100\n"),
        r"'6\.051' can be read as 6\.051 and as 6051",
        "another language",
    ),
    "years across, the same": (
        ("gdp.csv", "iso3;2002;2003\nCHN;800;1.017\n"),
        r"gdp\.csv, line 2, column 2003: '1\.017' can be read as",
        "another language",
    ),
    "text in a sheet, the same": (
        ("x.xlsx", workbook({"gdp": [["iso3", "year", "gdp"], ["CHN", 2002, 800], ["CHN", 2003, "1.017"]]})),
        r"x\.xlsx: sheet gdp, line 3, column gdp: '1\.017' can be read as",
        "another language",
    ),
    "point and comma": (
        ("a.csv", "iso3;year;gdp\nCHN;2002;12.5\nCHN;2003;12,5\n"),
        r"column gdp: '12\.5' \(line 2\) and '12,5' \(line 3\) use point and comma in opposite ways",
        "one decimal sign",
    ),
    "per cent signs": (("a.csv", "iso3,year,lr\nCHN,2002,70.5%\n"), r"'70\.5%' is not a number", "without the per cent sign"),
    "an error of Excel": (
        ("a.csv", "iso3,year,lr\nCHN,2002,0.7\nCHN,2003,#REF!\n"), r"line 3, column lr: '#REF!' is not a number", "formula",
    ),
    "a note beside a number": (
        ("a.csv", "iso3,year,lr\nCHN,2002,0.7\nCHN,2003,0.7b\n"), r"line 3, column lr: '0\.7b' is not a number", "remove the note",
    ),
    "text and numbers": (
        ("a.csv", "iso3,year,capital,note\nCHN,2002,0.25,2015\nCHN,2003,0.3,revised\n"), r"column note: 'revised' is not", "correct the value",
    ),
    "quarters": (("a.csv", "iso3,date,lr\nCHN,2002Q1,0.7\n"), r"column year: '2002Q1' is not a year", "correct the value"),
    "two letters of nobody": (
        ("a.csv", "code,year,lr\nCH,2002,0.7\nCN,2002,0.6\n"), r"line 2: 'CH' could be a code of several publishers", "iso2",
    ),
    "numbers of nobody": (
        ("a.csv", "country_code,year,lr\n710,2002,0.7\n2,2002,0.6\n"), r"line 2: '710' could be a code of several publishers", "m49",
    ),
    "code and name that disagree": (
        ("a.csv", "iso3,country,year,lr\nCHN,China,2002,0.7\nAUS,Austria,2002,0.6\n"),
        r"a\.csv, line 3: 'AUS' is AUS, but 'Austria' in the same line is AUT", "correct one",
    ),
    "a value of no country": (("a.csv", "iso3,year,lr\nCHN,2002,0.7\n,2003,0.5\n"), r"line 3, column lr: '0\.5' belongs to no country", "remove"),
    "a table of no name": (("data.csv", "iso3,2002\nCHN,0.7\n"), r"data\.csv: unknown variable", "name the file"),
    "SDMX values in thousands": (
        ("d.csv", DATA360 + "x,A,CHN,China,_T,WB_WDI_IP_PAT_RESD,2002,25,3\n"), r"line 2, column UNIT_MULT: '3'", "multiply",
    ),
    "a name of the panel's": (("a.csv", "iso3,year,esi\nCHN,2002,0.7\n"), r"a\.csv: a variable has the name 'esi', but the panel has", "rename"),
    "names that differ in capitals": (
        ("a.csv", "iso3,year,gdp,GDP\nCHN,2002,1,2\n"), r"a\.csv: a variable has the name 'GDP', but another has the name 'gdp'", "rename",
    ),
    "JSON of another shape": (("a.json", FRAME.to_json()), r"a\.json: this JSON is not a list of records", "records"),
    "broken JSON": (("a.json", '[{"iso3": "CHN", '), r"a\.json: not readable as JSON", "CSV"),
    "broken Stata": (("a.dta", b"<stata_dta><header>junk"), r"a\.dta: not readable as Stata data", "export delimited"),
    "a comma in a group's name": (
        ("o.csv", "Entity,Code,Year,lr\nAfrica, East,,2002,0.7\n"), r"line 2: '0\.7' is in a column without a name", "quotes around",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(read: Read, case: str) -> None:
    (name, content), message, hint = REFUSED[case]
    with pytest.raises(DataCheckError, match=message) as caught:
        read(name, content)
    assert hint in str(caught.value.hint)


def test_text_columns_are_passed_over_and_named(read: Read) -> None:
    """As R's WDI writes them with extra = TRUE: `capital` is the capital city."""
    found = read(
        "wdi.csv",
        "country,iso2c,iso3c,year,NE.GDI.FTOT.ZS,region,capital,longitude,lastupdated\n"
        "China,CN,CHN,2002,25,EAS,Beijing,116.286,2024-06-28\nNamibia,NA,NAM,2002,50,SSF,Windhoek,17.0931,2024-06-28\n",
    )
    assert found.frame.drop("longitude").rows() == [("CHN", 2002, 0.25), ("NAM", 2002, 0.5)]
    lines = covariate_remarks(found.report)
    assert "wdi.csv: column region holds text (EAS) and is skipped" in lines
    assert "wdi.csv: column capital holds text (Beijing) and is skipped" in lines
    assert "wdi.csv: column lastupdated holds text (2024-06-28) and is skipped" in lines
    assert "wdi.csv: columns iso2c are not variables and are skipped" in lines


def test_heritage_s_two_columns_of_names(read: Read) -> None:
    found = read(
        "index2021_data.csv",
        "Country Name,WEBNAME,Region,2021 Score,Country\n"
        'Congo Dem.,Congo,Africa,49,"Congo, Democratic Republic of the"\nLao P.D.R.,Laos,Asia,53.9,Laos\n'
        "S. Korea,South Korea,Asia,74,S. Korea\n",
    )
    assert found.frame.rows() == [("COD", 2021, 49.0), ("LAO", 2021, 53.9)]
    assert found.report["files"][0]["unmatched"] == {"S. Korea": 1}


def test_codes_of_unknown_origin_count_beside_a_known_name_only(read: Read) -> None:
    """924 is China to the IMF and nobody to the UN; 158, Japan to the IMF, is Taiwan to the UN."""
    rows = "country,code,year,lr\nChina,924,2002,0.7\nAtlantis,158,2002,0.5\nKenya,664,2002,0.6\n"
    found = read("imf.csv", rows)
    assert found.frame.rows() == [("CHN", 2002, 0.7), ("KEN", 2002, 0.6)]
    assert found.report["files"][0]["unmatched"] == {"Atlantis": 1}
    with pytest.raises(DataCheckError, match="'158' is S19, but 'Japan' in the same line is JPN"):
        read("imf.csv", rows + "Japan,158,2002,0.5\n")


def test_names_split_by_a_comma_without_quotes(read: Read) -> None:
    found = read(
        "o.csv",
        "Entity,Code,Year,lr\nChina,CHN,2002,0.7\nKorea, Rep.,KOR,2002,0.6\nCongo, Dem. Rep.,COD,2003,0.5\n",
    )
    assert found.frame.rows() == [("CHN", 2002, 0.7), ("COD", 2003, 0.5), ("KOR", 2002, 0.6)]
    assert "o.csv: 2 lines had an unquoted comma in a country's name and were rejoined" in covariate_remarks(
        found.report
    )


def test_totals_of_several_sexes_and_one_page_of_several_are_told(read: Read) -> None:
    rows = "".join(
        f"x,A,CHN,China,{sex},WB_WDI_SL_TLF_CACT_ZS,2002,{value},0\n"
        for sex, value in (("_T", 70), ("F", 60))
    )
    found = read("d.csv", DATA360 + rows)
    assert found.frame.rows() == [("CHN", 2002, 0.7)]
    assert (
        "d.csv: 1 values by sex, age or another breakdown are skipped; the totals are used"
        in covariate_remarks(found.report)
    )
    lines = covariate_remarks(read("api.json", json.dumps(API)).report)
    assert "api.json: page 1 of 5: the other pages are missing; add &per_page=20000 to the address" in lines


@pytest.mark.parametrize("version", [114, 118])
def test_a_cut_stata_file_is_refused_or_whole(read: Read, version: int) -> None:
    whole = stata(FRAME, version=version)
    for length in range(40, len(whole), 29):
        try:
            found = read("a.dta", whole[:length])
        except DataCheckError as error:
            assert error.message.startswith("a.dta: ")  # noqa: PT017 - either outcome is right
        else:
            assert found.frame.rows() == BOTH


def test_data_that_cannot_be_read_are_named_as_what_they_are(read: Read) -> None:
    for name, kind in (("a.rds", "R data"), ("b.sav", "SPSS data"), ("c.sas7bdat", "SAS data")):
        lines = covariate_remarks(read(name, b"\x1f\x8b").report)
        assert f"{name}: {kind}, which minsum does not read: save it as CSV or Parquet" in lines


def test_a_column_that_is_no_word_serves_as_an_indicator(read: Read) -> None:
    text = "Entity,Code,Year,Life satisfaction (0-10)\nChina,CHN,2002,5.1\n"
    absent = read("o.csv", text).report["absent"]
    assert absent["capital"] == "no file gives NE.GDI.FTOT.ZS; there is 'Life satisfaction (0-10)'"
    found = read("o.csv", text, happy=Variable(first_of=("Life satisfaction (0-10)",)))
    assert found.frame.rows() == [("CHN", 2002, 5.1)]
