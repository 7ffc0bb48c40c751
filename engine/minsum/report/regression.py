"""Makes Table 3 and the table of specification tests from a file of estimates and its footer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import polars as pl

from minsum.report.table import Table
from minsum.settings.specs import DIAGNOSTICS, Specification, labels
from minsum.workspace.footers import read_footer

_DUMMIES: Final = ("reporter_", "year_")
_SMALL: Final = 0.0005
Told = Mapping[str, Mapping[str, Any]]
"""Label of an estimate to its entry in the footer."""


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


def regression_tables(path: Path, style: Style = Style()) -> list[Table]:
    """Table of the coefficients of every model in a file, and table of its specification tests if it has any."""
    footer = read_footer(path)
    is_main = footer["spec"] == "main"
    suffix, of = ("", "") if is_main else (f"-{footer['spec']}", f": {footer['spec']}")
    title = "Table 3. Regressions" if is_main else f"Regressions{of}"
    tables = [
        regression_table(
            pl.read_parquet(path, glob=False), f"table3{suffix}", title=title, told=footer["models"],
            style=style, made=_made(footer["options"]),
        )
    ]  # fmt: skip
    tests = _tests(footer["models"])
    if tests:
        heads = {"distribution": "under the null", "p_value": "p", "null": "null hypothesis"}
        frame = pl.DataFrame(tests, schema_overrides={"statistic": pl.Float64, "p_value": pl.Float64})
        if frame["equation"].n_unique() == 1:
            frame = frame.drop("equation")
        tables.append(Table(f"tests{suffix}", f"Specification tests{of}", frame, (), heads))
    return tables


def _made(options: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Effects and covariance of each estimate, by its label, from the specification."""
    found = {}
    for model in Specification.model_validate(options["as_written"]).resolved():
        covariance = str(model.covariance)
        if covariance == "clustered":
            covariance = f"by {' and '.join(model.clusters)}"
        for label, estimator in zip(labels(model), model.estimators or (), strict=True):
            is_random = {"country"} if estimator == "RE" else set()
            effects = [f"{one} (random)" if one in is_random else one for one in model.effects or ()]
            own = estimator in ("FGLS", "PCSE")
            found[label] = {
                "effects": ", ".join(effects),
                "covariance": estimator if own else covariance.replace("_", "-"),
            }
    return found


def regression_table(
    estimates: pl.DataFrame,
    name: str,
    *,
    title: str,
    told: Told,
    style: Style = Style(),
    made: Mapping[str, Mapping[str, str]] | None = None,
) -> Table:
    """Coefficients with statistics or standard errors in brackets, one column for each model, in the paper's layout.

    Parameters
    ----------
    estimates
        Table estimates; dummies of countries and years are not shown.
    name, title
        Of the table.
    told
        Entry of each model in the footer; becomes the notes.
    style
        What stands in brackets, and stars.
    made
        Rows for effects and covariance, by model; none without it.
    """
    models = estimates["model"].unique(maintain_order=True).to_list()
    is_dummy = pl.any_horizontal(pl.col("term").str.starts_with(one) for one in _DUMMIES)
    cells = {(row["model"], row["term"]): row for row in estimates.filter(~is_dummy).iter_rows(named=True)}
    terms = list(dict.fromkeys(term for _, term in cells))
    rows = []
    for term in sorted(terms, key=lambda term: term == "const"):
        of_term = {model: cells.get((model, term)) for model in models}
        rows.append({"term": term} | {one: _coefficient(row, style) for one, row in of_term.items()})
        rows.append({"term": ""} | {one: _bracket(row, style) for one, row in of_term.items()})
    first = {model: estimates.filter(pl.col("model") == model).row(0, named=True) for model in models}
    is_pairs = any(one["data"] == "pairs" for one in told.values())
    for label, column in (("observations", "n_obs"), ("pairs" if is_pairs else "countries", "n_entities")):
        rows.append({"term": label} | {model: str(first[model][column]) for model in models})
    fits = {model: first[model]["r_squared"] for model in models}
    rows.append(
        {"term": "r_squared"} | {one: "" if fit is None else f"{fit:.3f}" for one, fit in fits.items()}
    )
    for label in ("effects", "covariance") if made else ():
        values = {model: (made or {})[model][label] for model in models}
        if any(values.values()):
            rows.append({"term": label} | values)
    for label in ("dependent", "estimator"):
        values = {model: first[model][label] for model in models}
        if len({*values.values()} - {*models}) > (label == "dependent"):
            rows.append({"term": label} | values)
    notes = (_brackets(first, style), *_notes({model: told[model] for model in models}))
    return Table(name, title, pl.DataFrame(rows), notes, {"term": ""})


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
