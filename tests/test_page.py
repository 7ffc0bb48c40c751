"""`report/index.html` in a real browser: quiet, alone, reachable by keyboard, and with the Parquet's own figures."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from conftest import Desk, bulk_text
from minsum.countries.short_names import names_of
from minsum.pipeline import Workspace
from minsum.report.choice import read_shown
from minsum.report.inputs import inputs_there
from minsum.report.options import PageOptions
from minsum.report.stage import write_report
from minsum.synth import WorldSpec, write_world
from test_harmonise import FIVE, put
from test_harmonise import world as some_baskets

pytestmark = pytest.mark.slow

YEARS = (2006, 2010, 2014, 2017, 2019, 2021)
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished run of a small world, similarity within markets included."""
    folder = tmp_path_factory.mktemp("page")
    work = Workspace(folder, jobs=2).init("paper")
    settings = work.layout.settings
    settings.write_text(settings.read_text().replace("# [market_esi]", "[market_esi]"))
    write_world(WorldSpec(reporters=14, years=YEARS, rows_per_file=3_000, products=600), folder, jobs=2)
    assert work.run().exit_code == 0
    return work


@pytest.fixture(scope="module")
def real(real_2024: Workspace) -> Workspace:
    real_2024.report()
    return real_2024


@dataclass
class Visit:
    """A page that is open, and what it did that it should not."""

    page: Any
    noise: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def csv(self, button: str, folder: Path) -> pl.DataFrame:
        """What a button downloads."""
        with self.page.expect_download() as download:
            self.page.click(button)
        target = folder / "download.csv"
        download.value.save_as(target)
        return pl.read_csv(target, infer_schema_length=None)

    def choose(self, picker: str, name: str) -> None:
        """Type a name into the field of a picker, and take the first that fits."""
        self.page.fill(f"{picker}-field", name)
        self.page.press(f"{picker}-field", "Enter")

    def picture(self, figure: str) -> str:
        """The drawing of a chart as text."""
        return str(self.page.inner_html(f"#{figure}-plot"))

    def heat(self) -> str:
        return str(self.page.evaluate("document.getElementById('matrix-canvas').toDataURL()"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no browser here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Visit]]:
    contexts = []

    def opened(path: Path, *, size: str = "desktop", scheme: str = "light") -> Visit:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        visit = Visit(context.new_page())
        context.route(
            "**/*", lambda route: route.continue_() if _is_own(route.request.url) else route.abort()
        )
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("pageerror", lambda error: visit.noise.append(str(error)))
        visit.page.on(
            "console", lambda line: line.type in ("error", "warning") and visit.noise.append(line.text)
        )
        visit.page.goto(path.as_uri())
        visit.page.wait_for_function("document.documentElement.dataset.ready === 'yes'")
        return visit

    yield opened
    for context in contexts:
        context.close()


def _is_own(url: str) -> bool:
    return url.startswith(("file:", "data:", "blob:"))


@pytest.mark.parametrize(("which", "size", "scheme"), [
    ("world", "desktop", "light"), ("world", "desktop", "dark"), ("world", "phone", "light"), ("real", "phone", "dark"),
])  # fmt: skip
def test_quiet_alone_and_accessible(
    visit: Callable[..., Visit], request: pytest.FixtureRequest, which: str, size: str, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    seen = visit(request.getfixturevalue(which).layout.page, size=size, scheme=scheme)
    seen.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = Axe().run(seen.page).response["violations"]
    assert [(one["id"], one["help"]) for one in found if one["impact"] in ("serious", "critical")] == []
    assert seen.noise == []
    assert [url for url in seen.requests if not _is_own(url)] == []
    width = seen.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]


@pytest.mark.parametrize("size", SIZES)
def test_slider_and_choices_change_the_charts(
    world: Workspace, visit: Callable[..., Visit], size: str
) -> None:
    seen = visit(world.layout.page, size=size)
    before = seen.heat()
    seen.page.locator("#matrix-year").fill("0")
    seen.page.wait_for_function(f"document.getElementById('matrix-year-shown').textContent === '{YEARS[0]}'")
    assert seen.heat() != before
    assert str(YEARS[0]) in seen.page.inner_text("#matrix-title")
    for figure, control, value in (
        ("ranks", "#ranks-reference", "DEU"), ("sections", "#sections-country", "Vietnam"),
        ("change", "#sections-first", "2014"), ("markets", "#markets-country", "thailand"),
        ("neighbours", "#neighbours-country", "PR China"),
    ):  # fmt: skip
        drawn = seen.picture(figure)
        if value.isdigit():
            seen.page.select_option(control, value)
        else:
            seen.choose(control, value)
        seen.page.wait_for_function(
            "([id, old]) => document.getElementById(id).innerHTML !== old", arg=[f"{figure}-plot", drawn]
        )
    drawn = seen.picture("time")
    seen.page.click("#time-countries .chips button >> nth=0")
    seen.choose("#time-countries", "germany")
    seen.page.wait_for_function("document.getElementById('time-plot').textContent.includes('Germany')")
    assert seen.picture("time") != drawn
    light = {
        one: seen.picture(one) for one in ("time", "ranks", "neighbours", "sections", "change", "markets")
    }
    seen.page.emulate_media(color_scheme="dark")
    for one, old in light.items():
        seen.page.wait_for_function(
            "([id, old]) => document.getElementById(id).innerHTML !== old", arg=[f"{one}-plot", old]
        )
    assert seen.noise == []


