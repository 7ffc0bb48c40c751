"""`minsum.scan`: any supported file as a Polars source, held against the csv module and against filtering afterwards."""

from __future__ import annotations

import csv
import gzip
import io
import random
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import minsum
import minsum.flows.scan as scanning
from conftest import NAME, bulk_text
from minsum.errors import BrokenSourceError, ContradictionError, UnknownFormatError, UsageError
from minsum.flows.scan import SCAN_SCHEMA
from trade_files import packed, texts

FILES = texts(random.Random(7))
_BACI = ("t", "i", "j", "k", "v", 1000.0)
_NEW = ("period", "reporterCode", "partnerCode", "cmdCode", "primaryValue", 1.0)
_OLD = ("Year", "Reporter Code", "Partner Code", "Commodity Code", "Trade Value (US$)", 1.0)
NAMES: dict[str, tuple[str, str, str, str, str, float]] = {
    "bulk": _NEW, "bulk txt": _NEW, "classic": _NEW, "web": _NEW, "web 47": _NEW, "legacy web": _OLD, "legacy bulk": _OLD,
    "wits": ("Year", "ReporterISO3", "PartnerISO3", "ProductCode", "TradeValue in 1000 USD", 1000.0),
    "baci": _BACI, "baci zip": _BACI,
}  # fmt: skip
"""Of each format: year, reporter, partner, product, value and its unit in USD."""

