"""Draws the bilateral trade of one reporter-year: cells by product and partner with exact sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from minsum.countries.codes import code_of
from minsum.synth.baskets import LARGEST_EXPORTS, MIL, product_log_size
from minsum.synth.economies import bloc_partners, partner_codes, relative_size, size_rank
from minsum.synth.nomenclature import Nomenclature
from minsum.synth.spec import F64, I64, WorldSpec

COMPONENT_SHARE: Final = 0.5
"""Share of a file's rows that break another row down."""
_ROWS_PER_PRODUCT: Final = 1.27
"""Measured: a product's World row and its part of those of headings and chapters."""
_FLOW_SHARES: Final = {"M": 0.46, "X": 0.42, "RX": 0.12}
_FLOW_SHARES_WITH_DX: Final = {"M": 0.36, "X": 0.28, "RX": 0.08, "DX": 0.28}


@dataclass(frozen=True, slots=True)
class Cells:
    """Six-digit trade by partner, sorted by product and partner, unique. All arrays have shape (n_cells,).

    Attributes
    ----------
    product
        Index of the six-digit code.
    partner
        Index in `partner_codes()`, never 0 (World).
    mils
        Value in thousandths of a dollar, positive.
    """

    product: I64
    partner: I64
    mils: I64

    def kept(self, mask: npt.NDArray[np.bool_]) -> Cells:
        """The cells under a mask."""
        return Cells(self.product[mask], self.partner[mask], self.mils[mask])


@dataclass(frozen=True, slots=True)
class Budget:
    """How large a reporter's flow is to be.

    Attributes
    ----------
    n_products
        Six-digit products traded.
    n_cells
        Product-partner cells.
    """

    n_products: int
    n_cells: int


def budget(spec: WorldSpec, code: int, flow: str) -> Budget:
    """Number of products and of cells for a flow's share of the file's rows."""
    rows = spec.rows_of(code) * (1 - COMPONENT_SHARE) * flow_shares(code)[flow]
    # Measured, 500 to 500,000 rows: a cell and what it adds to the partner rows of headings and chapters.
    rows_per_cell = 15 * rows**-0.172
    n_products = min(spec.products, int(rows / (rows_per_cell + _ROWS_PER_PRODUCT)))
    n_cells = int((rows - _ROWS_PER_PRODUCT * n_products) / rows_per_cell)
    return Budget(n_products=n_products, n_cells=max(n_cells, n_products))


def flow_shares(code: int) -> dict[str, float]:
    """Flows a reporter files and their parts of its rows; one in five files domestic exports too."""
    return _FLOW_SHARES_WITH_DX if code % 5 == 0 else _FLOW_SHARES


def apportioned(totals: I64, weight: F64, first: I64) -> I64:
    """Whole parts of whole totals, in proportion to weights, with exactly these sums.

    Parameters
    ----------
    totals
        One per group, shape (n_groups,).
    weight
        Positive, shape (n_parts,); the parts of a group stand together.
    first
        Position of each group's first part, shape (n_groups,), ascending from 0.

    Returns
    -------
    Shape (n_parts,), non-negative. What rounding leaves goes to the first part of the group.
    """
    size = np.diff(first, append=len(weight))
    rate = totals / np.add.reduceat(weight, first)
    # Just under 1, so that no float error can hand out more than there is.
    parts = (weight * np.repeat(rate, size) * (1 - 1e-12)).astype(np.int64)
    parts[first] += totals - np.add.reduceat(parts, first)
    return parts


def export_cells(spec: WorldSpec, code: int, *, year: int, world: I64) -> Cells:
    """World exports, in mils by six-digit code and of shape (n_six_digit,), split over partners."""
    rng = spec.stream("export partners", code, year)
    product = np.flatnonzero(world)
    n_cells = budget(spec, code, "X").n_cells
    weight = world[product].astype(np.float64)
    where, partner = _partners(rng, weight**0.25, n_cells, appeal=_appeal(code, at_home=0.0))
    first = np.searchsorted(where, np.arange(len(product)))
    pull = _pull(partner) * rng.lognormal(0.0, 1.2, len(partner))
    cells = Cells(product[where], partner, apportioned(world[product], pull, first))
    return cells.kept(cells.mils > 0)


def reexport_cells(spec: WorldSpec, code: int, *, year: int, exports: Cells) -> Cells:
    """Re-exports: a part of some export cells. X includes them."""
    rng = spec.stream("re-exports", code, year)
    wanted = budget(spec, code, "RX").n_cells / len(exports.mils)
    is_chosen = rng.random(len(exports.mils)) < wanted
    is_chosen[np.argmax(exports.mils)] = True
    part = np.where(is_chosen, rng.uniform(0.05, 0.8, len(exports.mils)), 0.0)
    cells = Cells(exports.product, exports.partner, (exports.mils * part).astype(np.int64))
    return cells.kept(cells.mils > 0)


