"""`minsum check`: every check on a sound workspace and on one that is wrong in that way; and `minsum status`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from conftest import NAME, Desk, bulk_text
from minsum.cli import main
from minsum.inspect.check import IDENTITIES, SIMILARITY, Finding, check_workspace
from minsum.pipeline import Workspace
from minsum.settings.check import Check
from minsum.workspace.footers import FOOTER_KEY, read_footer
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_table

CHINA = "classification=H4/year=2015/reporter=156/flows.parquet"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of two reporters, with similarities and coverage."""
    folder = tmp_path_factory.mktemp("sound")
    work = Workspace(folder, jobs=2).init()
    for reporter, value in ((156, 60), (842, 90)):
        rows = [
            {"reporterCode": reporter, "cmdCode": code, "partnerCode": partner, "primaryValue": usd}
            for code, total in (("010121", value), ("010190", 40), ("TOTAL", value + 40))
            for partner, usd in ((0, total), (36, total))
        ]
        (work.layout.raw / NAME.replace("156", str(reporter))).write_bytes(bulk_text(rows))
    assert work.run().exit_code == 0
    return folder


@pytest.fixture
def layout(sound: Path, tmp_path: Path) -> Layout:
    """A copy of it, to be spoilt."""
    shutil.copytree(sound, tmp_path / "w")
    return Layout(tmp_path / "w")


def found(layout: Layout, **limits: float) -> list[Finding]:
    return check_workspace(layout, Check(**limits), jobs=2)


def rewrite(path: Path, layout: Layout, change: Callable[[pa.Table], pa.Table]) -> None:
    """The file with other rows and the same footer."""
    table = pq.read_table(path, partitioning=None)
    publish_table(change(table), path, footer=read_footer(path), layout=layout)


def refooter(path: Path, layout: Layout, change: Callable[[dict], object]) -> None:  # type: ignore[type-arg]
    """The file with the same rows and another footer."""
    footer = read_footer(path)
    change(footer)
    publish_table(pq.read_table(path, partitioning=None), path, footer=footer, layout=layout)


def test_a_sound_workspace_has_no_findings(layout: Layout) -> None:
    assert found(layout) == []


def with_column(name: str, values: list[object]) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        kept = table[name].to_pylist()
        place = table.schema.get_field_index(name)
        return table.set_column(
            place, name, pa.array([*values, *kept[len(values) :]], table.schema.field(name).type)
        )

    return change


SPOILT: dict[str, tuple[Callable[[pa.Table], pa.Table], str, str]] = {
    "order": (lambda table: table.take([1, 0, *range(2, table.num_rows)]), "rows", "row 2 out of order"),
    "repeat": (lambda table: pa.concat_tables([table.slice(0, 1), table]), "rows", "row 2 repeats the one before"),
    "missing row": (lambda table: table.slice(1), "audit", "5 rows"),
    "other value": (with_column("value_usd", [61.0]), "audit", "X world_usd 101.0 in the rows"),
    "negative value": (with_column("value_usd", [-60.0]), "rows", "values that are not above 0"),
    "null value": (with_column("value_usd", [None]), "rows", "1 rows without value_usd"),
    "unknown flow": (with_column("flow", ["Q"]), "rows", "flow 'Q'"),
    "odd product": (with_column("product_code", ["01012"]), "rows", "product '01012'"),
    "odd partner": (with_column("partner_code", [-4]), "rows", "partner -4"),
    "other type": (lambda table: table.set_column(3, "value_usd", table["value_usd"].cast(pa.float32())), "file", "type float"),
    "other columns": (lambda table: table.drop_columns(["is_rebuilt"]), "file", "column 5 is nothing, expected is_rebuilt"),
}  # fmt: skip


@pytest.mark.parametrize("case", SPOILT)
def test_a_spoilt_flows_file_is_found(layout: Layout, case: str) -> None:
    change, check, words = SPOILT[case]
    rewrite(layout.flows / CHINA, layout, change)
    wrong = [one for one in found(layout) if one.check == check]
    assert {one.place for one in wrong} == {f"flows/{CHINA}"}
    assert any(words in one.found for one in wrong)


def test_a_damaged_file_is_found(layout: Layout) -> None:
    path = layout.flows / CHINA
    damaged = bytearray(path.read_bytes())
    damaged[8:40] = b"\xff" * 32
    path.write_bytes(damaged)
    assert [(one.check, one.place) for one in found(layout)] == [("file", f"flows/{CHINA}")]


def test_a_cut_file_is_found(layout: Layout) -> None:
    path = layout.flows / CHINA
    path.write_bytes(path.read_bytes()[:-20])
    assert [(one.check, one.place) for one in found(layout)] == [("file", f"flows/{CHINA}")]


def test_a_file_of_another_program_is_found(layout: Layout) -> None:
    table = pq.read_table(layout.flows / CHINA, partitioning=None)
    pq.write_table(table.replace_schema_metadata({}), layout.flows / CHINA)
    assert "not a Parquet file written by minsum" in found(layout)[0].found


