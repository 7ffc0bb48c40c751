"""Stage `esi`: similarities, markets and complementarity, year by year, only where something changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from minsum.countries import is_group, iso3_of
from minsum.coverage import write_coverage
from minsum.errors import MissingInputError
from minsum.esi.options import EsiOptions, MarketOptions
from minsum.esi.yearly import EsiReport, Groups, Job, Output, bring_up_to_date, plan_tables
from minsum.marks import Plan
from minsum.workspace import Footer, Layout, partition_key, read_footers

RECIPE: Final = {"esi": "esi-2", "market_esi": "market-1", "complementarity": "complementarity-1"}


def compute_esi(
    layout: Layout, options: EsiOptions, *, progress: Callable[[str, int, int], None]
) -> EsiReport:
    """Bring `coverage.parquet`, `esi/` and the other tables that the options ask for up to date with `flows/`.

    Raises
    ------
    MissingInputError
        If the lake holds nothing to compare.
    SettingsError
        If the options name a country twice, or one that is none.
    """
    options.check_countries()
    flows = read_footers(layout.partitions())
    report = EsiReport(is_covered=write_coverage(layout, flows))
    groups = flows_by_year(flows, options)
    if not groups:
        raise MissingInputError(
            f"{layout.flows}: no flows of the chosen years and reporters",
            "bring files in first: minsum ingest PATH",
        )
    bring_up_to_date(layout, _jobs(options), groups, report=report, progress=progress)
    report.alone = _alone(groups, options, report.computed)
    return report


def esi_plan(layout: Layout, options: EsiOptions, flows: Mapping[Path, Footer]) -> Plan:
    """What `compute_esi` would make anew or remove, and why, but for `coverage.parquet`."""
    return plan_tables(layout, _jobs(options), flows_by_year(flows, options))


def _alone(groups: Groups, options: EsiOptions, computed: Iterable[str]) -> dict[str, str]:
    """Years among the computed ones in which fewer than two countries have exports, and who is there."""
    flow = "DX" if options.basis == "DX" else "X"
    found = {}
    for (classification, year), flows in groups.items():
        name = f"{classification}/{year}"
        if name not in computed:
            continue
        there = {iso3_of(partition_key(path)[2]): footer for path, footer in flows.items()}
        exporting = [
            label for label, footer in there.items() if footer["checks"].get(flow, {}).get("n_products")
        ]
        rest = sorted(set(there) - set(exporting))
        if len(exporting) < 2:
            found[name] = (
                f"only {exporting[0]} has exports there" if exporting else "nobody has exports there"
            )
            found[name] += (
                f" (imports only: {', '.join(rest[:5])}{' ...' if rest[5:] else ''})" if rest else ""
            )
    return found


def flows_by_year(flows: Mapping[Path, Footer], options: EsiOptions) -> Groups:
    """Flows by classification and year, those years only that hold any of the reporters asked for."""
    wanted = set(options.reporters)
    return {
        key: {path: flows[path] for path in files}
        for key, files in _by_year(flows, options.years).items()
        if not wanted or wanted & {iso3_of(partition_key(path)[2]) for path in files}
    }


def files_of(layout: Layout, classification: str, years: Collection[int]) -> dict[int, list[Path]]:
    """Flows files of a classification by year; no years means all."""
    groups = _by_year(layout.partitions(), years)
    return {year: files for (vintage, year), files in groups.items() if vintage == classification}


def _by_year(paths: Iterable[Path], years: Collection[int]) -> dict[tuple[str, int], list[Path]]:
    """Without groups of countries, which are sums of others."""
    groups: dict[tuple[str, int], list[Path]] = defaultdict(list)
    for path in paths:
        classification, year, code = partition_key(path)
        if not is_group(code) and (not years or year in years):
            groups[classification, year].append(path)
    return groups


def _jobs(options: EsiOptions) -> list[Job]:
    guarded = ("min_products", "references")
    tables = {"esi": options.recorded("level", *guarded)}
    if options.levels:
        tables["esi_levels"] = options.recorded("levels", *guarded)
    jobs = [Job(RECIPE["esi"], tables, partial(_similarities, options=options))]
    if options.market_esi is not None:
        recorded = options.recorded("level", "market_esi")
        compute = partial(_markets, options=options, chosen=options.market_esi)
        jobs.append(Job(RECIPE["market_esi"], {"market_esi": recorded, "market_mean": recorded}, compute))
    if options.complementarity:
        tables = {"complementarity": options.recorded("level", "min_products")}
        jobs.append(Job(RECIPE["complementarity"], tables, partial(_complementarity, options=options)))
    return jobs


def _similarities(files: list[Path], year: int, options: EsiOptions) -> Iterator[Output]:
    from minsum.esi.baskets import gather

    levels = (options.level, *options.levels)
    baskets = gather(files, basis=options.basis, residual=options.residual, levels=levels)

    def tables() -> Iterator[Output]:
        from minsum.esi.similarity import PairOptions, level_tables, similarity_table

        pair = PairOptions(year, options.min_products, options.reporters)
        table, absent = similarity_table(baskets[0], pair, options.references)
        yield Output("esi", [table], absent)
        if options.levels:
            beside = level_tables(zip(options.levels, baskets[1:], strict=True), pair, options.references)
            yield Output("esi_levels", beside, absent)

    return tables()


def _markets(files: list[Path], year: int, options: EsiOptions, chosen: MarketOptions) -> Iterator[Output]:
    from minsum.esi.bilateral import gather_bilateral

    flows = gather_bilateral(files, options, chosen)

    def tables() -> Iterator[Output]:
        from minsum.esi.markets import MarketSimilarity

        similarity = MarketSimilarity(flows, year=year, reporters=options.reporters)
        yield Output("market_esi", similarity.tables())
        yield Output("market_mean", [similarity.mean_table()])

    return tables()


def _complementarity(files: list[Path], year: int, options: EsiOptions) -> Iterator[Output]:
    from minsum.esi.baskets import gather

    exports, imports = (
        gather(files, basis=basis, residual=options.residual, levels=(options.level,))[0]
        for basis in (options.basis, "M")
    )

    def tables() -> Iterator[Output]:
        from minsum.esi.similarity import PairOptions, complementarity_table

        pair = PairOptions(year, options.min_products, options.reporters)
        yield Output("complementarity", [complementarity_table(exports, imports, pair)])

    return tables()
