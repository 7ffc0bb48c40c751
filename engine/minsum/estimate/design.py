"""Builds and checks the dependent variable and regressors of a panel model, as pandas tables for the estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from minsum.errors import EstimationError
from minsum.estimate.estimators.least_squares import least_squares
from minsum.estimate.estimators.panel_data import PanelSample, panel_sample
from minsum.estimate.estimators.refusals import refuse_constant_within, refuse_perfect_fit
from minsum.estimate.sample import WEIGHT, Chosen
from minsum.settings.specs import Model


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
    """

    model: Model
    y: pd.Series
    x: pd.DataFrame
    weights: pd.Series | None = None
    weights_text: str = ""

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
        """Regressors, the constant, and dummies of the named index levels, without the first dummy of each level."""
        parts = [self.x.assign(const=1.0)]
        for level in dummies:
            values = pd.Series(self.y.index.get_level_values(level), index=self.y.index)
            parts.append(pd.get_dummies(values, prefix=level, drop_first=True, dtype=float))
        return pd.concat(parts, axis=1)

    @property
    def year_dummies(self) -> list[str]:
        """Index levels that become dummies in a model without country effects."""
        return ["year"] if self.has_years else []

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


def make_design(chosen: Chosen, model: Model) -> Design:
    """The design of a model on its chosen rows."""
    names = [model.dependent, *model.regressors, *([WEIGHT] if model.weights else [])]
    table = pd.DataFrame(
        {name: chosen.rows[name].to_numpy() for name in names},
        index=pd.MultiIndex.from_arrays(
            [chosen.rows["reporter"].to_list(), chosen.rows["year"].to_numpy()], names=["reporter", "year"]
        ),
        dtype=np.float64,
    )
    weights = table[WEIGHT] if model.weights else None
    return Design(
        model, table[model.dependent], table[list(model.regressors)], weights, chosen.weights_text()
    )


def refuse_unidentified_within(design: Design) -> None:
    """Refuse regressors that country (and year) effects absorb, or that are collinear given these effects.

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
    design.sample(["reporter", *design.year_dummies])
