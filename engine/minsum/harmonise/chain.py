"""Conversion matrix from an HS vintage to the target: the product of the steps between adjacent vintages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from minsum.harmonise.shipped import Pair
from minsum.harmonise.tables import Tables
from minsum.harmonise.vintages import BACI_OIL, UNSPECIFIED_CODE, is_residual, number_of, rank, steps
from minsum.harmonise.workbooks import Codes


@dataclass(frozen=True, slots=True)
class Conversion:
    """Share of each product of the source vintage that goes to each product of the target vintage.

    Attributes
    ----------
    products
        Codes of the source as numbers, ascending, shape (n_products,); 999999 is the last.
    targets
        Codes of the target as numbers, ascending, shape (n_targets,); 999999 is the last.
    shares
        Share of each product that goes to each target, sparse, shape (n_products, n_targets); rows sum to 1.
    """

    products: Codes
    targets: Codes
    shares: sp.csr_array

    def over(self, products: Sequence[str], targets: Sequence[str]) -> sp.csr_array:
        """Shares for a list of products and of targets, sparse, shape (n_products, n_targets).

        A product that the source vintage lacks goes to 999999; products marked by `unchanged` keep their code.
        `targets`, ascending, must hold the targets of this conversion and the unchanged products.
        """
        wanted = np.array([number_of(code) for code in products], dtype=np.int32)
        at = np.minimum(np.searchsorted(self.products, wanted), len(self.products) - 1)
        unchanged = self.unchanged(products)
        is_converted = (self.products[at] == wanted) & ~unchanged
        ordered = np.array(targets, dtype=np.str_)
        cells = sp.coo_array(self.shares[at])
        keep = is_converted[cells.row]
        column = np.searchsorted(ordered, np.array([f"{code:06d}" for code in self.targets.tolist()]))
        rest = np.flatnonzero(~is_converted)
        names = [products[k] if unchanged[k] else f"{UNSPECIFIED_CODE}" for k in rest.tolist()]
        elsewhere = np.searchsorted(ordered, np.array(names, dtype=np.str_))
        values = np.concatenate([cells.data[keep], np.ones(len(rest))])
        rows, columns = (
            np.concatenate([cells.row[keep], rest]),
            np.concatenate([column[cells.col[keep]], elsewhere]),
        )
        return sp.csr_array(sp.coo_array((values, (rows, columns)), shape=(len(products), len(targets))))

    def unmatched(self, products: Sequence[str]) -> NDArray[np.float64]:
        """Share of each product that goes to 999999 because it has no target, shape (n_products,)."""
        wanted = np.array([number_of(code) for code in products], dtype=np.int32)
        at = np.minimum(np.searchsorted(self.products, wanted), len(self.products) - 1)
        to_nothing = self.shares[:, [len(self.targets) - 1]].toarray()[:, 0]
        share = np.where(self.products[at] == wanted, to_nothing[at], 1.0)
        return np.where(self.unchanged(products), 0.0, share)

    def unchanged(self, products: Sequence[str]) -> NDArray[np.bool_]:
        """Which products keep their code: 9999xx, and BACI's 271000; shape (n_products,).

        H0 and H1 have a product 271000. Its conversion to a vintage without 271000 follows the tables, because
        BACI's 271000 cannot be told from a filed 271000.
        """
        oil = number_of(BACI_OIL)
        stays = oil not in self.products or oil in self.targets
        return np.array(
            [is_residual(code) or (stays and code == BACI_OIL) for code in products], dtype=np.bool_
        )


def chain(tables: Tables, source: str, target: str) -> Conversion:
    """Multiply the steps from source to target: newer to older or, with weights, older to newer.

    Raises
    ------
    DataCheckError
        If a table of a step is missing or bad.
    """
    products = targets = _codes(tables, source)
    shares = sp.csr_array(sp.eye_array(len(products), format="csr"))
    for step in steps(source, target):
        after = _codes(tables, step[1])
        shares = shares @ _step(tables, step, targets, after)
        targets = after
    shares = sp.csr_array(shares)
    shares.sort_indices()
    return Conversion(products, targets, shares)


def _codes(tables: Tables, vintage: str) -> Codes:
    return np.append(tables.codes()[vintage], np.int32(UNSPECIFIED_CODE))


def _step(tables: Tables, step: Pair, before: Codes, after: Codes) -> sp.csr_array:
    """Conversion matrix of one step; codes without a target, and 999999 itself, go to 999999."""
    weights = tables.weights(*step)
    if weights is not None:
        sources, targets, shares = weights.sources, weights.targets, weights.shares
    elif rank(step[1]) < rank(step[0]):
        table = tables.concordance(*step)
        sources, targets, shares = table.sources, table.targets, np.ones(len(table.sources))
    else:
        raise AssertionError(f"no weights {step[0]} to {step[1]}: Reach.gap should have said so")
    rest = before[~np.isin(before, sources, kind="table")]
    keep = np.isin(sources, before, kind="table")
    rows = np.searchsorted(before, np.concatenate([sources[keep], rest]))
    found = np.where(np.isin(targets[keep], after, kind="table"), targets[keep], UNSPECIFIED_CODE)
    columns = np.searchsorted(after, np.append(found, np.full(len(rest), UNSPECIFIED_CODE)))
    values = np.append(shares[keep], np.ones(len(rest)))
    return sp.csr_array(sp.coo_array((values, (rows, columns)), shape=(len(before), len(after))))
