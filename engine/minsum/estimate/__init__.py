"""Panel estimators and tests of our own, with results that look like those of linearmodels.

Importing this package loads pandas and scipy, and not linearmodels.
"""

from minsum.estimate.checks import EstimationWarning, refuse_constant_within, warn_irregular_lags
from minsum.estimate.diagnostics import (
    breusch_pagan_independence,
    breusch_pagan_random_effects,
    modified_wald_heteroskedasticity,
    wooldridge_serial_correlation,
)
from minsum.estimate.fgls import PanelFGLS
from minsum.estimate.hausman_test import hausman
from minsum.estimate.hypothesis import HypothesisTest
from minsum.estimate.panel_data import PanelSample, panel_sample
from minsum.estimate.pcse import PanelPCSE
from minsum.estimate.poolability import slope_poolability
from minsum.estimate.results import PanelResult

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
