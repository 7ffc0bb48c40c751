"""Runs the specification tests of a panel model; a test that cannot be computed gives its reason instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from linearmodels import PanelOLS, RandomEffects

from minsum.errors import EstimationError
from minsum.estimate.design import Design, refuse_unidentified_within
from minsum.estimate.estimators.diagnostics import (
    breusch_pagan_independence,
    breusch_pagan_random_effects,
    modified_wald_heteroskedasticity,
    wooldridge_serial_correlation,
)
from minsum.estimate.estimators.hausman_test import hausman
from minsum.estimate.estimators.hypothesis import HypothesisTest
from minsum.estimate.estimators.poolability import slope_poolability
from minsum.settings.specs import Diagnostic


def diagnose(one: Design) -> dict[str, dict[str, Any]]:
    """Run the tests in the model's `diagnostics`.

    Returns
    -------
    Name of the test to `name`, `null`, `distribution`, `statistic` and `p_value`; or to `refused`, the reason why it
    could not be computed.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in one.model.diagnostics:
        try:
            test = _TESTS[name](one)  # type: ignore[index]
            found[name] = {
                "name": test.name,
                "null": test.null,
                "distribution": test.distribution,
                "statistic": test.statistic,
                "p_value": test.p_value,
            }
        except (EstimationError, ValueError, np.linalg.LinAlgError) as error:
            found[name] = {"refused": " ".join(str(error).split())}
    return found


def _within(one: Design) -> Any:
    """Fixed effects fit with the conventional covariance."""
    refuse_unidentified_within(one)
    return PanelOLS(one.y, one.exog(), entity_effects=True, time_effects=one.has_years).fit()


def _effects_f(one: Design) -> HypothesisTest:
    test = _within(one).f_pooled
    null = f"there are no {'country and year' if one.has_years else 'country'} effects"
    df = (int(test.df), int(test.df_denom))
    return HypothesisTest(
        "F test of the effects", null, float(test.stat), df, float(test.pval), f"F({df[0]}, {df[1]})"
    )


def _hausman(one: Design) -> HypothesisTest:
    random = RandomEffects(one.y, one.exog(one.year_dummies)).fit()
    if not one.has_years:
        return hausman(random, _within(one))
    refuse_unidentified_within(one)
    return hausman(random, PanelOLS(one.y, one.exog(["year"]), entity_effects=True).fit())


def _pesaran_cd(one: Design) -> HypothesisTest:
    test = _within(one).pesaran_cd
    if not np.isfinite(test.stat):
        raise EstimationError(f"Pesaran's CD test: {test}")
    null = "the errors of different countries are uncorrelated"
    return HypothesisTest("Pesaran CD test", null, float(test.stat), (), float(test.pval), "N(0, 1)")


_TESTS: Final[dict[Diagnostic, Callable[[Design], HypothesisTest]]] = {
    "effects": _effects_f,
    "hausman": _hausman,
    "xttest0": lambda one: breusch_pagan_random_effects(one.y, one.exog(one.year_dummies)),
    "xttest2": lambda one: breusch_pagan_independence(_within(one).resids),
    "xttest3": lambda one: modified_wald_heteroskedasticity(_within(one).resids),
    "xtserial": lambda one: wooldridge_serial_correlation(one.y, one.exog(one.year_dummies)),
    "poolability": lambda one: slope_poolability(one.y, one.exog()),
    "pesaran_cd": _pesaran_cd,
}