def test_the_heat_map_by_keyboard(world: Workspace, visit: Callable[..., Visit]) -> None:
    seen = visit(world.layout.page)
    seen.page.select_option("#matrix-order", "size")
    seen.page.focus("#matrix-scroll")
    told = []
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        seen.page.keyboard.press(key)
        told.append(seen.page.inner_text("#matrix-says"))
    assert len(set(told)) == 4
    shown = read_shown(world.layout, PageOptions(world.settings))[0]
    row, column = shown.choice.leaders[2], [*shown.cube.composites, *shown.choice.leaders][1]
    value = shown.cube.of(column)[-1][shown.cube.countries.index(row)]
    assert told[-1].endswith(f"{YEARS[-1]}: {value:.4f}")


def test_map_and_picture_by_keyboard(world: Workspace, visit: Callable[..., Visit]) -> None:
    """The map begins with the most similar country; Enter compares with it, and the neighbours follow."""
    seen = visit(world.layout.page)
    shown = read_shown(world.layout, PageOptions(world.settings))[0]
    values = shown.cube.of(shown.choice.reference)[-1]
    best = shown.cube.countries[int(np.nanargmax(values))]
    name = names_of([best])[best]
    seen.page.focus("#world-plane")
    seen.page.keyboard.press("ArrowRight")
    assert seen.page.inner_text("#world-says").startswith(
        f"{name} with {shown.choice.reference}, {YEARS[-1]}: {np.nanmax(values):.4f}"
    )
    seen.page.keyboard.press("Enter")
    assert seen.page.inner_text("#world-title") == f"Similarity with {name}, {YEARS[-1]}"
    assert seen.page.inner_text("#neighbours-title") == f"Nearest to {name}, {YEARS[-1]}"
    ranked = seen.page.locator("#world-table tbody th").all_inner_texts()
    of_best = shown.cube.of(best)[-1]
    assert len(ranked) == len(shown.cube.countries) - 1
    assert ranked[0] == names_of(shown.cube.countries)[shown.cube.countries[int(np.nanargmax(of_best))]]
    seen.page.focus("#picture-plane")
    told = set()
    for key in ("ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"):
        seen.page.keyboard.press(key)
        told.add(seen.page.inner_text("#picture-says"))
    assert len(told) > 1
    assert all("most similar: " in one for one in told)
    assert seen.noise == []


def _esi(work: Workspace) -> pl.DataFrame:
    files = work.layout.yearly("esi")
    return pl.concat([pl.read_parquet(path, hive_partitioning=False) for path in files]).with_columns(
        pl.col("year").cast(pl.Int64)
    )


def _sections(work: Workspace) -> pl.DataFrame:
    files = work.layout.yearly("section_esi")
    return pl.read_parquet(files, hive_partitioning=True).with_columns(pl.col("year").cast(pl.Int64))


def _same(downloaded: pl.DataFrame, table: pl.DataFrame, *, keys: list[str], value: str) -> None:
    """Every downloaded figure is the table's, to the last bit."""
    both = downloaded.join(table, on=keys, how="left", suffix="_table", validate="1:1")
    assert len(both) == len(downloaded) > 0
    assert both[value].null_count() == 0
    assert (both[value] == both[f"{value}_table"]).all()


@pytest.mark.parametrize("which", ["world", "real"])
def test_downloads_equal_the_parquet(
    visit: Callable[..., Visit], request: pytest.FixtureRequest, which: str, tmp_path: Path
) -> None:
    work = request.getfixturevalue(which)
    seen = visit(work.layout.page)
    esi = _esi(work)
    keys = ["year", "reporter", "reference"]
    seen.page.select_option("#matrix-set", "all")
    for chart in ("world", "neighbours", "time", "matrix", "ranks"):
        rows = seen.csv(f"#{chart}-csv", tmp_path).drop_nulls("esi")
        _same(rows, esi, keys=keys, value="esi")
    last = esi.filter(pl.col("year") == esi["year"].max())
    assert len(seen.csv("#matrix-csv", tmp_path).drop_nulls("esi")) == last["esi"].count()
    parts = _sections(work)
    rows = seen.csv("#sections-csv", tmp_path)
    _same(rows, parts, keys=["classification", *keys, "section"], value="contribution")
    coverage = pl.read_parquet(work.layout.coverage)
    rows = seen.csv("#quality-csv", tmp_path).select(coverage.columns)
    assert rows.cast(dict(coverage.schema)).equals(coverage)


