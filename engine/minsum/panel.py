"""Stage `panel`: similarity, import shares and covariates of the sample, one row per country and year."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from minsum.classifications import chosen_classification
from minsum.countries import labels
from minsum.covariates import Variable, covariate_remarks, read_covariates
from minsum.errors import MissingInputError
from minsum.harmonise.filings import Reach, choose
from minsum.queries import connect, query
from minsum.schema import check_table
from minsum.sources import Source, discover, identify
from minsum.workspace import Footer, Layout, digest, footer_digest, partition_key, publish_table, read_footer

RECIPE: Final = "panel-3"


@dataclass(frozen=True, slots=True)
class PanelOptions:
    """What decides the panel (docs/replication.md).

    Attributes
    ----------
    reference
        ISO3 label or composite whose similarity is the `esi` column.
    classification
        HS vintage; None takes the only one there is.
    reporters, years
        The sample; empty means all.
    bloc
        ISO3 labels whose exports to the reporter are its `import_share`.
    covariates
        Folder of covariate files, relative to the workspace.
    variables
        Variable name to how it is made from the indicators in these files.
    """

    reference: str
    classification: str | None
    reporters: tuple[str, ...]
    years: tuple[int, ...]
    bloc: tuple[str, ...]
    covariates: str
    variables: dict[str, Variable]


@dataclass(frozen=True, slots=True)
class PanelReport:
    """What the stage did.

    Attributes
    ----------
    changed
        Whether the panel was written.
    rows, countries
        Size of the panel.
    missing
        Variable to the rows of each reporter that lack it.
    remarks
        What a reader of the panel should know: how each variable was made, what is missing and what did not
        match.
    """

    changed: bool
    rows: int
    countries: int
    missing: dict[str, dict[str, int]]
    remarks: list[str]


def build_panel(layout: Layout, options: PanelOptions, *, jobs: int = 1) -> PanelReport:
    """Bring `panel.parquet` up to date.

    Raises
    ------
    MissingInputError
        If there is no similarity or no covariate folder, or no row is left.
    SettingsError
        If the classification is ambiguous, or the reference is unknown.
    DataCheckError
        If a covariate file cannot be read as it should.
    """
    classification = chosen_classification(layout.esi, options.classification, setting="panel.classification")
    esi = sorted((layout.esi / f"classification={classification}").glob("*.parquet"))
    flows = _flows(layout, classification, esi)
    sources = _covariate_sources(layout, options, jobs=jobs)
    mark = _digest(options, flows, esi, sources)
    if footer_digest(layout.panel) == mark:
        return _report(read_footer(layout.panel), changed=False)
    covariates = read_covariates(sources, options.variables)
    table = _join(options, flows, esi, covariates.frame)
    if not table.num_rows:
        raise MissingInputError(
            f"no similarity with {options.reference!r} for the chosen reporters and years in {classification}",
            "see [panel] reference, reporters and years, and what is there: minsum status",
        )
    check_table(table, "panel")
    footer: Footer = {
        "stage": "panel",
        "recipe": RECIPE,
        "classification": classification,
        "options": asdict(options),
        "rows": table.num_rows,
        "countries": table["reporter"].combine_chunks().unique().to_pylist(),
        "missing": _missing(table),
        "covariates": covariates.report,
        "digest": mark,
    }
    footer["remarks"] = _remarks(footer)
    publish_table(table, layout.panel, footer=footer, layout=layout)
    return _report(footer, changed=True)


def _flows(layout: Layout, classification: str, esi: list[Path]) -> list[Path]:
    """Flows behind the similarities: of their classification or, where vintages were brought together, the filing
    of each reporter-year that counts. Import shares need only totals, which are the same in every vintage."""
    together = read_footer(esi[0])["options"].get("harmonise")
    if together is None:
        return [path for path in layout.partitions() if partition_key(path)[0] == classification]
    filings = choose(layout.partitions(), Reach(together["target"], together["weights"]))
    return [path for files in filings.chosen.values() for path in files]


def _remarks(footer: Footer) -> list[str]:
    """What a reader of the panel should know, a sentence each: `pa: 12 missing (KHM 3, MMR 9)`."""
    missing = [
        f"{name}: {sum(counts.values())} of {footer['rows']} missing ({_counted(counts)})"
        for name, counts in footer["missing"].items()
    ]
    return [*covariate_remarks(footer["covariates"]), *missing]


def _counted(counts: dict[str, int], limit: int = 12) -> str:
    named = [f"{reporter} {count}" for reporter, count in sorted(counts.items())]
    rest = f" and {len(named) - limit} more countries" if len(named) > limit else ""
    return ", ".join(named[:limit]) + rest


def _report(footer: Footer, *, changed: bool) -> PanelReport:
    return PanelReport(
        changed=changed,
        rows=footer["rows"],
        countries=len(footer["countries"]),
        missing=footer["missing"],
        remarks=footer["remarks"],
    )


def _covariate_sources(layout: Layout, options: PanelOptions, *, jobs: int) -> list[Source]:
    """Files of the covariate folder by name; there may be none, for a panel of trade alone."""
    folder = layout.root / options.covariates
    if not folder.is_dir():
        raise MissingInputError(
            f"{folder}: no such folder", "make it and put covariate files there, or change [panel] covariates"
        )
    return identify(discover([folder]), layout, jobs=jobs)


def _digest(options: PanelOptions, flows: list[Path], esi: list[Path], covariates: list[Source]) -> str:
    return digest(
        [
            RECIPE,
            asdict(options),
            [[*partition_key(path), digest(read_footer(path))] for path in flows],
            [[path.stem, footer_digest(path)] for path in esi],
            [[source.name, source.sha256] for source in covariates],
        ]
    )


def _join(options: PanelOptions, flows: list[Path], esi: list[Path], covariates: pl.DataFrame) -> pa.Table:
    known = labels()
    with connect() as con:
        con.register("labels", pa.table({"code": pa.array(known, pa.int32()), "iso3": list(known.values())}))
        con.register("covariates", covariates.to_arrow())
        shares: dict[str, Any] = {"files": [str(path) for path in flows], "bloc": list(options.bloc)}
        con.register("import_share", con.sql(query("panel_import_share"), params=shares).to_arrow_table())
        sample = {
            "esi": [str(path) for path in esi],
            "reference": options.reference,
            "reporters": list(options.reporters),
            "years": list(options.years),
        }
        return con.sql(query("panel_sample"), params=sample).to_arrow_table()


def _missing(table: pa.Table) -> dict[str, dict[str, int]]:
    missing: dict[str, dict[str, int]] = defaultdict(dict)
    with connect() as con:
        con.register("panel", table)
        for variable, reporter, count in con.execute(query("panel_missing")).fetchall():
            missing[variable][reporter] = count
    return dict(missing)
