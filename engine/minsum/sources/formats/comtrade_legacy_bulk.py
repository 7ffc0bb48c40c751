"""UN Comtrade legacy bulk files: a zip of one CSV, 22 columns, all reporters of one period together."""

from __future__ import annotations

import re

from minsum.sources.formats.base import Claims, Format
from minsum.sources.formats.comtrade_names import COLUMNS, OLD_FLOWS, QUANTITIES

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
    columns=COLUMNS,
    quantities=QUANTITIES,
    claims=_claims,
    flow_codes=OLD_FLOWS,
    is_quoted=True,
    signature=(
        "Year", "Period Desc.", "Aggregate Level", "Is Leaf Code", "Trade Flow", "Reporter", "Reporter ISO",
        "Partner", "Partner ISO", "Commodity", "Qty Unit Code", "Qty Unit", "Qty", "Netweight (kg)", "Flag",
    ),
    absent=("2nd Partner Code", "Customs Proc. Code", "Mode of Transport Code"),
)  # fmt: skip
