"""Splits the similarity of one country with one reference by section, chapter or product."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from minsum.countries.codes import iso3_of
from minsum.countries.groups import expand_groups
from minsum.countries.names import comtrade_label
from minsum.countries.suggestions import check_country, reference_hint
from minsum.errors import MissingInputError, UsageError
from minsum.esi.bands import Pair, Resampling, replicates
from minsum.esi.baskets import Baskets, gather
from minsum.esi.groups import of_year
from minsum.esi.references import member_rows, member_values
from minsum.esi.section_changes import Decomposition
from minsum.esi.sections import By, segment_of, segments_of
from minsum.settings.esi import WITHOUT_SELF, WORLD_RULES, Composite, Esi, Rule
from minsum.workspace.layout import partition_key
from minsum_kernels import segment_min_sum

if TYPE_CHECKING:
    from minsum.harmonise.harmoniser import Harmoniser


@dataclass(frozen=True, slots=True)
class Question:
    """What to decompose.

    Attributes
    ----------
    reporter
        ISO3 label.
    reference
        ISO3 label, or the name of a composite in the options.
    by
        Segments.
    resampling
        How to make bands; None for none.
    """

    reporter: str
    reference: str
    by: By = "section"
    resampling: Resampling | None = None


def decompose(
    years: Mapping[int, Sequence[Path]],
    classification: str,
    *,
    options: Esi,
    question: Question,
    harmoniser: Harmoniser | None = None,
) -> Decomposition:
    """Contributions of sections, chapters or products to one similarity over the years.

    Parameters
    ----------
    years
        Year to the flows files of a classification.
    classification
        HS vintage, for the result.
    options
        Basis, level, residual policy and composites.
    question
        Country, reference, segments and bands.
    harmoniser
        Brings files of several classifications to one; None where all are of one.

    Raises
    ------
    UsageError
        If the reporter or the reference is unknown, or the two are one country.
    MissingInputError
        If no year has data of both sides.

    Notes
    -----
    ESI_ir = sum over segments of sum over their products j of min(s_ij, s_rj): additive over products.
    """
    question = _understood(question)
    rule = _reference(question, options).rule
    baskets: dict[int, tuple[Baskets, tuple[str, ...]]] = {}
    left_out: dict[int, list[str]] = {}
    for year, files in sorted(years.items()):
        found, needed, missing = _sides(year, files, question, options=options, harmoniser=harmoniser)
        if found is None or missing:
            left_out[year] = missing
        else:
            baskets[year] = found, needed
    if not baskets:
        raise MissingInputError(
            f"no year of {classification} has data of {question.reporter} and {question.reference}",
            'see which countries are there: minsum sql "SELECT DISTINCT year, reporter FROM coverage"',
        )
    products = sorted({product for one, _ in baskets.values() for product in one.products})
    segments, bounds = segments_of(products, question.by)
    pairs = [_pair(one, products, sides, rule) for one, sides in baskets.values()]
    parts = [segment_min_sum(*pair.shares(), np.array(bounds)).mean(axis=2)[:, 0] for pair in pairs]
    how = question.resampling
    return Decomposition(
        reporter=question.reporter, reference=question.reference, classification=classification, by=question.by,
        years=list(baskets), segments=segments, contributions=np.stack(parts), left_out=left_out,
        draws=replicates(pairs, bounds[:-1], how) if how else None, method=how.method if how else None,
    )  # fmt: skip


def contributions(
    year: int,
    files: Sequence[Path],
    *,
    options: Esi,
    question: Question,
    harmoniser: Harmoniser | None = None,
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Contribution of every product to the similarity of one year, the largest first.

    Parameters
    ----------
    year, files
        Of the flows; of one classification, or brought to one by the harmoniser.
    options, question, harmoniser
        As of `decompose`; segments and bands do not matter.

    Returns
    -------
    Columns product, section, reporter_usd, reference_usd, reporter_share, reference_share (a mean where the rule is one),
    contribution; every product that either side exports. And the labels of both sides, the reporter's first.

    Raises
    ------
    UsageError, MissingInputError
        As `decompose`.
    """
    question = _understood(question)
    rule = _reference(question, options).rule
    baskets, needed, missing = _sides(year, files, question, options=options, harmoniser=harmoniser)
    if baskets is None or missing:
        raise MissingInputError(
            f"{year}: no data of {', '.join(missing) or question.reporter}",
            'see which countries are there: minsum sql "SELECT DISTINCT year, reporter FROM coverage"',
        )
    pair = _pair(baskets, baskets.products, needed, rule)
    own, others = pair.shares()
    table = pl.DataFrame({
        "product": baskets.products,
        "section": [segment_of(product, "section").name for product in baskets.products],
        "reporter_usd": pair.values[0],
        "reference_usd": pair.values[1:].sum(axis=0),
        "reporter_share": own[0],
        "reference_share": others.mean(axis=0),
        "contribution": np.minimum(own, others).mean(axis=0),
    })  # fmt: skip
    is_there = (pl.col("reporter_usd") > 0) | (pl.col("reference_usd") > 0)
    return table.filter(is_there).sort("contribution", "product", descending=[True, False]), needed


