"""A slow, obvious reader of trade files: whole text, one character or one row at a time, dictionaries.

It shares no code with the engine. It says what a file gives, or that it cannot be read.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import math
import re
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import naive_codes
from naive_repairs import Content, Filed, Part, Rows, finished

Partition = tuple[str, int, int]
"""HS vintage, year, reporter."""

KEPT_FLOWS = ("X", "M", "RX", "DX")


class RefusedError(Exception):
    """The file cannot be read."""


@dataclass(frozen=True)
class Form:
    """Names of the columns of one format, several with a bar between, and how it differs."""

    names: dict[str, str]
    must_have: tuple[str, ...] = ()
    must_lack: tuple[str, ...] = ()
    flows: dict[str, str] = field(default_factory=dict)
    is_quoted: bool = True
    is_whole: bool = True
    scale: float = 1.0


_COMTRADE = {
    "reporter": "reporterCode|rtCode", "year": "period|refYear|Year|yr",
    "classification?": "classificationCode|Classification|pfCode", "flow": "flowCode|Trade Flow Code|rgCode",
    "flow name?": "Trade Flow|flowDesc|rgDesc", "frequency?": "freqCode",
    "own?": "isOriginalClassification",
    "partner": "partnerCode|ptCode", "partner2?": "partner2Code|2nd Partner Code|X2nd Partner Code|ptCode2",
    "product": "cmdCode|Commodity Code", "customs?": "customsCode|Customs Proc. Code|cstCode", "mos?": "mosCode",
    "mot?": "motCode|Mode of Transport Code", "value": "primaryValue|Trade Value (US$)|Trade Value (USD)|TradeValue",
}  # fmt: skip
_OLD_FLOWS = {"1": "M", "2": "X", "3": "RX", "4": "RM"}
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
        _COMTRADE, _BULK_ONLY, ("2nd Partner Code", "Customs Proc. Code", "Mode of Transport Code"), _OLD_FLOWS
    ),
    "bulk": Form(_COMTRADE, ("datasetCode",), ("reporterISO", "cmdDesc"), is_quoted=False),
    "web": Form(_COMTRADE, flows=_OLD_FLOWS, is_whole=False),
    "wits": Form(
        {
            "classification?": "Nomenclature", "reporter": "ReporterISO3|Reporter", "product": "ProductCode",
            "partner": "PartnerISO3|Partner", "year": "Year", "flow": "TradeFlowCode|TradeFlow|TradeFlowName",
            "flow name?": "TradeFlowName", "value": "TradeValue in 1000 USD|Trade Value 1000USD",
        },
        flows={
            "1": "M", "2": "X", "3": "not sure", "4": "not sure", "5": "M", "6": "X", "GROSS IMP.": "M", "GROSS EXP.": "X",
        },
        is_whole=False, scale=1000.0,
    ),
    "baci": Form(
        {"year": "t", "reporter": "i", "partner": "j", "product": "k|hs6", "value": "v"}, is_quoted=False, scale=1000.0
    ),
}  # fmt: skip
WITS_COUNTRIES = {
    "WLD": 0,
    "USA": 842,
    "CHN": 156,
    "DEU": 276,
    "ROM": 642,
    "FRA": 251,
    "OAS": 490,
    "China": 156,
    "World": 0,
    "Other Asia, nes": 490,
}
WITS_GROUPS = {"All", "ECS", "EAS", "North America"}
_VINTAGES = {"92": "H0", "96": "H1", "02": "H2", "07": "H3", "12": "H4", "17": "H5", "22": "H6"}


def read(content: bytes, name: str) -> dict[Partition, Content]:
    """What the lake should hold of one file: of its texts the whole one whose name comes last, or the slices together."""
    found: dict[Partition, tuple[Form, Filed]] = {}
    reasons: list[RefusedError] = []
    for text, member in sorted(texts(content, name), key=lambda one: one[1]):
        try:
            form, filed = read_text(text, member)
        except RefusedError as error:
            reasons.append(error)
            continue
        for partition, one in filed.items():
            if partition in found and not form.is_whole:
                found[partition][1].add(one)
            elif partition not in found or not _is_smaller(
                *(_finished(form, x).rows for x in (one, found[partition][1]))
            ):
                found[partition] = (form, one)
    if not found:
        raise reasons[0]
    return {partition: _finished(form, filed) for partition, (form, filed) in found.items()}


def _finished(form: Form, filed: Filed) -> Content:
    return finished(filed, is_whole=form.is_whole, has_world=form is not FORMS["baci"])


def _is_smaller(new: Rows, old: Rows) -> bool:
    """Whether a text leaves less than half of what another gave, or nothing of a flow, and so does not replace it."""
    usd, usd_left = (sum(value for value, _ in rows.values()) for rows in (old, new))
    flows, flows_left = ({row[0] for row in rows} for rows in (old, new))
    return 2 * len(new) < len(old) or 2 * usd_left < usd or not flows <= flows_left


def texts(content: bytes, name: str) -> list[tuple[bytes, str]]:
    """The unpacked texts of a file, those of an archive without the ones that are no tables."""
    try:
        found = _unpacked(content, name)
    except Exception as error:
        raise RefusedError(f"corrupt: {error}") from error
    if len(found) == 1:
        return [(found[0][0], name)]
    tables = [one for one in found if _is_table(one[0])]
    if not tables:
        raise RefusedError("no table")
    return tables


def _is_table(text: bytes) -> bool:
    """Whether it is one, or may be: a damaged text is refused alone when it is read."""
    try:
        names, _, _ = _header(_plain(text))
    except RefusedError:
        return True
    return any(_fits(form, names) for form in FORMS.values())


def _unpacked(content: bytes, name: str) -> list[tuple[bytes, str]]:
    if content[:2] == b"\x1f\x8b":
        return _unpacked(gzip.decompress(content), name)
    if content[:3] == b"BZh":
        return _unpacked(bz2.decompress(content), name)
    if content[:6] == b"\xfd7zXZ\0":
        return _unpacked(lzma.decompress(content), name)
    if content[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            found = [
                (archive.extractfile(one).read, f"{one.name} in {name}") for one in archive if one.isfile()
            ]
            return _inside(found, name)
    if content[:4] != b"PK\x03\x04":
        return [(content, name)]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [one for one in archive.infolist() if not one.is_dir()]
        members = [(partial(archive.read, one), f"{one.filename} in {name}") for one in files]
        return _inside(members, name)


def _inside(members: list[tuple[Callable[[], bytes], str]], name: str) -> list[tuple[bytes, str]]:
    members = [(read, one) for read, one in members if not _is_junk(one.removesuffix(f" in {name}"))]
    if len({one for _, one in members}) < len(members):
        raise RefusedError("two files of one name")
    if len(members) == 1:
        return _unpacked(members[0][0](), name)
    if len(members) > 500:
        raise RefusedError("many files")
    found = []
    for read_member, one in members:
        with suppress(Exception):
            found += _unpacked(read_member(), one)
    return found


def _is_junk(path: str) -> bool:
    """What systems and programs add."""
    return any(
        part in ("__MACOSX", "Thumbs.db", "desktop.ini") or part.startswith((".", "~$"))
        for part in path.split("/")
    )


def _plain(text: bytes) -> bytes:
    """UTF-8 or an 8-bit encoding with line feeds."""
    for mark, encoding in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if text.startswith(mark):
            return _universal(text, encoding)
    head = text[:60]
    if len(head) > 3 and not any(head[1::2]) and all(head[::2]):
        return _universal(text, "utf-16-le")
    if len(head) > 3 and not any(head[::2]) and all(head[1::2]):
        return _universal(text, "utf-16-be")
    first = text.split(b"\n", 1)[0].removesuffix(b"\r")
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in first else text


def _universal(text: bytes, encoding: str) -> bytes:
    try:
        return text.decode(encoding).replace("\r\n", "\n").replace("\r", "\n").encode()
    except UnicodeError as error:
        raise RefusedError("encoding") from error


def _header(text: bytes) -> tuple[list[str], str, bytes]:
    """Names, what separates them, and the text after them."""
    marks, line, rest = "\t,;|", "", text
    while not line and rest:
        first, _, rest = rest.partition(b"\n")
        line = _text(first.replace("\xef\xbb\xbf".encode(), b"").replace(b"\xef\xbb\xbf", b"")).rstrip("\r")
        if said := re.fullmatch('"?sep=([\t,;|])"?[\t,;|]*', line, re.IGNORECASE):
            marks, line = said[1], ""
        if not line.strip('\t,;|" '):
            line = ""
    try:
        splits = {mark: next(csv.reader([line], delimiter=mark), []) for mark in marks}
    except (csv.Error, TypeError, ValueError) as error:
        raise RefusedError("no header") from error
    best = max(splits, key=lambda mark: len(splits[mark]))
    return [one.strip() for one in splits[best]], best, rest


def _folded(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def _fits(form: Form, names: list[str]) -> bool:
    have = {_folded(name) for name in names}
    needed = [*form.must_have, *(column for name, column in form.names.items() if not name.endswith("?"))]
    return all(any(_folded(one) in have for one in some.split("|")) for some in needed) and not any(
        _folded(one) in have for one in form.must_lack
    )


def _column_of(form: Form, names: list[str]) -> dict[str, int]:
    """minsum's names and where their columns are."""
    folded, found = [_folded(name) for name in names], {}
    for name, columns in form.names.items():
        for column in columns.split("|"):
            if _folded(column) in folded:
                if folded.count(_folded(column)) > 1:
                    raise RefusedError("a column twice")
                found[name.rstrip("?")] = folded.index(_folded(column))
                break
    if found.get("flow name") == found.get("flow"):
        found.pop("flow name", None)
    return found


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
            if text[place : place + 1] == b"\r":
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
            return form
    raise RefusedError("unknown header")


