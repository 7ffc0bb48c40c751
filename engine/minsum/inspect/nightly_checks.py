"""Checks of a run on the files it changed: the identities of `minsum check`, and changes too large to be plausible."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minsum.countries.codes import iso3_of
from minsum.esi.coverage import YEARS_BACK
from minsum.inspect.check import Finding, check_figures
from minsum.schema import FLOWS
from minsum.settings.check import Check
from minsum.workspace.footers import read_footers
from minsum.workspace.layout import Layout, partition_key

if TYPE_CHECKING:
    from minsum.workspace.runs import RunReport

MOST_SAID: Final = 10
"""Findings of one check that are logged; the rest is counted."""

_SELDOM: Final = {*FLOWS} - {"X", "DX", "M"}
"""Flows that no table uses by default. Only `minsum check` reports on them; their findings are often about small sums."""

_IDENTITY: Final = (
    "the figures of the source contradict each other: minsum check, or another publication of it"
)
_HINTS: Final = {
    "nothing_kept": "docs/data-rules.md says what each rule is about; the file may be another selection than was meant",
    "mostly_dropped": "docs/data-rules.md says what each rule is about; [ingest] flows says which flows are kept",
    "total_vs_products": "products below TOTAL: part of the download may be missing; similarities are those of what is there",
    "uncontained": "only codes of one level are compared, those with six digits where there are any: download the rest with six digits too",
    "round_rows": "download it in smaller pieces, or from the bulk service",
    "conflicts": "a column that tells the parts of a total apart may be gone, or an overlapping download was revised: remove the "
    "older one",
    "exports_fall": "look at the source: part of it may be missing; an earlier file: docs/operation.md, Undo",
    "reference_vanished": "look at the sources of its members; an earlier file: docs/operation.md, Undo",
    "esi_move": "look at the revised sources; what changed is in the newest file in runs/",
}


def examine_flows(layout: Layout, report: RunReport, limits: Check) -> None:
    """Check the reporter-years that a run loaded; each finding becomes a warning.

    Parameters
    ----------
    layout
        The workspace.
    report
        Report of the run after the stage flows; the warnings are added to it.
    limits
        Of `[check]`.
    """
    changed = {(one["classification"], one["year"], one["reporter"]) for one in report.reporter_years}
    paths = [path for path in layout.partitions() if _label_key(path) in changed] if changed else []
    found = check_figures(read_footers(paths), [], limits) if paths else []
    _warn(report, [one for one in found if one.place.rpartition(" ")[2] not in _SELDOM])


def examine(layout: Layout, report: RunReport, limits: Check) -> None:
    """Check coverage and similarities that a run changed; each finding becomes a warning.

    Parameters
    ----------
    layout
        The workspace, its coverage up to date.
    report
        Report of the run after the stage esi; the warnings are added to it.
    limits
        Of `[check]`.
    """
    esi = next((stage.summary for stage in report.stages if stage.stage == "esi"), {})
    computed = set(esi.get("computed", ()))
    tables = [path for path in layout.yearly("esi") if _year_of(path) in computed]
    found = [
        *(check_figures({}, tables, limits) if tables else ()),
        *_falls(layout, report.reporter_years, limits.exports_fall),
        *_vanished(esi.get("vanished", {})),
        *_moves(report.moves, esi.get("redefined", ()), limits.esi_move),
    ]
    _warn(report, found)


def _warn(report: RunReport, found: list[Finding]) -> None:
    for check in dict.fromkeys(one.check for one in found):
        findings = [one for one in found if one.check == check]
        hint = _HINTS.get(check, _IDENTITY)
        for one in findings[:MOST_SAID]:
            report.warn(check, f"{check}: {one.place}: {one.found}, expected {one.expected}", hint)
        if len(findings) > MOST_SAID:
            report.warn(check, f"{check}: {len(findings) - MOST_SAID:,} more", "minsum check shows all")


def _label_key(path: Path) -> tuple[str, int, str]:
    classification, year, code = partition_key(path)
    return classification, year, iso3_of(code)


def _year_of(path: Path) -> str:
    return f"{path.parent.name.partition('=')[2]}/{path.stem}"


def _falls(layout: Layout, changes: list[dict[str, Any]], limit: float) -> list[Finding]:
    """Reporter-years whose exports are far below their earlier version, or below the year before."""
    if not changes:
        return []
    known = _exports(layout)
    found = []
    for one in changes:
        year, reporter, now = one["year"], one["reporter"], one["exports_usd"]
        compared = {f"in {year} before the revision": one["exports_usd_before"] or 0.0}
        earlier = [back for back in range(1, YEARS_BACK + 1) if known.get((reporter, year - back))]
        if earlier:
            compared[f"in {year - earlier[0]}"] = known[reporter, year - earlier[0]]
        for when, before in compared.items():
            if now < (1 - limit) * before:
                place = f"{one['classification']} {year} {reporter}"
                words = f"exports of {_bn(now)} after {_bn(before)} {when}"
                found.append(Finding("exports_fall", place, words, f"a fall by at most {limit:.0%}"))
                break
    return found


def _exports(layout: Layout) -> dict[tuple[str, int], float]:
    """World exports by reporter and year; of several classifications the one with the largest value."""
    import polars as pl

    coverage = pl.read_parquet(layout.coverage, glob=False).group_by("reporter", "year")
    rows = coverage.agg(pl.col("exports_usd").max()).iter_rows()
    return {(reporter, year): usd for reporter, year, usd in rows}


def _bn(usd: float) -> str:
    return f"{usd / 1e9:,.3f} bn USD" if usd >= 1e6 else f"{usd:,.0f} USD"


def _vanished(vanished: dict[str, list[str]]) -> list[Finding]:
    """Countries and composites that had similarities before this run and have none now."""
    return [
        Finding(
            "reference_vanished",
            name,
            f"no similarity any more with {', '.join(gone)}",
            "what was there before",
        )
        for name, gone in vanished.items()
    ]


def _moves(moves: list[dict[str, Any]], redefined: list[str], limit: float) -> list[Finding]:
    """Similarities that changed much because of new data. Only the largest changes are known here."""
    return [
        Finding(
            "esi_move",
            f"{one['classification']}/{one['year']} {one['reporter']} with {one['reference']}",
            f"{one['before']:.4f} became {one['after']:.4f}",
            f"a move of at most {limit}",
        )
        for one in moves
        if f"{one['classification']}/{one['year']}" not in redefined
        and abs(one["after"] - one["before"]) > limit
    ]
