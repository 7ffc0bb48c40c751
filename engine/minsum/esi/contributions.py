"""Table `section_esi`: contributions by section of the HS to the similarity with chosen references."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from minsum.esi.baskets import Baskets, F64Matrix, shares_of
from minsum.esi.columns import labelled, table_of
from minsum.esi.groups import of_year
from minsum.esi.references import References, member_rows, member_values, merged
from minsum.schema import SECTIONS
from minsum.settings.esi import Esi
from minsum.workspace.similarities import preferred_codes
from minsum_kernels import segment_min_sum

F64Array = NDArray[np.float64]

_STARTS: Final = [f"{first:02}" for _, first, _, _ in SECTIONS]
"""First chapter of each section."""


def section_table(baskets: Baskets, chosen: Sequence[str], options: Esi, *, year: int) -> pa.Table:
    """Contributions of one classification and year, by reference as chosen, reporter by code, and section.

    Parameters
    ----------
    baskets
        Exports of the countries. Mirrored countries are left out.
    chosen
        Countries and composites to compare with. Those without data, or with too few products, have no rows.
    options
        Composites, reporters and guard.
    year
        Of the baskets.
    """
    if baskets.is_mirror is not None and baskets.is_mirror.any():
        baskets = baskets.reported(np.flatnonzero(~baskets.is_mirror))
    references = of_year(options.references, year, baskets.labels)[0]
    found = ((name, _members(baskets, name, references, options.min_products)) for name in chosen)
    members = {name: shares for name, shares in found if shares is not None}
    labels, names = (np.array(one, dtype=np.str_) for one in (baskets.labels, list(members)))
    bounds = np.array([*(bisect_left(baskets.products, start) for start in _STARTS), len(baskets.products)])
    sections = np.flatnonzero(np.diff(bounds))
    r, i = np.nonzero(_is_compared(baskets, options) & (labels != names[:, None]))
    contributions = _by_reference(baskets.shares(), list(members.values()), bounds)[r, i][:, sections]
    return table_of({
        "year": np.full(contributions.size, year, dtype=np.int16),
        "reporter": labelled(np.repeat(i, len(sections)), baskets.labels),
        "reference": labelled(np.repeat(r, len(sections)), list(members)),
        "section": labelled(np.tile(sections, len(i)), [name for name, *_ in SECTIONS]),
        "contribution": contributions.ravel(),
    })  # fmt: skip


def _members(baskets: Baskets, reference: str, references: References, min_products: int) -> F64Matrix | None:
    """Shares of the basket or baskets of a reference; None without data of a member, or with too few products."""
    composite = references.get(reference)
    names, rule = (composite.members, composite.rule) if composite else ((reference,), "pooled")
    rows, absent = member_rows(baskets, names, rule)
    if composite is None:
        kept = preferred_codes(baskets.codes[rows].tolist())
        rows = [row for row in rows if baskets.codes[row] in kept]
    if absent or not rows:
        return None
    members = merged(shares_of(*member_values(baskets, rows, rule)), rule)
    return members if (members.max(axis=0) > 0).sum() >= min_products else None


def _is_compared(baskets: Baskets, options: Esi) -> NDArray[np.bool_]:
    """Whether a country has rows: enough products, asked for, and of two codes with its label the one in use."""
    is_wanted = np.isin(baskets.labels, list(options.reporters)) if options.reporters else True
    is_kept = np.isin(baskets.codes, list(preferred_codes(baskets.codes.tolist())))
    is_thick = np.count_nonzero(baskets.values, axis=1) >= options.min_products
    return is_thick & is_kept & is_wanted  # type: ignore[no-any-return]


def _by_reference(shares: F64Matrix, references: Sequence[F64Matrix], bounds: NDArray[np.intp]) -> F64Array:
    """Contributions, shape (n_references, n_countries, n_segments): of several baskets of a reference the mean."""
    n_products = shares.shape[1]
    split = segment_min_sum(shares, np.vstack([np.empty((0, n_products)), *references]), bounds)
    found = np.empty((len(references), len(shares), len(bounds) - 1))
    first = 0
    for contributions, members in zip(found, references, strict=True):
        contributions[:] = split[:, :, first : first + len(members)].mean(axis=2).T
        first += len(members)
    return found
