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

from minsum_kernels import FieldError, FieldReader, Lines
from minsum_kernels.fields import EMPTY, PADDING

KINDS = ("skip", "skip", "integer", "text", "skip", "text", "number", "skip", "integer", "skip")
SEVERAL = ("quantity", "text", "number", "skip", "quantity", "integer", "quantity")


def batches(reader: FieldReader, text: bytes, *, line: int = 2) -> list[Lines]:
    """All lines of a text, of which no quote is left open."""
    buffer = np.frombuffer(text + b"\0" * PADDING, dtype=np.uint8)
    start, taken = 0, []
    while start < len(text):
        reached, line = reader.read(buffer, start, len(text), line=line)
        assert reached > start
        if reader.is_full:
            taken.append(reader.take())
        start = reached
    return [*taken, reader.take()]


def read(text: bytes, *, separator: bytes = b"\t", is_quoted: bool = False, batch_rows: int = 7, kinds=KINDS):
    """Rows of a text as tuples: number of the line, then every field that is read."""
    reader = FieldReader(kinds, separator, is_quoted=is_quoted, batch_rows=batch_rows)
    taken = batches(reader, text)
    columns = [[line for lines in taken for line in lines.line.tolist()]]
    for field, kind in enumerate(kinds):
        if kind == "text":
            columns.append(texts_of(reader, field, taken))
        elif kind != "skip":
            columns.append(
                [one for lines in taken for one in (lines.integers | lines.numbers)[field].tolist()]
            )
    return list(zip(*columns, strict=True))


def texts_of(reader: FieldReader, field: int, taken: list[Lines]) -> list[str]:
    """A column of texts; the distinct ones are listed in order of appearance."""
    distinct = reader.distinct(field)
    texts = [distinct[place] for lines in taken for place in lines.texts[field].tolist()]
    assert list(dict.fromkeys(texts)) == list(dict.fromkeys(distinct))
    return texts


def twin(text: bytes, *, separator: bytes = b"\t", is_quoted: bool = False, kinds=KINDS):
    quoting = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
    # As Latin-1 every byte is a letter, also of a text that is UTF-8.
    lines = csv.reader(
        io.StringIO(text.decode("latin-1"), newline=""), delimiter=separator.decode(), quoting=quoting
    )
    rows, n_lines = [], 1
    for fields in lines:
        line, n_lines = n_lines + 1, lines.line_num + 1
        if fields:
            values = zip(kinds, (field.strip(" ") for field in fields), strict=True)
            rows.append((line, *(meaning(kind, bare) for kind, bare in values if kind != "skip")))
    return rows


def meaning(kind: str, bare: str) -> int | float | str:
    """What a field without the blanks around it stands for."""
    if kind == "integer":
        return EMPTY if bare in NOTHING else int(bare.split(".")[0])
    if kind == "text":
        return decoded(bare.encode("latin-1"))
    if kind == "number":
        return math.nan if bare in NOTHING else float(bare)
    return figure(bare)


NOTHING = ("", "NA", "N/A", "<NA>", "None", "NULL", "null")


def decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def figure(text: str) -> float:
    if text in NOTHING:
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


integers = st.one_of(
    st.just(""),
    st.integers(-(10**16), 10**17 - 1).map(str),
    st.sampled_from([" 7 ", "007", "156.0", "0.", "-1.00", "NA"]),
)
foreign = st.text(st.sampled_from("aé ßü中😀"), max_size=12)
texts = st.one_of(
    st.text(st.sampled_from("0123456789ABCTOTL -"), max_size=10),
    st.text(st.sampled_from("ABC d"), min_size=7, max_size=40),
    foreign.map(lambda text: text.encode("utf-8").decode("latin-1")),
    foreign.map(lambda text: text.encode("latin-1", "ignore").decode("latin-1")),
)
numbers = st.one_of(
    st.just(""), st.floats().map(repr), st.decimals(0, 10**12, places=3).map(str), st.integers(0, 10**19).map(str),
    st.sampled_from(["1e5", "+4", "-0.0", ".5", "5.", "NaN", "inf", " 12.5 ", "0" * 30 + "7", "0." + "1" * 30]),
)  # fmt: skip
skipped = st.text(st.sampled_from("abc \"'09."), max_size=20)


figures = st.one_of(numbers, st.sampled_from(["NA", "   NA", "N/A", "-3", "1_0", "x", "-", "12.5 kg"]))


@st.composite
def tables(draw, kinds=KINDS) -> list[list[str]]:
    by_kind = {"integer": integers, "text": texts, "number": numbers, "quantity": figures, "skip": skipped}
    return [[draw(by_kind[kind]) for kind in kinds] for _ in range(draw(st.integers(1, 12)))]