def test_downloads_of_markets_estimates_and_tables(
    world: Workspace, visit: Callable[..., Visit], tmp_path: Path
) -> None:
    seen = visit(world.layout.page)
    markets = pl.read_parquet(world.layout.yearly("market_esi")[-1], hive_partitioning=False)
    low, high, n = markets.group_by("reporter", "reference").len().sort("len", "reporter").row(-1)
    seen.choose("#markets-country", high)
    seen.choose("#markets-reference", low)
    rows = seen.csv("#markets-csv", tmp_path)
    keys = ["year", "market", "reporter", "reference"]
    _same(rows, markets.with_columns(pl.col("year").cast(pl.Int64)), keys=keys, value="esi")
    assert len(rows) == n
    estimates = pl.read_parquet(world.layout.estimates / "main.parquet")
    rows = seen.csv("#estimates-csv", tmp_path).with_columns(pl.col("stars").fill_null(""))
    assert rows.columns == estimates.columns
    assert rows.cast(dict(estimates.schema)).equals(estimates)
    for name in ("table1", "table2", "table3"):
        seen.csv(f"[data-table={name}]", tmp_path)
        assert (tmp_path / "download.csv").read_bytes() == (world.layout.tables / f"{name}.csv").read_bytes()


def test_sections_add_up_to_the_similarity(world: Workspace) -> None:
    keys = ["year", "reporter", "reference"]
    parts = _sections(world)
    sums = parts.group_by(keys).agg(pl.col("contribution").sum())
    both = sums.join(_esi(world), on=keys, how="left", validate="1:1")
    assert both["esi"].null_count() == 0
    assert (both["esi"] - both["contribution"]).abs().max() < 1e-12
    assert {"high_end", "USA", "DEU"} <= set(parts["reference"])


def test_written_only_when_something_changed(world: Workspace) -> None:
    """And the same bytes again when it is gone."""
    files = {path: path.read_bytes() for path in sorted(world.layout.tables.iterdir())}
    assert {path.suffix for path in files} >= {".html", ".svg", ".png", ".tex", ".csv"}
    times = {path: path.stat().st_mtime_ns for path in files}
    assert not world.report().changed
    assert {path: path.stat().st_mtime_ns for path in files} == times
    world.layout.page.unlink()
    assert world.report().changed
    assert {path: path.read_bytes() for path in sorted(world.layout.tables.iterdir())} == files


def test_text_from_outside_is_text(world: Workspace, visit: Callable[..., Visit], tmp_path: Path) -> None:
    hostile = "</script><img src=x onerror=\"document.title='taken'\"><!-- {{ 7 * 7 }}"
    work = Workspace(tmp_path / "copy")
    shutil.copytree(world.layout.root, work.layout.root)
    coverage = pl.read_parquet(work.layout.coverage)
    table = coverage.with_columns(source=pl.lit(hostile)).to_arrow()
    from minsum.workspace.publish import publish_table

    publish_table(table, work.layout.coverage, footer={"digest": "other"}, layout=work.layout)
    options = PageOptions(work.settings, estimates=["main"])
    inputs = inputs_there(work.layout, estimates=["main"], with_panel=True)
    hostile_options = replace(options, settings=options.settings.model_copy(update={"specs": (hostile,)}))
    assert write_report(work.layout, hostile_options, inputs).changed
    seen = visit(work.layout.page)
    seen.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    seen.page.wait_for_function(f"document.getElementById('quality-rows').textContent.includes({hostile!r})")
    assert seen.page.title().startswith("Export similarity")
    assert seen.noise == []


def test_a_workspace_without_similarities_has_no_report(workspace: Workspace) -> None:
    from minsum.errors import MissingInputError

    with pytest.raises(MissingInputError, match="no similarities yet"):
        workspace.report()


def _put(work: Workspace, vintage: str, year: int, reporters: tuple[int, ...]) -> None:
    for code in reporters:
        rows = [
            {
                "reporterCode": code,
                "period": year,
                "classificationCode": vintage,
                "cmdCode": k,
                "primaryValue": usd,
            }
            for k, usd in (("010121", code), ("840110", 300), ("999999", 40))
        ]
        (work.layout.raw / f"COMTRADE-FINAL-CA{code:03}{year}{vintage}[2024-03-10].gz").write_bytes(
            gzip.compress(bulk_text(rows), mtime=0)
        )