def rows_of(text: bytes, name: str) -> tuple[Form, list[dict[str, bytes]], set[str], int]:
    """The form of a text, the fields of its rows, names that its header lacks, and how many lines are none."""
    text = _plain(text)
    if b"\0" in text:
        raise RefusedError("zero byte")
    names, separator, rest = _header(text)
    form, mark = _form(names, name), separator.encode()
    head = text[: len(text) - len(rest)]
    first_row = next((line for line in rest.split(b"\n") if line.strip(b"\r")), b"")
    lines = records(
        rest, mark, quoted=form.is_quoted or b'"' in head.rstrip(b"\n").split(b"\n")[-1] + first_row
    )
    names_of_rows = [name.encode() for name in names]
    extra = bool(lines) and len(lines[0]) == len(names) + 1
    ahead = extra and lines[0][0].strip(b' "') == b"1" and lines[0][-1].strip(b' "') != b""
    columns = {name: place + ahead for name, place in _column_of(form, names).items()}
    rows = []
    for line in lines:
        bare = [field.strip(b" ") for field in line]
        if [one.strip(b'"') for one in bare] == names_of_rows or not b"".join(bare).strip(b'" \r' + mark):
            continue
        if len(line) != len(names) + extra:
            raise RefusedError("number of fields")
        if extra and not ahead and line[-1].strip(b" "):
            raise RefusedError("a value after the last column")
        found = {name: line[place].strip(b" ") for name, place in columns.items()}
        if any(found.values()):
            rows.append(found)
    if not rows:
        raise RefusedError("no rows")
    lacking = {"partner2", "customs", "mot"} - columns.keys() | {"period"} - {*map(_folded, names)}
    return form, rows, lacking, len(lines) - len(rows)


