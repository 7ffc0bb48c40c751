"""Damage of what a column holds: codes, flows, countries, years, numbers and names of columns, in one row or in all."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable

Change = Callable[[str], str]

PRODUCTS = ("cmdCode", "Commodity Code", "ProductCode", "k")
FLOWS = ("flowCode", "Trade Flow Code", "TradeFlowCode", "Trade Flow")
COUNTRIES = (
    "reporterCode",
    "partnerCode",
    "Reporter Code",
    "Partner Code",
    "ReporterISO3",
    "PartnerISO3",
    "i",
    "j",
)
YEARS = ("period", "Period", "Year", "t")
VALUES = ("primaryValue", "Trade Value (US$)", "TradeValue in 1000 USD", "v")
PARTS = (
    "partner2Code",
    "customsCode",
    "motCode",
    "mosCode",
    "classificationCode",
    "Classification",
    "freqCode",
)

_AROUND = (
    "'{}", '"{}"', '"""{}"""', '="{}"', '=\"{}\"', "’{}’", "“{}”", "`{}", " {}", "{} ", "\xa0{}", "{}\xa0", "\u2009{}", "{}\u200b",
    "\ufeff{}", "\t{}", "«{}»", "'{}'", '""{}""', "={}", "({})", "[{}]", "{}*", "{}.", "{},", "\u3000{}", "{}\x0b", "\x1f{}",
)  # fmt: skip
_SAME_PRODUCTS: tuple[Change, ...] = (
    *((lambda code, form=form: form.format(code)) for form in _AROUND),
    lambda code: f"{code}.0", lambda code: f"{code},0", lambda code: f"{code}.00", lambda code: f"{code},00", lambda code: f"{code}.5",
    lambda code: code.lstrip("0"), lambda code: code.lstrip("0") + ".0", lambda code: "'" + code.lstrip("0"),
    lambda code: f"{code[:4]}.{code[4:]}", lambda code: f"{code[:2]}.{code[2:4]}.{code[4:]}", lambda code: f"{code[:4]} {code[4:]}",
    lambda code: f"{code[:4]}\xa0{code[4:]}", lambda code: f"{code[:4]}.{code[4:]}".lstrip("0"), lambda code: f"{code[:3]}.{code[3:]}",
    lambda code: f"{code[:2]}.{code[2:]}", lambda code: f"{code[:3]},{code[3:]}", lambda code: f"{code[:4]}-{code[4:]}",
    lambda code: code.replace("0", "O"), lambda code: code.replace("1", "l"), lambda code: f"HS{code}", lambda code: f"{code} - Horses",
    lambda code: f"0{code}", lambda code: f"00{code}", lambda code: f"+{code}", lambda code: f"-{code}", lambda code: f"{code[:1]}.{code[1:]}E+05",
    lambda code: code.translate({48 + n: 0xFF10 + n for n in range(10)}), lambda code: code.translate({48 + n: 0x660 + n for n in range(10)}),
)  # fmt: skip
_PRODUCTS: tuple[Change, ...] = (
    *_SAME_PRODUCTS, lambda code: f"{code[:4]}{code[4:]}10", lambda code: f"{code}1000", lambda code: f"{code}1", lambda code: f"{code}000",
    lambda code: f"{code[:4]}.{code[4:]}.10", lambda code: f"{code[:4]} {code[4:]} 10", lambda code: f"{code}10".lstrip("0"),
    lambda code: code[:4], lambda code: code[:2], lambda code: code[:5], lambda code: code[:3], lambda code: code[:1], lambda code: code[:4].lstrip("0"),
    lambda code: code[:2].lstrip("0"), lambda code: code.lower(), lambda code: code.upper(), lambda code: code.capitalize(),
    lambda _: "", lambda _: "NA", lambda _: "ALL", lambda _: "AG6", lambda _: "AG2", lambda _: "All commodities", lambda _: "TOTAL ", lambda _: "nan",
    lambda _: "2501.00", lambda _: "0501.00", lambda _: "101.00", lambda _: "#N/A", lambda _: "Commodity Code",
)  # fmt: skip
_FLOWS: tuple[Change, ...] = (
    *((lambda code, form=form: form.format(code)) for form in _AROUND),
    *((lambda _, word=word: word) for word in (
        "X", "M", "x", "m", "rx", "RM", "DX", "dx", "FM", "MIP", "XOP", "Export", "export", "EXPORTS", "Import", "imports", "Re-Export", "re-exports",
        "Re Import", "Re\u2010Export", "reexport", "Re_Export", "Domestic Export", "Foreign Import", "Transit", "Trade Balance", "0", "1", "2", "3", "4",
        "5", "6", "7", "1.0", "2.0", "0.0", "00", "01", "-1", "", "NA", "all", "E", "I", "X,M", "Gross Exp.", "Gross Imp.", "net export", "Экспорт",
        "Exportations", "Rx ", "E\u200bxport", "Re-Re-Export", "s", "Exportss", "Import/Export",
    )),
)  # fmt: skip
_SAME_WHOLE: tuple[Change, ...] = (
    *((lambda code, form=form: form.format(code)) for form in _AROUND),
    lambda code: f"{code}.0", lambda code: f"{code}.00", lambda code: f"{code}.", lambda code: f"{code},0", lambda code: f"{code}.5", lambda code: f"0{code}",
    lambda code: f"00{code}", lambda code: f"+{code}", lambda code: f"{code}e0", lambda code: f"{code[:1]}.{code[1:]}E+02", lambda code: f"{code}A",
    lambda code: code[:1] + "," + code[1:], lambda code: code[:1] + " " + code[1:], lambda code: code.replace("0", "O"),
    lambda code: code.translate({48 + n: 0xFF10 + n for n in range(10)}), lambda code: hex(int(code)) if code.isascii() and code.isdigit() else f"{code}.",
)  # fmt: skip
_WHOLE: tuple[Change, ...] = (
    *_SAME_WHOLE,
    lambda code: f"-{code}",
    lambda code: code[:-1],
    lambda code: f"{code}1",
)
_COUNTRIES: tuple[Change, ...] = (
    *_WHOLE,
    *((lambda _, word=word: word) for word in (
        "", "NA", "N/A", "None", "<NA>", "null", "nan", "-", "0", "1", "-1", "36", "842", "1048576", "10000000", "99999999999999999", "CHN", "chn", "USA", "China",
        "World", "WLD", "All", "ECS", "DEU", "ROM", "FRA", "OAS", "W00", "TWN", "S19", "000", "0.0", "#N/A", "EUN", "North America", "Other Asia, nes",
    )),
)  # fmt: skip
_YEARS: tuple[Change, ...] = (
    *_WHOLE,
    lambda year: f"{year}01", lambda year: f"{year}-01-01", lambda year: f"01/01/{year}", lambda year: year[2:], lambda year: f"{year}M01", lambda year: f"{year}0101",
    lambda year: f"{year}52", lambda _: "2016", lambda _: "1899", lambda _: "2201", lambda _: "", lambda _: "NA", lambda _: "0", lambda _: "-2015", lambda _: "2015/16",
)  # fmt: skip


def _grouped(mark: str) -> Change:
    """Marks between thousands."""

    def change(number: str) -> str:
        whole, dot, rest = number.partition(".")
        return re.sub(r"(?<=\d)(?=(\d{3})+$)", mark, whole) + dot + rest

    return change


_SAME_NUMBERS: tuple[Change, ...] = (
    *((lambda code, form=form: form.format(code)) for form in _AROUND),
    *map(_grouped, (",", " ", "\xa0", "\u202f", "'", "_", "’")),
    lambda number: number.replace(".", ","), lambda number: f"${number}", lambda number: f"{number} USD",
    lambda number: f"{number}%", lambda number: f"({number})", lambda number: f"{number}-", lambda number: f"+{number}",
    lambda number: f"{number}e0", lambda number: f"{number}E+00", lambda number: f"{number}.", lambda number: f"{number}.0", lambda number: f"0{number}",
    lambda number: f"{number}k", lambda number: f"{number} mn", lambda number: f"{number}d0", lambda number: f"{number}f", lambda number: f"0x{number}",
    lambda number: f"{number}/1",
)  # fmt: skip
"""Dots between thousands are not among them: 1.017 is a number."""

_NUMBERS: tuple[Change, ...] = (
    *_SAME_NUMBERS, _grouped("."), lambda number: _grouped(".")(number.replace(".", ",")), lambda number: f"-{number}", lambda number: number[::-1],
    lambda number: f"{number}000000000000000000000", lambda number: f"{number[:1]}.{number[1:4]}E+06",
    *((lambda _, word=word: word) for word in (
        "", "NA", "N/A", "<NA>", "None", "NULL", "null", "NaN", "nan", "-", "--", "..", ".", "*", "c", "x", "inf", "-inf", "Infinity", "#DIV/0!", "#REF!", "#####",
        "0", "0.0", "-0", "1e21", "1.0000000001e21", "1e22", "5e-324", "1e-400", "1e400", "TRUE", "n.a.", "confidential", "01/02/2015", "1.5.2015", "12:30",
    )),
)  # fmt: skip
_PARTS: tuple[Change, ...] = (
    *_WHOLE,
    *((lambda _, word=word: word) for word in (
        "", "NA", "None", "nan", "0", "0.0", "-1", "-1.0", "1", "1.0", "2100", "2000", "2100.0", "C00", "c00", "C0O", "C01", "'C00", "C00 ", "H4", "h4", "H4 ", "'H4", "HS", "H7",
        "H0", "S4", "SITC", "BEC", "B4", "EB", "A", "a", "M", "Q", "H", "annual", "Annual", "HS 2012", "HS2012", "H4.0", "842", "99", "100",
    )),
)  # fmt: skip

_BY_COLUMN: tuple[tuple[tuple[str, ...], tuple[Change, ...]], ...] = (
    (PRODUCTS, _PRODUCTS), (FLOWS, _FLOWS), (COUNTRIES, _COUNTRIES), (YEARS, _YEARS), (VALUES, _NUMBERS), (PARTS, _PARTS),
)  # fmt: skip


def mark_of(text: bytes) -> bytes:
    """What separates the fields of the first line."""
    head = text.split(b"\n", 1)[0]
    return max((b"\t", b",", b";"), key=head.count)


def cells_of(line: bytes, mark: bytes) -> list[bytes]:
    """Fields of a line with their quotes, separators inside quotes left alone."""
    parts = line.split(b'"')
    parts[1::2] = [part.replace(mark, b"\0") for part in parts[1::2]]
    return [cell.replace(b"\0", mark) for cell in b'"'.join(parts).split(mark)]


def _named(name: bytes) -> str:
    return name.strip(b'" \r').removeprefix(b"\xef\xbb\xbf").decode("latin-1")


def _changed(cell: bytes, change: Change, encoding: str) -> bytes:
    """With its content changed, in quotes where it stood in quotes."""
    end = b"\r" if cell.endswith(b"\r") else b""
    bare = cell.removesuffix(b"\r")
    is_quoted = len(bare) > 1 and bare[:1] == bare[-1:] == b'"'
    made = change((bare[1:-1] if is_quoted else bare).decode("latin-1")).encode(encoding, "replace")
    return (b'"' + made.replace(b'"', b'""') + b'"' if is_quoted else made) + end


def damage_columns(
    rng: random.Random, text: bytes, columns: tuple[str, ...], changes: tuple[Change, ...]
) -> bytes:
    """One change, or a few, to the cells of a column: all, some, a few or one."""
    mark, lines = mark_of(text), text.split(b"\n")
    names = [_named(name) for name in cells_of(lines[0], mark)]
    places = [place for place, name in enumerate(names) if name in columns]
    if not places or len(lines) < 3:
        return text
    place, encoding = rng.choice(places), rng.choice(["utf-8", "utf-8", "latin-1", "cp1252"])
    chosen = rng.sample(changes, rng.choice([1, 1, 1, 2, 4]))
    share = rng.choice([1.0, 1.0, 0.5, 0.1, 0.0])
    last = rng.randrange(1, len(lines))
    for n in range(1, len(lines)):
        cells = cells_of(lines[n], mark)
        if len(cells) > place and (n == last or rng.random() < share):
            cells[place] = _changed(cells[place], rng.choice(chosen), encoding)
            lines[n] = mark.join(cells)
    return b"\n".join(lines)


def _damages(
    columns: tuple[str, ...], changes: tuple[Change, ...], name: str
) -> Callable[[random.Random, bytes], bytes]:
    def damage(rng: random.Random, text: bytes) -> bytes:
        return damage_columns(rng, text, columns, changes)

    damage.__name__ = name
    return damage


damage_products, damage_flows, damage_countries, damage_years, damage_values, damage_parts = (
    _damages(columns, changes, name)
    for (columns, changes), name in zip(
        _BY_COLUMN, ("products", "flows", "countries", "years", "values", "parts"), strict=True
    )
)

_WORDS = {
    "X": ("x", "Export", "EXPORTS", "X ", "'X"), "M": ("m", "Import", "imports", "\xa0M"), "RX": ("rx", "Re-Export", "Re\u2010exports", "re export"),
    "RM": ("Re-Import", "rm", "reimports"), "DX": ("dx", "Domestic Export"), "1": ("1.0", "'1", "M", "Import"), "2": ("2.0", "X", "export", "Exports"),
    "3": ("3.0", "'3"), "4": ("4.0",), "5": ("5.0", '="5"'), "6": ("6.0", "\u20096"),
}  # fmt: skip
"""What flows are called too."""


def _where(pattern: str, changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes of cells that a pattern fits; others stay."""
    return tuple(
        lambda cell, change=change: change(cell) if re.fullmatch(pattern, cell) else cell
        for change in changes
    )


