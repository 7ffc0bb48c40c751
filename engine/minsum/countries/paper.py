"""Countries and years of the paper's sample."""

from __future__ import annotations

from typing import Final

ASEAN_AND_CHINA: Final = ("CHN", "BRN", "KHM", "IDN", "LAO", "MYS", "MMR", "PHL", "SGP", "THA", "VNM")
PAPER_COUNTRIES: Final = ("PHL", "KHM", "MYS", "THA", "SGP", "IDN", "MMR", "VNM", "CHN")
PAPER_YEARS: Final = (2002, 2006, 2010, 2014, 2015, 2016, 2017, 2018, 2019, 2020, 2021)
