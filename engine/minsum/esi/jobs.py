"""The tables that the esi stage computes for a classification and year, as far as the options ask for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.esi.groups import of_year
from minsum.esi.yearly import Job, Output
from minsum.settings.esi import DestinationEsi, Esi, MarketEsi, Mirror, Similarities

if TYPE_CHECKING:
    from minsum.esi.baskets import Baskets
    from minsum.harmonise.harmoniser import Harmoniser

RECIPE: Final = {
    "esi": "esi-2",
    "market_esi": "market-1",
    "complementarity": "complementarity-1",
    "destination_esi": "destination-1",
}


@dataclass(frozen=True, slots=True)
class Filed:
    """Reporters that filed, and so are not mirrored.

    Attributes
    ----------
    by_year
        Year to reporter codes, whatever vintage.
    unreachable
        Reporter-years that filed only in vintages older than the target.
    """

    by_year: Mapping[int, Collection[int]]
    unreachable: Collection[str] = ()


def jobs_of(
    options: Similarities,
    split: Sequence[str],
    harmoniser: Harmoniser | None = None,
    filed: Filed | None = None,
) -> list[Job]:
    """Jobs of a classification that the options ask for; each job is one pass over the flows of a year.

    Parameters
    ----------
    options
        Which tables, and how.
    split
        References of `section_esi` (`section_references`).
    harmoniser
        Converts to one vintage; None keeps vintages apart.
    filed
        For `[mirror]`.
    """
    together = {} if harmoniser is None else {"harmonise": harmoniser.recorded()}
    filed, esi = filed or Filed({}), options.esi

    def recorded(*names: str) -> dict[str, Any]:
        return options.esi.recorded(*names) | together

    guarded = ("min_products", "references")
    tables = {"esi": recorded("level", *guarded)}
    tables["section_esi"] = tables["esi"] | {"split": list(split)}
    if esi.levels:
        tables["esi_levels"] = recorded("levels", *guarded)
    if options.mirror is not None:
        mirror = options.mirror.model_dump() | {"unreachable": sorted(filed.unreachable)}
        tables = {name: recorded_for | {"mirror": mirror} for name, recorded_for in tables.items()}
    compute = partial(
        _similarities, esi=esi, mirror=options.mirror, split=split, harmoniser=harmoniser, filed=filed
    )
    jobs = [Job(RECIPE["esi"], tables, compute)]
    if options.market_esi is not None:
        chosen = {"market_esi": options.market_esi.model_dump()}
        tables = dict.fromkeys(("market_esi", "market_mean"), recorded("level") | chosen)
        compute = partial(_markets, options=esi, chosen=options.market_esi, harmoniser=harmoniser)
        jobs.append(Job(RECIPE["market_esi"], tables, compute))
    if options.complementarity is not None:
        tables = {"complementarity": recorded("level", "min_products")}
        compute = partial(_complementarity, options=esi, harmoniser=harmoniser)
        jobs.append(Job(RECIPE["complementarity"], tables, compute))
    if (destinations := options.destination_esi) is not None:
        tables = {"destination_esi": recorded("level") | destinations.model_dump(exclude_defaults=True)}
        compute = partial(_destinations, options=esi, chosen=destinations, harmoniser=harmoniser)
        jobs.append(Job(RECIPE["destination_esi"], tables, compute))
    return jobs


def _similarities(
    files: list[Path],
    year: int,
    esi: Esi,
    mirror: Mirror | None,
    split: Sequence[str],
    harmoniser: Harmoniser | None,
    filed: Filed,
) -> Iterator[Output]:
    from minsum.esi.baskets import gather

    further, facts = None, dict[str, Any]()
    if mirror is not None and harmoniser is not None:
        from minsum.esi.mirror import candidates, facts_of, mirrors, with_mirrors

        found = mirrors(files, candidates(mirror, filed.by_year[year]), mirror, harmoniser)
        facts = {"mirrors": facts_of(found)}
        further = partial(
            with_mirrors,
            found=found,
            keep_residual=esi.residual == "keep",
            in_world=mirror.in_world,
        )
    baskets = gather(
        files,
        basis=esi.basis,
        residual=esi.residual,
        levels=(esi.level, *esi.levels),
        harmoniser=harmoniser,
        further=further,
    )

    def tables() -> Iterator[Output]:
        from minsum.esi.contributions import section_table
        from minsum.esi.similarity import PairOptions, level_tables, similarity_table

        pair = PairOptions(year, esi.min_products, esi.reporters)
        references, left_out = of_year(esi.references, year, baskets[0].labels)
        groups = {"groups_without": left_out} if left_out else {}
        table, absent = similarity_table(baskets[0], pair, references)
        yield Output("esi", [table], absent, _filings(baskets[0]) | facts | groups)
        yield Output("section_esi", [section_table(baskets[0], split, esi, year=year)])
        if esi.levels:
            beside = level_tables(zip(esi.levels, baskets[1:], strict=True), pair, references)
            yield Output("esi_levels", beside, absent)

    return tables()


def _filings(baskets: Baskets) -> dict[str, Any]:
    """Entry of the footer: filing by reporter code; empty without `[harmonise]`."""
    return {} if baskets.provenance is None else {"filings": baskets.provenance.filings}


def _markets(
    files: list[Path], year: int, options: Esi, chosen: MarketEsi, harmoniser: Harmoniser | None
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
    files: list[Path], year: int, options: Esi, harmoniser: Harmoniser | None
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


def _destinations(
    files: list[Path], year: int, options: Esi, chosen: DestinationEsi, harmoniser: Harmoniser | None
) -> Iterator[Output]:
    from minsum.esi.bilateral import gather_bilateral

    flows = gather_bilateral(files, options, MarketEsi(), harmoniser)

    def tables() -> Iterator[Output]:
        from minsum.esi.destinations import destination_table

        table = destination_table(
            flows, year=year, reporters=options.reporters, with_overlap=chosen.overlap_usd
        )
        yield Output("destination_esi", [table])

    return tables()
