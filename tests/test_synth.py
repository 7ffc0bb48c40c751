"""The synthetic world, read back by a naive reader: plain csv, Decimal and dictionaries."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import COLUMNS
from minsum.countries.codes import code_of, iso3_of
from minsum.errors import UsageError
from minsum.panel.covariates import read_covariates
from minsum.settings.panel import DEFAULT_VARIABLES
from minsum.sources.files import Source
from minsum.synth import BLOC, FOCUS, WorldSpec, write_world
from minsum.synth.baskets import shares_at, similarity
from minsum.synth.covariates import NAMES, draw_regressors
from minsum.synth.nomenclature import nomenclature
from minsum.synth.plan import make_plan
from minsum.synth.trade import apportioned

pytestmark = pytest.mark.slow

FILE_NAME = re.compile(r"COMTRADE-FINAL-CA(\d{3})(\d{4})(H\d)\[(\d{4}-\d{2}-\d{2})\]\.gz")
SMALL = WorldSpec(
    reporters=("USA", "DEU", "CHN", "THA", "S19"), years=(2012, 2015), rows_per_file=(1_500, 6_000),
    products=700, missing_share=0.2, seed=11,
)  # fmt: skip
LARGE = WorldSpec(reporters=26, rows_per_file=1_000, products=800, seed=5)

Row = dict[str, str]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    write_world(SMALL, folder, jobs=2)
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    write_world(LARGE, folder, jobs=2)
    return folder


def files(world: Path) -> Iterator[tuple[int, int, list[Row]]]:
    for path in sorted((world / "raw").iterdir()):
        match = FILE_NAME.fullmatch(path.name)
        assert match is not None
        with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
            yield (
                int(match[1]),
                int(match[2]),
                list(csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)),
            )


def is_total(row: Row) -> bool:
    """Row rules 2 to 5."""
    breakdown = (row["partner2Code"], row["customsCode"], row["motCode"])
    return breakdown == ("0", "C00", "0") and row["mosCode"].strip() in {"0", "-1", ""}


def totals(rows: list[Row]) -> dict[tuple[str, str, str], Decimal]:
    """Value by flow, partner and code; fails on a repeat."""
    found: dict[tuple[str, str, str], Decimal] = {}
    for row in filter(is_total, rows):
        key = row["flowCode"], row["partnerCode"], row["cmdCode"]
        assert key not in found
        found[key] = Decimal(row["primaryValue"])
    return found


def fingerprints(world: Path) -> dict[str, str]:
    return {
        str(path.relative_to(world)): sha256(path.read_bytes()).hexdigest()
        for path in world.rglob("*")
        if path.is_file()
    }


def test_each_file_is_one_gzip_member_without_time_or_name_and_has_34_columns(small: Path) -> None:
    for path in (small / "raw").iterdir():
        raw = path.read_bytes()
        assert raw[3] == 0, "no file name in the header"
        assert raw[4:8] == bytes(4), "no time in the header"
        member = zlib.decompressobj(31)
        lines = member.decompress(raw).decode("utf-8").splitlines()
        assert member.eof
        assert member.unused_data == b""
        assert lines[0].split("\t") == COLUMNS
        assert {line.count("\t") for line in lines} == {33}


def test_content_agrees_with_the_file_name(small: Path) -> None:
    for code, year, rows in files(small):
        for name, expected in (
            ("reporterCode", str(code)), ("period", str(year)), ("refYear", str(year)),
            ("refPeriodId", f"{year}0101"), ("refMonth", "52"), ("classificationCode", "H2"),
            ("typeCode", "C"), ("freqCode", "A"),
        ):  # fmt: skip
            assert {row[name] for row in rows} == {expected}


def test_equal_specs_give_equal_bytes_whatever_the_jobs(small: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    summary = write_world(SMALL, tmp_path, jobs=1, progress=lambda done, total: calls.append((done, total)))
    assert fingerprints(tmp_path) == fingerprints(small)
    assert calls == [(done, summary.files) for done in range(1, summary.files + 1)]
    sizes = [path.stat().st_size for path in (tmp_path / "raw").iterdir()]
    assert summary.files == len(sizes)
    assert summary.file_bytes == sum(sizes)
    assert summary.rows == sum(len(rows) for _, _, rows in files(tmp_path))


def test_another_seed_gives_other_trade_and_other_regressors(small: Path, tmp_path: Path) -> None:
    write_world(replace(SMALL, seed=12), tmp_path, jobs=2)
    mine, other = fingerprints(small), fingerprints(tmp_path)
    for name in ("exports", "esi", "import_share"):
        assert mine[f"truth/{name}.parquet"] != other[f"truth/{name}.parquet"]
    assert mine["covariates/efw.csv"] != other["covariates/efw.csv"]


def model_text(world: Path) -> str:
    return (world / "truth" / "model.json").read_text(encoding="utf-8")


def test_world_rows_are_the_sums_of_partners(small: Path) -> None:
    for _, _, rows in files(small):
        world: dict[tuple[str, str], Decimal] = {}
        partners: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for (flow, partner, code), value in totals(rows).items():
            if partner == "0":
                world[flow, code] = value
            else:
                partners[flow, code] += value
        assert world == partners
        assert {flow for flow, _ in world} >= {"M", "X", "RX"}


@pytest.mark.parametrize(("length", "level"), [(4, "heading"), (2, "chapter"), (0, "TOTAL")])
def test_higher_levels_are_the_sums_of_six_digits(small: Path, length: int, level: str) -> None:
    for _, _, rows in files(small):
        found: dict[tuple[str, str, str], Decimal] = {}
        summed: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        for (flow, partner, code), value in totals(rows).items():
            if len(code) == 6:
                summed[flow, partner, code[:length] or "TOTAL"] += value
            elif len(code) == length or (code == "TOTAL" and level == "TOTAL"):
                found[flow, partner, code] = value
        assert found == summed


def test_reexports_are_a_part_of_exports_and_domestic_exports_the_rest(small: Path) -> None:
    with_domestic = 0
    for _, _, rows in files(small):
        value = totals(rows)
        exports = {key[1:]: v for key, v in value.items() if key[0] == "X"}
        again = {key[1:]: v for key, v in value.items() if key[0] == "RX"}
        assert again
        assert all(part <= exports[key] for key, part in again.items())
        domestic = {key[1:]: v for key, v in value.items() if key[0] == "DX"}
        if domestic:
            with_domestic += 1
            rest = {key: v - again.get(key, Decimal(0)) for key, v in exports.items()}
            assert domestic == {key: v for key, v in rest.items() if v}
    assert with_domestic == 2, "S19 (490) has it in both years"


def test_components_add_up_to_their_total_and_would_multiply_trade(small: Path) -> None:
    kinds: Counter[tuple[bool, bool, bool]] = Counter()
    for _, _, rows in files(small):
        total = totals(rows)
        parts: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
        n_parts = 0
        for row in rows:
            if not is_total(row):
                n_parts += 1
                parts[row["flowCode"], row["partnerCode"], row["cmdCode"]] += Decimal(row["primaryValue"])
                kinds[row["partner2Code"] != "0", row["customsCode"] != "C00", row["motCode"] != "0"] += 1
        assert all(total[key] == value for key, value in parts.items())
        assert 0.4 <= n_parts / len(rows) <= 0.6
        keys = Counter(tuple(row[name] for name in COLUMNS[8:11] + COLUMNS[14:18]) for row in rows)
        assert max(keys.values()) == 1
    partner2, customs, transport = (True, False, False), (False, True, False), (False, False, True)
    assert set(kinds) == {partner2, customs, transport, (False, True, True)}


def test_values_stand_under_the_right_price_basis(small: Path) -> None:
    for _, _, rows in files(small):
        for row in rows:
            basis = ("cifValue", "fobValue") if row["flowCode"] == "M" else ("fobValue", "cifValue")
            assert (row[basis[0]], row[basis[1]]) == (row["primaryValue"], "")
            assert re.fullmatch(r"\d+\.\d{1,3}", row["primaryValue"])
            assert Decimal(row["primaryValue"]) > 0


def test_supply_modes_and_residual_codes_vary_as_in_real_files(small: Path) -> None:
    supply: set[str] = set()
    codes: set[str] = set()
    for _, _, rows in files(small):
        supply |= {row["mosCode"] for row in rows}
        codes |= {row["cmdCode"] for row in rows}
    assert supply == {"0", "-1", "", "0 "}
    assert {"99", "9999", "999999", "9999AA", "TOTAL"} <= codes
    assert any(code.startswith("0") and len(code) == 6 for code in codes)


def test_true_exports_are_what_a_naive_reader_gets(small: Path) -> None:
    naive = {
        (year, iso3_of(code), code, product): float(value)
        for code, year, rows in files(small)
        for (flow, partner, product), value in totals(rows).items()
        if flow == "X" and partner == "0" and len(product) == 6
    }
    truth = pl.read_parquet(small / "truth" / "exports.parquet")
    assert {row[:4]: row[4] for row in truth.iter_rows()} == naive
    assert truth.height == len(naive)


def test_true_import_shares_are_what_a_naive_reader_gets(small: Path) -> None:
    naive = {}
    for code, year, rows in files(small):
        imports = {k[1]: v for k, v in totals(rows).items() if k[0] == "M" and k[2] == "TOTAL"}
        members = {str(code_of(iso3)) for iso3 in BLOC} - {str(code)}
        bloc = sum((v for partner, v in imports.items() if partner in members), Decimal(0))
        naive[iso3_of(code), year] = float(bloc / imports["0"])
        assert ("156" in imports) or code == 156
    truth = pl.read_parquet(small / "truth" / "import_share.parquet")
    assert {row[:2]: row[2] for row in truth.iter_rows()} == naive
    assert any(k[1] == "156" for code, _, rows in files(small) if code == 156 for k in totals(rows))


def naive_esi(left: dict[str, float], right: dict[str, float]) -> float:
    """Over the union of codes, residual codes left out."""
    kept = [{k: v for k, v in basket.items() if not k.startswith("9999")} for basket in (left, right)]
    sums = [sum(basket.values()) for basket in kept]
    codes = kept[0].keys() | kept[1].keys()
    return sum(min(kept[0].get(k, 0.0) / sums[0], kept[1].get(k, 0.0) / sums[1]) for k in codes)


def test_true_similarity_is_the_naive_one(small: Path) -> None:
    baskets: dict[tuple[int, str], dict[str, float]] = defaultdict(dict)
    for year, reporter, _, product, value in pl.read_parquet(small / "truth" / "exports.parquet").iter_rows():
        baskets[year, reporter][product] = value
    for year in SMALL.years:
        usa, deu = baskets[year, "USA"], baskets[year, "DEU"]
        baskets[year, "high_end"] = {k: usa.get(k, 0.0) + deu.get(k, 0.0) for k in usa.keys() | deu.keys()}
    truth = {row[:3]: row[3] for row in pl.read_parquet(small / "truth" / "esi.parquet").iter_rows()}
    pairs = {
        (year, reporter, reference)
        for year, reporter in baskets
        for other_year, reference in baskets
        if year == other_year and reporter not in {reference, "high_end"}
    }
    assert truth.keys() == pairs
    for year, reporter, reference in pairs:
        expected = naive_esi(baskets[year, reporter], baskets[year, reference])
        assert truth[year, reporter, reference] == pytest.approx(expected, abs=1e-12)


def test_files_have_about_the_rows_asked_for_heavy_tailed_by_size(small: Path) -> None:
    for code, _, rows in files(small):
        assert len(rows) == pytest.approx(SMALL.rows_of(code), rel=0.05)
    wanted = [SMALL.rows_of(code_of(iso3)) for iso3 in ("CHN", "USA", "DEU", "S19", "THA")]
    assert wanted == sorted(wanted, reverse=True)
    assert (wanted[0], wanted[-1]) == (6_000, 1_500)
    tail = WorldSpec(reporters=180, rows_per_file=(5_000, 1_600_000))
    rows = [tail.rows_of(code) for code in tail.codes]
    assert np.median(rows) < 0.35 * np.mean(rows)


def test_some_reporter_years_are_missing_but_never_a_leader(small: Path) -> None:
    filed = {(code, year) for code, year, _ in files(small)}
    assert len(filed) == 10 - round(0.2 * 6)
    assert {(code_of(iso3), year) for iso3 in ("USA", "DEU") for year in SMALL.years} <= filed


def test_the_model_holds_with_the_errors_that_were_drawn(large: Path) -> None:
    model = json.loads(model_text(large))
    panel = pl.read_parquet(large / "truth" / "panel.parquet")
    esi = pl.read_parquet(large / "truth" / "esi.parquet").filter(pl.col("reference") == "high_end")
    assert panel.join(esi, on=["reporter", "year", "esi"]).height == panel.height
    error = draw_regressors(LARGE).error
    for row in panel.iter_rows(named=True):
        fitted = model["effects"][row["reporter"]] + sum(
            beta * row[name] for name, beta in model["coefficients"].items()
        )
        assert row["esi"] == pytest.approx(fitted + row["error"], abs=1e-12)
        drawn = error[LARGE.labels.index(row["reporter"]), LARGE.years.index(row["year"])]
        assert row["error"] == pytest.approx(drawn, abs=1e-6)
    assert panel["error"].std() == pytest.approx(model["sigma"], rel=0.15)


def test_covariate_files_hold_the_true_values_with_gaps(large: Path) -> None:
    panel = pl.read_parquet(large / "truth" / "panel.parquet")
    sources = [Source(path, 1, "") for path in sorted((large / "covariates").iterdir())]
    covariates = read_covariates(sources, DEFAULT_VARIABLES)
    formats = [file["format"] for file in covariates.report["files"]]
    assert formats == ["unctadstat-fdi", "wdi-bulk", "fraser"]
    assert covariates.report["absent"] == {}
    assert not set(covariates.frame["iso3"]) & {"USA", "DEU"}
    table = covariates.frame.rename({"iso3": "reporter"})
    given = panel.select("reporter", "year", "import_share").join(table, on=["reporter", "year"])
    both = panel.join(given, on=["reporter", "year"], suffix="_given")
    assert both.height == panel.height
    for name in NAMES[1:]:
        assert (both[name] - both[f"{name}_given"]).abs().max() < 1e-12
    complete = given.drop_nulls().filter(pl.col("reporter").is_in(FOCUS))
    assert complete["reporter"].n_unique() == 8
    assert "MMR" not in complete["reporter"]
    assert complete.group_by("reporter").len()["len"].n_unique() > 1, "unbalanced"
    assert complete.height < 8 * 11


def test_least_squares_with_country_dummies_recovers_the_coefficients(large: Path) -> None:
    model = json.loads(model_text(large))
    panel = pl.read_parquet(large / "truth" / "panel.parquet")
    dummies = panel.select("reporter").to_dummies().to_numpy()
    x = np.column_stack([panel.select(NAMES).to_numpy(), dummies])
    y = panel["esi"].to_numpy()
    beta, rss, rank, _ = np.linalg.lstsq(x, y, rcond=None)
    assert rank == x.shape[1]
    error = np.sqrt(np.diag(np.linalg.inv(x.T @ x)) * rss[0] / (len(y) - rank))
    for k, name in enumerate(NAMES):
        assert abs(beta[k] - model["coefficients"][name]) < 3 * error[k]
    assert abs(beta[0]) > 3 * error[0], "strong enough to be seen"


def test_countries_move_toward_the_leaders_and_away(large: Path) -> None:
    panel = pl.read_parquet(large / "truth" / "panel.parquet").sort("reporter", "year")
    moves = panel.group_by("reporter").agg(move=pl.col("esi").last() - pl.col("esi").first())["move"]
    assert moves.max() > 0.03
    assert moves.min() < -0.03
    assert panel["esi"].min() > 0.01
    assert panel["esi"].max() < 0.62


def test_a_basket_meets_the_similarity_wanted_of_it() -> None:
    plan = make_plan(SMALL)
    leaders = plan.leaders[2015]
    for target in (0.05, 0.2, 0.4):
        shares = shares_at(target, plan.profiles[764], leaders=leaders, year=2015)
        assert shares.sum() == pytest.approx(1.0, abs=1e-12)
        assert similarity(shares, leaders) == pytest.approx(target, abs=1e-12)


WEIGHTS = st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=9)


@given(st.lists(st.tuples(st.integers(0, 10**15), WEIGHTS), min_size=1))
def test_apportioned_parts_have_exactly_the_sums(groups: list[tuple[int, list[float]]]) -> None:
    sizes = [len(weights) for _, weights in groups]
    first = np.cumsum([0, *sizes[:-1]])
    parts = apportioned(
        np.array([total for total, _ in groups]), np.concatenate([weights for _, weights in groups]), first
    )
    assert parts.min() >= 0
    for start, size, (total, weights) in zip(first, sizes, groups, strict=True):
        mine = parts[start : start + size]
        assert mine.sum() == total
        assert mine == pytest.approx(total * np.array(weights) / sum(weights), abs=size + total * 1e-11)


@pytest.mark.parametrize("count", [100, 777, 5_000, 6_000])
def test_nomenclature_has_the_size_and_shape_of_hs(count: int) -> None:
    names = nomenclature(count)
    products = [str(code) for code in names.codes[:count]]
    assert len(set(products)) == count
    assert products == sorted(products)
    assert all(re.fullmatch(r"\d{6}", code) for code in products)
    chapters = {code[:2] for code in products}
    assert "77" not in chapters
    assert "9999" not in {code[:4] for code in products}
    assert len(chapters) == 96 or count < 1_000
    assert len(names.codes) == len(set(names.codes))
    for index, code in enumerate([*products, "999999", "9999AA"]):
        assert names.codes[names.heading[index]] == code[:4]
        assert names.codes[names.chapter[index]] == code[:2]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"reporters": 1}, "reporters: 1, but a world has 2 to"),
        ({"reporters": 400}, "reporters: 400, but a world has 2 to"),
        ({"reporters": ("USA", "CHN")}, "reporters: DEU not among them"),
        ({"reporters": ("USA", "DEU", 276)}, "names a country twice"),
        ({"reporters": ("USA", "DEU", "XYZ")}, "'XYZ' is not an economy"),
        ({"reporters": ("USA", "DEU", 840)}, "840 is not an economy"),
        ({"years": ()}, r"years: \(\) cannot make a world"),
        ({"years": (2015, 2014)}, "years: .* cannot make a world"),
        ({"years": (1950,)}, "years: .* cannot make a world"),
        ({"rows_per_file": 10}, "rows_per_file: 10 cannot make a world"),
        ({"rows_per_file": (5_000, 2_000)}, "rows_per_file: .* cannot make a world"),
        ({"seed": -1}, "seed: -1 cannot make a world"),
        ({"classification": "S1"}, "classification: 'S1' cannot make a world"),
        ({"products": 7_000}, "products: 7000 cannot make a world"),
        ({"missing_share": 1.0}, "missing_share: 1.0 cannot make a world"),
    ],
)
def test_an_impossible_spec_is_refused_by_name(settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WorldSpec(**settings)  # type: ignore[arg-type]


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "mine.gz").write_bytes(b"")
    with pytest.raises(UsageError, match=r"1 files that are not of this world, the first mine\.gz"):
        write_world(SMALL, tmp_path, jobs=1)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["mine.gz"]
