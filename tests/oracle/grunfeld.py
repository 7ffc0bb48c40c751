"""Grunfeld's investment data in the two versions that published output was made with.

The values come from statsmodels at test time; only the three entries in which Greene's subset differs are
written here. Published runs used Stata files of float32 columns, so the values are rounded to float32.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import statsmodels.api as sm

GREENE_FIRMS = ("General Motors", "Chrysler", "General Electric", "Westinghouse", "US Steel")
GREENE_ENTRIES = {(1940, "invest"): 261.6, (1952, "invest"): 645.2, (1946, "capital"): 232.6}
"""US Steel in Greene's subset."""


def large_firms() -> pd.DataFrame:
    """The ten large firms, 1935-54: columns invest, value, capital, const; index (firm, year)."""
    table = sm.datasets.grunfeld.load_pandas().data
    return _panel(table[table["firm"] != "American Steel"])


def greene_firms() -> pd.DataFrame:
    """Greene's five firms (invest2), 1935-54: columns invest, market, stock, const; index (firm, year)."""
    table = sm.datasets.grunfeld.load_pandas().data
    table = table[table["firm"].isin(GREENE_FIRMS)].copy()
    for (year, column), value in GREENE_ENTRIES.items():
        table.loc[(table["firm"] == "US Steel") & (table["year"] == year), column] = value
    return _panel(table).rename(columns={"value": "market", "capital": "stock"})


def _panel(table: pd.DataFrame) -> pd.DataFrame:
    """Round to float32, add the constant, index by firm and year."""
    values = table[["invest", "value", "capital"]].astype(np.float32).astype(np.float64)
    values["const"] = 1.0
    index = [table["firm"].astype(str), table["year"].astype(int)]
    return values.set_index(pd.MultiIndex.from_arrays(index, names=["firm", "year"]))


def assert_printed(value: float, printed: str) -> None:
    """Check a number against a printed one, to one unit of its last digit."""
    decimals = len(printed.partition(".")[2])
    assert abs(value - float(printed)) <= 10.0**-decimals, f"{value!r} is not {printed}"
