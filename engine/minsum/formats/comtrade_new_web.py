"""UN Comtrade web and API downloads of today: quoted CSV, 47 columns, a slice chosen by the user.

Rows end with a comma and so have a 48th, empty field: read by position from the right they shift by one.
One download may hold several years and so several HS vintages.
"""

from __future__ import annotations

from minsum.formats.base import AFTER_LAST, Column, Format

FORMAT = Format(
    name="comtrade-web",
    publisher="UN Comtrade",
    title="UN Comtrade web or API download (CSV, 47 columns)",
    columns={
        "reporter_code": Column("reporterCode"),
        "year": Column("period"),
        "classification": Column("classificationCode"),
        "flow": Column("flowCode"),
        "partner_code": Column("partnerCode"),
        "partner2_code": Column("partner2Code", required=False),
        "product_code": Column("cmdCode"),
        "customs_code": Column("customsCode", required=False),
        "mos_code": Column("mosCode", required=False),
        "mot_code": Column("motCode", required=False),
        "value": Column("primaryValue"),
        "frequency": Column("freqCode", required=False),
        "after_last": Column(AFTER_LAST, required=False),
    },
    figures={
        "net_weight": Column("netWgt", required=False),
        "quantity": Column("qty", required=False),
        "quantity_unit": Column("qtyUnitCode", required=False),
    },
    signature=("reporterISO",),
    is_complete=False,
    is_quoted=True,
    has_trailing_field=True,
)
