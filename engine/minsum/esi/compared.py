"""Which countries of a year are compared: who is alone, who is left out and why, whom the UN converted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from minsum.countries.codes import is_group, iso3_of
from minsum.esi.outcome import EsiReport
from minsum.esi.section_references import exports_of
from minsum.esi.yearly import Groups
from minsum.harmonise.vintages import FINEST
from minsum.settings.esi import Similarities
from minsum.workspace.layout import partition_key


def conversions(groups: Groups, target: str) -> list[str]:
    """Reporter-years that the UN converted, in years where minsum converts other filings."""
    return [
        f"{iso3_of(partition_key(path)[2])} {year}"
        for (_, year), flows in groups.items()
        if any(partition_key(path)[0] != target for path in flows)
        for path, footer in flows.items()
        if all(source.get("is_original") is False for source in footer["sources"])
    ]


def alone(groups: Groups, options: Similarities, report: EsiReport) -> dict[str, str]:
    """Computed years in which fewer than two countries have exports, with the countries that are there."""
    found = {}
    for (classification, year), flows in groups.items():
        name = f"{classification}/{year}"
        if name not in report.computed:
            continue
        there = {iso3_of(partition_key(path)[2]): footer for path, footer in flows.items()}
        without = {one for labels in report.left_out.get(name, {}).values() for one in labels}
        exporting = [
            label
            for label, footer in there.items()
            if label not in without and exports_of(footer, options.esi.basis).get("n_products")
        ]
        nobody = "nobody else" if without else "nobody"
        rest = sorted(set(there) - {*exporting, *without})
        if len(exporting) < 2:
            found[name] = (
                f"only {exporting[0]} has exports there" if exporting else f"{nobody} has exports there"
            )
            found[name] += (
                f" (imports only: {', '.join(rest[:5])}{' ...' if rest[5:] else ''})" if rest else ""
            )
    return found


def left_out(
    groups: Groups, options: Similarities, computed: Iterable[str]
) -> dict[str, dict[str, list[str]]]:
    """Computed years to reasons why countries that filed exports have no similarity, to these countries."""
    found: dict[str, dict[str, list[str]]] = {}
    level = level_of(options)
    for (classification, year), flows in groups.items():
        why: dict[str, list[str]] = defaultdict(list)
        for path, footer in flows.items():
            exports = exports_of(footer, options.esi.basis)
            label, digits = iso3_of(partition_key(path)[2]), exports.get("level") or 0
            if is_group(partition_key(path)[2]) or not digits:
                continue
            if digits < level:
                why[f"products of {digits} digits, fewer than the {level} that are compared"].append(label)
            elif not exports["n_products"]:
                why["exports to partners without World rows, which may not be all partners"].append(label)
        if why and f"{classification}/{year}" in computed:
            found[f"{classification}/{year}"] = dict(why)
    return found


def level_of(options: Similarities) -> int:
    """Fewest digits that a country's products must have; conversion between vintages needs six."""
    return options.esi.level if options.harmonise is None else FINEST
