"""Ways to damage a file: its text, its columns, its cells, the way it is packed."""

from __future__ import annotations

import gzip
import io
import random
import zipfile
import zlib
from collections.abc import Callable

import damaged_cells
from damaged_archives import in_archives, not_whole
from damaged_cells import mark_of as _mark
from trade_files import packed

Mutation = Callable[[random.Random, bytes], bytes]


def _lines(text: bytes) -> list[bytes]:
    return text.split(b"\n")


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
    lines = [line for line in _lines(text) if line]
    head, rows = lines[:1], lines[1:]
    rng.shuffle(rows)
    return b"\n".join([*head, *rows, b""])


def repeat_lines(rng: random.Random, text: bytes) -> bytes:
    lines = [line for line in _lines(text) if line]
    rows = lines[1:]
    return b"\n".join([*lines, *rng.sample(rows, len(rows) // 2), b""])


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


def _columns(text: bytes, change: Callable[[list[bytes]], list[bytes]]) -> bytes:
    mark = _mark(text)
    return b"\n".join(mark.join(change(line.split(mark))) if line else line for line in _lines(text))


def reorder_columns(rng: random.Random, text: bytes) -> bytes:
    order = list(range(_lines(text)[0].count(_mark(text)) + 1))
    rng.shuffle(order)
    return _columns(text, lambda cells: [cells[n] for n in order if n < len(cells)])


def drop_column(rng: random.Random, text: bytes) -> bytes:
    gone = rng.randrange(_lines(text)[0].count(_mark(text)) + 1)
    return _columns(text, lambda cells: [cell for n, cell in enumerate(cells) if n != gone])


def double_column(rng: random.Random, text: bytes) -> bytes:
    twice = rng.randrange(_lines(text)[0].count(_mark(text)) + 1)
    return _columns(text, lambda cells: cells[: twice + 1] + cells[twice : twice + 1] + cells[twice + 1 :])


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


def odd_words(rng: random.Random, text: bytes) -> bytes:
    """What R, pandas and spreadsheets write."""
    words = [
        b"NA",
        b"N/A",
        b"<NA>",
        b"None",
        b"NULL",
        b"NaN",
        b"156.0",
        b"0.0",
        b"2015.",
        b"1.0",
        b"#N/A",
        b"'010121",
        b"1 200",
    ]
    return _cell(rng, text, lambda _: rng.choice(words), rng.choice([1, 2, 10]))


def join_downloads(rng: random.Random, text: bytes) -> bytes:
    """The header again among the rows, sometimes in quotes or of other columns, and empty lines."""
    rows, mark = _lines(text), _mark(text)
    names = rows[0].rstrip(b"\r").split(mark)
    again = rng.choice(
        [rows[0], mark.join(b'"%s"' % name.strip(b'"') for name in names), mark.join(names[::-1])]
    )
    rows.insert(
        rng.randrange(1, len(rows)),
        rng.choice([again, mark * (len(names) - 1), mark * 3, mark + b" " + mark]),
    )
    return b"\n".join(rows)


def lines_above(rng: random.Random, text: bytes) -> bytes:
    mark = _mark(text)
    return (
        rng.choice([b"sep=" + mark + b"\r\n", b'"SEP=' + mark + b'"\n', mark * 3 + b"\n\n", b"Trade data\n"])
        + text
    )


def end_with_marks(rng: random.Random, text: bytes) -> bytes:
    rows, mark = _lines(text), _mark(text) * rng.choice([1, 1, 2])
    start = rng.choice([0, 1])
    return b"\n".join(row + mark if row and n >= start else row for n, row in enumerate(rows))


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


def other_ends(rng: random.Random, text: bytes) -> bytes:
    """Line ends of several systems in one file, or other things that some take for one."""
    rows = text.replace(b"\r\n", b"\n").split(b"\n")
    ends = rng.choice(
        [
            [b"\n", b"\r\n"],
            [b"\n", b"\r"],
            [b"\r\n", b"\r"],
            [b"\n", b"\n\x0c"],
            [b"\n", b"\xc2\x85"],
            [b"\r\r\n"],
        ]
    )
    share = rng.choice([0.02, 0.5])
    return b"".join(row + (ends[-1] if rng.random() < share else ends[0]) for row in rows)


def recode(rng: random.Random, text: bytes) -> bytes:
    """Another encoding, with a mark in front or without, whole or cut in the middle of a letter."""
    plain = text.decode("latin-1")
    how = rng.choice(
        [
            "utf-8",
            "utf-8-sig",
            "utf-16",
            "utf-16-le",
            "utf-16-be",
            "utf-32",
            "utf-32-le",
            "cp1252",
            "cp437",
            "utf-7",
            "mac-roman",
        ]
    )
    data = plain.encode(how, errors="replace")
    if rng.random() < 0.1:
        data = data[: -rng.randrange(1, 4)]
    return b"\xef\xbb\xbf" + data if rng.random() < 0.05 else data


def join_others(rng: random.Random, text: bytes) -> bytes:
    """A second download below or above: of the same columns and another year or country, with or without its header, or of another order."""
    text = text if text.endswith(b"\n") else text + b"\n"
    other = rng.choice([lambda: text.replace(b"2015", b"2016"), lambda: text.replace(b"156", b"36"), lambda: reorder_columns(rng, text),
                        lambda: drop_column(rng, text), lambda: swap_marks(rng, text), lambda: text.upper()])()  # fmt: skip
    if rng.random() < 0.3:
        other = other.split(b"\n", 1)[1]
    gap = rng.choice([b"", b"", b"\n", b"\r\n", _mark(text) * 4 + b"\n", b"\xef\xbb\xbf"])
    return text + gap + other


TEXT: list[Mutation] = [
    flip_bits, set_bytes, cut, cut_out, double_part, shuffle_lines, repeat_lines, drop_end, blank_lines, header_only,
    change_ends, swap_marks, reorder_columns, drop_column, double_column, rename_column, odd_numbers, odd_quotes,
    odd_codes, long_field, add_bom, other_encoding, add_at_end, odd_words, join_downloads, lines_above, end_with_marks,
    other_ends, recode, join_others,
]  # fmt: skip
CELLS: list[Mutation] = [
    damaged_cells.damage_products, damaged_cells.damage_products, damaged_cells.damage_flows, damaged_cells.damage_countries,
    damaged_cells.damage_years, damaged_cells.damage_values, damaged_cells.damage_parts, damaged_cells.damage_names,
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


def dress(rng: random.Random, text: bytes, how: str) -> tuple[str, bytes]:
    """A file that looks other and means the same, if it means anything, and what was done to it."""
    changes = [damaged_cells.damage_looks] * 8 + [
        reorder_columns,
        shuffle_lines,
        recode,
        change_ends,
        other_ends,
        lines_above,
        add_bom,
        drop_end,
        blank_lines,
    ]
    done = []
    chosen = rng.choices(changes, k=rng.choice([1, 1, 1, 2]))
    # columns are moved while all rows are lines, and damage comes last
    place = {reorder_columns: 0, damaged_cells.damage_looks: 2}
    for change in sorted(chosen, key=lambda one: place.get(one, 1)):
        if text.count(b"\n") > 2:
            text = change(rng, text)
            done.append(change.__name__)
    return "same:" + "+".join(done), packed(text, how)


def mutate(rng: random.Random, text: bytes, how: str) -> tuple[str, bytes]:
    """A damaged file and what was done to it."""
    done = []
    if rng.random() < 0.9:
        for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
            change = rng.choice(rng.choice([TEXT, CELLS]))
            if text.count(b"\n") > 2:
                text = change(rng, text)
                done.append(change.__name__)
    if rng.random() < 0.2 and text:
        build = rng.choice(
            [gzip_members, odd_zip, odd_gzip_header, in_archives, in_archives, in_archives, not_whole]
        )
        return "+".join([*done, build.__name__]), build(rng, text)
    data = packed(text, how)
    if how and rng.random() < 0.15:
        change = rng.choice(FILE)
        data = change(rng, data)
        done.append(f"file:{change.__name__}")
    return "+".join(done) or "none", data
