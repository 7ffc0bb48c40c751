"""UN Comtrade web and API downloads, today's (47 columns) and those before 2023 (35): a slice chosen by the user.

Any choice of their columns will do that holds the needed ones, and the frames that R's comtradr and Python's comtradeapicall
make of the API's answers. Rows of today's downloads end with a comma and so have one field more than the header has names.
One download may hold several years and so several HS vintages.
"""

from __future__ import annotations

from minsum.sources.formats import comtrade_bulk, comtrade_legacy_bulk
from minsum.sources.formats.base import Claims, Format
from minsum.sources.formats.comtrade_names import COLUMNS, FIGURES, OLD_FLOWS


def _claims(file_name: str) -> Claims:
    """Of a bulk file that lost columns: what it is of, though it is no whole publication any more."""
    said = [one.FORMAT.claims(file_name) for one in (comtrade_bulk, comtrade_legacy_bulk)]
    found = next((one for one in said if one != Claims()), Claims())
    return Claims(found.reporter_code, found.year, found.classification)


FORMAT = Format(
    name="comtrade-web",
    publisher="UN Comtrade",
    title="UN Comtrade web or API download (CSV, 47 columns or a choice of them; 35 columns before 2023)",
    columns=COLUMNS,
    figures=FIGURES,
    claims=_claims,
    flow_codes=OLD_FLOWS,
    is_complete=False,
    is_quoted=True,
)
