"""UN Comtrade bulk files, final data: gzip TSV, one reporter, period and classification each."""

from __future__ import annotations

from minsum.formats.base import Claims, Column, Format
from minsum.publications import from_name


def _claims(file_name: str) -> Claims:
    known = from_name(file_name)
    if known is None:
        return Claims()
    return Claims(
        reporter_code=known.reporter_code,
        year=known.period,
        classification=None if known.classification == "HS" else known.classification,
        published=known.published,
        identity=known.identity(),
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
        "frequency": Column("freqCode", required=False),
    },
    figures={
        "net_weight": Column("netWgt", required=False),
        "quantity": Column("qty", required=False),
        "quantity_unit": Column("qtyUnitCode", required=False),
    },
    claims=_claims,
    signature=("datasetCode",),
    absent=("reporterISO", "cmdDesc"),
)