def read_text(text: bytes, name: str) -> tuple[Form, dict[Partition, Filed]]:
    """The form of one text, and what its lines give each partition."""
    form, rows, lacking, _ = rows_of(text, name)
    _refuse_grouped(form, [row["value"] for row in rows])
    has_dots = any(naive_codes.is_dotted(_text(row["product"])) for row in rows)
    lines = [_line(row, form, name, has_dots=has_dots) for row in rows]
    filed = _sorted_out(lines, form)
    for line in lines:
        for kind in line.mended:
            filed[line.partition].mended[kind].append(line.countable)
    if form is FORMS["web"] and lacking:
        _refuse_lost_parts(filed)
    return form, filed


def _refuse_grouped(form: Form, values: list[bytes]) -> None:
    """Three digits after a dot are thousands or decimals, unless another value shows which."""
    with_dots = [one for one in values if re.fullmatch(rb"-?[1-9][0-9]?[0-9]?\.[0-9][0-9][0-9]", one)]
    others = [one for one in values if one not in with_dots and not _nothing(one)]
    if form.scale == 1 and with_dots and all(re.fullmatch(rb"-?[0-9]{1,3}", one) for one in others):
        raise RefusedError("dots between thousands or decimals")


def _refuse_lost_parts(filed: dict[Partition, Filed]) -> None:
    """Different values of one key are totals and their parts only where the largest is the sum of the others."""
    for one in filed.values():
        for values in one.kept.values():
            times = sum(values) / max(values)
            if len(set(values)) > 1 and (abs(times - round(times)) > 1e-4 or round(times) < 2):
                raise RefusedError("parts of totals")


