"""CEPII BACI: reconciled bilateral flows, value in thousand USD, quantity in metric tons, no World rows.

A BACI row is both the exporter's export and the importer's import, so both are read from it. World and TOTAL rows are
sums by definition, not repairs. The HS vintage is only in the file name.
"""

from __future__ import annotations

import re

from minsum.sources.formats.base import Claims, Column, Format

_NAME = re.compile(
    r"BACI(?:_HS)?(?P<vintage>\d{2})(?:_Y?(?P<year>\d{4}))?(?:_V(?P<version>\d{6}))?(?!\d)", re.IGNORECASE
)
"""`BACI_HS92_Y2015_V202301.csv`; before 2019 `baci92_2015.csv`."""
_VINTAGES = {"92": "H0", "96": "H1", "02": "H2", "07": "H3", "12": "H4", "17": "H5", "22": "H6"}


def _claims(file_name: str) -> Claims:
    match = _NAME.search(file_name)
    if match is None:
        return Claims()
    version = match["version"]
    return Claims(
        year=int(match["year"]) if match["year"] else None,
        classification=_VINTAGES.get(match["vintage"]),
        published=f"{version[:4]}-{version[4:]}-01" if version else None,
    )


FORMAT = Format(
    name="baci",
    publisher="CEPII BACI",
    title="CEPII BACI (CSV with header t,i,j,k,v,q; before 2019 t,hs6,i,j,v,q)",
    columns={
        "year": Column("t"),
        "reporter_code": Column("i"),
        "partner_code": Column("j"),
        "product_code": Column("k", ("hs6",)),
        "value": Column("v"),
    },
    quantities={"net_weight": Column("q", required=False)},
    claims=_claims,
    constant_flow="X",
    value_scale=1000.0,
    weight_scale=1000.0,
    has_world_rows=False,
    mirrors_imports=True,
    companions=("country_code", "code,description"),
)
