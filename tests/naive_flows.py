"""A slow, obvious reader of trade files: whole text, one character or one row at a time, dictionaries.

It shares no code with the engine. It says what a file gives, or that it cannot be read.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field

Row = tuple[str, int, str]
Partition = tuple[str, int, int]


class RefusedError(Exception):
    """The file cannot be read."""


@dataclass(frozen=True)
class Form:
    """Names of the columns of one format, and how it differs."""

    names: dict[str, str]
    must_have: tuple[str, ...] = ()
    must_lack: tuple[str, ...] = ()
    flows: dict[str, str] = field(default_factory=lambda: {name: name for name in ("X", "M", "RX", "DX")})
    is_quoted: bool = True
    is_whole: bool = True
    pads: bool = True
    scale: float = 1.0
    trailing: bool = False


_NEW = {
    "reporter": "reporterCode", "year": "period", "classification": "classificationCode", "flow": "flowCode",
    "partner": "partnerCode", "partner2?": "partner2Code", "product": "cmdCode", "customs?": "customsCode",
    "mos?": "mosCode", "mot?": "motCode", "value": "primaryValue",
}  # fmt: skip
_OLD = {
    "reporter": "Reporter Code", "year": "Period", "classification": "Classification", "flow": "Trade Flow Code",
    "partner": "Partner Code", "product": "Commodity Code", "value": "Trade Value (US$)",
}  # fmt: skip
_OLD_FLOWS = {"1": "M", "2": "X", "3": "RX"}
_BULK_ONLY = (
    "Year", "Period Desc.", "Aggregate Level", "Is Leaf Code", "Trade Flow", "Reporter", "Reporter ISO", "Partner",
    "Partner ISO", "Commodity", "Qty Unit Code", "Qty Unit", "Qty", "Netweight (kg)", "Flag",
)  # fmt: skip
_TARIFFLINE_LACKS = ("refYear", "classificationSearchCode", "isAggregate", "reporterISO")
FORMS = {
    "tariffline": Form(
        {"reporter": "reporterCode", "flow": "flowCode", "product": "cmdCode", "value": "primaryValue"},
        ("datasetCode",), _TARIFFLINE_LACKS,
    ),
    "legacy bulk": Form(
        _OLD, _BULK_ONLY, ("2nd Partner Code", "Customs Proc. Code", "Mode of Transport Code"), _OLD_FLOWS, pads=False
    ),
    "web": Form(_NEW, ("reporterISO",), is_whole=False, trailing=True),
    "bulk": Form(_NEW, ("datasetCode",), ("reporterISO", "cmdDesc"), is_quoted=False, pads=False),
    "legacy web": Form(
        _OLD | {"partner2?": "2nd Partner Code", "customs?": "Customs Proc. Code", "mot?": "Mode of Transport Code"},
        flows=_OLD_FLOWS, is_whole=False,
    ),
    "wits": Form(
        {
            "classification": "Nomenclature", "reporter": "ReporterISO3", "product": "ProductCode",
            "partner": "PartnerISO3", "year": "Year", "flow": "TradeFlowCode", "value": "TradeValue in 1000 USD",
        },
        flows={"1": "M", "2": "X", "5": "M", "6": "X"}, is_whole=False, scale=1000.0,
    ),
    "baci": Form(
        {"year": "t", "reporter": "i", "partner": "j", "product": "k", "value": "v"}, is_quoted=False, scale=1000.0
    ),
}  # fmt: skip
WITS_COUNTRIES = {"WLD": 0, "USA": 842, "CHN": 156, "DEU": 276, "ROM": 642, "FRA": 251, "OAS": 490}
WITS_GROUPS = {"All", "ECS", "EAS"}
_VINTAGES = {"92": "H0", "96": "H1", "02": "H2", "07": "H3", "12": "H4", "17": "H5", "22": "H6"}


def read(content: bytes, name: str) -> dict[Partition, dict[Row, tuple[float, bool]]]:
    """What the lake should hold of one file: partition to row to (USD, whether it was rebuilt)."""
    found: dict[Partition, dict[Row, tuple[float, bool]]] = {}
    for text, member in texts(content, name):
        found |= read_text(text, member)
    return found


def texts(content: bytes, name: str) -> list[tuple[bytes, str]]:
    """The uncompressed texts of a file, those of a zip without the ones that are no tables."""
    try:
        if content[:2] == b"\x1f\x8b":
            return [(gzip.decompress(content), name)]
        if content[:4] == b"PK\x03\x04":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = [one for one in archive.infolist() if not one.is_dir()]
                members = [(archive.read(one), f"{one.filename} in {name}") for one in files]
                if len(members) == 1:
                    return [(members[0][0], name)]
                tables = [
                    one for one in members if any(_fits(form, _header(one[0])[0]) for form in FORMS.values())
                ]
                if not tables:
                    raise RefusedError("no table")
                return tables
    except Exception as error:
        raise RefusedError(f"corrupt: {error}") from error
    return [(content, name)]


def _header(text: bytes) -> tuple[list[str], str]:
    line = text.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf").decode("latin-1").rstrip("\r")
    try:
        splits = {mark: next(csv.reader([line], delimiter=mark), []) for mark in ("\t", ",", ";")}
    except csv.Error as error:
        raise RefusedError("no header") from error
    best = max(splits, key=lambda mark: len(splits[mark]))
    return [one.strip() for one in splits[best]], best


def _fits(form: Form, names: list[str]) -> bool:
    have = [name.lower() for name in names]
    needed = [*form.must_have, *(column for name, column in form.names.items() if not name.endswith("?"))]
    return all(one.lower() in have for one in needed) and not any(
        one.lower() in have for one in form.must_lack
    )


def records(text: bytes, separator: bytes, *, quoted: bool) -> list[list[bytes]]:
    """Fields of every line, blank lines left out, one field at a time."""
    text = text if text.endswith(b"\n") else text + b"\n"
    rows: list[list[bytes]] = []
    row: list[bytes] = []
    place = 0
    while place < len(text):
        if not row and text[place : place + 1] == b"\n":
            place += 1
            continue
        if not row and text[place : place + 2] == b"\r\n":
            place += 2
            continue
        if quoted and text[place : place + 1] == b'"':
            one, place = _quoted(text, place + 1)
            if text[place : place + 2] == b"\r\n":
                place += 1
            if text[place : place + 1] not in (separator, b"\n"):
                raise RefusedError("text after a quote")
        else:
            line_end = text.index(b"\n", place)
            field_end = text.find(separator, place, line_end)
            end = line_end if field_end < 0 else field_end
            one, place = text[place:end], end
            if text[place : place + 1] == b"\n":
                one = one.removesuffix(b"\r")
        row.append(one)
        if text[place : place + 1] == b"\n":
            rows.append(row)
            row = []
        place += 1
    return rows


def _quoted(text: bytes, place: int) -> tuple[bytes, int]:
    """Content up to the closing quote, doubled quotes as one, and the place after it."""
    parts = []
    while (end := text.find(b'"', place)) >= 0:
        parts.append(text[place:end])
        if text[end : end + 2] != b'""':
            return b'"'.join(parts), end + 1
        place = end + 2
    raise RefusedError("open quote")


def _form(names: list[str], name: str) -> Form:
    if "TARIFFLINE-" in name.upper():
        raise RefusedError("tariffline")
    for key, form in FORMS.items():
        if _fits(form, names):
            if key == "tariffline":
                raise RefusedError("tariffline")
            folded = [one.lower() for one in names]
            if any(folded.count(column.lower()) > 1 for column in form.names.values()):
                raise RefusedError("a column twice")
            return form
    raise RefusedError("unknown header")


def read_text(text: bytes, name: str) -> dict[Partition, dict[Row, tuple[float, bool]]]:
    """Rows of one text by partition, after every rule and repair."""
    if b"\0" in text:
        raise RefusedError("zero byte")
    names, separator = _header(text)
    form = _form(names, name)
    kept: dict[Partition, dict[Row, float]] = defaultdict(dict)
    parts: dict[Partition, dict[Row, dict[tuple[str, ...], dict[str, float]]]] = defaultdict(dict)
    lines = records(
        text.split(b"\n", 1)[1] if b"\n" in text else b"", separator.encode(), quoted=form.is_quoted
    )
    has_trailing = form.trailing and bool(lines) and len(lines[0]) == len(names) + 1
    for line in lines:
        if len(line) != len(names) + has_trailing:
            raise RefusedError("number of fields")
        if has_trailing and line.pop().strip(b" "):
            raise RefusedError("a value after the last column")
        _add(_fields(form, names, line), form, name, kept, parts)
    if not lines:
        raise RefusedError("no rows")
    return {partition: _finished(form, kept[partition], parts[partition]) for partition in kept}


def _fields(form: Form, names: list[str], line: list[bytes]) -> dict[str, bytes]:
    values = dict(zip((name.lower() for name in names), line, strict=True))
    return {
        name.rstrip("?"): values[column.lower()].strip(b" ")
        for name, column in form.names.items()
        if column.lower() in values
    }


def _integer(text: bytes) -> int | None:
    if text == b"":
        return None
    if not re.fullmatch(rb"-?[0-9]{1,17}", text):
        raise RefusedError(f"not an integer: {text!r}")
    return int(text)


def _country(label: bytes) -> int | None:
    text = label.decode("latin-1")
    if text in WITS_GROUPS:
        return -1
    if text not in WITS_COUNTRIES:
        raise RefusedError(f"unknown country {text!r}")
    return WITS_COUNTRIES[text]


def _vintage(found: dict[str, bytes], name: str) -> str:
    if "classification" in found:
        vintage = found["classification"].decode("latin-1")
        if not re.fullmatch("H[0-6]", vintage):
            raise RefusedError(f"classification {vintage!r}")
        return vintage
    match = re.search(r"BACI_HS(\d\d)", name, re.IGNORECASE)
    if match is None or match[1] not in _VINTAGES:
        raise RefusedError("no vintage")
    return _VINTAGES[match[1]]


def _check_name(name: str, year: int, reporter: int) -> None:
    """Reporter and year in the file's name, where it says them."""
    bulk = re.search(r"COMTRADE-FINAL(?:CLASSIC)?-CA(\d{3})(\d{4})[A-Z][A-Z0-9]\[", name)
    legacy = re.search(r"type-C_r-(ALL|\d+)_ps-(\d{4})_", name)
    baci = re.search(r"BACI_HS\d\d_Y(\d{4})", name)
    if bulk and (int(bulk[1]), int(bulk[2])) != (reporter, year):
        raise RefusedError("name")
    if legacy and (int(legacy[2]) != year or legacy[1] not in ("ALL", str(reporter))):
        raise RefusedError("name")
    if baci and int(baci[1]) != year:
        raise RefusedError("name")