def test_several_classifications(workspace: Workspace, visit: Callable[..., Visit]) -> None:
    for vintage, year in (("H4", 2015), ("H5", 2018), ("H5", 2019)):
        _put(workspace, vintage, year, (156, 276, 842))
    workspace.run()
    seen = visit(workspace.layout.page)
    assert seen.page.inner_text("#matrix-year-shown") == "2019"
    seen.page.select_option("#classification", label="H4")
    seen.page.wait_for_function("document.getElementById('matrix-year-shown').textContent === '2015'")
    assert seen.page.inner_text("#time-title").endswith("2015")
    assert seen.page.is_hidden("#width-row")  # nothing was converted
    assert seen.noise == []


def test_bands_and_what_a_reader_leaves_out(desk: Desk, visit: Callable[..., Visit], tmp_path: Path) -> None:
    """Five vintages brought to one: the ends of the Parquet, and pairs above a width gone everywhere."""
    rng = np.random.default_rng(3)
    for year in (2021, 2022):
        for reporter, vintage in (FIVE | {360: "H2", 276: "H5"}).items():
            put(desk, reporter, vintage, some_baskets(rng, [reporter], vintage)[reporter], year=year)
    work = Workspace(tmp_path / "w", jobs=1, flags={"harmonise": {"target": "H2"}}).init()
    work.ingest([desk.inbox])
    work.esi()
    work.report()
    seen = visit(work.layout.page)
    assert "mark-area" in seen.picture("time")
    keys, figures = ["year", "reporter", "reference"], ["esi", "esi_low", "esi_high"]
    esi = _esi(work).select(*keys, *figures).sort(keys)
    seen.page.select_option("#matrix-set", "all")
    _same_but_for_rounded_ends(seen.csv("#matrix-csv", tmp_path).sort(keys), esi.filter(year=2022))
    seen.page.focus("#matrix-scroll")
    said = []
    for _ in range(4):
        seen.page.keyboard.press("ArrowRight")
        said.append(seen.page.inner_text("#matrix-says"))
    assert any(", between 0." in one for one in said)
    limit = 0.05
    wide = pl.col("esi_high") - pl.col("esi_low") > limit
    seen.page.select_option("#width", str(limit))
    left = seen.csv("#matrix-csv", tmp_path).sort(keys)
    blank = [pl.when(~wide).then(name).alias(name) for name in figures]
    _same_but_for_rounded_ends(left, esi.filter(year=2022).with_columns(blank))
    n_wide = len(esi.filter(wide)) // 2
    assert 0 < n_wide < len(esi) // 2
    assert seen.page.inner_text("#width-told") == f"{n_wide} of {len(esi) // 2} values of pairs left out"
    for chart in ("neighbours", "time", "ranks"):
        rows = seen.csv(f"#{chart}-csv", tmp_path).join(esi, on=keys, how="left", suffix="_there")
        assert len(rows) > 0
        assert rows.filter(wide).is_empty()
        assert (rows["esi"] == rows["esi_there"]).all()
    seen.page.select_option("#width", "0")
    assert set(seen.csv("#time-csv", tmp_path)["esi_low"]) <= set(
        esi.filter(pl.col("esi_low") == pl.col("esi_high"))["esi_low"]
    )
    assert seen.noise == []


def _same_but_for_rounded_ends(downloaded: pl.DataFrame, table: pl.DataFrame) -> None:
    """The page holds the ends of intervals as float32, rounded outward (test_placing)."""
    exact = pl.exclude("esi_low", "esi_high")
    assert downloaded.select(exact).equals(table.select(exact))
    for end in ("esi_low", "esi_high"):
        apart = downloaded[end] - table[end]
        assert apart.is_null().equals(table[end].is_null())
        assert (apart.abs().max() or 0) < 1e-7


def test_one_country_alone_has_a_page_that_says_so(workspace: Workspace, visit: Callable[..., Visit]) -> None:
    _put(workspace, "H4", 2015, (156,))
    assert workspace.run().exit_code == 0
    seen = visit(workspace.layout.page)
    assert "H4, 2015: only China has exports" in seen.page.inner_text("#main")
    assert seen.noise == []


def test_a_reference_without_data_in_the_last_year_is_drawn_for_the_others(
    workspace: Workspace, visit: Callable[..., Visit]
) -> None:
    """Chosen at the page: the usual state for months, until everybody has reported."""
    for year, there in ((2014, (156, 276, 842)), (2015, (156, 276, 842)), (2016, (156, 276))):
        _put(workspace, "H4", year, there)
    assert workspace.run().exit_code == 0
    seen = visit(workspace.layout.page)
    seen.choose("#ranks-reference", "USA")
    seen.page.wait_for_function(
        "document.getElementById('ranks-says').textContent.includes('No data in 2016')"
    )
    seen.page.wait_for_function("document.getElementById('ranks-plot').textContent.includes('China')")
    assert seen.noise == []
