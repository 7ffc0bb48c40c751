"""Estimates panel models by feasible GLS or with panel-corrected standard errors, with country and year dummies."""

from __future__ import annotations

import warnings

from minsum.estimate.design import Design
from minsum.estimate.estimators.fgls import PanelFGLS
from minsum.estimate.estimators.pcse import PanelPCSE
from minsum.estimate.estimators.refusals import EstimationWarning
from minsum.estimate.fitted import Fitted, distribution, term_table
from minsum.settings.terms import PRODUCT


def fit_gls(design: Design, estimator: str, *, label: str) -> Fitted:
    """Estimate a panel model by FGLS or PCSE.

    Parameters
    ----------
    design
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
    exog = design.exog([*(["reporter"] if design.has_countries else []), *design.other_dummies])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", EstimationWarning)
        if estimator == "FGLS":
            result = PanelFGLS(design.y, exog, **design.model.fgls.model_dump()).fit()
        else:
            result = PanelPCSE(design.y, exog, **design.model.pcse.model_dump()).fit()
    rho = f", rho {result.rho:.4f}" if isinstance(result.rho, float) else ""
    return Fitted(
        label=label,
        estimator=estimator,
        dependent=str(design.model.dependent),
        about=f"{_title(design, estimator, result.title)}{rho}, {_effects(design)}; z statistics{_constant(design)}",
        terms=term_table(result.params, result.cov, df=None),
        distribution=distribution(None),
        n_obs=result.nobs,
        n_entities=design.n_entities,
        r_squared=result.rsquared,
        warnings=(*(str(each.message) for each in caught), *result.notes),
    )


def _title(design: Design, estimator: str, title: str) -> str:
    plain = design.model.fgls.model_dump(exclude_defaults=True) == {}
    return "feasible GLS with iid errors, variance e'e/N" if estimator == "FGLS" and plain else title


def _effects(design: Design) -> str:
    named = [*(["country"] if design.has_countries else []), *design.other_dummies]
    has_years = any("year" in one.split(PRODUCT) for one in design.other_dummies)
    without = [name for name, there in (("country", design.has_countries), ("year", has_years)) if not there]
    parts = [f"{' and '.join(named)} effects by dummies"] if named else []
    return ", ".join([*parts, *(f"no {name} effects" for name in without)])


def _constant(design: Design) -> str:
    index = design.y.index
    omitted = [
        f"{level} {index.get_level_values(key).min()}"
        for level, key, there in (
            ("country", "reporter", design.has_countries),
            ("year", "year", design.has_years),
        )
        if there
    ]
    omitted += [f"first of {one}" for one in design.groups]
    return f"; the constant is the effect of the omitted {' and '.join(omitted)}" if omitted else ""