def _understood(question: Question) -> Question:
    if question.by == "product" and question.resampling is not None:
        raise UsageError(
            "bands vary the products, so a product has none", "leave --bands out, or split by chapter"
        )
    return replace(
        question, reporter=comtrade_label(question.reporter), reference=comtrade_label(question.reference)
    )


def _sides(
    year: int, files: Sequence[Path], question: Question, *, options: Esi, harmoniser: Harmoniser | None
) -> tuple[Baskets | None, tuple[str, ...], list[str]]:  # fmt: skip
    """Baskets of a year, the labels of both sides (the reporter's first), and the labels without data."""
    composite = _reference(question, options)
    wanted = (question.reporter, *expand_groups(composite.members, year))
    found = _gather(files, wanted, rule=composite.rule, options=options, harmoniser=harmoniser)
    labels = found.labels if found else []
    there = of_year({"one": composite}, year, labels)[0]["one"].members
    needed = (question.reporter, *there)
    return found, needed, [label for label in needed if label not in labels]


def _reference(question: Question, options: Esi) -> Composite:
    """The reference as a composite; a country is a pool of one."""
    check_country(question.reporter, "reporter")
    if question.reference in options.references:
        return options.references[question.reference]
    if question.reference.islower():
        raise UsageError(
            f"no composite reference {question.reference!r}",
            reference_hint(question.reference, options.references),
        )
    check_country(question.reference, "reference")
    if question.reference == question.reporter:
        raise UsageError(f"{question.reporter} with itself", "name a country and another reference")
    return Composite(members=(question.reference,))


def _gather(
    files: Sequence[Path],
    needed: Collection[str],
    *,
    rule: Rule,
    options: Esi,
    harmoniser: Harmoniser | None,
) -> Baskets | None:
    """Baskets of the countries needed (all of them for a world reference); None if there are none."""
    label = iso3_of if harmoniser is None else harmoniser.label
    wanted = [path for path in files if rule in WORLD_RULES or label(partition_key(path)[2]) in needed]
    if not wanted:
        return None
    [baskets] = gather(
        wanted,
        basis=options.basis,
        residual=options.residual,
        levels=(options.level,),
        harmoniser=harmoniser,
    )
    return baskets


def _pair(baskets: Baskets, products: Sequence[str], needed: tuple[str, ...], rule: Rule) -> Pair:
    """The first country against the others, over the union of their products."""
    own = baskets.labels.index(needed[0])
    rows, _ = member_rows(baskets, needed[1:], rule)
    if rule in WITHOUT_SELF and own in rows:
        rows.remove(own)
    members, outside = member_values(baskets, rows, rule)
    values = np.zeros((1 + len(members), len(products)))
    values[:, np.searchsorted(products, baskets.products)] = np.vstack([baskets.values[own], members])
    return Pair(values, np.append(baskets.outside[own], outside), rule)