def test_an_audit_that_does_not_add_up_is_found(layout: Layout) -> None:
    refooter(layout.flows / CHINA, layout, lambda footer: footer["sources"][0].update(rows_in=7, rows_kept=5))
    assert {(one.check, one.found.partition(": ")[2] or one.found) for one in found(layout)} == {
        ("audit", "6 rows under the rules"), ("audit", "6 rows under kept"), ("audit", "6 rows"),
    }  # fmt: skip


def test_a_stray_file_is_found(layout: Layout) -> None:
    for path in (layout.flows / "copy.parquet", layout.flows / CHINA.replace("flows.parquet", "old.parquet")):
        shutil.copy(layout.flows / CHINA, path)
    assert sorted((one.check, one.place) for one in found(layout)) == [
        ("stray", f"flows/{CHINA.replace('flows.parquet', 'old.parquet')}"), ("stray", "flows/copy.parquet"),
    ]  # fmt: skip


def test_odd_hive_keys_are_found(layout: Layout) -> None:
    folder = layout.flows / "classification=H4/year=2015"
    (folder / "reporter=156").rename(folder / "reporter=0156")
    assert [one.check for one in found(layout)] == ["stray"]
    (folder / "reporter=0156").rename(folder / "reporter=276")
    assert [one.check for one in found(layout)] == ["keys"]


def test_similarities_of_another_year_are_found(layout: Layout) -> None:
    path = layout.esi / "classification=H4" / "2015.parquet"
    path.rename(path.with_name("2016.parquet"))
    assert [(one.check, one.place) for one in found(layout)] == [
        ("keys", "esi/classification=H4/2016.parquet")
    ] * 2


ESI: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "esi_range": (with_column("esi", [1.5]), "esi 1.5"),
    "esi_symmetry": (with_column("esi", [0.1]), "0.1 and "),
    "esi_repeated": (lambda table: pa.concat_tables([table, table]), "2 rows"),
}


@pytest.mark.parametrize("check", SIMILARITY)
def test_impossible_similarities_are_found(layout: Layout, check: str) -> None:
    change, words = ESI[check]
    rewrite(layout.esi / "classification=H4" / "2015.parquet", layout, change)
    wrong = {one.check: one for one in found(layout)}
    assert words in wrong[check].found
    assert wrong[check].place.startswith("H4 2015 ")


IDENTITY: dict[str, tuple[list[dict[str, object]], str, str]] = {
    "world_vs_partners": ([{}, {"partnerCode": 36, "primaryValue": 99}], "H4 2015 156 X", "partners are 0.99 of World"),
    "total_vs_products": ([{}, {"cmdCode": "TOTAL", "primaryValue": 101}], "H4 2015 156 X", "products are 0.9901 of TOTAL"),
    "residual_share": ([{}, {"cmdCode": "999999", "primaryValue": 150}], "H4 2015 156 X", "0.6 under codes 9999xx"),
    "world_unresolved": (
        [{}, {"cmdCode": "TOTAL", "primaryValue": 99.9}], "H4 2015 156", "1 products above their TOTAL, 0.0 bn USD",
    ),
    "conflicts": ([{}, {"primaryValue": 2}], "H4 2015 156", "1 rows repeated with other values, 0.0 bn USD"),
    "nothing_kept": (
        [{"flowCode": "RM"}, {"flowCode": "RM"}, {"cmdCode": "01012100"}], "H4 2015 156",
        "no product kept of 3 rows: 2 under flow, 1 under level (8 digits)",
    ),
    "mostly_dropped": (
        [{}, {"primaryValue": "", "cmdCode": "010190"}, {"primaryValue": "NaN", "cmdCode": "010190"}], "H4 2015 156",
        f"{NAME}: 2 rows, 0.0 bn USD, removed under value, 1 rows, 0.0 bn USD, kept",
    ),
    "uncontained": (
        [{}, {"cmdCode": "0101", "primaryValue": 201}], "H4 2015 156",
        "1 rows of other levels hold 0.0 bn USD more than the products kept, which add up to 0.0",
    ),
    "round_rows": ([], "t.csv", "exactly 500 rows, where Comtrade cuts downloads off"),
}  # fmt: skip


@pytest.mark.parametrize("check", IDENTITIES)
def test_figures_that_disagree_are_found(desk: Desk, check: str) -> None:
    from test_formats import web

    rows, place, words = IDENTITY[check]
    if check == "round_rows":
        desk.put_bytes(web([{}] * 500), "t.csv")
    else:
        desk.put(rows)
    desk.ingest()
    assert [(one.check, one.place, one.found) for one in found(desk.layout)] == [(check, place, words)]


def test_limits_decide(desk: Desk) -> None:
    desk.put(IDENTITY["world_vs_partners"][0])
    desk.ingest()
    assert found(desk.layout, world_tolerance=0.011) == []


