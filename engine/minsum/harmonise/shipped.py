"""The six adjacent tables of the UN in the compact form that ships with minsum (made by `make_tables`).

Three files of comma-separated text, gzip packed: `codes` the codes of each vintage; `conversions` the targets of the
codes that change; `links` the Correlation links beyond those between equal codes that have no other link.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from minsum.harmonise.vintages import UNSPECIFIED_CODE, VINTAGES, steps
from minsum.harmonise.workbooks import Codes, Concordance

FOLDER: Final = Path(__file__).parent / "tables"
FILES: Final = ("codes", "conversions", "links")
Pair = tuple[str, str]
Nomenclature = dict[str, Codes]
"""Vintage to its codes as numbers, ascending, without 999999."""


def shipped_digest() -> str:
    """SHA-256 over the shipped files."""
    whole = sha256()
    for name in FILES:
        whole.update((FOLDER / f"{name}.csv.gz").read_bytes())
    return whole.hexdigest()


@cache
def nomenclature() -> Nomenclature:
    """Codes of every vintage, as the UN's workbooks name them."""
    codes = pl.read_csv(FOLDER / "codes.csv.gz", schema={"product_code": pl.Int32, "vintages": pl.String})
    return {
        vintage: codes.filter(pl.col("vintages").str.contains(vintage[1]))["product_code"].to_numpy()
        for vintage in VINTAGES
    }


@cache
def shipped() -> dict[Pair, Concordance]:
    """The tables between adjacent vintages, newer first."""
    schema = {"newer": pl.String, "newer_code": pl.Int32, "older_code": pl.Int32}
    changed, links = (
        pl.read_csv(FOLDER / f"{name}.csv.gz", schema=schema).partition_by("newer", as_dict=True)
        for name in ("conversions", "links")
    )
    return {
        (newer, older): expanded(
            newer,
            older,
            codes=nomenclature(),
            changed=changed[newer,].drop("newer").to_numpy(),
            links=links[newer,].drop("newer").to_numpy(),
        )
        for newer, older in steps(VINTAGES[-1], VINTAGES[0])
    }


def expanded(newer: str, older: str, *, codes: Nomenclature, changed: Codes, links: Codes) -> Concordance:
    """A table from what the compact form keeps of it.

    Parameters
    ----------
    newer, older
        Adjacent vintages.
    codes
        Of every vintage.
    changed
        Codes of the newer vintage that go to another code of the older, or to 999999 where they have no target,
        shape (n_changed, 2).
    links
        All but links of a code with its equal where neither has another link, shape (n_links, 2).
    """
    sources = codes[newer]
    targets = sources.copy()
    targets[np.searchsorted(sources, changed[:, 0])] = changed[:, 1]
    is_matched = targets != UNSPECIFIED_CODE
    same = np.setdiff1d(np.intersect1d(sources, codes[older]), links.ravel(), assume_unique=False)
    whole = np.concatenate([links, np.repeat(same, 2).reshape(-1, 2)])
    order = np.lexsort((whole[:, 1], whole[:, 0]))
    return Concordance(newer, older, sources[is_matched], targets[is_matched], whole[order])
