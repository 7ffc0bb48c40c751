"""Stage `esi`: similarities, markets and complementarity, year by year; only what changed is computed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from minsum.countries.codes import is_group, iso3_of
from minsum.errors import MissingInputError
from minsum.esi.compared import alone, conversions, left_out, level_of
from minsum.esi.coverage import Together, coverage_plan, doubtful, write_coverage
from minsum.esi.facts import coverage_facts, mirror_facts, place_key
from minsum.esi.jobs import Filed, jobs_of
from minsum.esi.outcome import EsiReport
from minsum.esi.section_references import section_references
from minsum.esi.yearly import Groups, Jobs, bring_up_to_date, plan_tables
from minsum.settings.esi import Esi, Similarities
from minsum.workspace.footers import Footer, flows_footers
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.marks import Plan, digests_of

if TYPE_CHECKING:
    from minsum.harmonise.filings import Filings
    from minsum.harmonise.harmoniser import Harmoniser
    from minsum.workspace.tasks import Workers


def compute_esi(
    layout: Layout,
    options: Similarities,
    *,
    progress: Callable[[str, int, int], None],
    workers: Workers | None = None,
) -> EsiReport:
    """Bring `coverage.parquet`, `esi/` and the other tables that the options ask for up to date with `flows/`.

    Raises
    ------
    MissingInputError
        If the lake holds nothing to compare.
    SettingsError, DataCheckError
        As `harmoniser_of`.
    """
    harmoniser = harmoniser_of(options, layout.root)
    flows = flows_footers(layout)
    report = (
        _compute_apart(layout, options, flows, progress=progress, workers=workers)
        if harmoniser is None
        else _compute_together(
            layout, options, flows, harmoniser=harmoniser, progress=progress, workers=workers
        )
    )
    if report.computed:
        report.doubtful = doubtful(layout, {int(name.partition("/")[2]) for name in report.computed})
    return report


def _compute_apart(
    layout: Layout,
    options: Similarities,
    flows: Mapping[Path, Footer],
    *,
    progress: Callable[[str, int, int], None],
    workers: Workers | None,
) -> EsiReport:
    """Compute every vintage on its own, as filed."""
    report = EsiReport(is_covered=write_coverage(layout, flows, options.check))
    groups = flows_by_year(flows, options.esi)
    if not groups:
        raise MissingInputError(
            f"{layout.flows}: no flows of the chosen years and reporters",
            "bring files in first: minsum ingest PATH",
        )
    jobs = _jobs(groups, options)
    bring_up_to_date(layout, jobs, groups, report=report, progress=progress, workers=workers)
    report.left_out = left_out(groups, options, report.computed)
    report.alone = alone(groups, options, report)
    return report


def harmoniser_of(options: Similarities, root: Path) -> Harmoniser | None:
    """The harmoniser of `[harmonise]`, its tables relative to the workspace; None without that section.

    Raises
    ------
    SettingsError, DataCheckError
        If a conversion table is missing or invalid.
    """
    if options.harmonise is None:
        return None
    from minsum.harmonise.harmoniser import Harmoniser

    return Harmoniser(options.harmonise, root)


def esi_plan(layout: Layout, options: Similarities, flows: Mapping[Path, Footer]) -> tuple[Plan, Plan]:
    """Plans of `compute_esi`, what it would make anew or remove and why: of `coverage.parquet`, and of the yearly tables.

    Raises
    ------
    SettingsError, DataCheckError
        As `harmoniser_of`.
    """
    harmoniser = harmoniser_of(options, layout.root)
    if harmoniser is None:
        groups = flows_by_year(flows, options.esi)
        tables = plan_tables(layout, _jobs(groups, options), groups)
        return coverage_plan(layout, flows, options.check), tables
    sorted_out = _SortedOut.of(flows, options, harmoniser)
    jobs = _jobs(sorted_out.groups, options, harmoniser, sorted_out.filed)
    tables = plan_tables(layout, jobs, sorted_out.groups)
    together = _together(options, harmoniser, tables.digests(layout.esi))
    return coverage_plan(layout, flows, options.check, together), tables


def _jobs(
    groups: Groups, options: Similarities, harmoniser: Harmoniser | None = None, filed: Filed | None = None
) -> Jobs:
    split = section_references(
        groups, options.esi, level=level_of(options), unit=harmoniser.unit if harmoniser else int
    )
    return {
        classification: jobs_of(options, chosen, harmoniser, filed)
        for classification, chosen in split.items()
    }


@dataclass(frozen=True, slots=True)
class _SortedOut:
    """The flows files to use for a target vintage.

    Attributes
    ----------
    filings
        The chosen filing of each reporter-year.
    groups
        Flows files by year, for years with any of the reporters asked for.
    filed
        All reporters that filed.
    """

    filings: Filings
    groups: Groups
    filed: Filed

    @classmethod
    def of(cls, flows: Mapping[Path, Footer], options: Similarities, harmoniser: Harmoniser) -> _SortedOut:
        filings = harmoniser.choose(flows, years=options.esi.years)
        groups = {
            (harmoniser.target, year): {path: flows[path] for path in files}
            for year, files in sorted(filings.chosen.items())
            if _is_wanted(files, options.esi, harmoniser.label)
        }
        by_year: dict[int, set[int]] = defaultdict(set)
        for _, year, code in map(partition_key, flows):
            by_year[year].add(code)
        return cls(filings, groups, Filed(by_year, [place_key(path) for path in filings.unreachable]))


def _together(options: Similarities, harmoniser: Harmoniser, esi: Mapping[Path, str]) -> Together:
    decided = harmoniser.recorded() | {"years": list(options.esi.years)}
    return Together(decided, {f"{path.parent.name}/{path.stem}": mark for path, mark in esi.items()})


def _compute_together(
    layout: Layout,
    options: Similarities,
    flows: Mapping[Path, Footer],
    *,
    harmoniser: Harmoniser,
    progress: Callable[[str, int, int], None],
    workers: Workers | None,
) -> EsiReport:
    """Compute with every reporter-year converted to one vintage."""
    report = EsiReport()
    sorted_out = _SortedOut.of(flows, options, harmoniser)
    filings, groups = sorted_out.filings, sorted_out.groups
    for path in filings.unreachable:
        _, year, code = partition_key(path)
        report.unreachable.setdefault(filings.left_out[path], []).append(f"{iso3_of(code)} {year}")
    if not groups:
        facts = coverage_facts(layout, filings, harmoniser)
        nothing = _together(options, harmoniser, {})
        report.is_covered = write_coverage(layout, flows, options.check, nothing, facts)
        oldest = min((partition_key(path)[0] for path in filings.unreachable), default=None)
        raise MissingInputError(
            f"{layout.flows}: no flows of the chosen years and reporters can be brought to {harmoniser.target}",
            f'set [harmonise] target = "{oldest}"' if oldest else "bring files in first: minsum ingest PATH",
        )
    jobs = _jobs(groups, options, harmoniser, sorted_out.filed)
    bring_up_to_date(layout, jobs, groups, report=report, progress=progress, workers=workers)
    report.left_out = left_out(groups, options, report.computed)
    facts = coverage_facts(layout, filings, harmoniser)
    if options.mirror is not None:
        mirrors = mirror_facts(layout, flows)
        facts |= mirrors
        report.mirrored = [f"{one['reporter']} {one['year']}" for one in mirrors.values()]
        report.without_mirrors = [
            table for table in report.rows if table not in ("esi", "esi_levels", "section_esi")
        ]
    else:  # with mirrors a single country may be compared
        report.alone = alone(groups, options, report)
    report.conversions = conversions(groups, harmoniser.target)
    together = _together(options, harmoniser, digests_of(layout.yearly("esi")))
    report.is_covered = write_coverage(layout, flows, options.check, together, facts)
    report.unmatched = {name: usd for name, one in facts.items() if (usd := one["unmatched_usd"])}
    return report


def _is_wanted(files: Iterable[Path], options: Esi, label: Callable[[int], str] = iso3_of) -> bool:
    """Whether any of the reporters asked for is among the files."""
    there = {label(partition_key(path)[2]) for path in files}
    return not options.reporters or not there.isdisjoint(options.reporters)


def flows_by_year(flows: Mapping[Path, Footer], options: Esi) -> Groups:
    """Flows files by classification and year, for years with any of the reporters asked for."""
    return {
        key: {path: flows[path] for path in files}
        for key, files in _by_year(flows, options.years).items()
        if _is_wanted(files, options)
    }


def files_of(
    layout: Layout, classification: str, years: Collection[int], *, harmoniser: Harmoniser | None = None
) -> dict[int, list[Path]]:
    """Flows files by year (no years: all), of one classification or, with a harmoniser, of the chosen filings."""
    if harmoniser is not None:
        return harmoniser.choose(layout.partitions(), years=years).chosen
    groups = _by_year(layout.partitions(), years)
    return {year: files for (vintage, year), files in groups.items() if vintage == classification}


def _by_year(paths: Iterable[Path], years: Collection[int]) -> dict[tuple[str, int], list[Path]]:
    """Group files by classification and year; groups of countries, which are sums of others, are left out."""
    groups: dict[tuple[str, int], list[Path]] = defaultdict(list)
    for path in paths:
        classification, year, code = partition_key(path)
        if not is_group(code) and (not years or year in years):
            groups[classification, year].append(path)
    return groups
