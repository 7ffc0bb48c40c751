"""Reads the UN's six tables between adjacent vintages in the compact form that ships with minsum (made by `make_tables`).

Three gzipped CSV files: `codes` lists the codes of each vintage; `conversions` the targets of codes that change; `links`
the Correlation links, except between equal codes that have no other link.
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
    """SHA-256 of the shipped files."""
    digest = sha256()
    for name in FILES:
        digest.update((FOLDER / f"{name}.csv.gz").read_bytes())
    return digest.hexdigest()


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
    """Tables between adjacent vintages, by (newer, older)."""
    schema = {"newer": pl.String, "newer_code": pl.Int32, "older_code": pl.Int32}
    changed, links = (
        pl.read_csv(FOLDER / f"{name}.csv.gz", schema=schema).partition_by("newer", as_dict=True)
        for name in ("conversions", "links")
    )
    return {
        (newer, older): rebuilt(
            newer,
            older,
            codes=nomenclature(),
            changed=changed[newer,].drop("newer").to_numpy(),
            links=links[newer,].drop("newer").to_numpy(),
        )
        for newer, older in steps(VINTAGES[-1], VINTAGES[0])
    }


def rebuilt(newer: str, older: str, *, codes: Nomenclature, changed: Codes, links: Codes) -> Concordance:
    """Rebuild a table from its compact form.

    Parameters
    ----------
    newer, older
        Adjacent vintages.
    codes
        Codes of every vintage.
    changed
        Codes of the newer vintage and their different targets in the older vintage (999999 where there is no
        target), shape (n_changed, 2).
    links
        Links, except between equal codes that have no other link, shape (n_links, 2).
    """
    sources = codes[newer]
    targets = sources.copy()
    targets[np.searchsorted(sources, changed[:, 0])] = changed[:, 1]
    is_matched = targets != UNSPECIFIED_CODE
    same = np.setdiff1d(np.intersect1d(sources, codes[older]), links.ravel(), assume_unique=False)
    all_links = np.concatenate([links, np.repeat(same, 2).reshape(-1, 2)])
    order = np.lexsort((all_links[:, 1], all_links[:, 0]))
    return Concordance(newer, older, sources[is_matched], targets[is_matched], all_links[order])
