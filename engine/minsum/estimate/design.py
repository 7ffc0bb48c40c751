"""Builds and checks the dependent variable and regressors of a panel model, as pandas tables for the estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd
import polars as pl
from linearmodels import PanelOLS

from minsum.errors import EstimationError
from minsum.estimate.estimators.least_squares import least_squares
from minsum.estimate.estimators.panel_data import PanelSample, panel_sample
from minsum.estimate.estimators.refusals import refuse_constant_within, refuse_perfect_fit
from minsum.estimate.groups import SEVERAL
from minsum.estimate.nesting import Codes, finest_sets
from minsum.estimate.sample import WEIGHT, Chosen
from minsum.settings.specs import Model

_REPEATED: Final = 1e-9
"""Part of a dummy's length beside the columns before it below which it repeats them; rounding leaves 1e-14."""


@dataclass(frozen=True, slots=True)
class Design:
    """One equation on one sample.

    Attributes
    ----------
    model
        The resolved model.
    y
        Dependent variable, indexed by (reporter, year).
    x
        Regressors with the same index, without constant.
    weights
        Weight of each row, with the same index, in (0, 1]; None for equal weights.
    weights_text
        Description of the weights; empty for equal weights.
    groups
        Label of each row's effect for each effect by group, such as `region:year`, with the same index.
    """

    model: Model
    y: pd.Series
    x: pd.DataFrame
    weights: pd.Series | None = None
    weights_text: str = ""
    groups: Mapping[str, pd.Series] = field(default_factory=dict)

    @property
    def has_years(self) -> bool:
        """Whether each year has an effect of its own."""
        return "year" in (self.model.effects or ())

    @property
    def has_countries(self) -> bool:
        """Whether each country has an effect of its own."""
        return "country" in (self.model.effects or ())

    @property
    def n_entities(self) -> int:
        """Number of countries."""
        return int(self.y.index.get_level_values(0).nunique())

    def exog(self, dummies: Sequence[str] = ()) -> pd.DataFrame:
        """Regressors, the constant, and dummies without those that repeat the constant or dummies before them.

        Parameters
        ----------
        dummies
            Index levels, whose first dummy is left out, and effects by group after them.
        """
        levels = [one for one in dummies if one not in self.groups]
        parts = [pd.DataFrame({"const": np.ones(len(self.y))}, index=self.y.index)]
        for level in levels:
            values = pd.Series(self.y.index.get_level_values(level), index=self.y.index)
            parts.append(pd.get_dummies(values, prefix=level, drop_first=True, dtype=float))
        for effect in dummies[len(levels) :]:
            parts.append(_dummies(effect, self.groups[effect], before=pd.concat(parts, axis=1)))
        return pd.concat([self.x, *parts], axis=1)

    @property
    def other_dummies(self) -> list[str]:
        """Effects beside those of countries, as dummies for `exog`."""
        return [*(["year"] if self.has_years else []), *self.groups]

    def codes(self, names: Sequence[str]) -> Codes:
        """Number of each row's country, year or group, by name of the effect."""
        levels = {"country": "reporter", "year": "year"}
        index = self.y.index
        labels = {
            one: self.groups[one] if one in self.groups else index.get_level_values(levels[one])
            for one in names
        }
        return {one: pd.factorize(values)[0] for one, values in labels.items()}

    @property
    def effects_text(self) -> str:
        """The effects beside those of countries, in words."""
        named = [*(["year"] if self.has_years else []), *self.groups]
        return f"{' and '.join(named)} effects" if named else "no year effects"

    def sample(self, dummies: Sequence[str] = ()) -> PanelSample:
        """The sample as sorted arrays; refuses samples on which the estimators cannot work.

        Raises
        ------
        EstimationError
            If there are too few rows, a column depends on others, or the fit is perfect.
        """
        found = panel_sample(self.y, self.exog(dummies))
        refuse_perfect_fit(least_squares(found.y, found.x, sample=found, what="the model"), sample=found)
        return found


def _dummies(effect: str, labels: pd.Series, *, before: pd.DataFrame) -> pd.DataFrame:
    """Dummies of an effect by group, without those that are combinations of the columns before them."""
    found = pd.get_dummies(labels, dtype=float)
    found.columns = [f"{SEVERAL}{effect}[{one}]" for one in found.columns]
    both = np.column_stack([before.to_numpy(), found.to_numpy()])
    left = np.abs(np.diagonal(np.linalg.qr(both, mode="r")))[before.shape[1] :]
    kept: pd.DataFrame = found.loc[:, left > _REPEATED * np.sqrt(len(labels))]
    return kept


def make_design(chosen: Chosen, model: Model) -> Design:
    """The design of a model on its chosen rows."""
    names = [model.dependent, *chosen.regressors, *([WEIGHT] if model.weights else [])]
    index = pd.MultiIndex.from_arrays(
        [chosen.rows["reporter"].to_list(), chosen.rows["year"].to_numpy()], names=["reporter", "year"]
    )
    table = pd.DataFrame(
        {name: chosen.rows[name].to_numpy() for name in names}, index=index, dtype=np.float64
    )
    return Design(
        model,
        table[model.dependent],
        table[list(chosen.regressors)],
        weights=table[WEIGHT] if model.weights else None,
        weights_text=chosen.weights_text(),
        groups={
            name: pd.Series(labels.cast(pl.String).to_list(), index=index)
            for name, labels in chosen.effect_labels().items()
        },
    )


def refuse_unidentified_within(design: Design) -> None:
    """Refuse regressors that the effects absorb, or that are collinear given these effects.

    Raises
    ------
    EstimationError
        If there are such regressors; the message names them.
    """
    if design.n_entities == len(design.y):
        raise EstimationError(
            f"every country has one row ({design.n_entities} in all), which its effect fits",
            "use more years, or a pooled or between model",
        )
    refuse_constant_within(panel_sample(design.y, design.exog()))
    design.sample(["reporter", *design.other_dummies])


def within_model(design: Design) -> PanelOLS:
    """The model with fixed effects: of countries, of years, and by group.

    Raises
    ------
    EstimationError
        If there are more than two sets of effects of which none lies within another.
    """
    finest = list(finest_sets(design.codes(design.model.effects or ())))
    others = [one for one in finest if one not in ("country", "year")]
    if len(finest) > 2:
        raise EstimationError(
            f"FE takes two sets of effects, not {', '.join(finest)}",
            'join two by a colon, or use estimators = ["pooled"] with the effects as dummies',
        )
    return PanelOLS(
        design.y,
        design.exog(),
        entity_effects="country" in finest,
        time_effects="year" in finest,
        other_effects=pd.DataFrame(
            {one: pd.Categorical(design.groups[one]) for one in others}, index=design.y.index
        )
        if others
        else None,
        weights=design.weights,
    )
