"""`report/section_esi.parquet`: contributions by section of the HS to the similarity with chosen references.

Modules that load Numba are imported inside functions: a run with nothing to do must not load it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from minsum.errors import MissingInputError
from minsum.esi.baskets import Baskets, F64Matrix, gather, shares_of
from minsum.esi.groups import of_year
from minsum.esi.references import member_rows, member_values, merged
from minsum.esi.sections import BUDGET, sections_plan, segments_of
from minsum.esi.stage import files_of, harmoniser_of
from minsum.schema import SECTIONS, check_table
from minsum.settings.esi import WITHOUT_SELF, Esi, Similarities
from minsum.workspace.checksums import prove
from minsum.workspace.layout import Layout
from minsum.workspace.marks import digests_of
from minsum.workspace.publish import publish_parts
from minsum.workspace.similarities import preferred_codes
from minsum_kernels import segment_min_sum

if TYPE_CHECKING:
    from minsum.harmonise.harmoniser import Harmoniser

_SCHEMA: Final = pa.schema(
    [
        ("classification", pa.string()),
        ("year", pa.int16()),
        ("reporter", pa.string()),
        ("reference", pa.string()),
        ("section", pa.string()),
        ("contribution", pa.float64()),
    ]
)


def write_contributions(layout: Layout, options: Similarities) -> bool:
    """Bring `report/section_esi.parquet` up to date with `esi/`; False when it was current.

    Parameters
    ----------
    layout
        The workspace.
    options
        As the similarities were made.

    Raises
    ------
    MissingInputError
        If there are no similarities.

    Notes
    -----
    References are the composites, their members, then the largest exporters of the last year: as many as `BUDGET` allows,
    at least three. Rules that leave the country itself out are omitted: their basket differs for every country.
    """
    esi = layout.yearly("esi")
    if not esi:
        raise MissingInputError(f"{layout.esi}: no similarities yet", "compute them first: minsum esi")
    plan = sections_plan(layout, digests_of(esi))
    if not plan.redo:
        return False
    prove(esi)
    vintages = sorted({path.parent.name.partition("=")[2] for path in esi})
    footer = {"stage": "report"} | plan.wanted[layout.sections].record()
    harmoniser = harmoniser_of(options, layout.root)
    parts = (
        part
        for vintage in vintages
        for part in _tables(layout, vintage, options=options.esi, harmoniser=harmoniser)
    )
    publish_parts(chain([_SCHEMA.empty_table()], parts), layout.sections, footer=footer, layout=layout)
    return True


def _tables(
    layout: Layout, vintage: str, *, options: Esi, harmoniser: Harmoniser | None
) -> Iterator[pa.Table]:
    there = {int(path.stem) for path in layout.yearly("esi") if path.parent.name.endswith(f"={vintage}")}
    flows = files_of(layout, vintage, (), harmoniser=harmoniser)
    years = {year: files for year, files in flows.items() if year in there}
    references: list[str] = []
    asked = options.references
    for year in sorted(years, reverse=True):
        prove(years[year])
        baskets = _baskets(years[year], options, harmoniser)
        if not baskets.products:
            continue  # imports only
        options = options.model_copy(update={"references": of_year(asked, year, baskets.labels)[0]})
        references = references or _references(baskets, options, n_rows=sum(map(len, years.values())))
        table = _table(baskets, references, year=year, vintage=vintage, options=options)
        check_table(table, "section_esi")
        yield table


def _baskets(files: Sequence[Path], options: Esi, harmoniser: Harmoniser | None) -> Baskets:
    [baskets] = gather(
        files, basis=options.basis, residual=options.residual, levels=(options.level,), harmoniser=harmoniser
    )
    return baskets


def _references(baskets: Baskets, options: Esi, *, n_rows: int) -> list[str]:
    """References in order of preference, as many as the budget allows for this number of reporter-years."""
    composites = [name for name, one in options.references.items() if one.rule not in WITHOUT_SELF]
    members = [label for one in options.references.values() for label in one.members]
    by_size = np.argsort(-baskets.values.sum(axis=1), kind="stable")
    ordered = dict.fromkeys([*composites, *members, *(baskets.labels[row] for row in by_size)])
    return list(ordered)[: max(3, BUDGET // (n_rows * len(SECTIONS)))]


def _table(baskets: Baskets, references: Sequence[str], *, year: int, vintage: str, options: Esi) -> pa.Table:
    segments, bounds = segments_of(baskets.products, "section")
    shares = baskets.shares()
    wanted = set(options.reporters)
    is_thick = (baskets.values > 0).sum(axis=1) >= options.min_products
    kept = preferred_codes(baskets.codes.tolist())
    rows = [
        row
        for row in np.flatnonzero(is_thick)
        if baskets.codes[row] in kept and (not wanted or baskets.labels[row] in wanted)
    ]
    columns: dict[str, list[Any]] = {"reporter": [], "reference": [], "section": [], "contribution": []}
    for reference in references:
        members = _members(baskets, reference, options)
        others = [row for row in rows if baskets.labels[row] != reference]
        if members is None or not others:
            continue
        split = segment_min_sum(shares[others], members, np.array(bounds)).mean(axis=2)
        for row, contributions in zip(others, split.T, strict=True):
            columns["reporter"] += [baskets.labels[row]] * len(segments)
            columns["reference"] += [reference] * len(segments)
            columns["section"] += [one.name for one in segments]
            columns["contribution"] += contributions.tolist()
    n_rows = len(columns["section"])
    return pa.table({"classification": [vintage] * n_rows, "year": [year] * n_rows} | columns, schema=_SCHEMA)


def _members(baskets: Baskets, reference: str, options: Esi) -> F64Matrix | None:
    """Shares of the basket or baskets of a reference; None without data of a member, or with too few products."""
    composite = options.references.get(reference)
    names, rule = (composite.members, composite.rule) if composite else ((reference,), "pooled")
    rows, absent = member_rows(baskets, names, rule)
    if composite is None:
        kept = preferred_codes(baskets.codes[rows].tolist())
        rows = [row for row in rows if baskets.codes[row] in kept]
    if absent or not rows:
        return None
    members = merged(shares_of(*member_values(baskets, rows, rule)), rule)
    return members if (members.max(axis=0) > 0).sum() >= options.min_products else None
