"""From the rows of one reporter-year to its finished table: unique, complete and checked.

Everything is a sum or a comparison over arrays sorted by one integer key, in a fixed order, so the
result does not depend on threads or on the order of files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from minsum.flows.codes import TOTAL_CODE, is_residual, sort_key
from minsum.flows.figures import has_figures, put_figures, settle_repeats, sum_figures
from minsum.schema import FLOWS
from minsum_kernels.cells import CellGrid, cell_grid, order_cells, rank_codes

WORLD_TOLERANCE: Final = 0.005
"""World and the sum of partners may differ by half a per cent before it counts as a discrepancy."""

_EXCESS: Final = 1 + 1e-6
"""A product may exceed its TOTAL by rounding only."""

Rows = NDArray[np.void]
Repairs = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Built:
    """One reporter-year, ready to publish.

    Attributes
    ----------
    products
        Product codes of `codes.encode_products`, ascending, `TOTAL` last.
    rows
        dtype `codes.ROW` or `codes.FIGURED_ROW`, sorted by flow, partner and product, each combination once; `product` is a
        position in `products`.
    is_rebuilt
        Rows that are sums of ours in place of a missing or impossible figure, shape (n,).
    repairs
        How many rows each repair touched and the USD they hold.
    checks
        Identity checks per flow.
    """

    products: NDArray[np.uint32]
    rows: Rows
    is_rebuilt: NDArray[np.bool_]
    repairs: Repairs
    checks: dict[str, dict[str, float | int | None]]


def build(rows: Rows, *, is_complete: bool, has_world_rows: bool) -> Built:
    """Apply uniqueness, rebuilds and identity checks.

    Parameters
    ----------
    rows
        What the row rules kept (`breakdown` 0) and the parts of totals (`breakdown` not 0), any order.
    is_complete
        Whether the rows are a whole reporter-year. Nothing is rebuilt from a slice: its partners or
        parts may be a choice of the user's.
    has_world_rows
        False for sources that by definition hold neither World nor TOTAL rows.
    """
    repairs: Repairs = {}
    products = rank_products(rows)
    kept_at, orphans_at, n_repeats = order_cells(
        rows["flow"], rows["partner"], rows["product"],
        breakdown=rows["breakdown"], n_products=len(products),
    )  # fmt: skip
    kept = rows.take(kept_at)  # an eighth of the time of rows[kept_at]
    if n_repeats:
        kept = _unique(kept, repairs)
    if not has_world_rows:
        kept = _define_sums(kept, len(products))
    is_rebuilt = np.zeros(len(kept), dtype=np.bool_)
    if is_complete and has_world_rows:
        totals = _rebuild_totals(rows.take(orphans_at), repairs)
        kept, is_rebuilt = _with_rebuilt(kept, is_rebuilt, totals)
        kept, is_rebuilt = _mend_world(kept, is_rebuilt, len(products), repairs)
    return Built(products, kept, is_rebuilt, repairs, identity_checks(kept, products))


def rank_products(rows: Rows) -> NDArray[np.uint32]:
    """Distinct product codes with `TOTAL`, ascending; in the rows they give way to their positions."""
    return rank_codes(rows["product"], always=TOTAL_CODE)


def _key(rows: Rows) -> NDArray[np.int64]:
    return sort_key(rows["flow"], rows["partner"], rows["product"])


def _with_rebuilt(rows: Rows, is_rebuilt: NDArray[np.bool_], added: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Rebuilt rows merged into sorted ones."""
    if not len(added):
        return rows, is_rebuilt
    rows = np.concatenate([rows, added])
    order = np.argsort(_key(rows), kind="stable")
    return rows[order], np.append(is_rebuilt, np.ones(len(added), dtype=np.bool_))[order]


