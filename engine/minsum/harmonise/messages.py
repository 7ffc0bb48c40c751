"""Messages of a run about reporter-years that are absent or incomplete in the target vintage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

_NAMED: Final = 8
_WORTH_SAYING_USD: Final = 1.0


class HarmonisedReport(Protocol):
    """The part of the esi stage's report that concerns vintages."""

    unreachable: dict[str, list[str]]
    unmatched: dict[str, float]
    conversions: list[str]
    mirrored: list[str]
    without_mirrors: list[str]


def absences(report: HarmonisedReport) -> Iterator[str]:
    """A sentence for each reason of missing values, with the next step."""
    for reason, names in report.unreachable.items():
        yield (
            f"{len(names)} reporter-years left out, {reason}: {_listed(names)}; choose an older [harmonise] "
            "target, or give forward weights (docs/vintages.md)"
        )
    unmatched = {name: usd for name, usd in report.unmatched.items() if usd >= _WORTH_SAYING_USD}
    if unmatched:
        yield (
            f"{sum(unmatched.values()):,.0f} USD of {len(unmatched)} reporter-years have no target and count "
            f"as 999999: {_listed(_largest(unmatched))}; unmatched_usd in coverage.parquet has them all"
        )
    if report.conversions:
        yield (
            f"{len(report.conversions)} reporter-years are the UN's conversions, compared with filings that minsum converted: "
            f"{_listed(report.conversions)}; the two ways differ, and such similarities are too low, by .02 for a usual pair "
            "(docs/replication.md): give these as reported too (clCode=HS)"
        )
    if report.mirrored and report.without_mirrors:
        yield (
            f"{len(report.mirrored)} reporter-years are mirrored ({_listed(report.mirrored)}) in similarities only: "
            f"{', '.join(report.without_mirrors)} hold filings alone (docs/vintages.md)"
        )


def _largest(amounts: Mapping[str, float]) -> list[str]:
    return sorted(amounts, key=lambda name: (-amounts[name], name))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
