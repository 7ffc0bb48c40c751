"""What the esi stage computes for a classification and year, each table where the options ask for it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.esi.options import EsiOptions, MarketOptions
from minsum.esi.yearly import Job, Output

if TYPE_CHECKING:
    from minsum.esi.baskets import Baskets
    from minsum.harmonise.harmoniser import Harmoniser

RECIPE: Final = {"esi": "esi-2", "market_esi": "market-1", "complementarity": "complementarity-1"}


def jobs_of(options: EsiOptions, harmoniser: Harmoniser | None = None) -> list[Job]:
    """What the options ask for: one job a pass over the flows of a year."""
    together = {} if harmoniser is None else {"harmonise": harmoniser.recorded()}

    def recorded(*names: str) -> dict[str, Any]:
        return options.recorded(*names) | together

    guarded = ("min_products", "references")
    tables = {"esi": recorded("level", *guarded)}
    if options.levels:
        tables["esi_levels"] = recorded("levels", *guarded)
    jobs = [Job(RECIPE["esi"], tables, partial(_similarities, options=options, harmoniser=harmoniser))]
    if options.market_esi is not None:
        tables = dict.fromkeys(("market_esi", "market_mean"), recorded("level", "market_esi"))
        compute = partial(_markets, options=options, chosen=options.market_esi, harmoniser=harmoniser)
        jobs.append(Job(RECIPE["market_esi"], tables, compute))
    if options.complementarity:
        tables = {"complementarity": recorded("level", "min_products")}
        compute = partial(_complementarity, options=options, harmoniser=harmoniser)
        jobs.append(Job(RECIPE["complementarity"], tables, compute))
    return jobs


def _similarities(
    files: list[Path], year: int, options: EsiOptions, harmoniser: Harmoniser | None
) -> Iterator[Output]:
    from minsum.esi.baskets import gather

    levels = (options.level, *options.levels)
    baskets = gather(
        files, basis=options.basis, residual=options.residual, levels=levels, harmoniser=harmoniser
    )

    def tables() -> Iterator[Output]:
        from minsum.esi.similarity import PairOptions, level_tables, similarity_table

        pair = PairOptions(year, options.min_products, options.reporters)
        table, absent = similarity_table(baskets[0], pair, options.references)
        yield Output("esi", [table], absent, _filings(baskets[0]))
        if options.levels:
            beside = level_tables(zip(options.levels, baskets[1:], strict=True), pair, options.references)
            yield Output("esi_levels", beside, absent)

    return tables()


def _filings(baskets: Baskets) -> dict[str, Any]:
    """For the footer: what was filed by reporter code, where vintages were brought together."""
    return {} if baskets.provenance is None else {"filings": baskets.provenance.filings}


def _markets(
    files: list[Path], year: int, options: EsiOptions, chosen: MarketOptions, harmoniser: Harmoniser | None
) -> Iterator[Output]:
    from minsum.esi.bilateral import gather_bilateral

    flows = gather_bilateral(files, options, chosen, harmoniser)

    def tables() -> Iterator[Output]:
        from minsum.esi.markets import MarketSimilarity

        similarity = MarketSimilarity(flows, year=year, reporters=options.reporters)
        yield Output("market_esi", similarity.tables())
        yield Output("market_mean", [similarity.mean_table()])

    return tables()


def _complementarity(
    files: list[Path], year: int, options: EsiOptions, harmoniser: Harmoniser | None
) -> Iterator[Output]:
    from minsum.esi.baskets import gather

    exports, imports = (
        gather(
            files,
            basis=basis,
            residual=options.residual,
            levels=(options.level,),
            harmoniser=harmoniser,
        )[0]
        for basis in (options.basis, "M")
    )

    def tables() -> Iterator[Output]:
        from minsum.esi.similarity import PairOptions, complementarity_table

        pair = PairOptions(year, options.min_products, options.reporters)
        yield Output("complementarity", [complementarity_table(exports, imports, pair)])

    return tables()
