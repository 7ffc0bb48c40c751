"""From the rows that stay to a finished reporter-year, slow and obvious: repairs, sums by definition, identity checks.

It shares no code with the engine; docs/data-rules.md says what each repair and check is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

Row = tuple[str, int, str]
"""Flow, partner, product."""

Rows = dict[Row, tuple[float, bool]]
"""With their USD, and whether they are rebuilt."""

Part = tuple[int | None, bytes | None, int | None, bytes | None]
"""What tells the parts of a total apart: partner2, customs, mode of transport, mode of supply; None: nothing there."""

Figures = dict[str, dict[str, float | None]]
"""Counts, USD and ratios by name: of rules, of repairs, of flows."""

Usd = defaultdict[str, list[float]]
"""Name of a rule or repair to the value of each row that it met."""


@dataclass
class Filed:
    """What the lines of a file give one reporter-year.

    Attributes
    ----------
    met
        By rule, the value of each row that it removed, and of those that were `kept`.
    kept
        Values of each cell, repeats included.
    parts
        Cell to breakdown to part to values, repeats included.
    levels
        By digits of its code, the value of each row that the rule `level` removed.
    others
        Values of each cell that only the rule `level` removed, repeats included, where its file has products.
    mended
        By what was undone in its texts, the value of each row.
    """

    met: Usd = field(default_factory=lambda: defaultdict(list))
    kept: defaultdict[Row, list[float]] = field(default_factory=lambda: defaultdict(list))
    parts: dict[Row, dict[tuple[str, ...], dict[Part, list[float]]]] = field(default_factory=dict)
    levels: Usd = field(default_factory=lambda: defaultdict(list))
    others: defaultdict[Row, list[float]] = field(default_factory=lambda: defaultdict(list))
    mended: Usd = field(default_factory=lambda: defaultdict(list))

    def add(self, other: Filed) -> None:
        """Take another slice's rows: nothing is rebuilt from slices, so their parts do not count."""
        for name, values in other.met.items():
            self.met[name] += values
        for name, values in other.levels.items():
            self.levels[name] += values
        for name, values in other.mended.items():
            self.mended[name] += values
        for row, values in other.kept.items():
            self.kept[row] += values
        for row, values in other.others.items():
            self.others[row] += values


@dataclass(frozen=True)
class Content:
    """What the lake should hold of one reporter-year."""

    rows: Rows
    rules: Figures
    repairs: Figures
    checks: Figures
    levels: Figures


def finished(filed: Filed, *, is_whole: bool, has_world: bool) -> Content:
    """Rows after every repair.

    Only of a whole reporter-year is anything rebuilt. A file without World rows has no TOTAL either: both are sums by
    definition.
    """
    repaired: Usd = defaultdict(list)
    values = _without_repeats(filed.kept, repaired)
    if not has_world:
        values = _with_sums(values)
    rows = {row: (value, False) for row, value in values.items()}
    if is_whole and has_world:
        _rebuild_totals(rows, filed, repaired)
        _mend_world(rows, repaired)
    others = {row: max(values) for row, values in filed.others.items()}
    if not is_whole:
        others |= _keep_most_digits(rows, repaired)
        _add_world_of_all_partners(rows, repaired)
    _count_uncontained(rows, others, repaired)
    return Content(rows, counted(filed.met), counted(repaired), _checks(rows), counted(filed.levels))


def counted(values: Mapping[str, Sequence[float]]) -> Figures:
    return {name: {"rows": len(some), "usd": math.fsum(some)} for name, some in values.items() if some}


def _without_repeats(kept: Mapping[Row, Sequence[float]], repaired: Usd) -> dict[Row, float]:
    """The largest value of each cell; what goes is a duplicate where all are equal, and in conflict otherwise."""
    for values in kept.values():
        *dropped, largest = sorted(values)
        is_equal = all(value == largest for value in dropped)
        repaired["duplicates" if is_equal else "conflicts"] += dropped
    return {row: max(values) for row, values in kept.items()}


def _with_sums(values: dict[Row, float]) -> dict[Row, float]:
    """TOTAL of every partner, World of every product and of TOTAL: by definition."""
    addends: defaultdict[Row, list[float]] = defaultdict(list)
    for (flow, partner, product), value in values.items():
        for row in ((flow, partner, "TOTAL"), (flow, 0, product), (flow, 0, "TOTAL")):
            addends[row].append(value)
    return values | {row: math.fsum(some) for row, some in addends.items()}


def _rebuild_totals(rows: Rows, filed: Filed, repaired: Usd) -> None:
    for row, breakdowns in filed.parts.items():
        if row in rows:
            continue
        sums = []
        for parts in breakdowns.values():
            outermost = _outermost(parts)
            for values in outermost.values():
                repaired["parts_repeated"] += sorted(values)[:-1]
            sums.append(math.fsum(max(values) for values in outermost.values()))
        rows[row] = (max(sums), True)
        repaired["totals_rebuilt"].append(max(sums))


