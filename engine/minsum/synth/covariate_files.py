"""Writes the covariates of a synthetic world in the formats of the World Bank, UNCTAD and the Fraser Institute."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from minsum.countries.codes import iso3_of
from minsum.synth.covariates import NAMES, Drawn
from minsum.synth.economies import LEADERS
from minsum.synth.spec import F64

_ISO: Final = {"S19": "TWN", "_KS": "XKX"}
_SERIES: Final = (
    ("capital", "Gross fixed capital formation (% of GDP)", "NE.GDI.FTOT.ZS"),
    ("lr", "Labor force participation rate, total (% of total population ages 15+)", "SL.TLF.CACT.ZS"),
    ("pa", "Patent applications, residents", "IP.PAT.RESD"),
)
_FDI_VALUE: Final = "US dollars at current prices in millions"
_FDI: Final = (
    "Year", "Economy", "Economy Label", "Direction", "Direction Label", "Mode", "Mode Label", _FDI_VALUE,
    f"{_FDI_VALUE} Footnote", f"{_FDI_VALUE} Missing value",
)  # fmt: skip
_FRASER: Final = ("Year", "ISO Code 3", "Countries", "Economic Freedom Summary Index", "Rank", "Quartile")


def write_covariates(drawn: Drawn, years: tuple[int, ...], folder: Path) -> None:
    """Write `WDICSV.csv`, `US_FdiFlowsStock.csv` and `efw.csv`; leaders and withheld values are not in them.

    Parameters
    ----------
    drawn
        The regressors; what the files say gives them back.
    years
        Of the world.
    folder
        Made when absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keep = [i for i, code in enumerate(drawn.codes) if iso3_of(code) not in LEADERS]
    codes = [drawn.codes[i] for i in keep]
    values = np.where(drawn.withheld[keep], np.nan, drawn.x[keep])
    tables = {
        "WDICSV.csv": _wdi(values, codes, years),
        "US_FdiFlowsStock.csv": _unctad(values[:, :, NAMES.index("ln_fdi")], codes, years),
        "efw.csv": _fraser(values[:, :, NAMES.index("efi")], codes, years),
    }
    for name, rows in tables.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)


def _iso3(code: int) -> str:
    label = iso3_of(code)
    return _ISO.get(label, label)


def _cell(value: float, form: str) -> str:
    return "" if np.isnan(value) else format(value, form)


def _wdi(values: F64, codes: Sequence[int], years: Sequence[int]) -> Iterable[Sequence[str]]:
    """A column for each year from the first to the last, per cent with four decimals, whole patents."""
    span = range(min(years), max(years) + 1)
    yield "Country Name", "Country Code", "Indicator Name", "Indicator Code", *map(str, span)
    yield "World", "WLD", _SERIES[0][1], _SERIES[0][2], *("25" for _ in span)
    for i, code in enumerate(codes):
        for name, title, series in _SERIES:
            row = values[i, :, NAMES.index(name)]
            cells = [_cell(np.exp(one), ".0f") if name == "pa" else _cell(one * 100, ".4f") for one in row]
            by_year = dict(zip(years, cells, strict=True))
            yield _iso3(code), _iso3(code), title, series, *(by_year.get(year, "") for year in span)


def _unctad(values: F64, codes: Sequence[int], years: Sequence[int]) -> Iterable[Sequence[str]]:
    """Inward flow with one decimal, and a stock beside it."""
    yield _FDI
    for t, year in enumerate(years):
        yield str(year), "0000", "World", "1", "Inward", "1", "Flow", "1000000", "", ""
        for i, code in enumerate(codes):
            flow = np.exp(values[i, t])
            why = "Not available or not separately reported" if np.isnan(flow) else ""
            for number, mode, value in (("1", "Flow", flow), ("2", "Stock", 8 * flow)):
                head = str(year), f"{code:03d}", _iso3(code), "1", "Inward"
                yield *head, number, mode, _cell(value, ".1f"), "", why


def _fraser(values: F64, codes: Sequence[int], years: Sequence[int]) -> Iterable[Sequence[str]]:
    """The summary index with six decimals, ranked within each year."""
    yield _FRASER
    for t, year in enumerate(years):
        ranks = (-np.nan_to_num(values[:, t])).argsort().argsort() + 1
        for i, code in enumerate(codes):
            quartile = 1 + 4 * (int(ranks[i]) - 1) // len(codes)
            score = _cell(values[i, t], ".6f")
            yield str(year), _iso3(code), _iso3(code), score, str(ranks[i]), str(quartile)
