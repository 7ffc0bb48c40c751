"""UN Comtrade bulk files, final data: gzip TSV, one reporter, period and classification each."""

from __future__ import annotations

from minsum.sources.formats.base import Claims, Format
from minsum.sources.formats.comtrade_names import COLUMNS, QUANTITIES
from minsum.sources.publications import from_name


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
    columns=COLUMNS,
    quantities=QUANTITIES,
    claims=_claims,
    signature=("datasetCode",),
    absent=("reporterISO", "cmdDesc"),
)
