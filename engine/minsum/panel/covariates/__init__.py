"""Covariate files as people have them: WDI, UNCTADstat, Fraser, Heritage and tidy tables.

A format is one module here with a constant `FORMAT`; dropping the module in is all it takes. It recognises a
table by its content and maps its columns; numbers, countries, units and variables are the same for all.
"""

from minsum.panel.covariates.folder import Covariates, read_covariates
from minsum.panel.covariates.messages import covariate_remarks
from minsum.panel.covariates.registry import covariate_formats

__all__ = ["Covariates", "covariate_formats", "covariate_remarks", "read_covariates"]
