"""Tables between HS vintages: the shipped ones, the UN's workbooks and weight files, and what is wrong with them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from minsum.errors import DataCheckError, SettingsError
from minsum.harmonise.chain import chain
from minsum.harmonise.families import families
from minsum.harmonise.make_tables import make_tables
from minsum.harmonise.shipped import FILES, FOLDER, nomenclature, shipped
from minsum.harmonise.tables import Tables
from minsum.harmonise.vintages import VINTAGES, rank, steps
from minsum.harmonise.weights import read_weights
from minsum.harmonise.workbooks import named_pair, read_workbook
from minsum.settings.esi import Harmonise

OFFICIAL = {"H0": 5039, "H1": 5132, "H2": 5225, "H3": 5052, "H4": 5205, "H5": 5387, "H6": 5612}
"""Codes without 999999 (UN Statistics Division). The sheets name one more in H2, 140390, which is no heading there."""


def tables(target: str = "H2", **options: str) -> Tables:
    return Tables.find(Harmonise(target=target, **options), Path())  # type: ignore[arg-type]


def weight_file(folder: Path, text: str, name: str = "w.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_tables_hold_the_nomenclatures() -> None:
    assert {vintage: len(codes) for vintage, codes in nomenclature().items()} == OFFICIAL
    assert list(shipped()) == steps("H6", "H0")
    for codes in nomenclature().values():
        assert (np.diff(codes) > 0).all()


def test_the_chain_goes_through_adjacent_vintages() -> None:
    assert steps("H6", "H4") == [("H6", "H5"), ("H5", "H4")]
    assert steps("H1", "H3") == [("H1", "H2"), ("H2", "H3")]
    assert steps("H2", "H2") == []
    naive: dict[int, int] = {code: code for code in nomenclature()["H6"].tolist()}
    for step in steps("H6", "H2"):
        table = shipped()[step]
        goes = dict(zip(table.sources.tolist(), table.targets.tolist(), strict=True))
        naive = {code: goes.get(at, 999999) for code, at in naive.items()}
    found = chain(tables(), "H6", "H2")
    assert found.shares.shape == (5613, 5226)
    assert (found.shares.sum(axis=1) == 1).all()
    assert found.targets[found.shares.indices].tolist() == [*naive.values(), 999999]


@pytest.mark.parametrize("source", VINTAGES[1:])
def test_every_target_of_a_conversion_is_linked_to_its_source(source: str) -> None:
    """So a converted value stays within its family, and within the interval."""
    for target in VINTAGES[: rank(source)]:
        whole = families(tables(target), target, source)
        found = chain(tables(target), source, target)
        row, column = found.shares.nonzero()
        matched = found.targets[column] != 999999
        code, goes = found.products[row[matched]], found.targets[column[matched]]
        left = whole.family[source][np.searchsorted(whole.codes[source], code)]
        right = whole.family[target][np.searchsorted(whole.codes[target], goes)]
        assert (left == right).all()


def test_families_against_a_naive_search() -> None:
    """Breadth first from code to code, over the links of two steps."""
    neighbours: dict[tuple[str, int], set[tuple[str, int]]] = {}
    for newer, older in (("H4", "H3"), ("H3", "H2")):
        for one, other in shipped()[newer, older].links.tolist():
            neighbours.setdefault((newer, one), set()).add((older, other))
            neighbours.setdefault((older, other), set()).add((newer, one))
    found = families(tables(), "H2", "H4")
    number = {
        (vintage, code): family
        for vintage in found.codes
        for code, family in zip(found.codes[vintage].tolist(), found.family[vintage].tolist(), strict=True)
    }
    seen: set[tuple[str, int]] = set()
    n_families = 0
    for start in number:
        if start in seen:
            continue
        n_families += 1
        waiting, own = [start], {start}
        while waiting:
            new = neighbours.get(waiting.pop(), set()) - own
            own |= new
            waiting += new
        assert {number[one] for one in own} == {number[start]}
        seen |= own
    assert n_families == found.n_families


def test_groups_join_families_that_share_a_heading() -> None:
    found = families(tables(), "H2", "H5")
    six, four = found.groups("H2", 6), found.groups("H2", 4)
    by_group: dict[int, set[str]] = {}
    for code, group in six.items():
        by_group.setdefault(group, set()).add(code)
    for codes in by_group.values():
        assert len(codes) > 1
        headings = {code[:4] for code in codes}
        assert len(headings) == 1 or len({four[heading] for heading in headings}) == 1
    assert families(tables(), "H2", "H2").groups("H2", 6) == {}


@pytest.mark.slow
def test_the_shipped_tables_are_what_the_workbooks_say(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    folder = shared_data("concordances/un")
    make_tables(folder, tmp_path)
    for name in FILES:
        file = f"{name}.csv.gz"
        assert (tmp_path / file).read_bytes() == (FOLDER / file).read_bytes()


@pytest.mark.slow
def test_all_21_workbooks_are_read(shared_data: Callable[[str], Path]) -> None:
    books = sorted(shared_data("concordances/un").iterdir())
    assert len(books) == 21
    found = {}
    for path in books:
        one = read_workbook(path)
        found[one.newer, one.older] = one
        assert named_pair(path.name) == (one.newer, one.older)
    assert set(found) == {(a, b) for a in VINTAGES for b in VINTAGES if a > b}
    for (newer, _), one in found.items():
        assert abs(len(one.sources) - OFFICIAL[newer]) <= 2  # with 999999, without monetary gold and coin
    straight = found["H6", "H2"]
    assert dict(zip(straight.sources.tolist(), straight.targets.tolist(), strict=True))[10121] == 10110


@pytest.mark.slow
def test_workbooks_of_a_folder_replace_the_shipped_ones(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("concordances/un")
    own = Tables.find(Harmonise(target="H2", method="un", tables=str(folder)), Path("/"))
    for source in ("H6", "H3"):
        theirs, ours = chain(own, source, "H2"), chain(tables(), source, "H2")
        assert (theirs.shares != ours.shares).nnz == 0
    assert "shipped" not in own.recorded()["tables"]


def test_all_ten_weight_files_are_read(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("concordances")
    own = Tables.find(Harmonise(target="H2", method="weights", tables=str(folder)), Path("/"))
    assert len(own.weight_files) == 10
    for source in VINTAGES:
        found = chain(own, source, "H2")
        assert found.shares.sum(axis=1) == pytest.approx(np.ones(len(found.products)), abs=1e-14)
        assert own.reach().gap(source) is None


def test_a_filing_older_than_the_target_needs_weights_all_the_way(tmp_path: Path) -> None:
    assert tables("H3").reach().gap("H1") == "filed in H1, older than H3: no weights H1 to H2"
    weight_file(tmp_path, "H1,H2,weight,group_id\n010210,010210,1.0,1\n")
    own = Tables.find(Harmonise(target="H3", method="weights", tables=str(tmp_path)), Path("/"))
    assert own.reach().gap("H1") == "filed in H1, older than H3: no weights H2 to H3"
    assert own.reach().gap("H6") is None


def test_codes_without_leading_zero_and_weights_of_zero(tmp_path: Path) -> None:
    text = "H5,H4,weight,group_id\n10121,10121,1.0,2\n10121,10129,0.0,2\n999999,999999,1.0,999\n"
    found = read_weights(weight_file(tmp_path, text), nomenclature())
    assert (found.sources.tolist(), found.targets.tolist()) == ([10121, 999999], [10121, 999999])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("H5,H4,weight,group_id\n010121,010121,0.7,1\n010121,010129,0.2,1\n", "line 2: the weights of 010121 sum to 0.9"),
        ("H5,H4,weight,group_id\n010121,010121,1,1\n123456,010129,1,1\n", "line 3: 123456 is not a product code of H5"),
        ("H5,H4,weight,group_id\n010121,123456,1,1\n", "line 2: 123456 is not a product code of H4"),
        ("H5,H4,weight,group_id\n010121,010121,-1,1\n", "line 2: weight '-1'"),
        ("H5,H4,weight,group_id\n010121,010121,one,1\n", "line 2: weight 'one'"),
        ("H5,H4,weight,group_id\n010121,010121,.5,1\n010121,010121,.5,1\n", "line 3: 010121 to 010121 occurs twice"),
        ("H5,H4,weight,group_id\n010121,010121\n", "line 2: 2 fields"),
        ("H5,H3,weight,group_id\n", "line 1: H5 and H3 are not adjacent"),
        ("from,to,weight\n", "line 1: 'from,to,weight', expected"),
        ("H5,H4,weight,group_id\n", "no weights below the header"),
    ],
)  # fmt: skip
def test_bad_weights_are_named_by_file_and_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataCheckError) as caught:
        read_weights(weight_file(tmp_path, text), nomenclature())
    assert caught.value.message.startswith("w.csv")
    assert message in caught.value.message


def test_tables_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="names no folder"):
        tables(method="weights")
    with pytest.raises(SettingsError, match="no such folder"):
        tables(tables=str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="no weight files"):
        tables(method="weights", tables=str(tmp_path))
    with pytest.raises(SettingsError, match="no UN workbooks"):
        tables(tables=str(tmp_path))
    weight_file(tmp_path, "H1,H2,weight,group_id\n", "weights_H5_to_H4.csv")
    with pytest.raises(DataCheckError, match="weights of H1 to H2, but the file name says H5 to H4"):
        tables(method="weights", tables=str(tmp_path))
    (tmp_path / "weights_H5_to_H4.csv").unlink()
    for name in ("a.csv", "b.csv"):
        weight_file(tmp_path, "H5,H4,weight,group_id\n", name)
    with pytest.raises(DataCheckError, match=r"b\.csv and a\.csv: both are weights H5 to H4"):
        tables(method="weights", tables=str(tmp_path))


def test_bad_workbooks(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    folder = shared_data("concordances/un")
    wrong = tmp_path / "HS2017toHS2012ConversionAndCorrelationTables.xlsx"
    shutil.copy(folder / "HS2017toHS2007ConversionAndCorrelationTables.xlsx", wrong)
    with pytest.raises(DataCheckError, match="between H5 and H3, but the file name says H5 and H4"):
        read_workbook(wrong)
    wrong.write_bytes(b"no workbook")
    with pytest.raises(DataCheckError, match="not readable as a workbook"):
        read_workbook(wrong)
    wrong.unlink()
    shutil.copy(folder / "HS2022toHS2017ConversionAndCorrelationTables.xlsx", tmp_path)
    own = Tables.find(Harmonise(target="H4", method="un", tables=str(tmp_path)), Path("/"))
    with pytest.raises(DataCheckError, match="no workbook H5 to H4; there are H6-H5"):
        chain(own, "H6", "H4")
    with pytest.raises(DataCheckError, match="no workbook H5 to H4"):
        make_tables(tmp_path, tmp_path / "out")
