"""Families: sets of product codes, of all vintages of a chain, that the UN's links connect directly or indirectly."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from minsum.harmonise.tables import Tables
from minsum.harmonise.vintages import VINTAGES, rank
from minsum.harmonise.workbooks import Codes

Groups = dict[str, int]
"""Product of the target to the index of its group; products alone in their group are left out."""
Labels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Families:
    """Connected components of the graph of linked codes.

    Attributes
    ----------
    codes
        Vintage to its codes as numbers, ascending.
    family
        Vintage to the index of each code's family, from 0, shape (n_codes,).
    n_families
        Number of families.
    """

    codes: dict[str, Codes]
    family: dict[str, Labels]
    n_families: int

    def sizes(self, vintage: str) -> NDArray[np.intp]:
        """Number of codes of each family in a vintage, shape (n_families,)."""
        return np.bincount(self.family[vintage], minlength=self.n_families)

    def one_to_one(self, source: str, target: str) -> frozenset[str]:
        """Codes of the source whose family has exactly one code in the source and one in the target."""
        single = (self.sizes(source) == 1) & (self.sizes(target) == 1)
        return frozenset(f"{code:06d}" for code in self.codes[source][single[self.family[source]]].tolist())

    def groups(self, target: str, level: int) -> Groups:
        """Groups of the target's products at a level: families, merged where they share a code of that level.

        Parameters
        ----------
        target
            Vintage at the end of the chain.
        level
            Number of digits: codes with the same first `level` digits are one product.
        """
        heads, head = np.unique(self.codes[target] // 10 ** (6 - level), return_inverse=True)
        group = components(len(heads) + self.n_families, head, len(heads) + self.family[target])[: len(heads)]
        is_open = np.bincount(group)[group] > 1
        names = [f"{code:0{level}d}" for code in heads[is_open].tolist()]
        return dict(zip(names, group[is_open].tolist(), strict=True))


def families(tables: Tables, oldest: str, newest: str) -> Families:
    """Families over the vintages from oldest to newest.

    Edges are the UN's links between adjacent vintages, and the pairs of the weight files.
    """
    vintages = VINTAGES[rank(oldest) : rank(newest) + 1]
    codes = {vintage: tables.codes()[vintage] for vintage in vintages}
    sizes = [len(found) for found in codes.values()]
    first = dict(zip(vintages, np.cumsum([0, *sizes]).tolist(), strict=False))
    n_nodes = sum(sizes)
    ends = [np.zeros((0, 2), dtype=np.intp)]
    for older, newer in pairwise(vintages):
        links = _links(tables, newer, older)
        links = links[
            np.isin(links[:, 0], codes[newer], kind="table")
            & np.isin(links[:, 1], codes[older], kind="table")
        ]
        left = first[newer] + np.searchsorted(codes[newer], links[:, 0])
        right = first[older] + np.searchsorted(codes[older], links[:, 1])
        ends.append(np.stack([left, right], axis=1))
    left, right = np.concatenate(ends).T
    label = components(n_nodes, left, right)
    family = {vintage: label[first[vintage] : first[vintage] + len(codes[vintage])] for vintage in vintages}
    return Families(codes, family, int(label.max()) + 1)


def components(n_nodes: int, left: NDArray[np.integer], right: NDArray[np.integer]) -> Labels:
    """Index of each node's connected component, shape (n_nodes,)."""
    links = np.ones(len(left), dtype=np.int8)
    _, label = connected_components(
        sp.coo_array((links, (left, right)), shape=(n_nodes, n_nodes)), directed=False
    )
    return np.asarray(label, dtype=np.int32)


def _links(tables: Tables, newer: str, older: str) -> Codes:
    links = [tables.concordance(newer, older).links]
    for source, target in ((newer, older), (older, newer)):
        weights = tables.weights(source, target)
        if weights is not None:
            pair = (weights.sources, weights.targets)
            links.append(np.stack(pair if source == newer else pair[::-1], axis=1))
    return np.concatenate(links)
