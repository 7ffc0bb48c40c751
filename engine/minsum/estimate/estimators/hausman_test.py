"""Hausman's test by linearmodels, refused where its covariance makes no sense."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from minsum.errors import EstimationError
from minsum.estimate.estimators.hypothesis import HypothesisTest, chi2_test
from minsum.estimate.estimators.panel_data import named
from minsum.estimate.estimators.refusals import EXACT_FIT

if TYPE_CHECKING:
    from linearmodels.panel.results import PanelResults, RandomEffectsResults


def hausman(random: RandomEffectsResults, fixed: PanelResults) -> HypothesisTest:
    """Hausman test of random against fixed effects.

    Parameters
    ----------
    random, fixed
        Results of linearmodels' `RandomEffects` and of `PanelOLS` with entity effects on the same sample,
        both with the unadjusted covariance.

    Returns
    -------
    chi2(k0), with k0 common slopes.

    Raises
    ------
    EstimationError
        If V_FE - V_RE is not positive definite (the message gives its smallest eigenvalue), or the two
        results cannot be compared.

    Notes
    -----
    (b_FE - b_RE)'(V_FE - V_RE)^-1(b_FE - b_RE): Hausman (1978), Econometrica 46, 1251-1271.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r".*not positive definite")
            outcome = random.hausman(fixed)
    except (TypeError, ValueError) as error:
        raise EstimationError(
            f"the Hausman test cannot compare these results: {error}",
            "estimate both on the same rows and regressors, with the unadjusted covariance",
        ) from error
    slopes = list(outcome.estimates.index)
    of_fixed = fixed.cov.loc[slopes, slopes].to_numpy()
    scale = np.sqrt(np.diag(of_fixed))
    difference = (of_fixed - random.cov.loc[slopes, slopes].to_numpy()) / np.outer(scale, scale)
    smallest = float(np.linalg.eigvalsh(difference)[0])
    if smallest <= EXACT_FIT:
        raise EstimationError(
            f"Hausman test of {named(slopes)}: V_FE - V_RE is not positive definite "
            f"(smallest eigenvalue {smallest:.3g}, in units of the FE variances)",
            "the test says nothing on this sample: report both models, or compare them by a regression on "
            "the panel means (Mundlak 1978)",
        )
    null = "the entity effects are uncorrelated with the regressors"
    return chi2_test(float(outcome.statistic.stat), len(slopes), name="Hausman test", null=null)
