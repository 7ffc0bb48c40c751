"""From a published similarity to its products, from a product to the rows of the lake, from a row to lines of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import polars as pl

from minsum.countries.codes import WORLD, iso3_of
from minsum.errors import MissingInputError, UsageError
from minsum.esi.baskets import ADDED, SUBTRACTED
from minsum.esi.decompose import Question, contributions
from minsum.esi.stage import files_of, harmoniser_of
from minsum.flows.lake_index import LakeIndex
from minsum.flows.ruled import ruled_rows
from minsum.harmonise.harmoniser import Harmoniser
from minsum.harmonise.vintages import UNSPECIFIED
from minsum.settings.esi import Esi
from minsum.settings.flows import Ingest
from minsum.settings.load import Settings
from minsum.sources.archives import unfold
from minsum.sources.files import Source, discover, hashed_sources
from minsum.text_tables import Shown
from minsum.workspace.copies import bring
from minsum.workspace.footers import flows_footers, read_footer
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.similarities import one_row_a_country

_LINE_COLUMNS: Final = (
    "source", "line", "rule", "flow", "partner_code", "partner2_code", "product_code", "customs_code", "mos_code",
    "mot_code", "value_usd",
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Trace(Shown):
    """A similarity, and the products, rows and lines it is made of.

    Attributes
    ----------
    title
        Reporter, reference, year.
    definition
        How it is computed, one sentence per entry.
    published
        The row of the esi table; empty if there is none.
    products
        What each product adds (`esi.decompose.contributions`), the largest first.
    flows
        With a product: the rows of the lake behind it, on both sides, and the share of each that counts for it.
    lines
        With a product: the lines of the files behind these rows, each with the rule that decides it.
    notes
        What could not be shown, and why.
    """

    title: str
    definition: tuple[str, ...]
    published: dict[str, Any]
    products: pl.DataFrame
    flows: pl.DataFrame | None = None
    lines: pl.DataFrame | None = None
    notes: tuple[str, ...] = field(default=())

    def _shown(self) -> Iterator[str | pl.DataFrame]:
        yield from (f"Similarity of {self.title}", *self.definition, *self.sums())
        for title, table in {
            "What each product adds": self.products, "Rows of the lake": self.flows, "Lines of the files": self.lines,
        }.items():  # fmt: skip
            if table is not None:
                yield from (title, table)
        yield from self.notes

    def sums(self) -> Iterator[str]:
        """The published similarity, and the sum over products, which must equal it."""
        total = float(self.products["contribution"].sum())
        if not self.published:
            yield "Not in the esi table: minsum esi has not made it, or the settings leave it out."
        elif self.published["esi"] is None:
            yield f"Published: nothing, for {self.published['reason']}."
        else:
            yield f"Published: {self.published['esi']:.12f}; the products below add up to {total:.12f}."
        if self.published.get("esi_low") is not None:
            yield f"Interval: {self.published['esi_low']:.6f} to {self.published['esi_high']:.6f}."


def trace(
    layout: Layout,
    question: Question,
    year: int,
    *,
    product: str | None,
    classification: str,
    settings: Settings,
) -> Trace:
    """Follow a similarity back.

    Parameters
    ----------
    layout
        The workspace.
    question
        Country and reference.
    year
        Of the similarity.
    product
        Code at the level of the similarity; None for no rows.
    classification
        HS vintage of the table.
    settings
        Of the workspace.

    Raises
    ------
    UsageError
        If neither side trades the product, or a country is unknown.
    MissingInputError
        If the year has no data of both sides.
    SourceError
        If a file behind a row cannot be read.
    """
    esi, harmoniser = settings.esi, harmoniser_of(settings, layout.root)
    files = files_of(layout, classification, [year], harmoniser=harmoniser).get(year, [])
    if not files:
        raise MissingInputError(
            f"{classification} {year}: no flows", "minsum status shows the years that are there"
        )
    products, sides = contributions(year, files, options=esi, question=question, harmoniser=harmoniser)
    found = Trace(
        title=f"{question.reporter} and {question.reference}, {year}, {classification}",
        definition=tuple(_definition(esi, question, harmoniser)),
        published=_published(layout, question, year, classification),
        products=products,
    )
    if product is None:
        return found
    if product not in products["product"]:
        raise UsageError(
            f"neither side exports {product!r} in {year}",
            f"codes have {esi.level} digits, such as {products['product'][0]}",
        )
    label = iso3_of if harmoniser is None else harmoniser.label
    behind = [path for path in files if label(partition_key(path)[2]) in sides]
    rows = pl.concat([_rows(path, product, options=esi, harmoniser=harmoniser) for path in behind])
    lines, notes = _lines(layout, rows, behind, settings.ingest)
    return Trace(found.title, found.definition, found.published, products, rows, lines, tuple(notes))


def _definition(esi: Esi, question: Question, harmoniser: Harmoniser | None) -> Iterator[str]:
    yield "Sum over products of the smaller of the two export shares (Finger and Kreinin 1979)."
    basis = {"X": "exports, re-exports included", "DX": "domestic exports", "X-RX": "exports less re-exports"}
    residual = {"exclude": "left out", "keep": "kept as products", "denominator": "in the totals only"}
    yield (
        f"Basis {esi.basis}: {basis.get(esi.basis, esi.basis)}, to the World; products of {esi.level} digits; "
        f"codes 9999xx {residual[esi.residual]}."
    )
    if harmoniser is not None:
        yield f"Every country's products are brought to {harmoniser.target} first ([harmonise])."
    if question.reference in esi.references:
        one = esi.references[question.reference]
        yield f"{question.reference}: {one.rule} of {', '.join(one.members) or 'all reporters of the year'}."


def _published(layout: Layout, question: Question, year: int, classification: str) -> dict[str, Any]:
    files = [
        path
        for path in layout.yearly("esi")
        if (path.parent.name, path.stem) == (f"classification={classification}", str(year))
    ]
    if not files:
        return {}
    bring(files)
    esi = pl.scan_parquet(files, glob=False, hive_partitioning=False)
    pair = (pl.col("reporter") == question.reporter) & (pl.col("reference") == question.reference)
    rows = one_row_a_country(esi.filter(pair))[0].collect()
    return rows.row(0, named=True) if len(rows) else {}


def _rows(path: Path, product: str, *, options: Esi, harmoniser: Harmoniser | None) -> pl.DataFrame:
    """World rows of one reporter-year behind a product."""
    classification, _, code = partition_key(path)
    flows = [flow for flow in (ADDED[options.basis], SUBTRACTED[options.basis]) if flow is not None]
    bring([path])
    rows = pl.read_parquet(path, glob=False, hive_partitioning=False).filter(
        pl.col("flow").is_in(flows), pl.col("partner_code") == WORLD, pl.col("product_code") != "TOTAL"
    )
    shares = _shares(rows["product_code"].to_list(), product, classification, options, harmoniser)
    return (
        rows.select(
            pl.lit(iso3_of(code)).alias("reporter"), pl.lit(code, pl.Int32).alias("reporter_code"),
            pl.lit(classification).alias("classification"), "flow", "product_code", "value_usd", "is_rebuilt",
        )
        .with_columns(share=pl.Series(shares, dtype=pl.Float64))
        .filter(pl.col("share") > 0)
    )  # fmt: skip


def _shares(
    codes: Sequence[str], product: str, classification: str, options: Esi, harmoniser: Harmoniser | None
) -> list[float]:  # fmt: skip
    """For each filed product, the share that is converted to the product asked for."""
    level = options.level
    if harmoniser is None or classification == harmoniser.target:
        return [float(code[:level] == product) for code in codes]
    targets = sorted({*harmoniser.codes(), UNSPECIFIED, *codes})
    at = [position for position, target in enumerate(targets) if target[:level] == product]
    found: list[float] = (
        harmoniser.conversion(classification).over(codes, targets)[:, at].sum(axis=1).tolist()
    )
    return found


def _lines(
    layout: Layout, rows: pl.DataFrame, files: Sequence[Path], ingest: Ingest
) -> tuple[pl.DataFrame, list[str]]:
    """Lines of the source files behind rows of the lake, and notes on sources that are not in `raw/`."""
    raw = discover([layout.raw]) if layout.raw.is_dir() else []
    whole = LakeIndex(flows_footers(layout), ingest).digests()
    at_hand = {one.sha256: one for one in unfold(hashed_sources(raw, layout)[0], whole=whole)}
    found, notes = [], []
    for path in files:
        _, year, code = partition_key(path)
        of_file = rows.filter(pl.col("reporter_code") == code)
        if of_file.is_empty():
            notes.append(f"{iso3_of(code)} exports nothing of it.")
        for told in () if of_file.is_empty() else read_footer(path)["sources"]:
            source = at_hand.get(told["sha256"])
            if source is None:
                notes.append(
                    f"{told['name']} is not in raw/, or not the file that was read: its lines are not shown."
                )
            else:
                found.append(_lines_of(source, of_file, (year, code), ingest))
    shown = (
        pl.concat(found, how="diagonal")
        if found
        else pl.DataFrame(schema=dict.fromkeys(_LINE_COLUMNS, pl.String))
    )
    return shown, notes


def _lines_of(
    source: Source, rows: pl.DataFrame, of: tuple[int, int], ingest: Ingest
) -> pl.DataFrame:  # fmt: skip
    """World lines of the products. If no World line is kept, the lines of all partners, which the lake adds up."""
    year, code = of
    which = (
        (pl.col("reporter_code") == code) & (pl.col("year") == year)
        & pl.col("flow").is_in(rows["flow"].unique().to_list())
        & pl.col("product_code").is_in(rows["product_code"].unique().to_list())
    )  # fmt: skip
    lines = pl.concat(list(ruled_rows(source, ingest, which)))
    lines = lines.select([name for name in _LINE_COLUMNS if name in lines.columns])
    of_world = lines.filter(pl.col("partner_code") == WORLD)
    return of_world if (of_world["rule"] == "kept").any() else lines