_SAME: tuple[tuple[tuple[str, ...], tuple[Change, ...]], ...] = (
    (PRODUCTS, _where("[0-9]{6}", _SAME_PRODUCTS)), (PRODUCTS, _where("[0-9]{6}", _SAME_PRODUCTS)), (COUNTRIES, _where("[0-9]+", _SAME_WHOLE)),
    (FLOWS[:3], (*(lambda code, n=n: (_WORDS.get(code) or (code,))[n % len(_WORDS.get(code, "x"))] for n in range(5)), *_FLOWS[: len(_AROUND)])),
    (YEARS, _where("[0-9]+", _SAME_WHOLE)), (VALUES, _where("[0-9.]+", _SAME_NUMBERS)), (PARTS, _where("[0-9]+", _SAME_WHOLE)),
)  # fmt: skip
"""Changes after which a cell means what it meant, to people or to nobody: it may be refused, and is never anything else."""


def damage_looks(rng: random.Random, text: bytes) -> bytes:
    """A change after which every cell means what it meant, if it means anything."""
    return damage_columns(rng, text, *rng.choice(_SAME))


_TWINS = {
    "period": ("refYear", "Year", "yr"), "reporterCode": ("Reporter Code", "rtCode", "reporter_code"), "cmdCode": ("Commodity Code", "cmd_code"),
    "primaryValue": ("TradeValue", "Trade Value (US$)", "primary_value"), "flowCode": ("rgCode", "Trade Flow Code", "flow_code"),
    "partnerCode": ("ptCode", "Partner Code"), "Trade Value (US$)": ("Trade.Value..US..", "primaryValue", "Trade Value (USD)", "trade_value_us"),
    "Commodity Code": ("cmdCode", "commodity_code"), "Period": ("Year", "period", "refYear"), "k": ("hs6", "K"), "v": ("V", "value"),
    "Trade Flow Code": ("flowCode", "Trade Flow"), "2nd Partner Code": ("X2nd.Partner.Code", "partner2Code"), "ReporterISO3": ("Reporter",),
    "PartnerISO3": ("Partner",), "TradeFlowCode": ("TradeFlow",), "TradeValue in 1000 USD": ("Trade Value 1000USD", "TradeValue in 1000USD"),
    "classificationCode": ("Classification", "pfCode", "classificationSearchCode"), "partner2Code": ("ptCode2",), "customsCode": ("cstCode",),
}  # fmt: skip


