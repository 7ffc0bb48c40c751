"""Hostile files: good ones of every format, damaged in every way we know, against the naive reader.

Each mutated file is either accepted with the content that the naive reader finds, or rejected with a reason.
A short deterministic form runs in test_fuzz.py; run this file for the long one:

    python tests/fuzz_flows.py --count 20000 --processes 2
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import io
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

import naive_flows
from minsum.flows import reader
from minsum.flows.ingest import IngestReport, ingest
from minsum.flows.options import IngestOptions
from minsum.workspace import Layout, partition_key
from minsum_kernels.fields import FieldReader
from naive_flows import RefusedError

SECONDS = 10
"""No file may take longer."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file: `same` as the naive reader, `rejected`, `stricter` than it, or `wrong`."""

    kind: str
    about: str
    seconds: float = 0.0


# ---------------------------------------------------------------------------------------------- good files


def _rows(rng: random.Random, n: int) -> list[dict[str, object]]:
    """Rows of one reporter-year under minsum's names: totals, parts, partners, residual and odd codes."""
    rows: list[dict[str, object]] = []
    products = [f"{rng.choice([1, 2, 27, 84, 85]):02d}{rng.randrange(100, 104) * 10:04d}" for _ in range(8)]
    products += ["999999", "9999AA", "TOTAL", "01", "8542"]
    for _ in range(n):
        rows.append({
            "flow": rng.choice(["X", "X", "X", "M", "M", "RX", "DX", "RM"]),
            "partner": rng.choice([0, 0, 842, 276, 642]), "product": rng.choice(products),
            "value": rng.choice([rng.randrange(1, 10**6), rng.random() * 10**rng.randrange(1, 9), 0, ""]),
            "partner2": rng.choice([0, 0, 0, 0, 36]), "customs": rng.choice(["C00"] * 4 + ["C01", "C02"]),
            "mot": rng.choice([0, 0, 0, 2000, 2100, 3200]), "mos": rng.choice(["0", "0", "0 ", "-1", "1", ""]),
        })  # fmt: skip
    return rows


BULK = [
    "datasetCode",
    "typeCode",
    "freqCode",
    "refPeriodId",
    "refYear",
    "refMonth",
    "period",
    "reporterCode",
    "flowCode",
    "partnerCode",
    "partner2Code",
    "classificationSearchCode",
    "classificationCode",
    "isOriginalClassification",
    "cmdCode",
    "customsCode",
    "mosCode",
    "motCode",
    "qtyUnitCode",
    "qty",
    "isQtyEstimated",
    "altQtyUnitCode",
    "altQty",
    "isAltQtyEstimated",
    "netWgt",
    "isNetWgtEstimated",
    "grossWgt",
    "isGrossWgtEstimated",
    "cifValue",
    "fobValue",
    "primaryValue",
    "legacyEstimationFlag",
    "isReported",
    "isAggregate",
]
WEB = [
    "typeCode",
    "freqCode",
    "refPeriodId",
    "refYear",
    "refMonth",
    "period",
    "reporterCode",
    "reporterISO",
    "reporterDesc",
    "flowCode",
    "flowDesc",
    "partnerCode",
    "partnerISO",
    "partnerDesc",
    "partner2Code",
    "partner2ISO",
    "partner2Desc",
    "classificationCode",
    "classificationSearchCode",
    "isOriginalClassification",
    "cmdCode",
    "cmdDesc",
    "aggrLevel",
    "isLeaf",
    "customsCode",
    "customsDesc",
    "mosCode",
    "motCode",
    "motDesc",
    "qtyUnitCode",
    "qtyUnitAbbr",
    "qty",
    "isQtyEstimated",
    "altQtyUnitCode",
    "altQtyUnitAbbr",
    "altQty",
    "isAltQtyEstimated",
    "netWgt",
    "isNetWgtEstimated",
    "grossWgt",
    "isGrossWgtEstimated",
    "cifvalue",
    "fobvalue",
    "primaryValue",
    "legacyEstimationFlag",
    "isReported",
    "isAggregate",
]
LEGACY = [
    "Classification", "Year", "Period", "Period Desc.", "Aggregate Level", "Is Leaf Code", "Trade Flow Code",
    "Trade Flow", "Reporter Code", "Reporter", "Reporter ISO", "Partner Code", "Partner", "Partner ISO",
    "2nd Partner Code", "2nd Partner", "2nd Partner ISO", "Customs Proc. Code", "Customs", "Mode of Transport Code",
    "Mode of Transport", "Commodity Code", "Commodity", "Qty Unit Code", "Qty Unit", "Qty", "Alt Qty Unit Code",
    "Alt Qty Unit", "Alt Qty", "Netweight (kg)", "Gross weight (kg)", "Trade Value (US$)", "CIF Trade Value (US$)",
    "FOB Trade Value (US$)", "Flag",
]  # fmt: skip
LEGACY_BULK = [*LEGACY[:14], "Commodity Code", "Commodity", "Qty Unit Code", "Qty Unit", "Qty", "Netweight (kg)",
               "Trade Value (US$)", "Flag"]  # fmt: skip
