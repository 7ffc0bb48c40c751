"""The field reader against a plain twin: csv and float, line by line."""

from __future__ import annotations

import csv
import io
import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from minsum_kernels import FieldError, FieldReader
from minsum_kernels.fields import EMPTY, PADDING, pack

KINDS = ("skip", "skip", "integer", "code", "skip", "code", "number", "skip", "integer", "skip")
SEVERAL = ("figure", "code", "number", "skip", "figure", "integer", "figure")


def read(text: bytes, *, separator: bytes = b"\t", is_quoted: bool = False, room: int = 7, kinds=KINDS):
    """Rows of a text as tuples: integers, codes as bytes and the numbers last."""
    reader = FieldReader(kinds, separator, is_quoted=is_quoted, room=room)
    buffer = np.frombuffer(text + b"\0" * PADDING, dtype=np.uint8)
    start, rows = 0, []
    while start < len(text):
        lines = reader.read(buffer, start, len(text))
        assert lines.stop > start
        rows += [tuple(row) for row in zip(*lines.columns.tolist(), *lines.values.tolist(), strict=True)]
        start = lines.stop
    return rows


def twin(text: bytes, *, separator: bytes = b"\t", is_quoted: bool = False, kinds=KINDS):
    quoting = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
    rows = []
    for fields in csv.reader(
        io.StringIO(text.decode("latin-1"), newline=""), delimiter=separator.decode(), quoting=quoting
    ):
        if not fields:
            continue
        assert len(fields) == len(kinds)
        kept, numbers = [], []
        for kind, field in zip(kinds, fields, strict=True):
            bare = field.strip(" ")
            if kind == "integer":
                kept.append(int(bare) if bare else EMPTY)
            elif kind == "code":
                kept.append(
                    int.from_bytes(bare.encode("latin-1"), "little", signed=True) if len(bare) <= 8 else -1
                )
            elif kind == "number":
                numbers.append(float(bare) if bare else math.nan)
            elif kind == "figure":
                numbers.append(figure(bare))
        rows.append((*kept, *numbers))
    return rows


def figure(text: str) -> float:
    if text in ("", "NA"):
        return math.nan
    try:
        value = float(text.replace("_", "x"))
    except ValueError:
        return math.inf
    return math.inf if math.isnan(value) else value


def same(ours, theirs) -> bool:
    return len(ours) == len(theirs) and all(
        len(a) == len(b) and all(x == y or (x != x and y != y) for x, y in zip(a, b, strict=True))
        for a, b in zip(ours, theirs, strict=True)
    )


integers = st.one_of(st.just(""), st.integers(-(10**16), 10**17 - 1).map(str), st.just(" 7 "), st.just("007"))
codes = st.text(st.sampled_from("0123456789ABCTOTL -"), max_size=10)
numbers = st.one_of(
    st.just(""), st.floats().map(repr), st.decimals(0, 10**12, places=3).map(str), st.integers(0, 10**19).map(str),
    st.sampled_from(["1e5", "+4", "-0.0", ".5", "5.", "NaN", "inf", " 12.5 ", "0" * 30 + "7", "0." + "1" * 30]),
)  # fmt: skip
skipped = st.text(st.sampled_from("abc \"'09."), max_size=20)


figures = st.one_of(numbers, st.sampled_from(["NA", "   NA", "N/A", "-3", "1_0", "x", "-", "12.5 kg"]))


@st.composite
def tables(draw, kinds=KINDS) -> list[list[str]]:
    by_kind = {"integer": integers, "code": codes, "number": numbers, "figure": figures, "skip": skipped}
    return [[draw(by_kind[kind]) for kind in kinds] for _ in range(draw(st.integers(1, 12)))]


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


@settings(deadline=None)
@given(tables(SEVERAL), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_several_numbers_in_a_line_equal_the_twin(table: list[list[str]], is_quoted: bool, end: str) -> None:
    out = io.StringIO(newline="")
    if is_quoted:
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(table)
    else:
        out.writelines("\t".join(row) + end for row in table)
    text, how = out.getvalue().encode(), {"separator": b",\t"[not is_quoted :][:1], "is_quoted": is_quoted}
    assert same(read(text, kinds=SEVERAL, **how), twin(text, kinds=SEVERAL, **how))


@pytest.mark.parametrize("is_quoted", [False, True])
def test_of_several_numbers_a_wrong_one_is_named_and_a_wrong_figure_is_infinite(is_quoted: bool) -> None:
    good = b"1e2,a,5,s,wrong,7,NA\n"
    how = {"separator": b",", "is_quoted": is_quoted, "kinds": SEVERAL}
    assert same(read(good, **how), [(pack("a"), 7, 100.0, 5.0, math.inf, math.nan)])
    with pytest.raises(FieldError) as caught:
        read(good + b"1e2,a,5x,s,wrong,7,NA\n", **how)
    assert (caught.value.field, caught.value.problem) == (2, "'5x' is not a number")


def test_figures_of_a_bad_line_are_not_read() -> None:
    with pytest.raises(FieldError, match="not a whole number"):
        read(b"x\ta\t1e9\ts\tx\tseven\t1\n", kinds=SEVERAL)


def test_digits_of_every_length_and_a_wrong_byte_at_every_place() -> None:
    row = "a\tb\t{}\tX\tc\tY\t{}\td\t2\te\n"
    for length in range(1, 18):
        digits = "9182736450918273645"[:length]
        numbers = [digits, *(f"{digits[:k]}.{digits[k:]}" for k in range(length + 1))]
        text = "".join(row.format(digits, number) for number in numbers).encode()
        assert same(read(text), twin(text))
        for wrong, place in itertools.product("/:;_", range(length)):
            spoiled = digits[:place] + wrong + digits[place + 1 :]
            for whole, number in (
                ("1", spoiled),
                ("1", f"{spoiled}.25"),
                ("1", f"25.{spoiled}"),
                (spoiled, "1"),
            ):
                with pytest.raises(FieldError):
                    read(row.format(whole, number).encode())


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
    assert (lines.stop, lines.values.size) == (0, 0)


def test_pack_is_what_the_reader_gives() -> None:
    row = read(b"a\tb\t1\tTOTAL\tc\t \t1.5\td\t2\te\n")[0]
    assert row == (1, pack("TOTAL"), pack(""), 2, 1.5)
