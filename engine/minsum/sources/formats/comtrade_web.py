"""UN Comtrade web and API downloads, today's (47 columns) and those before 2023 (35): partial files chosen by the
user.

Any choice of columns is read if it holds the required ones; so are the frames that R's comtradr and Python's
comtradeapicall make of API answers. Rows of today's downloads end with a comma, so they have one field more than the
header. One download may hold several years and several HS vintages.
"""

from __future__ import annotations

from minsum.sources.formats import comtrade_bulk, comtrade_legacy_bulk
from minsum.sources.formats.base import Claims, Format
from minsum.sources.formats.comtrade_names import COLUMNS, OLD_FLOWS, QUANTITIES


def _claims(file_name: str) -> Claims:
    """Claims of a bulk file that lost columns: its reporter, year and classification, but no publication."""
    said = [one.FORMAT.claims(file_name) for one in (comtrade_bulk, comtrade_legacy_bulk)]
    found = next((one for one in said if one != Claims()), Claims())
    return Claims(found.reporter_code, found.year, found.classification)


FORMAT = Format(
    name="comtrade-web",
    publisher="UN Comtrade",
    title="UN Comtrade web or API download (CSV, 47 columns or a choice of them; 35 columns before 2023)",
    columns=COLUMNS,
    quantities=QUANTITIES,
    claims=_claims,
    flow_codes=OLD_FLOWS,
    is_complete=False,
    is_quoted=True,
)