WITS = ["Nomenclature", "ReporterISO3", "ProductCode", "ReporterName", "PartnerISO3", "PartnerName", "Year",
        "TradeFlowName", "TradeFlowCode", "TradeValue in 1000 USD"]  # fmt: skip
_OLD_FLOWS = {"M": "1", "X": "2", "RX": "3", "RM": "4", "DX": "9"}


def _new(row: dict[str, object], reporter: int, year: int, vintage: str) -> dict[str, object]:
    return {
        "typeCode": "C", "freqCode": "A", "refMonth": 52, "refYear": year, "period": year, "reporterCode": reporter,
        "reporterISO": "CHN", "reporterDesc": "China", "flowCode": row["flow"], "partnerCode": row["partner"],
        "partnerDesc": 'Areas, "nes"', "partner2Code": row["partner2"], "classificationCode": vintage,
        "classificationSearchCode": "HS", "cmdCode": row["product"], "cmdDesc": "Chevaux; \xe9lev\xe9s, vivants",
        "customsCode": row["customs"], "mosCode": row["mos"], "motCode": row["mot"], "primaryValue": row["value"],
        "isReported": "true", "isAggregate": "false",
    }  # fmt: skip


def _old(row: dict[str, object], reporter: int, year: int, vintage: str) -> dict[str, object]:
    return {
        "Classification": vintage, "Year": year, "Period": year, "Period Desc.": year, "Aggregate Level": 6,
        "Trade Flow Code": _OLD_FLOWS[str(row["flow"])], "Reporter Code": reporter, "Reporter": "Indonesia",
        "Partner Code": row["partner"], "Partner": "Bolivia (Plurinational State of)", "Commodity Code": row["product"],
        "Commodity": "Horses; live, pure-bred", "Trade Value (US$)": row["value"], "Flag": 0,
        "2nd Partner Code": "", "Customs Proc. Code": "", "Mode of Transport Code": "",
    }  # fmt: skip


def _wits(row: dict[str, object], year: int) -> dict[str, object]:
    label = {0: "WLD", 842: "USA", 276: "DEU", 642: "ROM"}
    return {
        "Nomenclature": "H4", "ReporterISO3": "CHN", "ProductCode": row["product"], "ReporterName": "China",
        "PartnerISO3": label[int(str(row["partner"]))], "PartnerName": " World", "Year": year, "TradeFlowName": "Export",
        "TradeFlowCode": {"X": 6, "M": 5, "RX": 3, "DX": 2, "RM": 4}[str(row["flow"])], "TradeValue in 1000 USD": row["value"],
    }  # fmt: skip


def _table(
    names: list[str], rows: list[dict[str, object]], *, mark: str, quote: str, end: str, tail: str = ""
) -> bytes:
    def one(value: object) -> str:
        text = str(value)
        if quote == "all" or (quote == "some" and any(letter in text for letter in '",;')):
            return '"' + text.replace('"', '""') + '"'
        return text if quote != "none" else text.replace('"', "")

    lines = [mark.join(names)] + [mark.join(one(row.get(name, "")) for name in names) + tail for row in rows]
    return (end.join(lines) + end).encode("latin-1")


