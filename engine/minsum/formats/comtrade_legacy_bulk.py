"""UN Comtrade legacy bulk files: a zip of one CSV, 22 columns, all reporters of one period together."""

from __future__ import annotations

import re

from minsum.formats.base import Claims, Column, Format

_NAME = re.compile(
    r"type-C_r-(?P<reporter>ALL|\d+)_ps-(?P<period>\d{4}|\d{6})_freq-[AM]_px-(?P<classification>HS|[A-Z]\d)"
    r"(?:_pub-(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2}))?",
    re.IGNORECASE,
)


def _claims(file_name: str) -> Claims:
    match = _NAME.search(file_name)
    if match is None:
        return Claims()
    reporter, classification = match["reporter"].upper(), match["classification"].upper()
    return Claims(
        reporter_code=None if reporter == "ALL" else int(reporter),
        year=int(match["period"]),
        classification=None if classification == "HS" else classification,
        published=f"{match['year']}-{match['month']}-{match['day']}" if match["year"] else None,
    )


FORMAT = Format(
    name="comtrade-legacy-bulk",
    publisher="UN Comtrade",
    title="UN Comtrade legacy bulk file (CSV, 22 columns)",
    columns={
        "reporter_code": Column("Reporter Code"),
        "year": Column("Period"),
        "classification": Column("Classification"),
        "flow": Column("Trade Flow Code"),
        "flow_name": Column("Trade Flow", required=False),
        "partner_code": Column("Partner Code"),
        "product_code": Column("Commodity Code"),
        "value": Column("Trade Value (US$)"),
    },
    figures={
        "net_weight": Column("Netweight (kg)", required=False),
        "quantity": Column("Qty", required=False),
        "quantity_unit": Column("Qty Unit Code", required=False),
    },
    claims=_claims,
    flow_codes={"1": "M", "2": "X", "3": "RX", "4": "RM"},
    is_quoted=True,
    signature=(
        "Year", "Period Desc.", "Aggregate Level", "Is Leaf Code", "Trade Flow", "Reporter", "Reporter ISO",
        "Partner", "Partner ISO", "Commodity", "Qty Unit Code", "Qty Unit", "Qty", "Netweight (kg)", "Flag",
    ),
    absent=("2nd Partner Code", "Customs Proc. Code", "Mode of Transport Code"),
)  # fmt: skip
