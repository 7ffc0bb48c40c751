"""Rows of one file: totals of every level and partner, and components of some totals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from minsum.synth.economies import partner_codes
from minsum.synth.nomenclature import Nomenclature
from minsum.synth.spec import F64, I64, WorldSpec
from minsum.synth.trade import Cells, apportioned

FLOWS: Final = ("M", "X", "RX", "DX")
BY_TRANSPORT, BY_CUSTOMS, BY_PARTNER2, BY_CUSTOMS_AND_TRANSPORT = range(4)
_MOST_PARTS: Final = 4
_LEAST_MILS: Final = 1_000
"""Smaller values are not broken down, so that no part is zero."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a file, each total followed by its components. All arrays have shape (n_rows,).

    Attributes
    ----------
    flow
        Index in `FLOWS`.
    code
        Index in the nomenclature's codes.
    partner
        Index in `partner_codes()`; 0 is the World.
    part
        0 for a total, 1, 2, ... for its components.
    kind
        What a component is broken down by: `BY_TRANSPORT` and so on; without meaning for a total.
    mils
        Value in thousandths of a dollar.
    """

    flow: I64
    code: I64
    partner: I64
    part: I64
    kind: I64
    mils: I64

    def __len__(self) -> int:
        return len(self.mils)

    def sliced(self, start: int, stop: int) -> Rows:
        """Rows from `start` up to `stop`."""
        cut = slice(start, stop)
        return Rows(
            self.flow[cut], self.code[cut], self.partner[cut], self.part[cut], self.kind[cut], self.mils[cut]
        )


def total_rows(flows: dict[str, Cells], nomenclature: Nomenclature) -> Rows:
    """World and partner rows of all levels, of several flows."""
    tables = [(FLOWS.index(name), *_rolled_up(cells, nomenclature)) for name, cells in flows.items()]
    flow = np.concatenate([np.full(len(mils), index) for index, _, _, mils in tables])
    code, partner, mils = (np.concatenate([table[column] for table in tables]) for column in (1, 2, 3))
    nothing = np.zeros(len(mils), dtype=np.int64)
    return Rows(flow=flow, code=code, partner=partner, part=nothing, kind=nothing, mils=mils)


def _rolled_up(cells: Cells, nomenclature: Nomenclature) -> tuple[I64, I64, I64]:
    """Code, partner and mils of every row of one flow, from TOTAL down to six digits."""
    n_partners = len(partner_codes())
    pieces = []
    for parent in (*reversed(nomenclature.parents), np.arange(nomenclature.n_six_digit)):
        key, mils = _sums(parent[cells.product] * n_partners + cells.partner, cells.mils)
        code, world = _sums(key // n_partners, mils)
        pieces.append((code, np.zeros_like(code), world))
        pieces.append((key // n_partners, key % n_partners, mils))
    code, partner, mils = (np.concatenate(column) for column in zip(*pieces, strict=True))
    return code, partner, mils


def _sums(key: I64, mils: I64) -> tuple[I64, I64]:
    """The keys that occur, ascending, and the sum of each."""
    order = np.argsort(key)
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    return key[first], np.add.reduceat(mils[order], first)


def with_components(spec: WorldSpec, code: int, *, year: int, totals: Rows) -> Rows:
    """Add components under random totals until the file has the rows its spec asks for."""
    rng = spec.stream("components", code, year)
    wanted = max(spec.rows_of(code) - len(totals), len(totals) // 3)
    chosen = rng.permutation(np.flatnonzero(totals.mils >= _LEAST_MILS))
    n_parts = rng.integers(2, _MOST_PARTS + 1, len(chosen))
    n_chosen = max(1, int(np.searchsorted(np.cumsum(n_parts), wanted)))
    parts = np.zeros(len(totals), dtype=np.int64)
    parts[chosen[:n_chosen]] = n_parts[:n_chosen]
    return _expanded(rng, totals, parts)


def _expanded(rng: np.random.Generator, totals: Rows, parts: I64) -> Rows:
    """Each total followed by its `parts` components, whose values add up to it."""
    owner = np.repeat(np.arange(len(totals)), parts + 1)
    first = np.cumsum(parts + 1) - (parts + 1)
    part = np.arange(len(owner)) - first[owner]
    mils = totals.mils[owner]
    is_component = part > 0
    broken = np.flatnonzero(parts)
    weight: F64 = rng.uniform(0.2, 1.0, int(parts.sum()))
    mils[is_component] = apportioned(totals.mils[broken], weight, np.cumsum(parts[broken]) - parts[broken])
    kind = rng.integers(BY_TRANSPORT, BY_CUSTOMS_AND_TRANSPORT + 1, len(totals))
    return Rows(
        flow=totals.flow[owner],
        code=totals.code[owner],
        partner=totals.partner[owner],
        part=part,
        kind=kind[owner],
        mils=mils,
    )