def texts(rng: random.Random) -> dict[str, tuple[str, bytes, str]]:
    """Good files: format to (name, text, how it is packed)."""
    rows = _rows(rng, 60)
    years = [2014, 2017, 2022]
    tab: dict[str, str] = {"mark": "\t", "quote": "none", "end": "\n"}
    many = [_old(row, reporter, 2015, "H4") for reporter in (156, 360, 842) for row in rows[:20]]
    mixed = [_new(row, 764, years[n % 3], f"H{4 + n % 3}") for n, row in enumerate(rows)]
    classic = [one for one in BULK if one not in ("partner2Code", "customsCode", "mosCode", "motCode")]
    baci = [
        {"t": 2015, "i": rng.choice([4, 156]), "j": rng.choice([842, 276, 36]), "k": int("84" + str(n % 7 + 1000)),
         "v": f"{rng.random() * 1000:.3f}", "q": "           NA"} for n in range(40)
    ]  # fmt: skip
    return {
        "bulk": ("COMTRADE-FINAL-CA1562015H4[2024-03-10].gz", _table(BULK, [_new(r, 156, 2015, "H4") for r in rows], **tab), "gz"),
        "bulk txt": ("bulk.txt", _table(BULK, [_new(r, 156, 2015, "H4") for r in rows], **tab), ""),
        "classic": ("COMTRADE-FINALCLASSIC-CA1562015H4[2024-03-10].gz", _table(classic, [_new(r, 156, 2015, "H4") for r in rows], **tab), "gz"),
        "web": ("TradeData.csv", _table(WEB, mixed, mark=",", quote="all", end="\n", tail=","), ""),
        "web 47": ("TradeData.zip", _table(WEB, mixed, mark=",", quote="some", end="\n"), "zip"),
        "legacy web": ("comtrade (3).csv", _table(LEGACY, [_old(r, 360, 2015, "H4") for r in rows], mark=",", quote="some", end="\r\n"), ""),
        "legacy bulk": ("type-C_r-ALL_ps-2015_freq-A_px-H4_pub-20230210_fmt-csv_ex-20230224.zip", _table(LEGACY_BULK, many, mark=",", quote="some", end="\r\n"), "zip"),
        "wits": ("DataJobID-1_1_x.csv", _table(WITS, [_wits(r, 2015) for r in rows], mark=",", quote="all", end="\r\n"), ""),
        "baci": ("BACI_HS12_Y2015_V202301.csv", _table(["t", "i", "j", "k", "v", "q"], baci, mark=",", quote="none", end="\n"), ""),
        "baci zip": ("BACI_HS12_V202301.zip", _table(["t", "i", "j", "k", "v", "q"], baci, mark=",", quote="none", end="\n"), "many"),
    }  # fmt: skip


def packed(text: bytes, how: str) -> bytes:
    """The text as gzip, zip, zip beside a readme, or as it is."""
    if how == "gz":
        return gzip.compress(text, mtime=0)
    if how in ("zip", "many"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("BACI_HS12_Y2015_V202301.csv" if how == "many" else "data.csv", text)
            if how == "many":
                archive.writestr("country_codes_V202301.csv", "country_code,country_name\n4,Afghanistan\n")
                archive.writestr("Readme.txt", "read me\n")
        return buffer.getvalue()
    return text


# ---------------------------------------------------------------------------------------------- mutations

Mutation = Callable[[random.Random, bytes], bytes]


def _lines(text: bytes) -> list[bytes]:
    return text.split(b"\n")


def _mark(text: bytes) -> bytes:
    head = text.split(b"\n", 1)[0]
    return max((b"\t", b",", b";"), key=head.count)


def flip_bits(rng: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def set_bytes(rng: random.Random, data: bytes) -> bytes:
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 1, 3])):
        damaged[rng.randrange(len(damaged))] = rng.choice(b"\x00\t\r\n \",;'0-+.eE9\xff\xa0\x1a\\")
    return bytes(damaged)


def cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randrange(1, len(data))]


def cut_out(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randrange(1, 200) :]


