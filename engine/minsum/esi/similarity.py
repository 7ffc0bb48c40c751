"""The esi table of one classification and year."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from minsum.esi.baskets import Baskets, F64Matrix
from minsum.esi.references import Rule, Similarity, composite
from minsum_kernels import common_counts, pairwise_min_sum

References = Mapping[str, tuple[tuple[str, ...], Rule]]


def similarity_table(
    baskets: Baskets, *, year: int, references: References, min_products: int
) -> tuple[pa.Table, dict[str, list[str]]]:
    """The esi table of one classification and year, sorted by reporter and reference.

    Parameters
    ----------
    baskets
        Exports of the countries to compare.
    year
        Goes into the table.
    references
        Name of a composite to (members, rule).
    min_products
        Below this many products on either side the similarity is null, with a reason.

    Returns
    -------
    The table, and for each composite that could not be formed the members without data.
    """
    shares = baskets.shares()
    parts = [_pairs(baskets, shares)]
    names: list[tuple[str, int | None]] = list(zip(baskets.labels, baskets.codes.tolist(), strict=True))
    absent: dict[str, list[str]] = {}
    for name, (members, rule) in sorted(references.items()):
        rows = [baskets.labels.index(member) for member in members if member in baskets.labels]
        if len(rows) < len(members):
            absent[name] = [member for member in members if member not in baskets.labels]
            continue
        parts.append(composite(baskets, shares, rows, rule))
        names.append((name, None))
    return _table(baskets, parts, names, min_products=min_products, year=year), absent


def _pairs(baskets: Baskets, shares: F64Matrix) -> Similarity:
    counts = common_counts(shares)
    return Similarity(
        pairwise_min_sum(shares), counts.diagonal(), counts, baskets.residual_share, baskets.is_rebuilt
    )


def _table(
    baskets: Baskets,
    parts: list[Similarity],
    names: list[tuple[str, int | None]],
    *,
    min_products: int,
    year: int,
) -> pa.Table:
    n_references = len(names)
    labels = [label for label, _ in names]
    by_reporter = np.lexsort((baskets.codes, np.array(baskets.labels)))
    by_reference = np.lexsort((np.arange(n_references), np.array(labels)))
    i, r = (axis.ravel() for axis in np.meshgrid(by_reporter, by_reference, indexing="ij"))
    keep = i != r
    i, r = i[keep], r[keep]
    esi = np.hstack([part.esi for part in parts])[i, r]
    n_reporter = parts[0].n_reference
    n_reference = np.concatenate([part.n_reference for part in parts])
    too_few = np.minimum(n_reporter[i], n_reference[r]) < min_products
    words = pa.array([f"fewer than {min_products} products"])
    return pa.table(
        {
            "year": pa.array(np.full(len(i), year, dtype=np.int16)),
            "reporter": pa.DictionaryArray.from_arrays(i.astype(np.int32), baskets.labels),
            "reference": pa.DictionaryArray.from_arrays(r.astype(np.int32), labels),
            "reporter_code": baskets.codes[i],
            "reference_code": pa.array([code for _, code in names], pa.int32()).take(pa.array(r)),
            "esi": pa.array(esi, mask=too_few),
            "n_reporter": n_reporter[i],
            "n_reference": n_reference[r],
            "n_common": np.hstack([part.n_common for part in parts])[i, r],
            "residual_reporter": baskets.residual_share[i],
            "residual_reference": np.concatenate([part.residual_reference for part in parts])[r],
            "is_rebuilt": baskets.is_rebuilt[i] | np.concatenate([part.is_rebuilt for part in parts])[r],
            "reason": pa.DictionaryArray.from_arrays(
                pa.array(np.zeros(len(i), dtype=np.int32), mask=~too_few), words
            ),
        }
    )