def damage_names(rng: random.Random, text: bytes) -> bytes:
    """Names of columns in another case, spelling or language, of twins, in quotes, repeated, emptied, one more or fewer."""
    mark = mark_of(text)
    head, newline, rest = text.partition(b"\n")
    names = cells_of(head.rstrip(b"\r"), mark)
    n = rng.randrange(len(names))
    spellings: list[Callable[[str], str]] = [
        str.lower, str.upper, str.title, lambda name: re.sub(r"\W+", ".", name), lambda name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(),
        lambda name: f'"{name}"', lambda name: f" {name} ", lambda name: f"\xa0{name}", lambda name: f"{name}\xa0", lambda name: name.replace(" ", ""),
        lambda name: f"\ufeff{name}", lambda name: f"X{name}", lambda name: f"{name}.1", lambda name: f"{name}_x", lambda name: f"{name} (USD)", lambda name: f"'{name}'",
    ]  # fmt: skip
    how = rng.randrange(9)
    if how < 3:
        spelling = rng.choice(spellings)
        every = rng.random() < 0.6
        names = [
            spelling(_named(name)).encode() if every or place == n else name
            for place, name in enumerate(names)
        ]
    elif how < 6:
        known = [place for place, name in enumerate(names) if _named(name) in _TWINS]
        for place in rng.sample(known, min(len(known), rng.choice([1, 2, 5]))):
            names[place] = rng.choice(_TWINS[_named(names[place])]).encode()
    elif how == 6:
        names[n] = rng.choice(names)
    elif how == 7:
        names.append(rng.choice([b"", b"x", names[n], b"Period", b"cmdCode", b"Unnamed: 0"]))
    else:
        names = (
            names[:-1] if rng.random() < 0.5 else [rng.choice([b"", b'""', b"index", b"Unnamed: 0"]), *names]
        )
    return mark.join(names) + (b"\r" if head.endswith(b"\r") else b"") + newline + rest