def double_part(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    stop = start + rng.randrange(1, 400)
    return data[:stop] + data[start:stop] + data[stop:]


def shuffle_lines(rng: random.Random, text: bytes) -> bytes:
    head, *rows = [line for line in _lines(text) if line]
    rng.shuffle(rows)
    return b"\n".join([head, *rows, b""])


def repeat_lines(rng: random.Random, text: bytes) -> bytes:
    head, *rows = [line for line in _lines(text) if line]
    return b"\n".join([head, *rows, *rng.sample(rows, len(rows) // 2), b""])


def drop_end(_rng: random.Random, text: bytes) -> bytes:
    return text.rstrip(b"\r\n")


def blank_lines(rng: random.Random, text: bytes) -> bytes:
    rows = _lines(text)
    for _ in range(3):
        rows.insert(rng.randrange(1, len(rows)), rng.choice([b"", b"\r", b" "]))
    return b"\n".join(rows)


def header_only(_rng: random.Random, text: bytes) -> bytes:
    return _lines(text)[0] + b"\n"


def change_ends(rng: random.Random, text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\n", rng.choice([b"\r\n", b"\r", b"\n\n", b"\n\r"]))


def swap_marks(rng: random.Random, text: bytes) -> bytes:
    return text.replace(_mark(text), rng.choice([b"\t", b",", b";", b"|"]))


def _columns(rng: random.Random, text: bytes, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    mark = _mark(text)
    return b"\n".join(mark.join(change(line.split(mark))) if line else line for line in _lines(text))


def reorder_columns(rng: random.Random, text: bytes) -> bytes:
    order = list(range(_lines(text)[0].count(_mark(text)) + 1))
    rng.shuffle(order)
    return _columns(rng, text, lambda cells: [cells[n] for n in order if n < len(cells)])


def drop_column(rng: random.Random, text: bytes) -> bytes:
    gone = rng.randrange(_lines(text)[0].count(_mark(text)) + 1)
    return _columns(rng, text, lambda cells: [cell for n, cell in enumerate(cells) if n != gone])


def double_column(rng: random.Random, text: bytes) -> bytes:
    twice = rng.randrange(_lines(text)[0].count(_mark(text)) + 1)
    return _columns(
        rng, text, lambda cells: cells[: twice + 1] + cells[twice : twice + 1] + cells[twice + 1 :]
    )


def rename_column(rng: random.Random, text: bytes) -> bytes:
    head, rest = text.split(b"\n", 1)
    names = head.split(_mark(text))
    n = rng.randrange(len(names))
    names[n] = rng.choice([names[n].upper(), names[n].lower(), b" " + names[n], b"x", names[n] + b"2", b""])
    return _mark(text).join(names) + b"\n" + rest


def _cell(rng: random.Random, text: bytes, value: Callable[[bytes], bytes], n: int = 1) -> bytes:
    mark, rows = _mark(text), _lines(text)
    for _ in range(n):
        place = min(rng.randrange(1, max(2, len(rows) - 1)), len(rows) - 1)
        cells = rows[place].split(mark)
        where = rng.randrange(len(cells))
        cells[where] = value(cells[where])
        rows[place] = mark.join(cells)
    return b"\n".join(rows)


def odd_numbers(rng: random.Random, text: bytes) -> bytes:
    numbers = [
        b"1e308", b"1e400", b"-1e-300", b"5e-324", b"0.0000000000000000000000000001", b"99999999999999999999999",
        b"-0", b"+5", b"1_000", b"1,5", b"0x10", b"NaN", b"-inf", b"Infinity", b"1e21", b"1.0000000000000001e21",
        b"00012", b"1.", b".5", b".", b"-", b"12 ", b" 12", b"9007199254740993", b"123456789012345678901234567890.5",
        b"2147483648", b"9223372036854775808", b"", b"0.1e1", b"1e5 ", b"\xef\xbc\x91",
    ]  # fmt: skip
    return _cell(rng, text, lambda _: rng.choice(numbers), rng.choice([1, 3, 10]))


def odd_quotes(rng: random.Random, text: bytes) -> bytes:
    changes: list[Callable[[bytes], bytes]] = [
        lambda cell: b'"' + cell, lambda cell: cell + b'"', lambda cell: b'"' + cell + b'"',
        lambda cell: b'"a""b' + cell.strip(b'"') + b'"', lambda _: b'""', lambda _: b'"a\nb"', lambda _: b'"\r\n"',
        lambda cell: cell[:1] + b'"' + cell[1:], lambda _: b'"a,b\tc"', lambda _: b'"""',
    ]  # fmt: skip
    return _cell(rng, text, rng.choice(changes))


def odd_codes(rng: random.Random, text: bytes) -> bytes:
    codes = [b"010121 ", b" 010121", b"10121", b"0101", b"TOTAL", b"total", b"Total", b"AB1234", b"9999XX", b"99999x",
             b"H4", b"H6", b"H7", b"S2", b"X", b"M", b"C01", b"2100", b"-1", b"156", b"2016", b"201501", b"1234567",
             b"12345678", b"123456789", b"\xc3\xa9", b"\xff"]  # fmt: skip
    return _cell(rng, text, lambda _: rng.choice(codes), rng.choice([1, 2, 5]))


def long_field(rng: random.Random, text: bytes) -> bytes:
    size = rng.choice([8, 9, 17, 18, 300, 70_000, 1_100_000])
    return _cell(rng, text, lambda _: rng.choice([b"9", b"x", b" ", b"0"]) * size)


def add_bom(_rng: random.Random, text: bytes) -> bytes:
    return b"\xef\xbb\xbf" + text


def other_encoding(rng: random.Random, text: bytes) -> bytes:
    plain = text.decode("latin-1")
    return plain.encode(
        rng.choice(["utf-8", "utf-16", "utf-16-be", "utf-32", "cp1252", "cp037"]), errors="replace"
    )


def add_at_end(rng: random.Random, data: bytes) -> bytes:
    return data + rng.choice(
        [b"\x00" * 50, b"garbage", b"\n\n\n", b"\x1a", b"<html>", data[: len(data) // 2]]
    )


TEXT: list[Mutation] = [
    flip_bits, set_bytes, cut, cut_out, double_part, shuffle_lines, repeat_lines, drop_end, blank_lines, header_only,
    change_ends, swap_marks, reorder_columns, drop_column, double_column, rename_column, odd_numbers, odd_quotes,
    odd_codes, long_field, add_bom, other_encoding, add_at_end,
]  # fmt: skip
FILE: list[Mutation] = [flip_bits, set_bytes, cut, cut_out, double_part, add_at_end]


def gzip_members(rng: random.Random, text: bytes) -> bytes:
    """One text in several gzip members, some of them empty, perhaps with zeros or garbage after them."""
    n = rng.randrange(1, len(text))
    parts = [text[:n], b"", text[n:]]
    packs = b"".join(gzip.compress(part, mtime=0) for part in parts)
    return packs + rng.choice([b"", b"", b"\0" * 512, b"garbage", gzip.compress(b"")])


def odd_zip(rng: random.Random, text: bytes) -> bytes:
    """Zips of odd shape: nested, empty members, many members, other methods, no member, wrong sizes."""
    buffer = io.BytesIO()
    method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    shape = rng.choice(
        ["one", "nested", "empty member", "many", "two tables", "none", "folder", "no header", "macos"]
    )
    with zipfile.ZipFile(buffer, "w", method) as archive:
        if shape == "nested":
            archive.writestr("inner.zip", packed(text, "zip"))
        if shape == "folder":
            archive.writestr("folder/", "")
        if shape == "empty member":
            archive.writestr("empty.csv", "")
        if shape == "many":
            for n in range(600):
                archive.writestr(f"{n}.csv", "a,b\n")
        if shape == "macos":
            archive.writestr("__MACOSX/._data.csv", b"\0\5\x16\7")
        if shape not in ("nested", "none"):
            archive.writestr("data.csv", text)
        if shape == "two tables":
            archive.writestr("again.csv", text)
    content = buffer.getvalue()
    return flip_bits(rng, content) if shape == "no header" else content


def odd_gzip_header(rng: random.Random, text: bytes) -> bytes:
    """A gzip with a name, a comment and a wrong size or checksum."""
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    raw = body.compress(text) + body.flush()
    crc, size = zlib.crc32(text), len(text) & 0xFFFFFFFF
    wrong = rng.choice(["", "", "crc", "size"])
    trailer = (crc ^ (wrong == "crc")).to_bytes(4, "little") + (size + (wrong == "size")).to_bytes(
        4, "little"
    )
    return b"\x1f\x8b\x08\x18" + b"\0" * 6 + b"a/../name.csv\0comment\0" + raw + trailer


def mutate(rng: random.Random, text: bytes, how: str) -> tuple[str, bytes]:
    """A damaged file and what was done to it."""
    done = []
    if rng.random() < 0.75:
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            change = rng.choice(TEXT)
            if text.count(b"\n") > 2:
                text = change(rng, text)
                done.append(change.__name__)
    if rng.random() < 0.12 and text:
        build = rng.choice([gzip_members, odd_zip, odd_gzip_header])
        return "+".join([*done, build.__name__]), build(rng, text)
    data = packed(text, how)
    if how and rng.random() < 0.25:
        change = rng.choice(FILE)
        data = change(rng, data)
        done.append(f"file:{change.__name__}")
    return "+".join(done) or "none", data


# ---------------------------------------------------------------------------------------------- verdicts


def judge(name: str, data: bytes, folder: Path) -> Outcome:
    """Ingest one file into a workspace of its own and hold it against the naive reader."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    (folder / "in" / name).write_bytes(data)
    layout = Layout(folder / "work")
    started = time.perf_counter()
    faulthandler.dump_traceback_later(6 * SECONDS, exit=True)
    try:
        report = ingest(layout, [folder / "in"], IngestOptions(), jobs=1, progress=lambda *_: None)
    except Exception as error:
        return Outcome("wrong", f"crash {type(error).__name__}: {error}")
    finally:
        faulthandler.cancel_dump_traceback_later()
    seconds = time.perf_counter() - started
    if seconds > SECONDS:
        return Outcome("wrong", f"took {seconds:.0f} seconds")
    return replace(_verdict(report, layout, name, data), seconds=seconds)


def _verdict(report: IngestReport, layout: Layout, name: str, data: bytes) -> Outcome:
    if report.rejected:
        reasons = [reason for reason, _ in report.rejected.values()]
        if not all(name in reason for reason in reasons):
            return Outcome("wrong", f"a reason that does not name the file: {reasons}")
    ours = {partition_key(path): _published(path) for path in layout.partitions()}
    try:
        theirs = naive_flows.read(data, name)
    except RefusedError as error:
        if report.rejected or not ours:
            return Outcome("rejected", "both")
        return Outcome("foreign" if "unknown country" in str(error) else "wrong", f"accepted, naive: {error}")
    if report.rejected:
        return Outcome("stricter", next(iter(report.rejected.values()))[0])
    difference = _difference(ours, theirs)
    return Outcome("wrong", difference) if difference else Outcome("same", "")


def _published(path: Path) -> dict[tuple[str, int, str], tuple[float, bool]]:
    rows = pl.read_parquet(path, hive_partitioning=False).rows()
    return {(flow, partner, product): (value, rebuilt) for flow, partner, product, value, rebuilt in rows}


def _difference(ours: dict, theirs: dict) -> str:  # type: ignore[type-arg]
    if ours.keys() != theirs.keys():
        return f"partitions {sorted(ours.keys() ^ theirs.keys())}"
    for partition, rows in ours.items():
        if rows.keys() != theirs[partition].keys():
            return f"{partition}: rows {sorted(rows.keys() ^ theirs[partition].keys())[:3]}"
        for row, (value, rebuilt) in rows.items():
            expected, expected_rebuilt = theirs[partition][row]
            if abs(value - expected) > 1e-12 * abs(expected) or rebuilt != expected_rebuilt:
                return f"{partition} {row}: {value} {rebuilt}, naive {expected} {expected_rebuilt}"
    return ""


def _cut_blocks(rng: random.Random) -> None:
    """Read in blocks and batches so small that every line meets their borders."""
    reader.BLOCK_BYTES = rng.choice([4 << 20, 17, 64, 300, 5000])
    FieldReader.__init__.__kwdefaults__["room"] = rng.choice([65_536, 1, 2, 7])


def run(seed: int, count: int, *, keep: Path | None = None) -> Counter[tuple[str, str, str]]:
    """Mutate and judge `count` files; (format, outcome, detail of what is wrong) to how many."""
    rng = random.Random(seed)
    found: Counter[tuple[str, str, str]] = Counter()
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(dir=base) as folder:
        for n in range(count):
            good = texts(random.Random(rng.randrange(20)))
            form = rng.choice(list(good))
            name, text, how = good[form]
            change, data = mutate(rng, text, how)
            _cut_blocks(rng)
            outcome = judge(name, data, Path(folder) / "one")
            about = f"{change}: {outcome.about}" if outcome.kind in ("wrong", "foreign") else ""
            if outcome.kind == "stricter":
                about = re.sub(r"^.*?(, line \d+)?:|\d+|'.*", "", outcome.about.replace(name, ""))[:60]
            found[form, outcome.kind, about] += 1
            found["slowest ms", "", ""] = max(found["slowest ms", "", ""], round(outcome.seconds * 1000))
            if keep is not None and outcome.kind == "wrong":
                (keep / f"{seed}-{n}-{name}").write_bytes(data)
    found["peak MiB", "", ""] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return found


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    chunk = 500
    jobs = [(options.seed * 100_000 + n, chunk) for n in range(options.count // chunk)]
    total: Counter[tuple[str, str, str]] = Counter()
    with ProcessPoolExecutor(options.processes) as pool:
        for found in pool.map(_run, [(*job, options.keep) for job in jobs]):
            for key, count in found.items():
                total[key] = (
                    max(total[key], count) if key[0] in ("slowest ms", "peak MiB") else total[key] + count
                )
    for key, count in sorted(total.items()):
        sys.stdout.write(f"{count:7} {' | '.join(part for part in key if part)}\n")


def _run(job: tuple[int, int, Path | None]) -> Counter[tuple[str, str, str]]:
    return run(job[0], job[1], keep=job[2])


if __name__ == "__main__":
    main()