def _add(
    found: dict[str, bytes],
    form: Form,
    name: str,
    kept: dict[Partition, dict[Row, float]],
    parts: dict[Partition, dict[Row, dict[tuple[str, ...], dict[str, float]]]],
) -> None:
    """One line, through the row rules."""
    by_label = form is FORMS["wits"]
    reporter = _country(found["reporter"]) if by_label else _integer(found["reporter"])
    partner = _country(found["partner"]) if by_label else _integer(found["partner"])
    year, value = _integer(found["year"]), _value(found["value"], form)
    partner2, mot = (_integer(found.get(one, b"")) for one in ("partner2", "mot"))
    if reporter is None or year is None or reporter < 1 or not 1900 <= year <= 2200 or reporter >= 10**7:
        raise RefusedError("reporter or period")
    _check_name(name, year, reporter)
    partition = (_vintage(found, name), year, reporter)
    kept[partition], parts[partition] = kept[partition], parts[partition]
    flow = "X" if form is FORMS["baci"] else form.flows.get(found["flow"].decode("latin-1"))
    product = _product(found["product"].decode("latin-1"), form)
    if flow is None or product is None or not 0 < value <= 1e21 or (by_label and partner == -1):
        return
    marks = {
        "partner2": "" if partner2 in (0, None) else str(partner2),
        "customs": "" if found.get("customs", b"") in (b"C00", b"") else found["customs"].decode("latin-1"),
        "mot": "" if mot in (0, None) else str(mot),
        "mos": "" if found.get("mos", b"") in (b"0", b"-1", b"") else found["mos"].decode("latin-1"),
    }
    if partner is None or not (form is FORMS["baci"]) <= partner < 2**20:
        raise RefusedError("partner")
    row = (flow, partner, product)
    if any(marks.values()):
        breakdown = tuple(one for one, mark in marks.items() if mark)
        whole = f"{partner2}|{found.get('customs')!r}|{mot}|{found.get('mos')!r}"
        cell = parts[partition].setdefault(row, {}).setdefault(breakdown, {})
        cell[whole] = max(cell.get(whole, 0.0), value)
        return
    kept[partition][row] = max(kept[partition].get(row, 0.0), value)
    if form is FORMS["baci"]:
        mirror = (partition[0], year, partner)
        imported = ("M", reporter, product)
        kept[mirror][imported] = max(kept[mirror].get(imported, 0.0), value)


