"""Reads covariate files (WDI, UNCTADstat, Fraser, Heritage, tidy tables) and makes the panel's variables.

Each format is one module with a constant `FORMAT`; to add a format, add a module. The module recognises a table by its
content and maps its columns; numbers, countries, units and variables are handled for all formats alike.
"""

from minsum.panel.covariates.folder import Covariates, read_covariates
from minsum.panel.covariates.messages import covariate_remarks
from minsum.panel.covariates.registry import covariate_formats

__all__ = ["Covariates", "covariate_formats", "covariate_remarks", "read_covariates"]