rooms = st.sampled_from([1, 2, 3, 7, 1000])


@settings(deadline=None)  # the first call compiles
@given(tables(), st.sampled_from([b"\n", b"\r\n"]), rooms)
@example([["", "", "1", "X", "", "", "1.5", "", "", ""]], b"\r\n", 7)
def test_plain_text_equals_the_twin(table: list[list[str]], end: bytes, batch_rows: int) -> None:
    text = b"".join("\t".join(row).encode("latin-1") + end for row in table)
    assert same(read(text, batch_rows=batch_rows), twin(text))


@settings(deadline=None)
@given(tables(), st.booleans(), rooms)
def test_quoted_text_equals_the_twin(table: list[list[str]], everything: bool, batch_rows: int) -> None:
    out = io.StringIO(newline="")
    for row in table:
        row[1] += ',"quoted",\n'
    csv.writer(
        out, quoting=csv.QUOTE_ALL if everything else csv.QUOTE_MINIMAL, lineterminator="\r\n"
    ).writerows(table)
    text = out.getvalue().encode("latin-1")
    assert same(
        read(text, separator=b",", is_quoted=True, batch_rows=batch_rows),
        twin(text, separator=b",", is_quoted=True),
    )


@settings(deadline=None)
@given(tables(SEVERAL), st.booleans(), st.sampled_from(["\n", "\r\n"]))
def test_several_numbers_in_a_line_equal_the_twin(table: list[list[str]], is_quoted: bool, end: str) -> None:
    out = io.StringIO(newline="")
    if is_quoted:
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(table)
    else:
        out.writelines("\t".join(row) + end for row in table)
    text, how = (
        out.getvalue().encode("latin-1"),
        {"separator": b",\t"[not is_quoted :][:1], "is_quoted": is_quoted},
    )
    assert same(read(text, kinds=SEVERAL, **how), twin(text, kinds=SEVERAL, **how))


@pytest.mark.parametrize("is_quoted", [False, True])
def test_texts_of_any_length_and_encoding(is_quoted: bool) -> None:
    some = [
        b"", b"X", b"12345678", b"123456789", b"TOTAL TOTAL TOTAL", b"x" * 70_000, b"x" * 70_001, "é".encode(), b"\xe9",
        "élevés, vivants".encode(), b"\xe9lev\xe9s", "中国中国".encode(), b"\xff", b"1234567\xe9", b" a b ", b"   ",
    ]  # fmt: skip
    mark, quote = (b",", b'"') if is_quoted else (b"\t", b"")
    text = b"".join(quote + one + quote + mark + b"1\n" for one in some * 3)
    how = {"separator": mark, "is_quoted": is_quoted, "kinds": ("text", "skip")}
    expected = [decoded(one.strip(b" ")) for one in some * 3]
    assert [one for _, one in read(text, **how)] == expected
    assert (
        same(read(text, **how), twin(text, **how)) or is_quoted
    )  # csv refuses fields of over 131,072 letters


@pytest.mark.parametrize("is_quoted", [False, True])
@pytest.mark.parametrize("batch_rows", [30, 300, 100_000])
def test_many_distinct_texts_keep_their_places(is_quoted: bool, batch_rows: int) -> None:
    rng = random.Random(4)
    some = (
        [str(n) for n in range(3000)] + [f"long text {n}" for n in range(300)] + [f"é{n}" for n in range(300)]
    )
    column = rng.choices(some, k=4000) + rng.sample(some, len(some))
    reader = FieldReader(("text", "text"), b",", is_quoted=is_quoted, batch_rows=batch_rows)
    taken = batches(reader, "".join(f"{one},{n % 3}\n" for n, one in enumerate(column)).encode())
    assert texts_of(reader, 0, taken) == column
    assert reader.distinct(0) == list(dict.fromkeys(column))
    assert reader.distinct(0, 1000) == reader.distinct(0)[1000:]
    assert reader.distinct(1) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("batch_rows", "n_rows"), [(1, 1000), (999, 40_000), (16_384, 40_000), (16_385, 40_000), (50_000, 40_000)]
)
def test_batches_are_filled_and_stay_as_they_were_taken(batch_rows: int, n_rows: int) -> None:
    reader = FieldReader(("integer", "text", "number"), b",", is_quoted=False, batch_rows=batch_rows)
    taken = batches(reader, b"".join(b"%d,t%d,.%d\n" % (n, n % 700, n) for n in range(n_rows)))
    assert all(0 < len(lines.line) <= batch_rows for lines in taken[:-1])
    assert len({len(lines.line) for lines in taken[1:-1]}) <= 1
    for lines in taken:
        n = lines.line - 2
        assert lines.integers[0].tolist() == n.tolist()
        assert lines.numbers[2].tolist() == [float(f".{one}") for one in n.tolist()]
    assert np.concatenate([lines.line for lines in taken]).tolist() == list(range(2, n_rows + 2))
    assert texts_of(reader, 1, taken) == [f"t{n % 700}" for n in range(n_rows)]


