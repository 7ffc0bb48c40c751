"""Builds the estimation sample: evaluates terms, chooses rows and counts every row that is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import polars as pl

from minsum.countries.suggestions import label_in
from minsum.errors import EstimationError
from minsum.settings.specs import Model, Sample
from minsum.settings.terms import evaluate, parse_term

Counts = dict[str, int]
WEIGHT: Final = "1 - (esi_high - esi_low)"
"""Column of a row's weight, where a model weights by width; no term can be called so."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Complete rows of one model, and counts of the rows left out.

    Attributes
    ----------
    rows
        The keys of the data, then one column for each term, dependent first, then WEIGHT, in (0, 1], where the model
        has weights.
    keys
        Columns that name a row: reporter, year; or reporter, reference, year.
    total
        Rows of the data.
    left_out
        Filter to the number of rows it takes.
    incomplete
        Term to the rows of each reporter that lack it, among those that the filters keep.
    undefined
        The part of these where the data have a value and the term has none (a logarithm of zero, no year
        before).
    """

    rows: pl.DataFrame
    keys: tuple[str, ...]
    total: int
    left_out: Counts = field(default_factory=dict)
    incomplete: dict[str, Counts] = field(default_factory=dict)
    undefined: dict[str, Counts] = field(default_factory=dict)

    def weights_text(self) -> str:
        """How the rows count, to follow what an estimate is; nothing where all count the same."""
        if WEIGHT not in self.rows.columns:
            return ""
        lowest, highest = self.rows.select(low=pl.col(WEIGHT).min(), high=pl.col(WEIGHT).max()).row(0)
        return f"; a row counts {WEIGHT}, here {lowest:.3g} to {highest:.3g}"

    def record(self) -> dict[str, Any]:
        """Record for the footer."""
        return {
            "total": self.total,
            "rows": len(self.rows),
            "left_out": self.left_out,
            "incomplete": self.incomplete,
            "undefined": self.undefined,
        }


def choose(data: pl.DataFrame, model: Model, *, keys: tuple[str, ...]) -> Chosen:
    """Evaluate a model's terms and keep the rows of its sample that are complete.

    Parameters
    ----------
    data
        The panel, or the pairs.
    model
        A resolved model.
    keys
        Columns that name a row, `year` last.

    Raises
    ------
    EstimationError
        If the data lack a column, or no complete row is left.
    """
    terms = [parse_term(text) for text in (model.dependent, *model.regressors)]
    columns = [column for column in data.columns if column not in keys]
    _refuse_unknown([*[term.column for term in terms], *model.sample.between], columns, data=model.data)
    values = [evaluate(term, data, panel=keys[:-1]).alias(str(term)) for term in terms]
    table = data.select(*keys).with_columns(values)
    if model.weights is not None:
        _refuse_without_width(columns)
        table = table.with_columns(data.select((1 - pl.col("esi_width")).alias(WEIGHT)))
    model = model.model_copy(update={"sample": _understood(model.sample, data)})
    kept, left_out = _filtered(data, model, keys=keys)
    table, raw = table.filter(kept), data.filter(kept)
    whole = pl.all_horizontal(pl.col([str(term) for term in terms]).is_not_null())
    chosen = Chosen(
        rows=table.filter(whole),
        keys=keys,
        total=len(data),
        left_out=left_out,
        incomplete=_by_reporter(table, {str(term): pl.col(str(term)).is_null() for term in terms}),
        undefined=_by_reporter(
            table.with_columns(raw[term.column].alias(f"raw {term}") for term in terms),
            {
                str(term): pl.col(str(term)).is_null() & pl.col(f"raw {term}").is_not_null()
                for term in terms
                if term.inner
            },
        ),
    )
    return _long_enough(chosen, model.sample)


def _refuse_unknown(wanted: Sequence[str], columns: Sequence[str], *, data: str) -> None:
    unknown = [name for name in wanted if name not in columns]
    if unknown:
        what = "the panel has" if data == "panel" else "the pairs have"
        raise EstimationError(
            f"{what} no column {unknown[0]!r}; {'it has' if data == 'panel' else 'they have'} {', '.join(columns)}",
            "add a covariate file that gives it (minsum status says what the files give and what is absent), "
            "or correct the model",
        )


def _refuse_without_width(columns: Sequence[str]) -> None:
    if "esi_width" not in columns:
        raise EstimationError(
            'weights = "width": the similarities have no interval, for their countries are compared as filed',
            "set [harmonise] (docs/vintages.md) and run minsum run, or leave out weights",
        )


def _understood(sample: Sample, data: pl.DataFrame) -> Sample:
    """The sample with countries as the data write them; a label that is none is refused."""
    named = {}
    for name in ("reporters", "exclude", "references"):
        column = "reference" if name == "references" else "reporter"
        given = getattr(sample, name)
        if given:
            held = data[column].cast(pl.String).unique()
            named[name] = tuple(label_in(one, held, place=f"sample.{name}") for one in given)
    return sample.model_copy(update=named)


def _filters(model: Model) -> Iterator[tuple[str, pl.Expr]]:
    """Name and rule of each filter that is set; in this order, each takes rows that those before leave."""
    sample = model.sample
    if sample.reporters:
        yield "reporters", pl.col("reporter").is_in(sample.reporters)
    if sample.exclude:
        yield "exclude", ~pl.col("reporter").is_in(sample.exclude)
    if sample.references:
        yield "references", pl.col("reference").is_in(sample.references)
    if sample.years:
        yield "years", pl.col("year").is_in(sample.years)
    if sample.first_year is not None:
        yield "first_year", pl.col("year") >= sample.first_year
    if sample.last_year is not None:
        yield "last_year", pl.col("year") <= sample.last_year
    for name, (low, high) in sample.between.items():
        yield f"between {name}", pl.col(name).is_between(low, high)
    if model.weights is not None:
        yield "weight 0", (pl.col("esi_width") < 1) | pl.col("esi").is_null()  # that one is incomplete
    if sample.dyads == "once":
        yield "dyads", _first_direction()


def _first_direction() -> pl.Expr:
    """Of a pair that the rows left so far (column `kept`) hold in both directions, the first by name."""
    reporter, reference = (pl.col(side).cast(pl.String) for side in ("reporter", "reference"))
    dyad = [pl.min_horizontal(reporter, reference), pl.max_horizontal(reporter, reference), pl.col("year")]
    return (reporter < reference) | (pl.col("kept").sum().over(dyad) < 2)


def _filtered(data: pl.DataFrame, model: Model, *, keys: tuple[str, ...]) -> tuple[pl.Series, Counts]:
    """Which rows the filters keep, and how many each takes."""
    kept = pl.Series([True]).new_from_index(0, len(data))
    left_out: Counts = {}
    for name, rule in _filters(model):
        after = kept & data.with_columns(kept=kept).select(rule.fill_null(value=False)).to_series()
        left_out[name] = int((kept & ~after).sum())
        kept = after
    if not kept.any():
        raise EstimationError(
            f"no row is left after the sample's filters; they take {_listed(left_out)} of {len(data)} rows",
            f"see [sample]; the data have {', '.join(keys)}: minsum sql shows them",
        )
    return kept, left_out


def _by_reporter(table: pl.DataFrame, rules: dict[str, pl.Expr]) -> dict[str, Counts]:
    """For each rule that takes rows, how many of each reporter."""
    counts = table.group_by("reporter").agg(rule.sum().alias(name) for name, rule in rules.items())
    return {
        name: {str(reporter): count for reporter, count in counts.sort("reporter").select("reporter", name).rows() if count}
        for name in rules
        if counts[name].sum()
    }  # fmt: skip


def _long_enough(chosen: Chosen, sample: Sample) -> Chosen:
    """Leave out reporters (pairs) with fewer complete years than asked for."""
    units = list(chosen.keys[:-1])
    long = chosen.rows.filter(pl.len().over(units) >= sample.min_years)
    left_out = chosen.left_out
    if sample.min_years > 1:
        left_out = left_out | {"min_years": len(chosen.rows) - len(long)}
    if long.is_empty():
        raise EstimationError(
            f"no row of the data is complete; rows that lack each variable: "
            f"{_listed({name: sum(rows.values()) for name, rows in chosen.incomplete.items()})}; "
            f"left out: {_listed(left_out)}",
            "fill the covariate files, or leave out the variable that is missing everywhere",
        )
    return replace(chosen, rows=long, left_out=left_out)


def _listed(counts: Counts) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


def in_common(samples: Sequence[Chosen]) -> list[Chosen]:
    """The samples reduced to their common rows.

    Raises
    ------
    EstimationError
        If the samples use different data, or have no common row.
    """
    keys = samples[0].keys
    if any(sample.keys != keys for sample in samples):
        raise EstimationError(
            "common_sample = true, but some models use the panel and others pairs",
            "use a file for the panel's models and a file for the models of pairs",
        )
    shared = samples[0].rows.select(keys)
    for sample in samples[1:]:
        shared = shared.join(sample.rows.select(keys), on=keys, how="semi")
    if shared.is_empty():
        raise EstimationError("the models have no complete row in common", "leave out common_sample")
    return [
        replace(
            sample,
            rows=sample.rows.join(shared, on=keys, how="semi", maintain_order="left"),
            left_out=sample.left_out | {"common_sample": len(sample.rows) - len(shared)},
        )
        for sample in samples
    ]
