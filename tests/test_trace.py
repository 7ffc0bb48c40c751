"""From a value to its rows: contributions add up to it, rows to contributions, lines to rows, and rules to the audit."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from conftest import COLUMNS, Desk, minsum
from minsum.errors import MissingInputError, UsageError
from minsum.flows.rules import RULES
from minsum.harmonise.harmoniser import Harmoniser
from minsum.pipeline import Workspace
from minsum.settings.esi import Harmonise

CHN, USA = "COMTRADE-FINAL-CA1562015H4[2024-03-10].gz", "COMTRADE-FINAL-CA8422015H4[2024-03-10].gz"


def field(path: Path, line: int, column: str) -> str:
    """A cell of a file, by the number of its line."""
    text = gzip.decompress(path.read_bytes()).decode().splitlines()[line - 1]
    return text.split("\t")[COLUMNS.index(column)]


@pytest.fixture
def made(desk: Desk) -> Workspace:
    """Two countries: a total with its parts, and one of which only partners stand in the file."""
    root = desk.layout.root
    work = Workspace(root, jobs=2).init()
    desk.inbox = work.layout.raw
    desk.put([{"cmdCode": "010121", "primaryValue": 60}, {"cmdCode": "010121", "motCode": 1000, "primaryValue": 40},
              {"cmdCode": "010121", "motCode": 2000, "primaryValue": 20}, {"cmdCode": "020110", "primaryValue": 40}], CHN)  # fmt: skip
    usa = {"reporterCode": 842}
    desk.put([usa | {"cmdCode": "010121", "partnerCode": 276, "primaryValue": 10},
              usa | {"cmdCode": "010121", "partnerCode": 392, "primaryValue": 15},
              usa | {"cmdCode": "030110", "primaryValue": 75}], USA)  # fmt: skip
    work.ingest()
    work.esi()
    return work


def test_a_value_is_followed_to_the_lines_of_files(made: Workspace) -> None:
    found = made.trace("CHN", "USA", 2015, product="010121")
    assert found.published["esi"] == pytest.approx(0.25)
    assert found.products.row(0) == ("010121", "I", 60.0, 25.0, 0.6, 0.25, 0.25)
    assert set(found.products["product"]) == {"010121", "020110", "030110"}
    assert found.flows is not None
    assert found.flows.select("reporter", "value_usd", "is_rebuilt", "share").rows() == [
        ("CHN", 60.0, False, 1.0), ("USA", 25.0, True, 1.0),
    ]  # fmt: skip
    assert found.lines is not None
    assert "What each product adds\nproduct  section" in repr(found)
    assert found.lines.select("source", "line", "rule", "partner_code", "value_usd").rows() == [
        (CHN, 2, "kept", 0, 60.0), (CHN, 3, "mot", 0, 40.0), (CHN, 4, "mot", 0, 20.0),
        (USA, 2, "kept", 276, 10.0), (USA, 3, "kept", 392, 15.0),
    ]  # fmt: skip
    for source, line, value in found.lines.select("source", "line", "value_usd").iter_rows():
        assert float(field(made.layout.raw / source, line, "primaryValue")) == value
    one_side = made.trace("CHN", "USA", 2015, product="030110")
    assert one_side.notes == ("CHN exports nothing of it.",)


def test_what_is_not_at_hand_is_said(made: Workspace) -> None:
    (made.layout.raw / USA).unlink()
    found = made.trace("CHN", "USA", 2015, product="010121")
    assert found.notes == (f"{USA} is not in raw/, or not the file that was read: its lines are not shown.",)
    with pytest.raises(UsageError, match="neither side exports '999'"):
        made.trace("CHN", "USA", 2015, product="999")
    with pytest.raises(MissingInputError, match="2015: no data of DEU"):
        made.trace("CHN", "DEU", 2015)
    with pytest.raises(MissingInputError, match="H4 1999: no flows"):
        made.trace("CHN", "DEU", 1999)


def test_trace_at_the_command_line(made: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    asked = ("trace", "CHN", "USA", 2015, "-w", made.layout.root)
    shown = minsum(*asked, "--product", "010121", "--format", "text").stdout
    for words in (
        "Published: 0.250000000000; the products below add up to 0.250000000000.",
        "left out.",
        "mot",
        USA,
    ):
        assert words in shown
    assert minsum(*asked, "--format", "csv").stdout.startswith("product,section,reporter_usd")
    lines = json.loads(minsum(*asked, "--product", "010121", "--format", "json").stdout)
    assert [one["line"] for one in lines] == [2, 3, 4, 2, 3]


@pytest.mark.parametrize("level", [6, 4])
def test_rows_filed_in_another_vintage_add_up_to_the_product(level: int, desk: Desk) -> None:
    """USD times share over the rows of a side is what stands for the side, whatever it was filed in."""
    work = Workspace(
        desk.layout.root, jobs=2, flags={"harmonise": {"target": "H2"}, "esi": {"level": level}}
    ).init()
    desk.inbox = work.layout.raw
    conversion = Harmoniser(Harmonise(target="H2"), desk.layout.root).conversion("H5")
    many = int(np.diff(conversion.shares.tocsc().indptr)[:-1].argmax())
    filed = conversion.products[conversion.shares[:, [many]].toarray()[:, 0] > 0].tolist()
    assert len(filed) > 3
    target = f"{conversion.targets[many]:06d}"
    rows = [
        {"cmdCode": f"{code:06d}", "primaryValue": 10 + n, "classificationCode": "H5"}
        for n, code in enumerate(filed)
    ]
    desk.put(rows, CHN.replace("H4", "H5"))
    usa = {"reporterCode": 842, "classificationCode": "H2"}
    desk.put(
        [usa | {"cmdCode": target, "primaryValue": 7}, usa | {"cmdCode": "970600"}], USA.replace("H4", "H2")
    )
    work.ingest()
    work.esi()
    product = target[:level]
    found = work.trace("CHN", "USA", 2015, product=product)
    assert found.products["contribution"].sum() == pytest.approx(found.published["esi"], abs=1e-13)
    of_product = found.products.row(by_predicate=pl.col("product") == product, named=True)
    assert found.flows is not None
    assert len(found.flows) == len(filed) + 1
    for reporter, side in (("CHN", "reporter_usd"), ("USA", "reference_usd")):
        rows_of_side = found.flows.filter(pl.col("reporter") == reporter)
        assert rows_of_side.select(pl.col("value_usd").dot("share")).item() == pytest.approx(of_product[side])
    assert found.lines is not None
    assert found.lines["line"].to_list() == [*range(2, len(filed) + 2), 2]


def test_composites_and_what_stands_in_their_place(finished_world: Workspace) -> None:
    found = finished_world.trace("KHM", "high_end", 2014)
    assert found.products["contribution"].sum() == pytest.approx(found.published["esi"], abs=1e-13)
    assert "high_end: pooled of USA, DEU." in found.definition


def test_rows_of_each_rule_are_those_of_the_audit(desk: Desk) -> None:
    work = Workspace(desk.layout.root, jobs=2).init()
    desk.inbox = work.layout.raw
    desk.put([
        {}, {"motCode": 1000}, {"customsCode": "C01"}, {"flowCode": "XIP"}, {"cmdCode": "0101"}, {"cmdCode": "01"},
        {"primaryValue": 0}, {"primaryValue": -1}, {"partner2Code": 4}, {"mosCode": 1}, {"cmdCode": "TOTAL"},
    ], CHN)  # fmt: skip
    four = {"reporterCode": 842}
    desk.put([four | {"cmdCode": "0101"}, four | {"cmdCode": "01"}, four | {"cmdCode": "TOTAL"}], USA)
    desk.put_bytes(
        b"t,i,j,k,v,q\n" + b"".join(b"2015,%d,276,10121,%d,1\n" % (i, i) for i in (4, 8)),
        "BACI_HS12_Y2015_V1.csv",
    )
    work.ingest()
    sources = {
        (one["name"], code): one["rules"]
        for code in (156, 842) for one in desk.footer(reporter=code)["sources"]  # type: ignore[attr-defined]
    }  # fmt: skip
    assert set(sources[CHN, 156]) > {"mot", "level", "zero", "value"}
    for (name, _), rules in sources.items():
        rows = pl.concat(list(work.rows(work.layout.raw / name)))
        counted = rows.group_by("rule").agg(rows=pl.len(), usd=pl.col("value_usd").sum())
        assert {rule: {"rows": n, "usd": usd} for rule, n, usd in counted.iter_rows()} == {
            rule: told for rule, told in rules.items() if rule != "kept"
        }
        kept = pl.concat(list(work.rows(work.layout.raw / name, rule="kept")))
        assert len(kept) == rules["kept"]["rows"]
    assert not sum(len(rows) for rows in work.rows(work.layout.raw / "BACI_HS12_Y2015_V1.csv"))


def test_rows_at_the_command_line(made: Workspace) -> None:
    asked = ("rows", made.layout.raw, "-w", made.layout.root)
    lines = minsum(*asked, "--rule", "mot", "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("source,rule,line,")
    assert [line.split(",")[:3] for line in lines[1:]] == [[CHN, "mot", "3"], [CHN, "mot", "4"]]
    shown = minsum(*asked, "--format", "text").stdout
    assert "By rule" in shown
    assert len(json.loads(minsum(*asked, "--format", "json").stdout)) == 2
    wrong = minsum(*asked, "--rule", "motor")
    assert wrong.exit_code == 2
    assert all(rule in wrong.stderr for rule in RULES)
