"""Reads files of estimates for tables: coefficients, notes, how each model was made, and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from minsum.schema import LABELS
from minsum.settings.specs import Specification, labels
from minsum.workspace.footers import read_footer

Told = Mapping[str, Mapping[str, Any]]
"""Label of an estimate to its entry in the footer."""
_COUNTRY: Final = {"RE": "random", "pooled": "no", "FD": "differenced"}
"""What estimators make of the effects of countries, where they do not estimate them."""


@dataclass(frozen=True, slots=True)
class Made:
    """How an estimate was made.

    Attributes
    ----------
    effects
        Effect to `yes`, `no`, or what the estimator makes of it, such as `random`.
    covariance, clusters
        Kind of covariance, and the ways to cluster; empty for none.
    """

    effects: Mapping[str, str]
    covariance: str
    clusters: str


@dataclass(frozen=True, slots=True)
class Estimates:
    """A file of estimates.

    Attributes
    ----------
    name
        Name of the specification.
    estimates
        Table estimates.
    told
        What the footer says of each model.
    made
        How each model was made.
    labels
        Labels of terms, variables and models, of the specification and the data dictionary.
    """

    name: str
    estimates: pl.DataFrame
    told: Told
    made: Mapping[str, Made]
    labels: Mapping[str, str]

    def renamed(self, names: Mapping[str, str]) -> Estimates:
        """The estimates with other names of models."""
        return replace(
            self,
            estimates=self.estimates.with_columns(pl.col("model").replace(names)),
            told={names.get(one, one): what for one, what in self.told.items()},
            made={names.get(one, one): what for one, what in self.made.items()},
        )


def read_estimates(path: Path) -> Estimates:
    footer = read_footer(path)
    spec = Specification.model_validate(footer["options"]["as_written"])
    given: dict[str, str] = {}
    for model in spec.resolved():
        given |= model.labels
    return Estimates(
        footer["spec"], pl.read_parquet(path, glob=False), footer["models"], _made(spec), {**LABELS, **given}
    )


def side_by_side(files: Sequence[Estimates]) -> Estimates:
    """The models of several files as if they were of one."""
    counts = Counter(model for one in files for model in one.told)
    own = [
        one.renamed({model: f"{one.name} {model}" for model in one.told if counts[model] > 1})
        for one in files
    ]
    return Estimates(
        " ".join(one.name for one in files),
        pl.concat([one.estimates for one in own]),
        {model: what for one in own for model, what in one.told.items()},
        {model: what for one in own for model, what in one.made.items()},
        {name: label for one in own for name, label in one.labels.items()},
    )


def _made(spec: Specification) -> dict[str, Made]:
    """How each estimate was made, by its label."""
    found = {}
    for model in spec.resolved():
        for label, estimator in zip(labels(model), model.estimators or (), strict=True):
            how = {
                one: _COUNTRY.get(estimator, "yes") if one == "country" else "yes"
                for one in model.effects or ()
            }
            is_own = estimator in ("FGLS", "PCSE")
            found[label] = Made(
                {} if estimator == "between" else how,
                estimator if is_own else str(model.covariance).replace("_", "-"),
                ", ".join(model.clusters) if model.covariance == "clustered" else "",
            )
    return found