def _nothing(text: bytes) -> bool:
    return text in (b"", b"NA", b"N/A", b"<NA>", b"None", b"NULL", b"null")


def _integer(text: bytes) -> int | None:
    if _nothing(text):
        return None
    if not re.fullmatch(rb"-?[0-9]{1,17}(\.0*)?", text):
        raise RefusedError(f"not an integer: {text!r}")
    return int(text.split(b".")[0])


def _country(label: bytes) -> int | None:
    text = label.decode("latin-1")
    if text in WITS_GROUPS:
        return -1
    if text not in WITS_COUNTRIES:
        raise RefusedError(f"unknown country {text!r}")
    return WITS_COUNTRIES[text]


def _vintage(found: dict[str, bytes], name: str, form: Form) -> str:
    if "classification" in found:
        vintage = naive_codes.bare(_text(found["classification"]))
        if not re.fullmatch("H[0-6]", vintage):
            raise RefusedError(f"classification {vintage!r}")
        return vintage
    comtrade = r"(?:COMTRADE-FINAL(?:CLASSIC)?-CA\d{7}|type-C_r-(?:ALL|\d+)_ps-\d{4}_freq-A_px-)(H\d)"
    pattern = r"BACI(?:_HS)?(\d\d)(?!\d)" if form is FORMS["baci"] else comtrade
    match = re.search(pattern, name, re.IGNORECASE)
    vintage = _VINTAGES.get(match[1], match[1]) if match and form is not FORMS["wits"] else ""
    if vintage not in _VINTAGES.values():
        raise RefusedError("no vintage")
    return vintage


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


@dataclass(frozen=True)
class Line:
    """One line, understood."""

    partition: Partition
    flow: str
    partner: int | None
    product: str
    value: float
    part: Part
    mended: set[str]

    @property
    def countable(self) -> float:
        """Its value, where it is one."""
        return self.value if abs(self.value) <= 1e21 else 0.0

    @property
    def digits(self) -> int:
        return 0 if self.product == "TOTAL" else len(self.product)


def _line(found: dict[str, bytes], form: Form, name: str, *, has_dots: bool) -> Line:
    is_baci, by_label = form is FORMS["baci"], form is FORMS["wits"]
    reporter = _country(found["reporter"]) if by_label else _integer(found["reporter"])
    partner = _country(found["partner"]) if by_label else _integer(found["partner"])
    year, value = _integer(found["year"]), _value(found["value"], form)
    if found.get("frequency", b"") not in (b"", b"A", b"a"):
        raise RefusedError("not annual")
    part = (
        _integer(found.get("partner2", b"")), _customs(found.get("customs", b"")), _integer(found.get("mot", b"")),
        _mos(found.get("mos", b"")),
    )  # fmt: skip
    if reporter is None or year is None or reporter < 1 or not 1900 <= year <= 2200 or reporter >= 10**7:
        raise RefusedError("reporter or period")
    _check_name(name, year, reporter)
    partition = (_vintage(found, name, form), year, reporter)
    flow = "X" if is_baci else _flow(found["flow"], found.get("flow name"), form)
    product = naive_codes.undone(_text(found["product"]), has_dots=has_dots)
    if product is None:
        raise RefusedError("product")
    by_word = {"flow_words"} if not is_baci and _says_nothing(found) else set()
    return Line(partition, flow, partner, product[0], value, part, product[1] | by_word)


def _says_nothing(found: dict[str, bytes]) -> bool:
    """Whether a flow's name counts in place of its code."""
    return "flow name" in found and found["flow"] in (b"", b"0")


def _broken(line: Line, form: Form, digits: int) -> list[str]:
    """The rules that remove a line, in their order, when products of so many digits are kept."""
    levels = (digits,) if form is FORMS["baci"] else (0, digits)
    return [
        *(["flow"] if line.flow not in KEPT_FLOWS else []),
        *_breakdown(line.part),
        *(["level"] if line.digits not in levels else []),
        *(["value"] if not 0 <= line.value <= 1e21 else []),
        *(["zero"] if line.value == 0 else []),
        *(["partner"] if form is FORMS["wits"] and line.partner == -1 else []),
    ]


