"""Estimates panel models by feasible GLS or with panel-corrected standard errors, with country and year dummies."""

from __future__ import annotations

import warnings

from minsum.estimate.design import Design
from minsum.estimate.estimators.fgls import PanelFGLS
from minsum.estimate.estimators.pcse import PanelPCSE
from minsum.estimate.estimators.refusals import EstimationWarning
from minsum.estimate.fitted import Fitted, distribution, term_table


def fit_gls(one: Design, estimator: str, *, label: str) -> Fitted:
    """Estimate a panel model by FGLS or PCSE.

    Parameters
    ----------
    one
        The equation and its sample; its effects become dummies, the first country and year left out.
    estimator
        FGLS or PCSE.
    label
        Name of the estimate.

    Raises
    ------
    EstimationError
        If the sample does not carry the model; the message names the culprit.
    """
    exog = one.exog([*(["reporter"] if one.has_countries else []), *one.year_dummies])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EstimationWarning)
        if estimator == "FGLS":
            result = PanelFGLS(one.y, exog, **one.model.fgls.model_dump()).fit()
        else:
            result = PanelPCSE(one.y, exog, **one.model.pcse.model_dump()).fit()
    rho = f", rho {result.rho:.4f}" if isinstance(result.rho, float) else ""
    return Fitted(
        label=label,
        estimator=estimator,
        dependent=str(one.model.dependent),
        about=f"{_title(one, estimator, result.title)}{rho}, {_effects(one)}; z statistics{_constant(one)}",
        terms=term_table(result.params, result.cov, df=None),
        distribution=distribution(None),
        n_obs=result.nobs,
        n_entities=one.n_entities,
        r_squared=result.rsquared,
        warnings=(*(str(each.message) for each in caught), *result.notes),
    )


def _title(one: Design, estimator: str, title: str) -> str:
    plain = one.model.fgls.model_dump(exclude_defaults=True) == {}
    return "feasible GLS with iid errors, variance e'e/N" if estimator == "FGLS" and plain else title


def _effects(one: Design) -> str:
    named = [name for name, there in (("country", one.has_countries), ("year", one.has_years)) if there]
    without = [name for name, there in (("country", one.has_countries), ("year", one.has_years)) if not there]
    parts = [f"{' and '.join(named)} effects by dummies"] if named else []
    return ", ".join([*parts, *(f"no {name} effects" for name in without)])


def _constant(one: Design) -> str:
    index = one.y.index
    omitted = [
        f"{level} {index.get_level_values(key).min()}"
        for level, key, there in (
            ("country", "reporter", one.has_countries),
            ("year", "year", one.has_years),
        )
        if there
    ]
    return f"; the constant is the effect of the omitted {' and '.join(omitted)}" if omitted else ""