def domestic_cells(exports: Cells, reexports: Cells, nomenclature: Nomenclature) -> Cells:
    """X minus RX, cell by cell."""
    n_partners = len(partner_codes())
    taken = np.zeros(nomenclature.n_six_digit * n_partners, dtype=np.int64)
    taken[reexports.product * n_partners + reexports.partner] = reexports.mils
    left = exports.mils - taken[exports.product * n_partners + exports.partner]
    return Cells(exports.product, exports.partner, left).kept(left > 0)


def import_cells(spec: WorldSpec, code: int, *, year: int, share_from_bloc: float) -> Cells:
    """Imports by partner, of which the bloc gives `share_from_bloc` up to rounding.

    Some reporters import from themselves (goods that come home), China always: such cells are not the bloc's.
    """
    rng = spec.stream("imports", code, year)
    limits = budget(spec, code, "M")
    product, weight = _import_weights(spec, code, year, limits.n_products)
    at_home = 0.3 if code == code_of("CHN") or code % 7 == 0 else 0.0
    bloc = bloc_partners(code)
    appeal = _appeal(code, at_home=at_home)
    # At least one partner of each kind, however small the file.
    certain = [int(np.argmax(appeal * bloc)), int(np.argmax(appeal * ~bloc))]
    where, partner = _partners(rng, weight**0.25, limits.n_cells, appeal=appeal, certain=certain)
    value = weight[where] * _pull(partner) * rng.lognormal(0.0, 1.2, len(partner))
    total = _imports_total(spec, code, year)
    is_bloc = bloc[partner]
    value[is_bloc] *= share_from_bloc * total / value[is_bloc].sum()
    value[~is_bloc] *= (1 - share_from_bloc) * total / value[~is_bloc].sum()
    cells = Cells(product[where], partner, np.rint(value).astype(np.int64))
    return cells.kept(cells.mils > 0)


def from_bloc(imports: Cells, reporter_code: int) -> float:
    """Share of imports from the bloc without the reporter itself, from the exact values."""
    is_bloc = bloc_partners(reporter_code)[imports.partner]
    return float(imports.mils[is_bloc].sum() / imports.mils.sum())


def _import_weights(spec: WorldSpec, code: int, year: int, n_products: int) -> tuple[I64, F64]:
    """Six-digit codes imported, the residual last, and their weights."""
    rng = spec.stream("import basket", code)
    size = product_log_size(spec)
    score = size + rng.normal(0.0, 1.0, len(size)) + rng.normal(0.0, 0.03, len(size)) * (year - 2012)
    product = np.sort(np.argsort(-score, kind="stable")[:n_products])
    weight = np.exp(score[product])
    return np.append(product, spec.products), np.append(weight, 0.01 * weight.sum())


def _imports_total(spec: WorldSpec, code: int, year: int) -> float:
    rng = spec.stream("imports total", code, year)
    size = LARGEST_EXPORTS * float(relative_size(size_rank(code)))
    return float(size * np.exp(0.04 * (year - 2012) + rng.normal(0.0, 0.2)) * MIL)


def _pull(partner: I64) -> F64:
    """Weight of each partner in a cell, from its size."""
    return np.asarray(relative_size(partner - 1) ** 0.6)


def _appeal(code: int, *, at_home: float) -> F64:
    """Weight of each partner index in the draw of partners. World has 0; the reporter's own is multiplied by `at_home`."""
    codes = partner_codes()
    appeal = np.append(0.0, relative_size(np.arange(len(codes) - 1)) ** 0.35)
    appeal[codes == code] *= at_home
    return appeal


def _partners(
    rng: np.random.Generator, weight: F64, n_cells: int, *, appeal: F64, certain: Sequence[int] = ()
) -> tuple[I64, I64]:
    """Partners of each product, at least one, more for larger products; repeats are merged.

    Parameters
    ----------
    rng
        Random numbers.
    weight
        Claim of each product on the cells beyond its first, shape (n_products,).
    n_cells
        Cells wanted, before repeats are merged.
    appeal
        Claim of each partner index, shape (n_partners,).
    certain
        Partners that the first product has in any case.

    Returns
    -------
    Position of the product and partner index of each cell, sorted by both.
    """
    extra = max(0, n_cells - len(weight))
    count = 1 + (extra * weight / weight.sum()).astype(np.int64)
    ends = np.cumsum(appeal)
    drawn = np.searchsorted(ends, rng.random(int(count.sum())) * ends[-1], side="right")
    key = np.repeat(np.arange(len(weight)), count) * len(appeal) + drawn
    key = np.unique(np.append(key, np.array(certain, dtype=np.int64)))
    return key // len(appeal), key % len(appeal)
