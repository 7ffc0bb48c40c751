"""The field reader against a plain twin: csv and float, line by line."""

from __future__ import annotations

import csv
import io
import math
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minsum_kernels import FieldError, FieldReader
from minsum_kernels.fields import EMPTY, PADDING, pack

KINDS = ("skip", "skip", "integer", "code", "skip", "code", "number", "skip", "integer", "skip")


def read(text: bytes, *, separator: bytes = b"\t", is_quoted: bool = False, room: int = 7, kinds=KINDS):
    """Rows of a text as tuples: integers, codes as bytes and the number last."""
    reader = FieldReader(kinds, separator, is_quoted=is_quoted, room=room)
    buffer = np.frombuffer(text + b"\0" * PADDING, dtype=np.uint8)
    start, rows = 0, []
    while start < len(text):
        lines = reader.read(buffer, start, len(text))
        assert lines.stop > start
        rows += [
            (*column, float(value))
            for *column, value in zip(*lines.columns.tolist(), lines.values.tolist(), strict=True)
        ]
        start = lines.stop
    return rows


def twin(text: bytes, *, separator: bytes = b"\t", is_quoted: bool = False):
    quoting = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
    rows = []
    for fields in csv.reader(
        io.StringIO(text.decode("latin-1"), newline=""), delimiter=separator.decode(), quoting=quoting
    ):
        if not fields:
            continue
        assert len(fields) == len(KINDS)
        kept = []
        for kind, field in zip(KINDS, fields, strict=True):
            bare = field.strip(" ")
            if kind == "integer":
                kept.append(int(bare) if bare else EMPTY)
            elif kind == "code":
                kept.append(
                    int.from_bytes(bare.encode("latin-1"), "little", signed=True) if len(bare) <= 8 else -1
                )
        number = fields[KINDS.index("number")].strip(" ")
        rows.append((*kept, float(number) if number else math.nan))
    return rows


def same(ours, theirs) -> bool:
    return len(ours) == len(theirs) and all(
        a[:-1] == b[:-1] and (a[-1] == b[-1] or (math.isnan(a[-1]) and math.isnan(b[-1])))
        for a, b in zip(ours, theirs, strict=True)
    )


integers = st.one_of(st.just(""), st.integers(-(10**16), 10**17 - 1).map(str), st.just(" 7 "), st.just("007"))
codes = st.text(st.sampled_from("0123456789ABCTOTL -"), max_size=10)
numbers = st.one_of(
    st.just(""), st.floats().map(repr), st.decimals(0, 10**12, places=3).map(str), st.integers(0, 10**19).map(str),
    st.sampled_from(["1e5", "+4", "-0.0", ".5", "5.", "NaN", "inf", " 12.5 ", "0" * 30 + "7", "0." + "1" * 30]),
)  # fmt: skip
skipped = st.text(st.sampled_from("abc \"'09."), max_size=20)


@st.composite
def tables(draw) -> list[list[str]]:
    by_kind = {"integer": integers, "code": codes, "number": numbers, "skip": skipped}
    return [[draw(by_kind[kind]) for kind in KINDS] for _ in range(draw(st.integers(1, 12)))]


@settings(deadline=None)  # the first call compiles
@given(tables(), st.sampled_from([b"\n", b"\r\n"]))
@example([["", "", "1", "X", "", "", "1.5", "", "", ""]], b"\r\n")
def test_plain_text_equals_the_twin(table: list[list[str]], end: bytes) -> None:
    text = b"".join("\t".join(row).encode() + end for row in table)
    assert same(read(text), twin(text))


@settings(deadline=None)
@given(tables(), st.booleans())
def test_quoted_text_equals_the_twin(table: list[list[str]], everything: bool) -> None:
    out = io.StringIO(newline="")
    for row in table:
        row[1] += ',"quoted",\n'
    csv.writer(
        out, quoting=csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL, lineterminator="\r\n"
    ).writerows(table)
    text = out.getvalue().encode()
    assert same(read(text, separator=b",", is_quoted=True), twin(text, separator=b",", is_quoted=True))


def test_numbers_are_the_nearest_float() -> None:
    rng = random.Random(3)
    texts = [
        f"{rng.randrange(10 ** rng.randrange(1, 18))}.{rng.randrange(10 ** rng.randrange(1, 12)):03}"
        for _ in range(3000)
    ]
    text = "".join(f"a\tb\t1\tX\tc\tY\t{number}\td\t2\te\n" for number in texts).encode()
    assert [row[-1] for row in read(text, room=500)] == [float(number) for number in texts]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"a\tb\t1\tX\tc\tY\t1\td\t2\n", "too few fields"),
        (b"a\tb\n", "too few fields"),
        (b"a\tb\t1\tX\tc\tY\t1\td\t2\te\tf\n", "too many fields"),
        (b"a\tb\t1x\tX\tc\tY\t1\td\t2\te\n", "not a whole number"),
        (b"a\tb\t-\tX\tc\tY\t1\td\t2\te\n", "not a whole number"),
        (b"a\tb\t123456789012345678\tX\tc\tY\t1\td\t2\te\n", "not a whole number"),
        (b"a\tb\t1\tX\tc\tY\t12x\td\t2\te\n", "'12x' is not a number"),
        (b"a\tb\t1\tX\tc\tY\t1_0\td\t2\te\n", "'1_0' is not a number"),
        (b"a\tb\t1\tX\tc\tY\t.\td\t2\te\n", "'.' is not a number"),
    ],
)
def test_bad_lines_are_named(line: bytes, problem: str) -> None:
    good = b"a\tb\t1\tX\tc\tY\t1.5\td\t2\te\n"
    with pytest.raises(FieldError) as caught:
        read(good * 20 + b"\n" + line + good, room=4)
    assert problem in caught.value.problem


def test_a_quote_left_open_reads_nothing() -> None:
    reader = FieldReader(KINDS, b",", is_quoted=True)
    text = b'a,"b,1,X,c,Y,1,d,2,e\nmore\n'
    lines = reader.read(np.frombuffer(text + b"\0" * PADDING, dtype=np.uint8), 0, len(text))
    assert (lines.stop, len(lines.values)) == (0, 0)


def test_pack_is_what_the_reader_gives() -> None:
    row = read(b"a\tb\t1\tTOTAL\tc\t \t1.5\td\t2\te\n")[0]
    assert row == (1, pack("TOTAL"), pack(""), 2, 1.5)