@pytest.mark.parametrize("is_quoted", [False, True])
@pytest.mark.parametrize("batch_rows", [1, 2, 7, 1000])
def test_line_numbers_count_blank_lines_and_line_ends_in_quotes(is_quoted: bool, batch_rows: int) -> None:
    rng = random.Random(5)
    rows, line, text = [], 2, ""
    for n in range(400):
        blanks = rng.choices(["\n", "\r\n"], k=rng.choice([0, 0, 0, 1, 2, 5]))
        note = rng.choice(["", "\n", "\r\n\n", 'a ""b""\n']) if is_quoted else ""
        rows.append((line + len(blanks), n))
        row = f'{n},"{note}"' if is_quoted else f"{n},"
        text += "".join(blanks) + row + rng.choice(["\n", "\r\n"])
        line += len(blanks) + note.count("\n") + 1
    how = {"separator": b",", "is_quoted": is_quoted, "kinds": ("integer", "skip")}
    data = text.encode() + b"\n\r\n"
    assert read(data, batch_rows=batch_rows, **how) == rows
    assert twin(data, **how) == rows


@pytest.mark.parametrize("is_quoted", [False, True])
def test_of_several_numbers_a_wrong_one_is_named_and_a_wrong_figure_is_infinite(is_quoted: bool) -> None:
    good = b"1e2,a,5,s,wrong,7,NA\n"
    how = {"separator": b",", "is_quoted": is_quoted, "kinds": SEVERAL}
    assert same(read(good, **how), [(2, 100.0, "a", 5.0, math.inf, 7, math.nan)])
    with pytest.raises(FieldError) as caught:
        read(good + b"1e2,a,5x,s,wrong,7,NA\n", **how)
    assert (caught.value.line, caught.value.field) == (3, 2)
    assert caught.value.problem == "'5x' is not a number"


def test_figures_of_a_bad_line_are_not_read() -> None:
    with pytest.raises(FieldError, match="not a whole number"):
        read(b"x\ta\t1e9\ts\tx\tseven\t1\n", kinds=SEVERAL)


@pytest.mark.slow
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
    assert [row[4] for row in read(text, batch_rows=500)] == [float(number) for number in texts]


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
        read(good * 20 + b"\n" + line + good, batch_rows=4)
    assert problem in caught.value.problem
    assert caught.value.line == 23


@pytest.mark.parametrize("is_quoted", [False, True])
def test_rows_before_a_line_of_other_fields_are_in_the_batch(is_quoted: bool) -> None:
    reader = FieldReader(("integer", "text"), b",", is_quoted=is_quoted)
    with pytest.raises(FieldError) as caught:
        batches(reader, b"1,a\n2,b\n\n3\n4,d\n")
    assert (caught.value.line, caught.value.field, caught.value.problem) == (5, None, "too few fields")
    assert reader.take().integers[0].tolist() == [1, 2]


def test_a_quote_left_open_reads_nothing() -> None:
    reader = FieldReader(KINDS, b",", is_quoted=True)
    text = b'a,"b,1,X,c,Y,1,d,2,e\nmore\n'
    buffer = np.frombuffer(text + b"\0" * PADDING, dtype=np.uint8)
    assert reader.read(buffer, 0, len(text), line=2) == (0, 2)
    assert (reader.n_rows, reader.take().line.size) == (0, 0)


def test_the_line_whose_quote_is_open_is_read_once_the_rest_is_there() -> None:
    reader = FieldReader(("integer", "text"), b",", is_quoted=True)
    text = b'1,a\n2,"b\nc"\n3,d\n'
    buffer = np.frombuffer(text + b"\0" * PADDING, dtype=np.uint8)
    reached = reader.read(buffer, 0, text.index(b"c"), line=2)
    assert reached == (text.index(b"2"), 3)
    assert reader.read(buffer, reached[0], len(text), line=reached[1]) == (len(text), 6)
    lines = reader.take()
    assert (lines.line.tolist(), texts_of(reader, 1, [lines])) == ([2, 3, 5], ["a", "b\nc", "d"])