def _add(line: Line, form: Form, filed: defaultdict[Partition, Filed], *, digits: int) -> None:
    """One line, through the row rules; products of so many digits are kept."""
    is_baci = form is FORMS["baci"]
    mine, partner, value = filed[line.partition], line.partner, line.value
    breakdown, broken = _breakdown(line.part), _broken(line, form, digits)
    mine.met[broken[0] if broken else "kept"].append(line.countable)
    if broken[:1] == ["level"]:
        mine.levels[str(line.digits)].append(line.countable)
    if broken == ["level"] and partner is not None and line.product != "TOTAL":
        mine.others[line.flow, partner, line.product].append(value)
    if broken != list(breakdown) or (breakdown and not form.is_whole):
        return
    if partner is None or not is_baci <= partner < 2**20:
        raise RefusedError("partner")
    row = (line.flow, partner, line.product)
    if breakdown:
        mine.parts.setdefault(row, {}).setdefault(breakdown, {}).setdefault(line.part, []).append(value)
        return
    mine.kept[row].append(value)
    if is_baci:
        vintage, year, reporter = line.partition
        filed[vintage, year, partner].kept["M", reporter, line.product].append(value)


def _sorted_out(lines: list[Line], form: Form) -> dict[Partition, Filed]:
    """Each reporter-year with its products of six digits, or, where it has none, of four, or of two."""
    filed: defaultdict[Partition, Filed] = defaultdict(Filed)
    for line in lines:
        _add(line, form, filed, digits=6)
    for digits in () if form is FORMS["baci"] else (4, 2):
        for partition in list(filed):
            mine = [line for line in lines if line.partition == partition]
            rows = [*filed[partition].kept, *filed[partition].parts]
            lost = [one for one in mine if one.digits == digits and _broken(one, form, 6)[:1] == ["level"]]
            if lost and all(row[2] == "TOTAL" for row in rows):
                filed[partition] = Filed()
                for line in mine:
                    _add(line, form, filed, digits=digits)
    for one in filed.values():
        has_products = any(row[2] != "TOTAL" for row in [*one.kept, *one.parts])
        for row in list(one.others):
            if not has_products or (form.is_whole and _adds_up(one, len(row[2]))):
                del one.others[row]
    return filed


def _adds_up(filed: Filed, digits: int) -> bool:
    """Whether codes of so many digits are worth what is kept, or, with TOTAL, half of it."""
    kept, removed = sum(filed.met["kept"]), sum(filed.levels[str(digits)])
    return abs(removed - kept) <= 1e-4 * kept or abs(2 * removed - kept) <= 1e-4 * kept


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _customs(content: bytes) -> bytes | None:
    text = naive_codes.bare(_text(content)).upper()
    if content and not re.fullmatch("C[0-9][0-9]", text):
        raise RefusedError("customs")
    return text.encode() if content else None


def _mos(content: bytes) -> bytes | None:
    text = naive_codes.bare(_text(content)).removesuffix(".0")
    if content and not re.fullmatch("-1|[0-9][0-9]?", text):
        raise RefusedError("mos")
    return b"%d" % int(text) if content else None


def _flow(code: bytes, named: bytes | None, form: Form) -> str:
    """Comtrade's letters of a flow, by its code or, where that says nothing, by its name."""
    if named is not None and code in (b"", b"0"):
        flow = naive_codes.flow(_text(named), {})
    else:
        flow = naive_codes.flow(_text(code), form.flows)
        by_name = naive_codes.flow(_text(named or b""), {})
        if flow in naive_codes.FLOWS and by_name not in (None, flow):
            raise RefusedError("a flow's code and name")
    if flow is None:
        raise RefusedError("flow")
    return flow


def _breakdown(part: Part) -> tuple[str, ...]:
    """Rules that make a row the part of a total."""
    partner2, customs, mot, mos = part
    marks = {
        "partner2": partner2 not in (0, None), "customs": customs not in (b"C00", None), "mot": mot not in (0, None),
        "mos": mos not in (b"0", b"-1", None),
    }  # fmt: skip
    return tuple(rule for rule, is_marked in marks.items() if is_marked)


def _value(text: bytes, form: Form) -> float:
    if _nothing(text):
        return math.nan
    if b"_" in text:
        raise RefusedError("value")
    try:
        return float(text) * form.scale
    except ValueError as error:
        raise RefusedError("value") from error
