"""Computes `esi/` year by year, only where the flows or the options changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from minsum.countries import is_group, iso3_of
from minsum.errors import MissingInputError, SettingsError
from minsum.esi.baskets import Baskets, Basis, F64Matrix, Residual, gather
from minsum.esi.references import Rule, Similarity, composite
from minsum.schema import check_table
from minsum.workspace import Footer, Layout, digest, footer_digest, partition_key, publish_table, read_footer
from minsum_kernels import common_counts, pairwise_min_sum

RECIPE: Final = "esi-1"


@dataclass(frozen=True, slots=True)
class EsiOptions:
    """What decides the similarities (methods.md, section 1).

    Attributes
    ----------
    basis, level, residual
        See `baskets.gather`.
    min_products
        A country with fewer products gets a null and a reason.
    years, reporters
        Which to compare; empty means all. Reporters by ISO3 label.
    references
        Name of a composite to (members, rule).
    """

    basis: Basis = "X"
    level: int = 6
    residual: Residual = "exclude"
    min_products: int = 1
    years: tuple[int, ...] = ()
    reporters: tuple[str, ...] = ()
    references: Mapping[str, tuple[tuple[str, ...], Rule]] = field(default_factory=dict)


@dataclass(slots=True)
class EsiReport:
    """What one run of the stage did.

    Attributes
    ----------
    computed, unchanged
        `classification/year` of the files written and of those that were current.
    absent
        `classification/year` to composite name to its members without data there.
    n_rows
        Rows written.
    """

    computed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    absent: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    n_rows: int = 0


def compute_esi(layout: Layout, options: EsiOptions, *, progress: Callable[[str, int, int], None]) -> EsiReport:
    """Bring `esi/` up to date with `flows/`.

    Raises
    ------
    MissingInputError
        If the lake holds nothing to compare.
    SettingsError
        If a composite takes the name of a country.
    """
    _check_names(options)
    groups = _groups(layout, options)
    if not groups:
        raise MissingInputError(
            f"{layout.flows}: no flows of the chosen years and reporters", "bring files in first: minsum ingest PATH"
        )
    report = EsiReport()
    for done, ((classification, year), files) in enumerate(groups.items()):
        target = layout.esi / f"classification={classification}" / f"{year}.parquet"
        name = f"{classification}/{year}"
        footer = _footer(files, options, classification=classification, year=year)
        if footer_digest(target) == footer["digest"]:
            report.unchanged.append(name)
            absent = read_footer(target)["absent"]
        else:
            table, absent = similarity_table(gather_files(files, options), options, year=year)
            check_table(table, "esi")
            publish_table(table, target, footer=footer | {"absent": absent}, layout=layout)
            report.computed.append(name)
            report.n_rows += table.num_rows
        if absent:
            report.absent[name] = absent
        progress("esi", done + 1, len(groups))
    _remove_others(layout, set(groups))
    return report


def gather_files(files: list[Path], options: EsiOptions) -> Baskets:
    """Baskets of one classification and year under the options."""
    return gather(files, basis=options.basis, level=options.level, residual=options.residual)


def similarity_table(baskets: Baskets, options: EsiOptions, *, year: int) -> tuple[pa.Table, dict[str, list[str]]]:
    """The esi table of one classification and year, sorted by reporter and reference.

    Returns
    -------
    The table, and for each composite that could not be formed the members without data.
    """
    shares = baskets.shares()
    parts = [_pairs(baskets, shares)]
    references: list[tuple[str, int | None]] = list(zip(baskets.labels, baskets.codes.tolist(), strict=True))
    absent: dict[str, list[str]] = {}
    for name, (members, rule) in sorted(options.references.items()):
        rows = [baskets.labels.index(member) for member in members if member in baskets.labels]
        if len(rows) < len(members):
            absent[name] = [member for member in members if member not in baskets.labels]
            continue
        parts.append(composite(baskets, shares, rows, rule))
        references.append((name, None))
    return _table(baskets, parts, references, options=options, year=year), absent


def _pairs(baskets: Baskets, shares: F64Matrix) -> Similarity:
    counts = common_counts(shares)
    return Similarity(
        pairwise_min_sum(shares), counts.diagonal(), counts, baskets.residual_share, baskets.is_rebuilt
    )


def _table(
    baskets: Baskets, parts: list[Similarity], references: list[tuple[str, int | None]], *, options: EsiOptions, year: int
) -> pa.Table:
    n_countries, n_references = len(baskets.codes), len(references)
    labels = [label for label, _ in references]
    by_reporter = np.lexsort((baskets.codes, np.array(baskets.labels)))
    by_reference = np.lexsort((np.arange(n_references), np.array(labels)))
    i, r = (axis.ravel() for axis in np.meshgrid(by_reporter, by_reference, indexing="ij"))
    keep = i != r
    i, r = i[keep], r[keep]
    esi = np.hstack([part.esi for part in parts])[i, r]
    n_reporter = parts[0].n_reference
    n_reference = np.concatenate([part.n_reference for part in parts])
    too_few = np.minimum(n_reporter[i], n_reference[r]) < options.min_products
    words = pa.array([f"fewer than {options.min_products} products"])
    return pa.table(
        {
            "year": pa.array(np.full(len(i), year, dtype=np.int16)),
            "reporter": pa.DictionaryArray.from_arrays(i.astype(np.int32), baskets.labels),
            "reference": pa.DictionaryArray.from_arrays(r.astype(np.int32), labels),
            "reporter_code": baskets.codes[i],
            "reference_code": pa.array([code for _, code in references], pa.int32()).take(pa.array(r)),
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


def _check_names(options: EsiOptions) -> None:
    for name, (members, _) in options.references.items():
        if len(set(members)) != len(members):
            raise SettingsError(f"esi.references.{name}: a member occurs twice in {list(members)}", "name each once")


def _groups(layout: Layout, options: EsiOptions) -> dict[tuple[str, int], list[Path]]:
    """Flows files by classification and year, without groups of countries and what the options leave out."""
    groups: dict[tuple[str, int], list[Path]] = defaultdict(list)
    for path in layout.partitions():
        classification, year, code = partition_key(path)
        wanted = not options.reporters or iso3_of(code) in options.reporters
        if wanted and not is_group(code) and (not options.years or year in options.years):
            groups[classification, year].append(path)
    return groups


def _footer(files: list[Path], options: EsiOptions, *, classification: str, year: int) -> Footer:
    settings: dict[str, Any] = asdict(options)
    inputs = {str(partition_key(path)[2]): digest(read_footer(path)) for path in files}
    return {
        "stage": "esi",
        "recipe": RECIPE,
        "classification": classification,
        "year": year,
        "options": settings,
        "digest": digest([RECIPE, settings, inputs]),
    }


def _remove_others(layout: Layout, current: set[tuple[str, int]]) -> None:
    """Drop files of years that the flows or the options no longer give."""
    for path in layout.esi.glob("classification=*/*.parquet"):
        if (path.parent.name.partition("=")[2], int(path.stem)) not in current:
            path.unlink()