def _unique(rows: Rows, repairs: Repairs) -> Rows:
    """Sorted rows, some of which repeat a key, each key once with the largest value of unequal repeats."""
    key = _key(rows)
    first = np.flatnonzero(np.append(True, key[1:] != key[:-1]))
    largest = np.maximum.reduceat(rows["value"], first)
    repeats = np.diff(np.append(first, len(rows))) - 1
    is_conflict = np.minimum.reduceat(rows["value"], first) != largest
    dropped = _ordered_sums(rows["value"], key, first) - largest
    for name, chosen in (("duplicates", (repeats > 0) & ~is_conflict), ("conflicts", is_conflict)):
        if chosen.any():
            repairs[name] = {"rows": int(repeats[chosen].sum()), "usd": float(dropped[chosen].sum())}
    kept: Rows = rows[first]
    kept["value"] = largest
    settle_repeats(kept, rows, first)
    return kept


def _ordered_sums(
    value: NDArray[np.float64], key: NDArray[np.int64], first: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Sums of runs of equal keys, each added in ascending order: the order of files does not matter."""
    order = np.lexsort((value, key))
    return np.add.reduceat(value[order], first)


def _rebuild_totals(orphans: Rows, repairs: Repairs) -> Rows:
    """Totals of cells that have parts only, each from the one breakdown that covers most of it."""
    if not len(orphans):
        return orphans
    orphans = _unique_parts(orphans[_is_outermost(orphans)], repairs)
    cell = _key(orphans)
    order = np.lexsort((orphans["value"], orphans["breakdown"], cell))
    orphans, cell = orphans[order], cell[order]
    is_start = np.append(
        True, (cell[1:] != cell[:-1]) | (orphans["breakdown"][1:] != orphans["breakdown"][:-1])
    )
    starts = np.flatnonzero(is_start)
    sums = np.add.reduceat(orphans["value"], starts)
    best = np.lexsort((-sums, cell[starts]))
    best = best[np.append(True, np.diff(cell[starts][best]) != 0)]
    totals: Rows = orphans[starts[best]].copy()
    totals["value"], totals["breakdown"], totals["mot"] = sums[best], 0, 0
    if has_figures(orphans):
        put_figures(totals, slice(None), sum_figures(orphans, np.cumsum(is_start) - 1, len(starts))[best])
    repairs["totals_rebuilt"] = {"rows": len(totals), "usd": float(totals["value"].sum())}
    return totals


def _unique_parts(parts: Rows, repairs: Repairs) -> Rows:
    """Each part once, the largest value of repeats."""
    order = np.lexsort((-parts["value"], parts["part"], parts["breakdown"], _key(parts)))
    parts = parts[order]
    key = _key(parts)
    is_repeat = (key[1:] == key[:-1]) & (parts["part"][1:] == parts["part"][:-1])
    is_repeat = np.append(False, is_repeat & (parts["breakdown"][1:] == parts["breakdown"][:-1]))
    if is_repeat.any():
        repairs["parts_repeated"] = {
            "rows": int(is_repeat.sum()), "usd": float(np.sort(parts["value"][is_repeat]).sum()),
        }  # fmt: skip
    distinct: Rows = parts[~is_repeat]
    settle_repeats(distinct, parts, np.flatnonzero(~is_repeat))
    return distinct


def _is_outermost(parts: Rows) -> NDArray[np.bool_]:
    """False for a mode of transport whose group (2100 in 2000) is there too: it is part of that part."""
    group = parts["mot"] // 1000 * 1000
    by_group = np.stack([_key(parts), parts["breakdown"].astype(np.int64), group.astype(np.int64)], axis=1)
    heads = {tuple(row) for row in by_group[(parts["mot"] == group) & (group > 0)].tolist()}
    return np.array(
        [mot == whole or tuple(row) not in heads
         for mot, whole, row in zip(parts["mot"].tolist(), group.tolist(), by_group.tolist(), strict=True)],
        dtype=np.bool_,
    )  # fmt: skip


def _grid(rows: Rows, n_products: int) -> CellGrid:
    return cell_grid(
        rows["flow"], rows["partner"], rows["product"], rows["value"], shape=(len(FLOWS), n_products)
    )


def _mend_world(
    rows: Rows, is_rebuilt: NDArray[np.bool_], n_products: int, repairs: Repairs
) -> tuple[Rows, NDArray[np.bool_]]:
    """Rebuild missing and impossible World values from partners; count those that disagree."""
    grid = _grid(rows, n_products)
    # TOTAL is the last product; a product above its flow's TOTAL by more than rounding is impossible.
    too_big = grid.world > grid.world[:, -1:] * _EXCESS
    slipped = too_big & grid.has_partners
    gap = np.abs(grid.world - grid.partners)
    disagree = grid.has_partners & ~too_big & (gap > WORLD_TOLERANCE * grid.world)
    missing = grid.has_partners & np.isnan(grid.world)
    for name, cells, usd in (
        ("world_missing", missing, grid.partners),
        ("world_impossible", slipped, grid.world),
        ("world_unresolved", too_big & ~grid.has_partners, grid.world),
        ("world_discrepancies", disagree, gap),
    ):
        if cells.any():
            repairs[name] = {"rows": int(cells.sum()), "usd": float(usd[cells].sum())}
    if slipped.any():
        hit = (rows["partner"] == 0) & slipped.ravel()[grid.cell_of]
        rows, is_rebuilt = rows.copy(), is_rebuilt.copy()
        rows["value"][hit] = grid.partners.ravel()[grid.cell_of[hit]]
        is_rebuilt[hit] = True
        if has_figures(rows):
            put_figures(rows, hit, _partner_figures(rows, grid)[grid.cell_of[hit]])
    return _with_rebuilt(rows, is_rebuilt, _world_rows(rows, grid, missing))


def _world_rows(rows: Rows, grid: CellGrid, cells: NDArray[np.bool_]) -> Rows:
    flow, product = np.nonzero(cells)
    added = np.zeros(len(flow), dtype=rows.dtype)
    added["flow"], added["product"], added["value"] = flow, product, grid.partners[cells]
    if has_figures(rows):
        put_figures(added, slice(None), _partner_figures(rows, grid)[cells.ravel()])
    return added


def _partner_figures(rows: Rows, grid: CellGrid) -> Rows:
    """Figures of the partners of each cell, together."""
    is_partner = rows["partner"] != 0
    return sum_figures(rows[is_partner], grid.cell_of[is_partner], grid.world.size)


def _define_sums(rows: Rows, n_products: int) -> Rows:
    """Add TOTAL of every partner, then World of every product and of TOTAL."""
    pair = _key(rows) >> 32
    is_start = np.append(True, pair[1:] != pair[:-1])[: len(rows)]
    starts = np.flatnonzero(is_start)
    totals = rows[starts].copy()
    totals["product"] = n_products - 1
    totals["value"] = np.add.reduceat(rows["value"], starts) if len(rows) else 0
    if has_figures(rows):
        put_figures(totals, slice(None), sum_figures(rows, np.cumsum(is_start) - 1, len(starts)))
    rows = np.concatenate([rows, totals])
    grid = _grid(rows, n_products)
    rows = np.concatenate([rows, _world_rows(rows, grid, grid.has_partners)])
    return rows[np.argsort(_key(rows), kind="stable")]


def identity_checks(rows: Rows, products: NDArray[np.uint32]) -> dict[str, dict[str, float | int | None]]:
    """Identity checks of each flow, from its World rows; `product` is a position in `products`."""
    grid = _grid(rows, len(products))
    residual = is_residual(products)
    checks: dict[str, dict[str, float | int | None]] = {}
    for flow, count in enumerate(np.bincount(rows["flow"], minlength=len(FLOWS)).tolist()):
        if not count:
            continue
        world, partners = grid.world[flow], grid.partners[flow]
        both = grid.has_partners[flow] & ~np.isnan(world)
        goods = np.nan_to_num(world)
        goods[-1] = 0.0
        checks[FLOWS[flow]] = {
            "rows": count,
            "n_products": int((goods > 0).sum()),
            "world_usd": float(goods.sum()),
            "world_vs_partners": _ratio(partners[both].sum(), world[both].sum()),
            "total_vs_products": _ratio(goods.sum(), world[-1]),
            "residual_share": _ratio(goods[residual].sum(), goods.sum()),
        }
    return checks


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None