def _value(text: bytes, form: Form) -> float:
    if text == b"":
        return math.nan
    if b"_" in text:
        raise RefusedError("value")
    try:
        return float(text) * form.scale
    except ValueError as error:
        raise RefusedError("value") from error


def _product(code: str, form: Form) -> str | None:
    if code in ("TOTAL", "Total"):
        return None if form is FORMS["baci"] else "TOTAL"
    if form.pads or form is FORMS["baci"]:
        code = f"0{code}" if re.fullmatch("[0-9]{5}", code) else code
    return code if re.fullmatch("[0-9]{2}[0-9A-Z]{4}", code) else None


def _finished(
    form: Form, kept: dict[Row, float], parts: dict[Row, dict[tuple[str, ...], dict[str, float]]]
) -> dict[Row, tuple[float, bool]]:
    """Sums and repairs of one partition."""
    rows = {row: (value, False) for row, value in kept.items()}
    if form is FORMS["baci"]:
        return _with_sums(kept)
    if not form.is_whole:
        return rows
    for row, breakdowns in parts.items():
        if row not in rows:
            sums = [sum(sorted(_outermost(cells).values())) for _, cells in sorted(breakdowns.items())]
            rows[row] = (max(sums), True)
    partners: dict[tuple[str, str], float] = defaultdict(float)
    for (flow, partner, product), (value, _) in sorted(rows.items()):
        if partner != 0:
            partners[flow, product] += value
    totals = {
        flow: rows[flow, 0, "TOTAL"][0] for flow in ["X", "M", "RX", "DX"] if (flow, 0, "TOTAL") in rows
    }
    for (flow, product), value in partners.items():
        world = rows.get((flow, 0, product))
        if world is None or (flow in totals and world[0] > totals[flow] * (1 + 1e-6)):
            rows[flow, 0, product] = (value, True)
    return rows


def _outermost(cells: dict[str, float]) -> dict[str, float]:
    """Modes of transport without those whose group is there too."""
    modes = {whole: int(mot) if (mot := whole.split("|")[2]) not in ("None", "") else 0 for whole in cells}
    groups = {mot for mot in modes.values() if mot > 0 and mot % 1000 == 0}
    return {
        whole: value
        for whole, value in cells.items()
        if modes[whole] == modes[whole] // 1000 * 1000 or modes[whole] // 1000 * 1000 not in groups
    }


def _with_sums(kept: dict[Row, float]) -> dict[Row, tuple[float, bool]]:
    """TOTAL of every partner, World of every product and of TOTAL: by definition."""
    sums: dict[Row, float] = defaultdict(float)
    for (flow, partner, product), value in sorted(kept.items()):
        for row in ((flow, partner, "TOTAL"), (flow, 0, product), (flow, 0, "TOTAL")):
            sums[row] += value
    return {row: (value, False) for row, value in (kept | sums).items()}
