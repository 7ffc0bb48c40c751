"""Chooses the filing of each reporter-year: the newest vintage; the UN made the older ones from it by conversion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from minsum.countries.codes import is_group
from minsum.harmonise.vintages import rank, steps
from minsum.workspace.layout import partition_key


@dataclass(frozen=True, slots=True)
class Reach:
    """Which vintages can be converted to the target.

    Attributes
    ----------
    target
        The vintage at the end of the chain.
    weighted
        Steps with weights, such as `H1-H2`: a filing older than the target needs weights for every step.
    """

    target: str
    weighted: Collection[str] = ()

    def gap(self, source: str) -> str | None:
        """Why a vintage cannot be converted to the target; None where it can."""
        if rank(source) >= rank(self.target):
            return None
        missing = [
            f"{older} to {newer}"
            for older, newer in steps(source, self.target)
            if f"{older}-{newer}" not in self.weighted
        ]
        return f"filed in {source}, older than {self.target}: no weights {missing[0]}" if missing else None


@dataclass(slots=True)
class Filings:
    """Flows files, divided into used and unused files.

    Attributes
    ----------
    chosen
        Year to the files to use, in order of reporter code.
    left_out
        Unused file to the reason.
    unreachable
        Unused files whose reporter-year is absent, because its newest filing cannot be converted to the target.
    """

    chosen: dict[int, list[Path]] = field(default_factory=dict)
    left_out: dict[Path, str] = field(default_factory=dict)
    unreachable: list[Path] = field(default_factory=list)


def choose(paths: Iterable[Path], reach: Reach, *, years: Collection[int] = ()) -> Filings:
    """Choose the newest filing of each reporter-year; no years means all."""
    filings = Filings()
    by_reporter: dict[tuple[int, int], list[Path]] = defaultdict(list)
    for path in paths:
        _, year, code = partition_key(path)
        if is_group(code):
            filings.left_out[path] = "a group of countries"
        elif years and year not in years:
            filings.left_out[path] = "a year that [esi] years leaves out"
        else:
            by_reporter[year, code].append(path)
    for (year, _), found in sorted(by_reporter.items()):
        *older, newest = sorted(found, key=lambda path: rank(partition_key(path)[0]))
        vintage = partition_key(newest)[0]
        filings.left_out |= dict.fromkeys(older, f"filed in {vintage} too, which counts")
        gap = reach.gap(vintage)
        if gap is None:
            filings.chosen.setdefault(year, []).append(newest)
        else:
            filings.left_out[newest] = gap
            filings.unreachable.append(newest)
    return filings
