"""UN Comtrade bulk files of tariffline data: recognised in order to be refused.

They are monthly, in national detail below six digits. Their 24 columns do not tell totals from parts (UN Comtrade's
list of data items, 2023).
"""

from __future__ import annotations

from minsum.sources.formats.base import Column, Format

FORMAT = Format(
    name="comtrade-tariffline",
    publisher="UN Comtrade",
    title="UN Comtrade tariffline data",
    columns={
        "reporter_code": Column("reporterCode"),
        "flow": Column("flowCode"),
        "product_code": Column("cmdCode"),
        "value": Column("primaryValue"),
    },
    signature=("datasetCode",),
    absent=("refYear", "classificationSearchCode", "isAggregate", "reporterISO"),
    refusal=(
        "monthly national detail below six digits, which minsum does not read",
        "download the final data of that reporter and year instead (COMTRADE-FINAL-...)",
    ),
    refused_names="COMTRADE-TARIFFLINE-",
)