@pytest.mark.parametrize(("total", "checks"), [(90, []), (900, ["total_vs_products"])])
def test_partners_of_slices_need_not_agree_but_products_below_total_are_told(
    desk: Desk, total: int, checks: list[str]
) -> None:
    from test_formats import web

    rows = [{}, {"partnerCode": 36, "primaryValue": 9}, {"cmdCode": "TOTAL", "primaryValue": total}]
    desk.put_bytes(web(rows), "t.csv")
    desk.ingest()
    assert [one.check for one in found(desk.layout)] == checks


def test_the_command_ends_with_four_and_names_what_is_wrong(layout: Layout) -> None:
    sound = CliRunner().invoke(main, ["check", "-w", str(layout.root)])
    assert (sound.exit_code, "is sound" in sound.stdout) == (0, True)
    shutil.copy(layout.flows / CHINA, layout.flows / "copy.parquet")
    wrong = CliRunner().invoke(main, ["check", "-w", str(layout.root)])
    assert wrong.exit_code == 4
    assert "Check stray: 1" in wrong.stdout
    as_json = CliRunner().invoke(main, ["check", "--json", "-w", str(layout.root)])
    assert as_json.exit_code == 4
    assert json.loads(as_json.stdout) == [
        {"check": "stray", "place": "flows/copy.parquet", "found": "a file that minsum did not write",
         "expected": "none: move it away"}
    ]  # fmt: skip


def status(layout: Layout) -> dict[str, object]:
    return json.loads(CliRunner().invoke(main, ["status", "--json", "-w", str(layout.root)]).stdout)


def stale(layout: Layout) -> dict[str, list[str]]:
    return {one["what"]: one["which"] for one in status(layout)["stale"]}  # type: ignore[union-attr,index]


def test_nothing_is_stale_after_a_run(layout: Layout) -> None:
    Workspace(layout.root).ingest()  # the copy has other paths
    assert stale(layout) == {}


@pytest.mark.slow
def test_flows_newer_than_what_was_made_of_them(layout: Layout) -> None:
    Workspace(layout.root).ingest()
    (layout.raw / NAME).write_bytes(bulk_text([{}]))
    assert stale(layout) == {"raw": [NAME]}
    Workspace(layout.root).ingest(accept=True)
    assert stale(layout).items() > {"coverage": ["coverage.parquet"], "esi": ["H4/2015"]}.items()
    assert stale(layout).keys() == {"coverage", "esi", "section_esi", "report"}  # what follows from it
    assert status(layout)["years"][0]["esi"] == "stale"  # type: ignore[index]
    Workspace(layout.root).esi()
    assert stale(layout).keys() == {"report"}
    Workspace(layout.root).report()
    assert stale(layout) == {}


def test_flows_made_under_other_settings(layout: Layout) -> None:
    Workspace(layout.root).ingest()
    layout.settings.write_text('[ingest]\nflows = ["X"]\n')
    both = [f"classification=H4/year=2015/reporter={code}" for code in (156, 842)]
    assert stale(layout) == {
        "raw": [NAME, NAME.replace("156", "842")], "flows": both, "coverage": ["coverage.parquet"], "esi": ["H4/2015"],
        "section_esi": ["H4/2015"], "report": ["index.html"],
    }  # fmt: skip


@pytest.mark.slow
def test_a_panel_older_than_the_flows(layout: Layout) -> None:
    layout.settings.write_text('[panel]\nreporters = []\nreference = "USA"\nbloc = ["CHN"]\n')
    assert stale(layout)["panel"] == ["panel.parquet", "country_years.parquet", "pair_years.parquet"]
    assert Workspace(layout.root).run().exit_code == 0
    assert stale(layout) == {}
    (layout.raw / NAME).write_bytes(bulk_text([{}]))
    Workspace(layout.root).ingest(accept=True)
    assert stale(layout)["panel"] == ["panel.parquet", "country_years.parquet", "pair_years.parquet"]


def test_tables_that_accompany_data_are_not_waiting(layout: Layout) -> None:
    (layout.raw / "country_codes.csv").write_text("country_code,country_name\n4,Afghanistan\n")
    Workspace(layout.root).ingest()
    assert stale(layout) == {}


def test_status_adds_up_rules_and_repairs_per_source_and_over_all(desk: Desk) -> None:
    desk.put([{}, {"motCode": 1000, "primaryValue": 7}, {"flowCode": "RM"}])
    desk.put([{"reporterCode": 842}, {"reporterCode": 842, "motCode": 1000}], NAME.replace("156", "842"))
    desk.ingest()
    from minsum.inspect.status import read_status

    told = read_status(desk.layout, desk.options)
    assert told["rules"] == {
        "kept": {"rows": 2, "usd": 200.0}, "flow": {"rows": 1, "usd": 100.0}, "mot": {"rows": 2, "usd": 107.0},
    }  # fmt: skip
    assert [one["rules"].get("mot") for one in told["sources"]] == [
        {"rows": 1, "usd": 7.0},
        {"rows": 1, "usd": 100.0},
    ]
    assert told["repairs"] == {}


def test_footers_are_found_where_they_should_be(sound: Path) -> None:
    assert FOOTER_KEY in pq.read_metadata(sound / "flows" / CHINA).metadata
