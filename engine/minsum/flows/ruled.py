"""Shows the rows of a file as filed, each with the row rule that applies to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from minsum.flows.pending import KEYS, Partition
from minsum.flows.rules import FEWER_DIGITS, KEPT, OF_LEVEL, RULES, applicable, first_rule, row_rules
from minsum.flows.scan import SCAN_SCHEMA, opened
from minsum.settings.flows import Ingest
from minsum.sources.archives import unfold
from minsum.sources.files import Source, discover
from minsum.sources.formats import Format


@dataclass(slots=True)
class _Seen:
    """One reporter-year: whether a product is kept, and the digits of codes that the rule `level` removes."""

    has_products: bool = False
    levels: set[int] = field(default_factory=set)


def rows_of(path: Path, options: Ingest, rule: str | None) -> Iterator[pl.DataFrame]:
    """Rows that a rule removes, or any rule if `rule` is None, from a file or folder in order; see `ruled_rows`."""
    which = pl.col("rule") != KEPT if rule is None else pl.col("rule") == rule
    for source in unfold([Source(one, one.stat().st_size, "") for one in discover([path])]):
        yield from ruled_rows(source, options, which)


def ruled_rows(source: Source, options: Ingest, which: pl.Expr) -> Iterator[pl.DataFrame]:
    """Rows of a file with the rule that removes each row, or `kept`, a batch at a time.

    Parameters
    ----------
    source
        The file, or the file inside a zip.
    options
        Options of ingest: which flows are kept.
    which
        Condition on `rule` and the columns of `minsum.scan` that the file has.

    Raises
    ------
    SourceError
        If a line cannot be read; the message names it.

    Notes
    -----
    The rules are those of `ingest`: a reporter-year without six-digit products keeps products of four digits, or of two.
    Repairs come after the rules and are not shown.
    """
    digits: dict[Partition, int] = {}
    for fewer in FEWER_DIGITS:
        seen = _find_levels(source, options, digits)
        digits |= {one: fewer for one, what in seen.items() if not what.has_products and fewer in what.levels}
    for frame, _ in _with_rules(source, options, digits):
        names = [name for name in SCAN_SCHEMA if name in frame.columns]
        texts = [name for name in names if frame.schema[name] == pl.Categorical]
        shown = frame.select(pl.lit(source.name).alias("source"), "rule", *names).cast(
            dict.fromkeys(texts, pl.String)
        )
        yield shown.filter(which)


def _find_levels(source: Source, options: Ingest, digits: Mapping[Partition, int]) -> dict[Partition, _Seen]:
    found: dict[Partition, _Seen] = defaultdict(_Seen)
    for frame, form in _with_rules(source, options, digits):
        if form.mirrors_imports:
            return {}
        kinds = frame.group_by(*KEYS, "rule", "level").agg(is_total=(pl.col("product_code") == "TOTAL").all())
        for *key, rule, level, is_total in kinds.iter_rows():
            one = found[Partition(*key)]
            one.has_products |= rule == KEPT and not is_total
            if rule == "level" and level is not None:
                one.levels.add(level)
    return found


def _with_rules(
    source: Source, options: Ingest, digits: Mapping[Partition, int]
) -> Iterator[tuple[pl.DataFrame, Format]]:  # fmt: skip
    """Batches with the column `rule`. `digits` gives the product digits of some reporter-years; the others keep six."""
    names = dict(enumerate(RULES))
    number = pl.col("number")
    rule = (
        pl.when(number >= OF_LEVEL)
        .then(pl.lit("level"))
        .otherwise(number.replace_strict(names, default=None))
    )
    with opened(source, classification=options.classification) as table:
        if table is None:
            return
        for frame in table.frames():
            kept = (
                pl.Series([digits.get(Partition(*key), 6) for key in frame.select(KEYS).iter_rows()])
                if digits
                else None
            )
            parts = []
            for level in sorted(set(kept)) if kept is not None else (6,):
                levels = (0, level) if table.form.has_world_rows else (level,)
                rules = applicable(row_rules(options.flows, levels), frame.columns)
                part = frame if kept is None else frame.filter(kept == level)
                parts.append(part.with_columns(number=first_rule(rules)).with_columns(rule=rule))
            yield (pl.concat(parts).sort("line") if len(parts) > 1 else parts[0]), table.form
