"""Builds the estimation sample: evaluates terms, chooses rows and counts every row that is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Final

import polars as pl

from minsum.countries.suggestions import label_in
from minsum.errors import EstimationError
from minsum.estimate.groups import SEVERAL, labels_of_effects, spelt_out, with_groups
from minsum.settings.estimators import Sample
from minsum.settings.specs import Model
from minsum.settings.terms import Term, evaluate, parse_term

Counts = dict[str, int]
WEIGHT: Final = "1 - (esi_high - esi_low)"
"""Column of each row's weight if a model weights by width; no term can have this name."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Complete rows of one model, and counts of the rows left out.

    Attributes
    ----------
    rows
        The keys of the data, then one column for each term, dependent first, then WEIGHT, in (0, 1], if the model
        has weights, then the label of each row's effect for effects by group (`groups.SEVERAL`).
    keys
        Columns that name a row: reporter, year; or reporter, reference, year.
    total
        Rows of the data.
    regressors
        Columns of the regressors; one that is multiplied by a division into groups has a column for each group.
    left_out
        Filter to the number of rows it takes.
    incomplete
        Term to the rows of each reporter that lack it, among the rows that the filters keep.
    undefined
        The part of `incomplete` where the data have a value and the term has none (a logarithm of zero, no year
        before).
    """

    rows: pl.DataFrame
    keys: tuple[str, ...]
    total: int
    regressors: tuple[str, ...] = ()
    left_out: Counts = field(default_factory=dict)
    incomplete: dict[str, Counts] = field(default_factory=dict)
    undefined: dict[str, Counts] = field(default_factory=dict)

    def weights_text(self) -> str:
        """Description of the weights, to follow that of the estimate; empty for equal weights."""
        if WEIGHT not in self.rows.columns:
            return ""
        lowest, highest = self.rows.select(low=pl.col(WEIGHT).min(), high=pl.col(WEIGHT).max()).row(0)
        return f"; a row counts {WEIGHT}, here {lowest:.3g} to {highest:.3g}"

    def effect_labels(self) -> dict[str, pl.Series]:
        """Effect by group to the label of each row's effect."""
        named = [name for name in self.rows.columns if name.startswith(SEVERAL)]
        return {name.removeprefix(SEVERAL): self.rows[name] for name in named}

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
    """Evaluate a model's terms and keep the complete rows of its sample.

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
    data = with_groups(data, model.groups, keys=keys)
    terms = _terms(data, model, keys=keys)
    columns = [pl.lit(evaluate(term, data, panel=keys[:-1])).alias(name) for name, term in terms.items()]
    if model.weights is not None:
        _refuse_without_width(data.columns)
        columns.append((1 - pl.col("esi_width")).alias(WEIGHT))
    table = data.select(*keys, *columns, *labels_of_effects(model.effects or (), data, keys=keys))
    model = model.model_copy(update={"sample": _understood(model.sample, data)})
    kept, left_out = _filtered(data, model, keys=keys)
    table, raw = table.filter(kept), data.filter(kept)
    rows = table.filter(pl.all_horizontal(pl.col(list(terms)).is_not_null()))
    absent = {name: table[name].is_null() for name in terms}
    undefined = {
        name: absent[name] & raw.select(pl.all_horizontal(pl.col(term.columns).is_not_null())).to_series()
        for name, term in terms.items()
        if term.inner
    }
    chosen = Chosen(
        rows=rows,
        keys=keys,
        total=len(data),
        regressors=_that_vary(rows, list(terms)[1:], asked=model.regressors),
        left_out=left_out,
        incomplete=_by_reporter(table["reporter"], absent),
        undefined=_by_reporter(table["reporter"], undefined),
    )
    return _long_enough(chosen, model.sample)


def _terms(data: pl.DataFrame, model: Model, *, keys: tuple[str, ...]) -> dict[str, Term]:
    """Name of each column of the sample to its term, the dependent variable first."""
    own = "" if model.data == "panel" else "reporter."
    parsed = {text: parse_term(text).of_two_countries(own) for text in (model.dependent, *model.regressors)}
    known = [name for name in data.columns if name not in keys and "[" not in name]
    wanted = [name for term in parsed.values() for name in term.columns]
    _refuse_unknown([*wanted, *model.sample.between], known, data=model.data)
    return {name: one for text, term in parsed.items() for name, one in spelt_out(text, term, data).items()}


def _that_vary(rows: pl.DataFrame, names: Sequence[str], *, asked: Sequence[str]) -> tuple[str, ...]:
    """Regressors, without products with a group that has no row in the sample."""
    return tuple(name for name in names if name in asked or bool((rows[name] != 0).any()))


def _refuse_unknown(wanted: Sequence[str], columns: Sequence[str], *, data: str) -> None:
    unknown = [name for name in wanted if name not in columns]
    if unknown:
        what = "the panel has" if data == "panel" else "the pairs have"
        near = get_close_matches(unknown[0], columns, n=1)
        raise EstimationError(
            f"{what} no column {unknown[0]!r}; {'it has' if data == 'panel' else 'they have'} {', '.join(columns)}",
            f"{f'did you mean {near[0]!r}? ' if near else ''}"
            "Correct the model, or put a covariate file that gives it into the folder of covariates and run minsum panel; "
            "minsum status says what the files give and what is absent",
        )


def _refuse_without_width(columns: Sequence[str]) -> None:
    if "esi_width" not in columns:
        raise EstimationError(
            'weights = "width": the similarities have no interval, for their countries are compared as filed',
            "set [harmonise] (docs/vintages.md) and run minsum run, or leave out weights",
        )


def _understood(sample: Sample, data: pl.DataFrame) -> Sample:
    """The sample with countries as the data write them; refuses a label of no country."""
    named = {}
    for name in ("reporters", "exclude", "references"):
        column = "reference" if name == "references" else "reporter"
        given = getattr(sample, name)
        if given:
            held = data[column].cast(pl.String).unique()
            named[name] = tuple(label_in(one, held, place=f"sample.{name}") for one in given)
    return sample.model_copy(update=named)


def _filters(model: Model) -> Iterator[tuple[str, pl.Expr]]:
    """Name and rule of each filter that is set, in the order of their use: each takes rows that earlier filters leave."""
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
        # a row without esi is counted as incomplete
        yield "weight 0", (pl.col("esi_width") < 1) | pl.col("esi").is_null()
    if sample.dyads == "once":
        yield "dyads", _first_direction()


def _first_direction() -> pl.Expr:
    """Keep one direction of each pair: if the rows left so far (column `kept`) have both, the first by name."""
    reporter, reference = (pl.col(side).cast(pl.String) for side in ("reporter", "reference"))
    dyad = [pl.min_horizontal(reporter, reference), pl.max_horizontal(reporter, reference), pl.col("year")]
    return (reporter < reference) | (pl.col("kept").sum().over(dyad) < 2)


def _filtered(data: pl.DataFrame, model: Model, *, keys: tuple[str, ...]) -> tuple[pl.Series, Counts]:
    """Whether the filters keep each row, and the number of rows that each filter takes."""
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


def _by_reporter(reporters: pl.Series, taken: dict[str, pl.Series]) -> dict[str, Counts]:
    """Name to the number of rows that it takes of each reporter, if it takes any."""
    found = {}
    for name, rows in taken.items():
        counts = reporters.filter(rows).cast(pl.String).value_counts().sort("reporter")
        if len(counts):
            found[name] = dict(counts.iter_rows())
    return found


def _long_enough(chosen: Chosen, sample: Sample) -> Chosen:
    """The sample without reporters (or pairs) that have fewer complete years than asked for."""
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
