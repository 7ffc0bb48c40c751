"""Determines the inputs and the files of the report, before any file is made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from minsum.errors import DataCheckError
from minsum.report.options import PageOptions
from minsum.report.paper_tables import RECIPE as TABLES_RECIPE
from minsum.report.regression import has_tests
from minsum.workspace.footers import digest, footer_digest, read_footer
from minsum.workspace.layout import Layout
from minsum.workspace.marks import Mark, digests_of

FORMS: Final = ("csv", "txt", "tex", "html")
_FIGURES_RECIPE: Final = "figures-4"


@dataclass(frozen=True, slots=True)
class Inputs:
    """Digests of the report's inputs; None or empty where missing.

    Attributes
    ----------
    esi, sections, markets
        Files to their digests.
    coverage, panel
        Their digests.
    estimates
        Specification to its digest, and whether it has tests.
    """

    esi: Mapping[Path, str]
    sections: Mapping[Path, str]
    markets: Mapping[Path, str]
    coverage: str | None
    panel: str | None
    estimates: Mapping[str, tuple[str, bool]]

    def digests(self) -> dict[str, str]:
        """Input to digest, for the foot of the page."""
        yearly = {"esi": self.esi, "section_esi": self.sections, "market_esi": self.markets}
        found: dict[str, str | None] = {
            table: digest([[path.parent.name, path.stem, mark] for path, mark in files.items()])
            for table, files in yearly.items()
            if files
        }
        found |= {"coverage": self.coverage, "panel": self.panel}
        found |= {f"estimates/{name}": mark for name, (mark, _) in self.estimates.items()}
        return {name: mark for name, mark in found.items() if mark is not None}


def inputs_there(layout: Layout, *, estimates: Collection[str], with_panel: bool) -> Inputs:
    """Available inputs of the report that the settings name.

    Raises
    ------
    DataCheckError
        If a file cannot be read.
    """
    single = digests_of(path for path in (layout.coverage, layout.panel) if path.is_file())
    footers = {name: read_footer(layout.estimate(name)) for name in estimates}
    return Inputs(
        esi=digests_of(layout.yearly("esi")),
        sections=digests_of(layout.yearly("section_esi")),
        markets=digests_of(layout.yearly("market_esi")),
        coverage=single.get(layout.coverage),
        panel=single.get(layout.panel) if with_panel else None,
        estimates={
            name: (str(footer.get("digest")), has_tests(footer.get("models", {})))
            for name, footer in footers.items()
        },
    )


def wanted_tables(layout: Layout, options: PageOptions, inputs: Inputs) -> dict[Path, Mark]:
    """Files of all tables, in every form, with their marks."""
    if inputs.panel is None:
        return {}
    made_from: dict[str, Any] = {"table1": [inputs.panel, inputs.coverage], "table2": inputs.panel}
    for name, (mark, is_tested) in inputs.estimates.items():
        suffix = "" if name == "main" else f"-{name}"
        made_from |= {f"table3{suffix}": mark} | ({f"tests{suffix}": mark} if is_tested else {})
    chosen = [list(options.reporters), options.is_paper, version("great-tables")]
    return {
        layout.tables / f"{name}.{form}": Mark(f"report {name}.{form}", TABLES_RECIPE, chosen, mark)
        for name, mark in made_from.items()
        for form in FORMS
    }


def wanted_figures(layout: Layout, options: PageOptions, inputs: Inputs) -> dict[Path, Mark]:
    """Files of all figures, as SVG and PNG, with their marks; empty if no two countries can be compared."""
    years = comparable_years(inputs)
    if not years:
        return {}
    last = max(years)
    esi = [[path.stem, mark] for path, mark in inputs.esi.items() if path.parent.name.endswith(f"={last}")]
    made_from: dict[str, Any] = {"esi_over_time": esi, "esi_matrix": esi}
    if len(years[last]) > 1:
        made_from["esi_ranks"] = esi
    if "main" in inputs.estimates:
        made_from["estimates"] = [esi, inputs.estimates["main"][0]]
    chosen = [
        list(options.reporters),
        options.reference,
        {name: [list(one.members), one.rule] for name, one in options.references.items()},
        version("altair"),
        version("vl-convert-python"),
    ]
    return {
        layout.tables / f"{name}.{form}": Mark(
            f"report {name}.{form}", _FIGURES_RECIPE, chosen, [inputs.coverage, of]
        )
        for name, of in made_from.items()
        for form in ("svg", "png")
    }


def comparable_years(inputs: Inputs) -> dict[str, list[int]]:
    """Classification to the years in which two countries can be compared; assumed for tables that are still to be made."""
    found: dict[str, list[int]] = {}
    for path, mark in inputs.esi.items():
        if not _is_empty(path, mark):
            found.setdefault(path.parent.name.partition("=")[2], []).append(int(path.stem))
    return found


def _is_empty(path: Path, mark: str) -> bool:
    """Whether a table that is up to date has no rows."""
    try:
        return footer_digest(path) == mark and pq.read_metadata(path).num_rows == 0
    except (DataCheckError, OSError, pa.ArrowException):
        return False
