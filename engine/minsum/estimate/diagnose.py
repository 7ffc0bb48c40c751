"""Runs the specification tests of a panel model; a test that cannot be computed gives its reason instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from linearmodels import PanelOLS, RandomEffects

from minsum.errors import EstimationError
from minsum.estimate.design import Design, refuse_unidentified_within, within_model
from minsum.estimate.estimators.diagnostics import (
    breusch_pagan_independence,
    breusch_pagan_random_effects,
    modified_wald_heteroskedasticity,
    wooldridge_serial_correlation,
)
from minsum.estimate.estimators.hausman_test import hausman
from minsum.estimate.estimators.hypothesis import HypothesisTest
from minsum.estimate.estimators.poolability import slope_poolability
from minsum.settings.estimators import Diagnostic


def diagnose(design: Design) -> dict[str, dict[str, Any]]:
    """Run the tests in the model's `diagnostics`.

    Returns
    -------
    Name of the test to `name`, `null`, `distribution`, `statistic` and `p_value`; or to `refused`, the reason why it
    could not be computed.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in design.model.diagnostics:
        try:
            test = _TESTS[name](design)  # type: ignore[index]
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


def _within(design: Design) -> Any:
    """Fixed effects fit with the conventional covariance."""
    refuse_unidentified_within(design)
    return within_model(design).fit()


def _effects_f(design: Design) -> HypothesisTest:
    test = _within(design).f_pooled
    others = (
        ""
        if design.effects_text.startswith("no ")
        else f" and {design.effects_text.removesuffix(' effects')}"
    )
    null = f"there are no country{others} effects"
    df = (int(test.df), int(test.df_denom))
    return HypothesisTest(
        "F test of the effects", null, float(test.stat), df, float(test.pval), f"F({df[0]}, {df[1]})"
    )


def _hausman(design: Design) -> HypothesisTest:
    random = RandomEffects(design.y, design.exog(design.other_dummies)).fit()
    if not design.other_dummies:
        return hausman(random, _within(design))
    refuse_unidentified_within(design)
    return hausman(random, PanelOLS(design.y, design.exog(design.other_dummies), entity_effects=True).fit())


def _pesaran_cd(design: Design) -> HypothesisTest:
    test = _within(design).pesaran_cd
    if not np.isfinite(test.stat):
        raise EstimationError(f"Pesaran's CD test: {test}")
    null = "the errors of different countries are uncorrelated"
    return HypothesisTest("Pesaran CD test", null, float(test.stat), (), float(test.pval), "N(0, 1)")


_TESTS: Final[dict[Diagnostic, Callable[[Design], HypothesisTest]]] = {
    "effects": _effects_f,
    "hausman": _hausman,
    "xttest0": lambda design: breusch_pagan_random_effects(design.y, design.exog(design.other_dummies)),
    "xttest2": lambda design: breusch_pagan_independence(_within(design).resids),
    "xttest3": lambda design: modified_wald_heteroskedasticity(_within(design).resids),
    "xtserial": lambda design: wooldridge_serial_correlation(design.y, design.exog(design.other_dummies)),
    "poolability": lambda design: slope_poolability(design.y, design.exog()),
    "pesaran_cd": _pesaran_cd,
}