WITS_CODES = {"CHN": 156, "WLD": 0, "USA": 842, "DEU": 276, "ROM": 642}


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Whatever becomes of a query, its threads end."""
    yield
    deadline = time.monotonic() + 10
    while any(one.name.startswith("minsum-scan") for one in threading.enumerate()):
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.01)


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def as_the_csv_module_reads(form: str, text: bytes) -> list[tuple[Any, ...]]:
    """(line, year, reporter, partner, product, value) of every row."""
    year, reporter, partner, product, value, unit = NAMES[form]
    is_quoted = form not in ("bulk", "bulk txt", "classic")
    reader = csv.reader(
        io.StringIO(text.decode("latin-1"), newline=""),
        delimiter="," if is_quoted else "\t",
        quoting=csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE,
    )
    header, begins, rows = next(reader), reader.line_num + 1, []
    for row in reader:
        if row:
            one = dict(zip(header, row, strict=False))
            codes = (
                WITS_CODES.get(one[name]) or int(WITS_CODES.get(one[name], one[name]))
                for name in (reporter, partner)
            )
            usd = float(one[value]) * unit if one[value] else None
            rows.append((begins, int(one[year]), *codes, one[product], usd))
        begins = reader.line_num + 1
    return rows


@pytest.mark.parametrize("form", FILES)
def test_rows_of_every_format_are_as_filed(form: str, tmp_path: Path) -> None:
    name, text, how = FILES[form]
    path = put(tmp_path, name, packed(text, how))
    found = minsum.scan(path).collect()
    assert found.schema == pl.Schema(SCAN_SCHEMA)
    assert minsum.scan(path).collect_schema() == found.schema
    columns = ("line", "year", "reporter_code", "partner_code", "product_code", "value_usd")
    assert found.select(columns).rows() == as_the_csv_module_reads(form, text)
    member = f"BACI_HS12_Y2015_V202301.csv in {name}"
    assert found["source"].unique().to_list() == [member if how == "many" else name]
    assert found["classification"].null_count() == 0
    assert set(found["flow"].unique()) >= ({"X"} if form.startswith("baci") else {"X", "M"})
    assert found["level"].to_list() == [
        0 if one == "TOTAL" else len(one) for one in found["product_code"].to_list()
    ]


def test_types_are_those_of_the_contract() -> None:
    number = dict.fromkeys(("reporter_code", "year", "partner_code", "partner2_code", "mot_code"), pl.Int32)
    texts_ = ("source", "classification", "flow", "product_code", "customs_code", "mos_code", "quantity_unit")
    given = (
        number
        | dict.fromkeys(texts_, pl.String)
        | dict.fromkeys(("value_usd", "net_weight", "quantity"), pl.Float64)
    )
    assert {**given, "line": pl.Int64, "level": pl.Int8} == SCAN_SCHEMA


def test_packed_and_plain_are_the_same_and_a_folder_holds_all(tmp_path: Path) -> None:
    text = FILES["web"][1]
    put(tmp_path, "plain/a.csv", text)
    put(tmp_path, "gz/a.gz", gzip.compress(text))
    with zipfile.ZipFile(put(tmp_path, "zip/a.zip", b""), "w") as archive:
        archive.writestr("a.csv", text)
    plain, *others = (minsum.scan(tmp_path / one).drop("source").collect() for one in ("plain", "gz", "zip"))
    for one in others:
        assert_frame_equal(one, plain)
    put(tmp_path, ".hidden", b"no table")
    put(tmp_path, "late.csv.part", b"no table")
    counts = minsum.scan(str(tmp_path)).group_by("source").len().sort("source").collect().rows()
    assert counts == [(one, len(plain)) for one in ("a.csv", "a.gz", "a.zip")]
    both = minsum.scan([tmp_path / "plain", str(tmp_path / "gz" / "a.gz"), tmp_path / "plain" / "a.csv"])
    assert both.select(pl.len()).collect().item() == 2 * len(plain)


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    header, first, second, third = FILES["web 47"][1].split(b"\n")[:4]
    broken = first.replace(b"Chevaux; ", b"Chevaux;\n\n")
    assert broken != first
    path = put(tmp_path, "a.csv", b"\n".join([header, b"", broken, b"", b"", second, third]))
    assert minsum.scan(path).select("line").collect()["line"].to_list() == [3, 8, 9]


def test_only_what_is_needed_is_read(tmp_path: Path) -> None:
    path = put(tmp_path, "a.txt", bulk_text([{}, {"primaryValue": "a lot", "partnerCode": "842"}]))
    assert minsum.scan(path).select("partner_code").collect()["partner_code"].to_list() == [0, 842]
    assert minsum.scan(path).filter(pl.col("partner_code") == 842).select(pl.len()).collect().item() == 1
    with pytest.raises(BrokenSourceError, match="line 3, column primaryValue"):
        minsum.scan(path).select("value_usd").collect()
    with pytest.raises(BrokenSourceError, match="line 3, column primaryValue"):
        minsum.scan(path).filter(pl.col("value_usd") > 0).select("partner_code").collect()


PREDICATES = {
    "text": pl.col("flow") == "X",
    "two": (pl.col("flow") == "X") & (pl.col("partner_code") == 0),
    "order of texts": pl.col("product_code") < "27",
    "part of a text": pl.col("product_code").str.starts_with("84") & (pl.col("product_code").str.len_chars() == 6),
    "one of": pl.col("classification").is_in(["H4", "H5"]),
    "null": pl.col("value_usd").is_null(),
    "source": pl.col("source").str.contains("web"),
    "line": pl.col("line") % 2 == 0,
    "negated": ~(pl.col("mot_code") > 0),
    "two columns": pl.col("partner_code") > pl.col("reporter_code"),
    "nothing": pl.col("flow") == "no such flow",
    "window": pl.col("value_usd") == pl.col("value_usd").max().over("source"),
}  # fmt: skip


@pytest.fixture(scope="module")
def every_format(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.LazyFrame, pl.DataFrame]:
    """A scan of a file of each format, and all its rows."""
    folder = tmp_path_factory.mktemp("formats")
    for form, (name, text, how) in FILES.items():
        put(folder, f"{form}/{form} {name}", packed(text, how))
    rows = minsum.scan(folder)
    return rows, rows.collect()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
@pytest.mark.parametrize("predicate", PREDICATES.values(), ids=PREDICATES)
def test_queries_give_the_same_as_filtering_afterwards(
    predicate: pl.Expr, engine: Any, every_format: tuple[pl.LazyFrame, pl.DataFrame]
) -> None:
    rows, everything = every_format
    order = ["source", "line"]
    for columns in (["value_usd"], ["product_code", "net_weight"], list(SCAN_SCHEMA)):
        found = rows.filter(predicate).select(*order, *(one for one in columns if one not in order))
        expected = everything.filter(predicate).select(found.collect_schema().names())
        assert_frame_equal(found.collect(engine=engine).sort(order), expected.sort(order))
    assert rows.filter(predicate).select(pl.len()).collect(engine=engine).item() == len(
        everything.filter(predicate)
    )
    first = rows.filter(predicate).head(5).collect(engine=engine)
    assert len(first) == min(5, len(everything.filter(predicate)))
    assert len(first.filter(predicate)) == len(first) or "over" in str(predicate)


def test_a_filter_of_the_first_rows_is_no_filter_of_all(tmp_path: Path) -> None:
    path = put(tmp_path, "a.txt", bulk_text([{"partnerCode": n} for n in range(10)]))
    first = minsum.scan(path).head(3).filter(pl.col("partner_code") > 1)
    assert first.collect()["partner_code"].to_list() == [2]
    late = minsum.scan(path).filter(pl.col("partner_code") > 1).head(3).select("line").collect()
    assert late["line"].to_list() == [4, 5, 6]
    assert minsum.scan(path).head(0).filter(pl.col("partner_code") > 1).collect().is_empty()
    assert minsum.scan(path).slice(4, 2).collect()["partner_code"].to_list() == [4, 5]
    assert minsum.scan(path).tail(2).collect()["partner_code"].to_list() == [8, 9]


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_the_first_rows_are_given_without_reading_on(
    engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = bulk_text([{}]).partition(b"\n")[2]
    for n in range(6):
        put(tmp_path, f"{n}.txt", bulk_text([]) + row * 20_000 + b"the end is broken\n")
    opened = []
    real = scanning.opened
    monkeypatch.setattr(
        scanning, "opened", lambda source, **more: opened.append(source) or real(source, **more)
    )
    assert len(minsum.scan(tmp_path).head(7).collect(engine=engine)) == 7
    assert len(opened) < 6
    with pytest.raises(BrokenSourceError, match="line 20002: too few fields"):
        minsum.scan(tmp_path).select(pl.len()).collect(engine=engine)


def many_batches(folder: Path, n_files: int) -> Path:
    row = bulk_text([{}]).partition(b"\n")[2]
    content = gzip.compress(bulk_text([]) + row * 600_000, 1)
    for n in range(n_files):
        put(folder, f"{n}.gz", content)
    return folder


def test_a_query_left_half_way_leaves_no_thread(tmp_path: Path) -> None:
    many_batches(tmp_path, 3)
    one = iter(minsum.scan(tmp_path).select("value_usd").collect_batches())
    next(one)
    assert any(thread.name.startswith("minsum-scan") for thread in threading.enumerate())
    del one


@pytest.mark.slow
# A query left half-way by `collect_batches` when the process ends is Polars' own to end: 2.1 aborts now and then.
@pytest.mark.parametrize("query", ["rows.head(5).collect()", "rows.head(5).collect(engine='in-memory')"])
def test_a_process_ends_while_files_are_read(query: str, tmp_path: Path) -> None:
    many_batches(tmp_path, 3)
    code = f"import sys, minsum; rows = minsum.scan(sys.argv[1]); {query}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_error_of_the_query_leaves_no_thread(tmp_path: Path) -> None:
    many_batches(tmp_path, 3)
    with pytest.raises(pl.exceptions.InvalidOperationError):
        minsum.scan(tmp_path).select(pl.col("flow").cast(pl.Int8)).collect()


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_errors_of_files_reach_the_user_whole(engine: Any, tmp_path: Path) -> None:
    good, bad = put(tmp_path, NAME, gzip.compress(bulk_text([{}]))), put(tmp_path, "page.gz", b"no table\n")
    with pytest.raises(UnknownFormatError, match=r"page\.gz, line 1") as caught:
        minsum.scan([good, bad]).collect(engine=engine)
    assert caught.value.hint
    cut = put(tmp_path, "cut.gz", gzip.compress(bulk_text([{}] * 1000))[:-9])
    with pytest.raises(BrokenSourceError, match=r"cut\.gz: truncated") as caught_too:
        minsum.scan([good, cut]).select("value_usd").sum().collect(engine=engine)
    assert caught_too.value.hint == "download it again"
    with pytest.raises(BrokenSourceError, match=r"cut\.gz: truncated"):
        minsum.scan([good, cut]).sink_parquet(tmp_path / "out.parquet")


@pytest.mark.parametrize("column", ["reporterCode", "partnerCode", "partner2Code", "motCode", "period"])
def test_a_number_too_large_for_its_column_is_told_with_its_line(column: str, tmp_path: Path) -> None:
    path = put(tmp_path, "a.txt", bulk_text([{}, {column: ""}, {column: 3_000_000_000}]))
    with pytest.raises(
        BrokenSourceError, match=r"a\.txt, line 4: 3000000000 is too large for a \w+"
    ) as caught:
        minsum.scan(path).collect()
    assert caught.value.hint
    assert minsum.scan(path).select("value_usd").collect().height == 3


def test_groups_of_countries_have_no_code(tmp_path: Path) -> None:
    text = FILES["wits"][1]
    header, first = text.split(b"\r\n")[:2]
    label = next(one for one in (b'"WLD"', b'"USA"', b'"DEU"', b'"ROM"') if one in first)
    path = put(tmp_path, "a.csv", b"\r\n".join([header, first, first.replace(label, b'"EAS"'), b""]))
    found = minsum.scan(path)
    assert found.collect()["partner_code"].is_null().to_list() == [False, True]
    assert found.filter(pl.col("partner_code").is_null()).select("line").collect().item() == 3
    put(tmp_path, "a.csv", text.replace(label, b'"XQZ"'))
    with pytest.raises(ContradictionError, match="no country is known by 'XQZ'"):
        found.collect()


def test_paths_are_taken_literally(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a[1].txt", "a1.txt", "b*.txt", "bb.txt", "~.txt"):
        put(tmp_path, name, bulk_text([{}]))
    for name in ("a[1].txt", "b*.txt", "~.txt"):
        assert minsum.scan(tmp_path / name).collect()["source"].to_list() == [name]
    with pytest.raises(UsageError, match="no such file or folder") as caught:
        minsum.scan(tmp_path / "*.txt")
    assert caught.value.hint
    with pytest.raises(UsageError, match="none"):
        minsum.scan([tmp_path / "a1.txt", tmp_path / "none"])
    monkeypatch.chdir(tmp_path)
    relative = minsum.scan("a1.txt")
    monkeypatch.chdir("/")
    assert relative.select(pl.len()).collect().item() == 1


def test_an_empty_folder_and_a_file_without_rows_are_empty_frames(tmp_path: Path) -> None:
    assert minsum.scan(tmp_path).collect().is_empty()
    put(tmp_path, "a.txt", bulk_text([]))
    assert minsum.scan(tmp_path).collect().schema == pl.Schema(SCAN_SCHEMA)


def test_a_query_can_be_run_again_and_joined_with_itself(tmp_path: Path) -> None:
    rows = minsum.scan(put(tmp_path, "a.txt", bulk_text([{"partnerCode": n} for n in (0, 36, 842)])))
    assert_frame_equal(rows.collect(), rows.collect())
    pairs = rows.join(rows, on="reporter_code").select(pl.len())
    assert pairs.collect().item() == 9
    assert [len(one) for one in pl.collect_all([rows, rows.filter(pl.col("partner_code") > 0)])] == [3, 2]
