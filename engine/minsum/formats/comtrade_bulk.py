"""UN Comtrade bulk files, final data: gzip TSV, one reporter, period and classification each."""

from __future__ import annotations

import re

from minsum.formats.base import Claims, Column, Format

# As UN's own client names a download; brackets hold the publication date, 1900-01-01 when unknown.
_NAME = re.compile(
    r"COMTRADE-(?:FINAL|FINALCLASSIC)-C(?P<frequency>[AM])(?P<reporter>\d{3})(?P<period>\d{4}|\d{6})"
    r"(?P<classification>HS|[A-Z]\d)\[(?P<published>\d{4}-\d{2}-\d{2})\]",
    re.IGNORECASE,
)


def _claims(file_name: str) -> Claims:
    match = _NAME.search(file_name)
    if match is None:
        return Claims()
    classification = match["classification"].upper()
    return Claims(
        reporter_code=int(match["reporter"]),
        year=int(match["period"]),
        classification=None if classification == "HS" else classification,
        published=None if match["published"] == "1900-01-01" else match["published"],
    )


FORMAT = Format(
    name="comtrade-bulk",
    publisher="UN Comtrade",
    title="UN Comtrade bulk file, final data (TSV, 34 columns)",
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
    },
    claims=_claims,
    signature=("datasetCode",),
    absent=("reporterISO", "cmdDesc"),
)
