"""Makes Table 3 and the table of specification tests from a file of estimates and its footer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from minsum.report.estimates import Estimates, Made, Told, read_estimates, side_by_side
from minsum.report.labels import label_of
from minsum.report.table import Table
from minsum.settings.estimators import DIAGNOSTICS

_DUMMIES: Final = ("reporter_", "year_", "effects ")
_ROWS: Final = {
    "observations": "Observations", "countries": "Countries", "pairs": "Pairs", "clusters": "Clusters",
    "covariance": "Standard errors", "dependent": "Dependent variable", "estimator": "Estimator",
    "R squared within": "R² within", "R squared overall": "R² overall", "R squared": "R²",
}  # fmt: skip
"""Labels of the rows below the coefficients."""
_EFFECTS: Final = " effects"
_SMALL: Final = 0.0005


@dataclass(frozen=True, slots=True)
class Style:
    """How coefficients are shown.

    Attributes
    ----------
    brackets
        What stands below a coefficient: `t`, the statistic, or `se`, the standard error.
    stars
        Whether stars mark significant coefficients.
    """

    brackets: Literal["t", "se"] = "t"
    stars: bool = True


def regression_tables(paths: Sequence[Path], style: Style = Style()) -> list[Table]:
    """Coefficients of every model of one file or of several side by side, and the tests of each file if there are any.

    A model of several files is called by its own name, or by the name of its file and its own where two have one name.
    """
    files = [read_estimates(path) for path in paths]
    names = [one.name for one in files]
    of = "" if names == ["main"] else f": {', '.join(names)}"
    suffix = "" if names == ["main"] else f"-{'-'.join(names)}"
    title = f"Regressions{of}" if of else "Table 3. Regressions"
    whole = side_by_side(files)
    table = regression_table(
        whole.estimates, f"table3{suffix}", title=title, told=whole.told, style=style, made=whole.made
    )
    heads = {model: whole.labels.get(model, model) for model in table.frame.columns[1:]}
    heads = heads if len({*heads.values()}) == len(heads) else {}
    table = replace(table, labels=_labels(table, whole.labels), headings={**heads, **table.headings})
    return [table, *(tests for one in files for tests in _tests_table(one))]


def _tests_table(file: Estimates) -> list[Table]:
    """The specification tests of a file."""
    tests = _tests(file.told)
    if not tests:
        return []
    suffix, of = ("", "") if file.name == "main" else (f"-{file.name}", f": {file.name}")
    heads = {"distribution": "under the null", "p_value": "p", "null": "null hypothesis"}
    frame = pl.DataFrame(tests, schema_overrides={"statistic": pl.Float64, "p_value": pl.Float64})
    if frame["equation"].n_unique() == 1:
        frame = frame.drop("equation")
    return [Table(f"tests{suffix}", f"Specification tests{of}", frame, (), heads)]


def _labels(table: Table, labels: Mapping[str, str]) -> dict[str, str]:
    """Labels of the names in the cells of a table."""
    names = list(table.frame["term"])
    names += table.frame.filter(pl.col("term") == "dependent").row(0)[1:] if "dependent" in names else []
    effects = {name: _effect_label(name, labels) for name in names if name.endswith(_EFFECTS)}
    return {
        **_ROWS,
        **effects,
        **{name: label for name in names if (label := label_of(name, labels)) != name},
    }


def _effect_label(row: str, labels: Mapping[str, str]) -> str:
    """Label of a row of effects: `Country effects`, `Reporter × year effects`."""
    factors = (
        re.split(r"[:_]", row.removesuffix(_EFFECTS))
        if "_year" in row
        else row.removesuffix(_EFFECTS).split(":")
    )
    text = " × ".join(label_of(one, labels) for one in factors) + _EFFECTS
    return text[0].upper() + text[1:]


def regression_table(
    estimates: pl.DataFrame,
    name: str,
    *,
    title: str,
    told: Told,
    style: Style = Style(),
    made: Mapping[str, Made] | None = None,
) -> Table:
    """Coefficients with statistics or standard errors in brackets, one column for each model, in the paper's layout.

    Parameters
    ----------
    estimates
        Table estimates; dummies of countries, years and groups are not shown.
    name, title
        Of the table.
    told
        Entry of each model in the footer; becomes the notes.
    style
        What stands in brackets, and stars.
    made
        Effects, covariance and clusters of each model, for rows of their own; None for no such rows.
    """
    models = estimates["model"].unique(maintain_order=True).to_list()
    first = {model: estimates.filter(pl.col("model") == model).row(0, named=True) for model in models}
    rows = _coefficients(estimates, models, style)
    n_coefficients = len(rows)
    rows += _fit(first, told)
    rows += _made_rows({model: made[model] for model in models}) if made else []
    for label in ("dependent", "estimator"):
        values = {model: first[model][label] for model in models}
        if len({*values.values()} - {*models}) > (label == "dependent"):
            rows.append({"term": label} | values)
    notes = (_brackets(first, style), *_notes({model: told[model] for model in models}))
    return Table(name, title, pl.DataFrame(rows), notes, {"term": ""}, ruled=(n_coefficients,))


def _made_rows(made: Mapping[str, Made]) -> Iterator[dict[str, str]]:
    """A row for each effect that a model has, for the covariance and for the clusters."""
    for effect in dict.fromkeys(one for how in made.values() for one in how.effects):
        yield {"term": f"{effect}{_EFFECTS}"} | {
            model: how.effects.get(effect, "no") for model, how in made.items()
        }
    yield {"term": "covariance"} | {model: how.covariance for model, how in made.items()}
    if any(how.clusters for how in made.values()):
        yield {"term": "clusters"} | {model: how.clusters for model, how in made.items()}


def _coefficients(estimates: pl.DataFrame, models: Sequence[str], style: Style) -> list[dict[str, str]]:
    """Two rows for each term, the constant last."""
    is_dummy = pl.any_horizontal(pl.col("term").str.starts_with(one) for one in _DUMMIES)
    cells = {(row["model"], row["term"]): row for row in estimates.filter(~is_dummy).iter_rows(named=True)}
    rows = []
    for term in sorted(dict.fromkeys(term for _, term in cells), key=lambda term: term == "const"):
        of_term = {model: cells.get((model, term)) for model in models}
        rows.append({"term": term} | {one: _coefficient(row, style) for one, row in of_term.items()})
        rows.append({"term": ""} | {one: _bracket(row, style) for one, row in of_term.items()})
    return rows


def _fit(first: Told, told: Told) -> Iterator[dict[str, str]]:
    """Rows for observations, countries or pairs, and R squared of each kind that a model has."""
    yield {"term": "observations"} | {model: str(one["n_obs"]) for model, one in first.items()}
    is_pairs = {model: told[model]["data"] == "pairs" for model in first}
    for label, wanted in (("countries", False), ("pairs", True)):
        values = {
            model: str(one["n_entities"]) if is_pairs[model] == wanted else "" for model, one in first.items()
        }
        if any(values.values()):
            yield {"term": label} | values
    kinds = {
        "R squared within": "r_squared_within",
        "R squared overall": "r_squared_overall",
        "R squared": "r_squared",
    }
    for label, column in kinds.items():
        fits = {
            model: None
            if column == "r_squared" and (one["r_squared_within"], one["r_squared_overall"]) != (None, None)
            else one[column]
            for model, one in first.items()
        }
        if any(fit is not None for fit in fits.values()):
            yield {"term": label} | {one: "" if fit is None else f"{fit:.3f}" for one, fit in fits.items()}


def _coefficient(row: Mapping[str, Any] | None, style: Style) -> str:
    return f"{_digits(row['coefficient'])}{row['stars'] if style.stars else ''}" if row else ""


def _bracket(row: Mapping[str, Any] | None, style: Style) -> str:
    """The statistic or the standard error, in brackets."""
    if not row:
        return ""
    return f"({_digits(row['std_error'])})" if style.brackets == "se" else f"({row['statistic']:.2f})"


def _digits(value: float) -> str:
    """Three decimals, or three significant digits if all decimals would be zero."""
    return f"{value:.3g}" if 0 < abs(value) < _SMALL else f"{value:.3f}"


def _brackets(first: Told, style: Style) -> str:
    """Note on the brackets and the stars."""
    stars = " *** 1 %, ** 5 %, * 10 %." if style.stars else ""
    if style.brackets == "se":
        return f"In brackets: standard errors.{stars}"
    kinds: dict[str, list[str]] = {"t": [], "z": []}
    for model, row in first.items():
        kinds["t" if row["distribution"].startswith("t") else "z"].append(model)
    named = " or ".join(f"{kind} ({', '.join(models)})" for kind, models in kinds.items() if models)
    return f"In brackets: {named} statistics.{stars}"


def _notes(told: Told) -> Iterator[str]:
    """Notes: each model in words, then warnings and omitted rows; a line that models share occurs once."""
    for model, one in told.items():
        yield f"{model}: {one['about']}."
    shared: dict[str, list[str]] = {}
    for model, one in told.items():
        for line in [*(f"warning: {warning}" for warning in one["warnings"]), *_sample_notes(one["sample"])]:
            shared.setdefault(line, []).append(model)
    for line, models in shared.items():
        yield line if len(models) == len(told) else f"{', '.join(models)}: {line}"


def _sample_notes(sample: Mapping[str, Any]) -> Iterator[str]:
    yield f"{sample['rows']} of {sample['total']} rows are used."
    for name, count in sample["left_out"].items():
        if count:
            yield f"{count} rows are outside the sample by {name}."
    for name, rows in sample["incomplete"].items():
        undefined = sum(sample["undefined"].get(name, {}).values())
        more = f", {undefined} of them because it is not defined there" if undefined else ""
        yield f"{sum(rows.values())} rows without {name} are left out ({_listed(rows)}{more})."


def _listed(rows: Mapping[str, int], limit: int = 12) -> str:
    rest = f" and {len(rows) - limit} more" if len(rows) > limit else ""
    return ", ".join(sorted(rows)[:limit]) + rest


def has_tests(told: Told) -> bool:
    """Whether a file of estimates has specification tests, from the entries of its footer."""
    return any(one.get("diagnostics") for one in told.values())


def _tests(told: Told) -> list[dict[str, Any]]:
    """Rows of the table of tests; estimates of one equation share their tests."""
    found: dict[str, dict[str, Any]] = {}
    for one in told.values():
        for test in DIAGNOSTICS:
            if test not in one["diagnostics"]:
                continue
            outcome = one["diagnostics"][test]
            refused = outcome.get("refused")
            found[f"{one['equation']}|{one['sample']}|{test}"] = {
                "equation": one["equation"],
                "test": test,
                "distribution": outcome.get("distribution", ""),
                "statistic": outcome.get("statistic"),
                "p_value": outcome.get("p_value"),
                "null": f"not computed: {refused}" if refused else outcome["null"],
            }
    return list(found.values())