def _outermost(parts: dict[Part, list[float]]) -> dict[Part, list[float]]:
    """Parts without the modes of transport whose group (2100 in 2000) is there too."""
    mode_of = {part: part[2] or 0 for part in parts}
    groups = {mode for mode in mode_of.values() if mode > 0 and mode % 1000 == 0}
    return {
        part: values
        for part, values in parts.items()
        if mode_of[part] % 1000 == 0 or mode_of[part] // 1000 * 1000 not in groups
    }


def _mend_world(rows: Rows, repaired: Usd) -> None:
    partners: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    worlds: dict[tuple[str, str], float] = {}
    for (flow, partner, product), (value, _) in rows.items():
        if partner == 0:
            worlds[flow, product] = value
        else:
            partners[flow, product].append(value)
    for flow, product in {*partners, *worlds}:
        world, total = worlds.get((flow, product)), worlds.get((flow, "TOTAL"), math.inf)
        has_partners, summed = (flow, product) in partners, math.fsum(partners.get((flow, product), []))
        if world is None:
            repaired["world_missing"].append(summed)
            rows[flow, 0, product] = (summed, True)
        elif world > total * (1 + 1e-6) and has_partners:
            repaired["world_impossible"].append(world)
            rows[flow, 0, product] = (summed, True)
        elif world > total * (1 + 1e-6):
            repaired["world_unresolved"].append(world)
        elif has_partners and abs(world - summed) > 0.005 * world:
            repaired["world_discrepancies"].append(abs(world - summed))


def _keep_most_digits(rows: Rows, repaired: Usd) -> dict[Row, float]:
    most: defaultdict[str, int] = defaultdict(int)
    for flow, _, product in rows:
        most[flow] = max(most[flow], 0 if product == "TOTAL" else len(product))
    coarser = [one for one in rows if one[2] != "TOTAL" and len(one[2]) < most[one[0]]]
    found = {row: rows.pop(row)[0] for row in coarser}
    repaired["coarser"] += found.values()
    return found


def _count_uncontained(rows: Rows, others: dict[Row, float], repaired: Usd) -> None:
    """What codes of other levels are worth beyond the products with the same first digits, the longer codes first."""
    held = [(row, value) for row, (value, _) in rows.items() if row[2] != "TOTAL"]
    for digits in sorted({len(row[2]) for row in others}, reverse=True):
        beside: defaultdict[Row, float] = defaultdict(float)
        for (flow, partner, code), value in held:
            beside[flow, partner, code[:digits]] += value
        groups: defaultdict[Row, list[float]] = defaultdict(list)
        for (flow, partner, code), value in others.items():
            if len(code) == digits and code != "TOTAL":
                most = max((len(row[2]) for row in beside if row[0] == flow), default=digits)
                groups[flow, partner, code[:most]].append(value)
        for row, values in groups.items():
            rest = math.fsum(values) - beside[row]
            if rest > 0.005 * beside[row]:
                repaired["uncontained"] += [rest, *[0.0] * (len(values) - 1)]
                held.append((row, rest))


def _add_world_of_all_partners(rows: Rows, repaired: Usd) -> None:
    """Where a flow has a World TOTAL and no other World row, and all its other rows add up to it."""
    for flow in {row[0] for row in rows}:
        goods = {row: value for row, (value, _) in rows.items() if row[0] == flow and row[2] != "TOTAL"}
        total = rows.get((flow, 0, "TOTAL"), (math.nan, False))[0]
        summed = math.fsum(goods.values())
        if any(row[1] == 0 for row in goods) or not total - 0.005 * total <= summed <= total + 0.005 * total:
            continue
        for product in sorted({row[2] for row in goods}):
            value = math.fsum(usd for row, usd in goods.items() if row[2] == product)
            repaired["world_missing"].append(value)
            rows[flow, 0, product] = (value, True)


def _checks(rows: Rows) -> Figures:
    """Identity checks of each flow."""
    checks: Figures = {}
    for flow in sorted({row[0] for row in rows}):
        mine = {row[1:]: value for row, (value, _) in rows.items() if row[0] == flow}
        world = {product: value for (partner, product), value in mine.items() if partner == 0}
        goods = {product: value for product, value in world.items() if product != "TOTAL"}
        of_partners = {place: value for place, value in mine.items() if place[0] != 0 and place[1] in world}
        has_partners = {product for _, product in of_partners}
        checks[flow] = {
            "rows": len(mine),
            "level": max((len(product) for _, product in mine if product != "TOTAL"), default=None),
            "products_usd": math.fsum(value for (_, product), value in mine.items() if product != "TOTAL"),
            "n_products": len(goods),
            "world_usd": math.fsum(goods.values()),
            "world_vs_partners": _ratio(of_partners.values(), [world[product] for product in has_partners]),
            "total_vs_products": _ratio(goods.values(), [world[one] for one in ("TOTAL",) if one in world]),
            "residual_share": _ratio(
                (value for product, value in goods.items() if product.startswith("9999")), goods.values()
            ),
        }
    return checks


def _ratio(part: Iterable[float], whole: Iterable[float]) -> float | None:
    """Of two sums; None where there is nothing to divide by."""
    below = math.fsum(whole)
    ratio = math.fsum(part) / below if below > 0 else math.inf
    return ratio if math.isfinite(ratio) else None
