"""Turns the covariate report of a panel's footer into sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def covariate_remarks(report: Mapping[str, Any]) -> list[str]:
    """Sentences on the recipe of each variable, values without a logarithm, absent variables and unmatched places."""
    lines = []
    for name, made in report["variables"].items():
        source = ", ".join(made["files"])
        lines.append(f"{name}: {made['recipe']} ({source})")
        without = made.get("without_logarithm", {})
        if without:
            lines.append(
                f"{name}: {sum(without.values())} values are 0 or negative and have no logarithm "
                f"({_listed(without)})"
            )
    for name, made in report["pair_variables"].items():
        lines.append(f"{name}: of pairs of countries, as given ({', '.join(made['files'])})")
    lines += [f"{name}: absent, {reason}" for name, reason in report["absent"].items()]
    for file in report["files"]:
        unmatched = file["unmatched"]
        if unmatched:
            lines.append(
                f"{file['name']}: {sum(unmatched.values())} values of {len(unmatched)} places that are not Comtrade "
                f"reporters ({_listed(unmatched)})"
            )
        lines += [f"{file['name']}: {note}" for note in file["notes"]]
    lines += [
        f"{name}: {kind}, which minsum does not read: save it as CSV or Parquet"
        for name, kind in report["unreadable"].items()
    ]
    if report["passed_over"]:
        lines.append(f"skipped, without data: {', '.join(report['passed_over'])}")
    return lines


def _listed(counts: Mapping[str, int], limit: int = 8) -> str:
    names = sorted(counts)
    rest = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + rest
