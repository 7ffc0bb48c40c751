"""Stage `estimate`: estimates the models of specifications on the panel, or on all pairs of countries.

Re-exports the estimators and tests of `estimators`, for use without a workspace; they are imported on first use, because
they load pandas and scipy. Imports no other stage; reads their published files.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minsum.estimate.estimators.diagnostics import (
        breusch_pagan_independence,
        breusch_pagan_random_effects,
        modified_wald_heteroskedasticity,
        wooldridge_serial_correlation,
    )
    from minsum.estimate.estimators.fgls import PanelFGLS
    from minsum.estimate.estimators.hausman_test import hausman
    from minsum.estimate.estimators.hypothesis import HypothesisTest
    from minsum.estimate.estimators.panel_data import PanelSample, panel_sample
    from minsum.estimate.estimators.pcse import PanelPCSE
    from minsum.estimate.estimators.poolability import slope_poolability
    from minsum.estimate.estimators.refusals import (
        EstimationWarning,
        refuse_constant_within,
        warn_irregular_lags,
    )
    from minsum.estimate.estimators.results import PanelResult

_MODULES = {
    "EstimationWarning": "estimators.refusals",
    "HypothesisTest": "estimators.hypothesis",
    "PanelFGLS": "estimators.fgls",
    "PanelPCSE": "estimators.pcse",
    "PanelResult": "estimators.results",
    "PanelSample": "estimators.panel_data",
    "breusch_pagan_independence": "estimators.diagnostics",
    "breusch_pagan_random_effects": "estimators.diagnostics",
    "hausman": "estimators.hausman_test",
    "modified_wald_heteroskedasticity": "estimators.diagnostics",
    "panel_sample": "estimators.panel_data",
    "refuse_constant_within": "estimators.refusals",
    "slope_poolability": "estimators.poolability",
    "warn_irregular_lags": "estimators.refusals",
    "wooldridge_serial_correlation": "estimators.diagnostics",
}

__all__ = [
    "EstimationWarning",
    "HypothesisTest",
    "PanelFGLS",
    "PanelPCSE",
    "PanelResult",
    "PanelSample",
    "breusch_pagan_independence",
    "breusch_pagan_random_effects",
    "hausman",
    "modified_wald_heteroskedasticity",
    "panel_sample",
    "refuse_constant_within",
    "slope_poolability",
    "warn_irregular_lags",
    "wooldridge_serial_correlation",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'minsum.estimate' has no attribute {name!r}")
    return getattr(import_module(f"minsum.estimate.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
