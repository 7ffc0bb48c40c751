"""Tables of pairs of one classification and year: similarity and complementarity."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.esi.baskets import Baskets, F64Matrix, shares_of
from minsum.esi.columns import labelled, numbers, table_of
from minsum.esi.references import References, Similarity, composite, member_rows
from minsum.schema import TABLES
from minsum.settings.esi import Rule
from minsum_kernels import common_counts, cross_min_sum, pairwise_min_sum

if TYPE_CHECKING:
    import pyarrow as pa

    from minsum.esi.interval import Sides


@dataclass(frozen=True, slots=True)
class PairOptions:
    """Options of a table of pairs.

    Attributes
    ----------
    year
        Year of the table.
    min_products
        Below this many products on either side the value is null, with a reason.
    reporters
        ISO3 labels of the rows; empty means all.
    """

    year: int
    min_products: int
    reporters: Collection[str] = ()


def similarity_table(
    baskets: Baskets, options: PairOptions, references: References
) -> tuple[pa.Table, dict[str, list[str]]]:
    """The esi table of one classification and year, sorted by reporter and reference.

    Parameters
    ----------
    baskets
        Exports of the countries to compare.
    options
        Year, reporters and guard.
    references
        The composites.

    Returns
    -------
    The table, and for each composite that could not be formed the members without data. Where vintages were
    brought together, the columns `schema.HARMONISED` follow.
    """
    found = _matrices(baskets, references)
    if baskets.is_mirror is not None and baskets.is_mirror.any():
        rows = np.flatnonzero(~baskets.is_mirror)
        _keep(_matrices(baskets.reported(rows), references), found, rows)
    columns = _columns(baskets, found.parts[0].n_common.diagonal(), found.parts, found.names, options)
    cells = _cells(baskets, found.names, options)
    if found.sides is not None:
        too_few = pl.Series(columns["reason"].is_valid()).to_numpy()
        columns |= _origins(found.sides, cells, too_few)
    if baskets.is_mirror is not None:
        columns |= _sources(baskets.is_mirror, found.members, cells)
    return table_of(columns), found.absent


@dataclass(frozen=True, slots=True)
class _Matrices:
    """Similarities of every country with every country and composite, before they become rows.

    Attributes
    ----------
    names
        Label and code of each reference; composites have no code.
    parts
        The countries, then each composite.
    members
        Rows of the members of each composite.
    absent
        Composites that could not be formed, and their members without data.
    sides
        Vintages and intervals; None where everything is as filed.
    """

    names: list[tuple[str, int | None]]
    parts: list[Similarity]
    members: list[list[int]]
    absent: dict[str, list[str]]
    sides: Sides | None


def _matrices(baskets: Baskets, references: References) -> _Matrices:
    shares = baskets.shares()
    parts = [_pairs(baskets, shares)]
    names: list[tuple[str, int | None]] = list(zip(baskets.labels, baskets.codes.tolist(), strict=True))
    absent: dict[str, list[str]] = {}
    formed: list[tuple[list[int], Rule]] = []
    for name, one in sorted(references.items()):
        rule = one.rule
        rows, missing = member_rows(baskets, one.members, rule)
        if missing:
            absent[name] = missing
            continue
        parts.append(composite(baskets, shares, rows, rule))
        names.append((name, None))
        formed.append((rows, rule))
    found = None
    if baskets.provenance is not None:
        from minsum.esi.interval import Formed, sides

        esi = np.hstack([part.esi for part in parts])
        found = sides(baskets, baskets.provenance, esi, [Formed(*one) for one in formed])
    return _Matrices(names, parts, [rows for rows, _ in formed], absent, found)


def _keep(own: _Matrices, found: _Matrices, rows: NDArray[np.intp]) -> None:
    """Use the values computed without mirrors for reported countries: sums over more products differ in the last bit.

    Composites with a mirrored member keep their value: without the member they would be different composites.
    """
    n_all, n_own, reported = len(found.parts[0].esi), len(rows), set(rows.tolist())
    place = {name: k for k, name in enumerate(found.names)}
    found.parts[0].esi[np.ix_(rows, rows)] = own.parts[0].esi
    same, theirs = list(range(n_own)), rows.tolist()
    for k, part in enumerate(own.parts[1:]):
        column = place[own.names[n_own + k]]
        if reported.issuperset(found.members[column - n_all]):
            found.parts[1 + column - n_all].esi[rows] = part.esi
            same.append(n_own + k)
            theirs.append(column)
    if found.sides is not None and own.sides is not None:
        found.sides.low[np.ix_(rows, theirs)] = own.sides.low[:, same]
        found.sides.high[np.ix_(rows, theirs)] = own.sides.high[:, same]


def level_tables(
    baskets: Iterable[tuple[int, Baskets]], options: PairOptions, references: References
) -> Iterator[pa.Table]:
    """The esi tables of several levels of one year, each with its level as the last column."""
    for level, of_level in baskets:
        table, _ = similarity_table(of_level, options, references)
        levels = numbers(np.full(table.num_rows, level, dtype=np.int8))
        yield table.add_column(len(TABLES["esi"]), "level", levels)


def complementarity_table(exports: Baskets, imports: Baskets, options: PairOptions) -> pa.Table:
    """Trade complementarity of every exporter with every importer, sorted by reporter and partner.

    Notes
    -----
    TCI_ir = sum_j min(x_ij, m_rj), x shares of i's exports, m shares of r's imports: Michaely (1996), Trade
    preferential agreements in Latin America, World Bank working paper 1583, on the unit interval.
    """
    products = sorted({*exports.products, *imports.products})
    sold, bought = (_over(products, side) for side in (exports, imports))
    against = Similarity(
        esi=cross_min_sum(sold, bought),
        n_reference=(bought > 0).sum(axis=1, dtype=np.int32)[None],
        n_common=common_counts(sold, bought),
        residual_reference=imports.residual_share[None],
        is_rebuilt=imports.is_rebuilt[None],
    )
    n_exports = (sold > 0).sum(axis=1, dtype=np.int32)
    names = list(zip(imports.labels, imports.codes.tolist(), strict=True))
    columns = _columns(exports, n_exports, [against], names, options)
    ours = {
        "tci": "esi", "partner": "reference", "partner_code": "reference_code", "n_exports": "n_reporter",
        "n_imports": "n_reference", "residual_exports": "residual_reporter",
        "residual_imports": "residual_reference",
    }  # fmt: skip
    order = [column.name for column in TABLES["complementarity"]]
    return table_of({name: columns[ours.get(name, name)] for name in order})


def _over(products: Sequence[str], baskets: Baskets) -> F64Matrix:
    """Shares of both baskets over the union of their products."""
    values = np.zeros((len(baskets.labels), len(products)))
    values[:, np.searchsorted(products, baskets.products)] = baskets.values
    return shares_of(values, baskets.outside)


def _pairs(baskets: Baskets, shares: F64Matrix) -> Similarity:
    counts = common_counts(shares)
    return Similarity(
        esi=pairwise_min_sum(shares),
        n_reference=counts.diagonal()[None],
        n_common=counts,
        residual_reference=baskets.residual_share[None],
        is_rebuilt=baskets.is_rebuilt[None],
    )


def _columns(
    baskets: Baskets,
    n_reporter: NDArray[np.int32],
    parts: Sequence[Similarity],
    names: Sequence[tuple[str, int | None]],
    options: PairOptions,
) -> dict[str, Any]:
    """Columns of the esi table from matrices of countries by references, (label, code) each."""
    labels = [label for label, _ in names]
    i, r = _cells(baskets, names, options)
    codes = np.array([-1 if code is None else code for _, code in names], dtype=np.int32)

    def cells(name: str) -> NDArray[np.generic]:
        whole = [np.broadcast_to(getattr(part, name), part.esi.shape) for part in parts]
        picked: NDArray[np.generic] = np.hstack(whole)[i, r]
        return picked

    n_reference = cells("n_reference")
    too_few = np.minimum(n_reporter[i], n_reference) < options.min_products
    why = [f"fewer than {options.min_products} products"]
    return {
        "year": np.full(len(i), options.year, dtype=np.int16),
        "reporter": labelled(i, baskets.labels),
        "reference": labelled(r, labels),
        "reporter_code": baskets.codes[i],
        "reference_code": numbers(codes[r], missing=codes[r] < 0),
        "esi": numbers(cells("esi"), missing=too_few),
        "n_reporter": n_reporter[i],
        "n_reference": n_reference,
        "n_common": cells("n_common"),
        "residual_reporter": baskets.residual_share[i],
        "residual_reference": cells("residual_reference"),
        "is_rebuilt": np.logical_or(baskets.is_rebuilt[i], cells("is_rebuilt")),
        "reason": labelled(np.zeros(len(i)), why, missing=~too_few),
    }


def _cells(
    baskets: Baskets, names: Sequence[tuple[str, int | None]], options: PairOptions
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of each pair in the order of the table: by reporter and reference, none with itself."""
    by_reporter = np.lexsort((baskets.codes, np.array(baskets.labels, dtype=np.str_)))
    if options.reporters:
        by_reporter = by_reporter[[baskets.labels[i] in options.reporters for i in by_reporter]]
    labels = np.array([label for label, _ in names], dtype=np.str_)
    by_reference = np.lexsort((np.arange(len(names)), labels))
    i, r = (axis.ravel() for axis in np.meshgrid(by_reporter, by_reference, indexing="ij"))
    own = np.array([-1 if code is None else code for _, code in names])
    keep = baskets.codes[i] != own[r]
    return i[keep], r[keep]


def _origins(
    found: Sides, cells: tuple[NDArray[np.intp], NDArray[np.intp]], too_few: NDArray[np.bool_]
) -> dict[str, Any]:
    """Columns on vintages and the interval, in the order of the table."""
    from minsum.esi.interval import LABELS

    i, r = cells
    return {
        "vintage_reporter": labelled(found.own[i], LABELS),
        "vintage_reference": labelled(found.vintage[i, r], LABELS),
        "converted_reporter": found.converted_own[i],
        "converted_reference": found.converted[i, r],
        "esi_low": numbers(found.low[i, r], missing=too_few),
        "esi_high": numbers(found.high[i, r], missing=too_few),
        "is_merged": found.is_merged[i, r],
    }


def _sources(
    is_mirror: NDArray[np.bool_],
    members: Sequence[list[int]],
    cells: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> dict[str, Any]:
    """Columns that say whether a basket was reported, in the order of the table."""
    words = ["reported", "mirror"]
    of_reference = np.append(is_mirror, [bool(is_mirror[rows].any()) for rows in members])
    i, r = cells
    return {
        "source_reporter": labelled(is_mirror[i], words),
        "source_reference": labelled(of_reference[r], words),
    }
