"""UN Comtrade legacy web and API downloads: quoted CSV, 35 columns, a slice chosen by the user."""

from __future__ import annotations

from minsum.formats.base import Column, Format

FORMAT = Format(
    name="comtrade-legacy-web",
    publisher="UN Comtrade",
    title="UN Comtrade legacy web or API download (CSV, 35 columns)",
    columns={
        "reporter_code": Column("Reporter Code"),
        "year": Column("Period"),
        "classification": Column("Classification"),
        "flow": Column("Trade Flow Code"),
        "flow_name": Column("Trade Flow", required=False),
        "partner_code": Column("Partner Code"),
        "partner2_code": Column("2nd Partner Code", required=False),
        "product_code": Column("Commodity Code"),
        "customs_code": Column("Customs Proc. Code", required=False),
        "mot_code": Column("Mode of Transport Code", required=False),
        "value": Column("Trade Value (US$)"),
    },
    figures={
        "net_weight": Column("Netweight (kg)", required=False),
        "quantity": Column("Qty", required=False),
        "quantity_unit": Column("Qty Unit Code", required=False),
    },
    flow_codes={"1": "M", "2": "X", "3": "RX", "4": "RM"},
    is_complete=False,
    is_quoted=True,
)
