"""UN Comtrade's column names, old and new, in files, API answers and frames of API clients.

For each column: today's name, the name before 2023, the name in API answers before 2023. R's comtradr and Python's
comtradeapicall spell these names differently; `folded_name` makes the spellings equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from minsum.sources.formats.base import Column, ColumnName

COLUMNS: Final[Mapping[ColumnName, Column]] = {
    "reporter_code": Column("reporterCode", ("rtCode",)),
    "year": Column("period", ("refYear", "Year", "yr")),
    "classification": Column("classificationCode", ("Classification", "pfCode"), required=False),
    "flow": Column("flowCode", ("Trade Flow Code", "rgCode")),
    "flow_name": Column("Trade Flow", ("flowDesc", "rgDesc"), required=False),
    "partner_code": Column("partnerCode", ("ptCode",)),
    "partner2_code": Column(
        "partner2Code", ("2nd Partner Code", "X2nd Partner Code", "ptCode2"), required=False
    ),
    "product_code": Column("cmdCode", ("Commodity Code",)),
    "customs_code": Column("customsCode", ("Customs Proc. Code", "cstCode"), required=False),
    "mos_code": Column("mosCode", required=False),
    "mot_code": Column("motCode", ("Mode of Transport Code",), required=False),
    "is_original": Column("isOriginalClassification", required=False),
    "value": Column("primaryValue", ("Trade Value (US$)", "Trade Value (USD)", "TradeValue")),
    "frequency": Column("freqCode", required=False),
}
"""A file without a classification column and without a claim in its name needs `--classification`."""

QUANTITIES: Final[Mapping[ColumnName, Column]] = {
    "net_weight": Column("netWgt", ("Netweight (kg)", "NetWeight"), required=False),
    "quantity": Column("qty", ("TradeQuantity",), required=False),
    "quantity_unit": Column("qtyUnitCode", ("Qty Unit Code", "qtCode"), required=False),
}

OLD_FLOWS: Final = {"1": "M", "2": "X", "3": "RX", "4": "RM"}
"""Flow codes before 2023."""
