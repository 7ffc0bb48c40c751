"""Stage `esi`: similarities, markets and complementarity, year by year, only where something changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from minsum.countries import is_group, iso3_of
from minsum.coverage import Facts, write_coverage
from minsum.errors import MissingInputError
from minsum.esi.jobs import Filed, jobs_of
from minsum.esi.labels import with_other_names
from minsum.esi.options import EsiOptions
from minsum.esi.yearly import EsiReport, Groups, bring_up_to_date
from minsum.workspace import Footer, Layout, partition_key, read_footer, read_footers

if TYPE_CHECKING:
    from minsum.harmonise.filings import Filings
    from minsum.harmonise.harmoniser import Harmoniser


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
    harmoniser = options.harmoniser(layout.root)
    flows = read_footers(layout.partitions())
    if harmoniser is not None:
        return _compute_together(layout, options, flows, harmoniser=harmoniser, progress=progress)
    report = EsiReport(is_covered=write_coverage(layout, flows))
    groups = flows_by_year(flows, options)
    if not groups:
        raise MissingInputError(
            f"{layout.flows}: no flows of the chosen years and reporters",
            "bring files in first: minsum ingest PATH",
        )
    bring_up_to_date(layout, jobs_of(options), groups, report=report, progress=progress)
    return report


def _compute_together(
    layout: Layout,
    options: EsiOptions,
    flows: Mapping[Path, Footer],
    *,
    harmoniser: Harmoniser,
    progress: Callable[[str, int, int], None],
) -> EsiReport:
    """The same with every reporter-year brought to one vintage."""
    report = EsiReport()
    filings = harmoniser.choose(flows, years=options.years)
    for path in filings.unreachable:
        _, year, code = partition_key(path)
        report.unreachable.setdefault(filings.left_out[path], []).append(f"{iso3_of(code)} {year}")
    groups = {
        (harmoniser.target, year): {path: flows[path] for path in files}
        for year, files in sorted(filings.chosen.items())
        if _is_wanted(files, options, harmoniser.label)
    }
    if not groups:
        report.is_covered = write_coverage(layout, flows, coverage_facts(layout, filings, harmoniser))
        oldest = min((partition_key(path)[0] for path in filings.unreachable), default=None)
        raise MissingInputError(
            f"{layout.flows}: no flows of the chosen years and reporters can be brought to {harmoniser.target}",
            f'set [harmonise] target = "{oldest}"' if oldest else "bring files in first: minsum ingest PATH",
        )
    by_year: dict[int, set[int]] = defaultdict(set)
    for _, year, code in map(partition_key, flows):
        by_year[year].add(code)
    filed = Filed(by_year, [_name(path) for path in filings.unreachable])
    bring_up_to_date(layout, jobs_of(options, harmoniser, filed), groups, report=report, progress=progress)
    facts = coverage_facts(layout, filings, harmoniser)
    if options.mirror is not None:
        facts |= mirror_facts(layout, flows)
    report.is_covered = write_coverage(layout, flows, facts)
    report.unmatched = {name: usd for name, one in facts.items() if (usd := one["unmatched_usd"])}
    return report


def _is_wanted(files: Iterable[Path], options: EsiOptions, label: Callable[[int], str] = iso3_of) -> bool:
    """Whether any of the reporters asked for is there."""
    wanted = with_other_names(options.reporters)
    return not wanted or bool(wanted & {label(partition_key(path)[2]) for path in files})


def coverage_facts(layout: Layout, filings: Filings, harmoniser: Harmoniser) -> Facts:
    """How each reporter-year was brought to the target, from the footers of `esi/`."""
    facts: Facts = {}
    for path, reason in filings.left_out.items():
        facts[_name(path)] = {
            "harmonised_to": None,
            "unmatched_usd": None,
            "converted": None,
            "reason": reason,
            "unit": None,
        }
    of_year = {int(path.stem): read_footer(path)["filings"] for path in layout.yearly("esi")}
    for year, files in filings.chosen.items():
        for path in files:
            code = partition_key(path)[2]
            found = of_year.get(year, {}).get(str(code))
            why = None if found else "nothing of the basis was filed, or the year has none of [esi] reporters"
            facts[_name(path)] = {
                "harmonised_to": harmoniser.target if found else None,
                "unmatched_usd": found and found["unmatched_usd"],
                "converted": found and found["converted"],
                "reason": why,
                "unit": iso3_of(unit) if (unit := harmoniser.unit(code)) != code else None,
            }
    return facts


def mirror_facts(layout: Layout, flows: Iterable[Path]) -> Facts:
    """A coverage row for each mirrored reporter-year, from the footers of `esi/`.

    `partners_share`: part of the country's exports, in the nearest year it filed, that went to the partners that
    reported; null where it never filed.
    """
    from minsum.esi.partners import exports_to

    filings: dict[int, list[Path]] = defaultdict(list)
    for path in flows:
        filings[partition_key(path)[2]].append(path)
    facts: Facts = {}
    for table in layout.yearly("esi"):
        target, year = table.parent.name.partition("=")[2], int(table.stem)
        for name, one in read_footer(table).get("mirrors", {}).items():
            code = int(name)
            facts[f"{target}/{year}/{code}"] = {
                "classification": target,
                "year": year,
                "reporter": iso3_of(code),
                "reporter_code": code,
                "source": f"imports of {len(one['partners'])} partners",
                "format": "mirror",
                "n_products": one["n_products"],
                "exports_usd": one["exports_usd"],
                "rows_in": 0,
                "rows_kept": 0,
                "harmonised_to": target,
                "unmatched_usd": None,
                "n_partners": len(one["partners"]),
                "partners_share": exports_to(filings[code], one["partners"], year=year),
            }
    return facts


def _name(path: Path) -> str:
    return "/".join(str(part) for part in partition_key(path))


def flows_by_year(flows: Mapping[Path, Footer], options: EsiOptions) -> Groups:
    """Flows by classification and year, those years only that hold any of the reporters asked for."""
    return {
        key: {path: flows[path] for path in files}
        for key, files in _by_year(flows, options.years).items()
        if _is_wanted(files, options)
    }


def files_of(
    layout: Layout, classification: str, years: Collection[int], *, harmoniser: Harmoniser | None = None
) -> dict[int, list[Path]]:
    """Flows files by year, no years means all: of a classification or, brought together, of every filing."""
    if harmoniser is not None:
        return harmoniser.choose(layout.partitions(), years=years).chosen
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
