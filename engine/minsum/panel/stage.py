"""Stage `panel`: writes the panel (similarity, import shares, covariates of the sample), one row per country and year.

For models of pairs it also writes `country_years.parquet`, import shares and covariates of every country and year (the
panel has no row for its reference), and `pair_years.parquet`, covariates of pairs such as distance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa

from minsum.countries.codes import code_of, labels
from minsum.errors import EmptySampleError, MissingInputError
from minsum.harmonise.filings import Reach, choose
from minsum.panel.covariates import covariate_remarks, read_covariates
from minsum.panel.import_share import counted, import_remarks, import_shares
from minsum.schema import check_table
from minsum.settings.panel import Panel
from minsum.sources.files import Source, discover, hashed_sources, identify
from minsum.workspace.checksums import prove
from minsum.workspace.classifications import choose_classification, with_rows
from minsum.workspace.copies import bring
from minsum.workspace.footers import Footer, digest, flows_footers, read_footer
from minsum.workspace.layout import Layout, partition_key
from minsum.workspace.marks import Mark, Plan, digests_of, plan_of
from minsum.workspace.publish import publish_table
from minsum.workspace.queries import connect, query
from minsum.workspace.similarities import narrow, one_row_a_country, scan_similarities

RECIPE: Final = "panel-6"


@dataclass(frozen=True, slots=True)
class PanelReport:
    """Result of the stage.

    Attributes
    ----------
    changed
        Whether the panel was written.
    rows, countries
        Size of the panel.
    missing
        Variable to reporter to the number of rows without a value.
    remarks
        Notes for readers of the panel: the recipe of each variable, missing values, and places that did not match a
        country.
    """

    changed: bool
    rows: int
    countries: int
    missing: dict[str, dict[str, int]]
    remarks: list[str]


def build_panel(layout: Layout, options: Panel, *, jobs: int = 1) -> PanelReport:
    """Bring `panel.parquet`, `country_years.parquet` and `pair_years.parquet` up to date, as `[panel]` with its reference asks for it.

    Raises
    ------
    MissingInputError
        If there are no similarities, or the covariate folder does not exist.
    EmptySampleError
        If the panel has no rows.
    SettingsError
        If the classification is ambiguous, or the reference is unknown.
    DataCheckError
        If a covariate file cannot be read with certainty.
    """
    flows = flows_footers(layout)
    sources = identify(_covariate_files(layout, options), layout, jobs=jobs)
    similarities = layout.yearly("esi")
    classification = classification_of(options, similarities, layout)
    esi = _of(classification, similarities)
    reach = reach_of(read_footer(esi[0])["options"])
    plan = panel_plan(layout, options, flows, digests_of(similarities), sources, reach)
    if not plan.redo:
        return _report(read_footer(layout.panel), changed=False)
    files = _flows(flows, classification, reach)
    prove([*files, *esi])
    bring(source.path for source in sources)
    covariates = read_covariates(sources, options.recipes())
    table, country_years, remarks = _join(options, files, esi, covariates.frame)
    if not table.num_rows:
        raise EmptySampleError(
            f"no similarity with {options.reference!r} for the chosen reporters and years in {classification}"
            + (
                f", or none with an interval of at most {options.max_width:g}"
                if options.max_width is not None
                else ""
            ),
            "change [panel] reference, reporters, years or max_width; minsum status lists the available data",
        )
    check_table(table, "panel")
    footer: Footer = {
        "stage": "panel",
        "classification": classification,
        "rows": table.num_rows,
        "countries": table["reporter"].combine_chunks().unique().to_pylist(),
        "missing": _missing(table),
        "covariates": covariates.report,
    } | plan.wanted[layout.panel].record()
    footer["remarks"] = [*remarks, *_remarks(footer)]
    others = {layout.country_years: country_years, layout.pair_years: covariates.pairs.to_arrow()}
    for path, rows in others.items():
        check_table(rows, path.stem)
        of_rows = {"stage": "panel", "classification": classification} | plan.wanted[path].record()
        publish_table(rows, path, footer=of_rows, layout=layout)
    publish_table(table, layout.panel, footer=footer, layout=layout)
    return _report(footer, changed=True)


def reach_of(options: Mapping[str, Any]) -> Reach | None:
    """Which vintages can be converted to the target, from the options of similarities; None where not harmonised."""
    harmonise = options.get("harmonise")
    return None if harmonise is None else Reach(harmonise["target"], harmonise["weights"])


def _flows(flows: Iterable[Path], classification: str, reach: Reach | None) -> list[Path]:
    """Flows files of the similarities: those of their classification or, when harmonised, the chosen filing of each
    reporter-year. Import shares need only totals, which are the same in every vintage."""
    if reach is None:
        return [path for path in flows if partition_key(path)[0] == classification]
    return [path for files in choose(flows, reach).chosen.values() for path in files]


def _remarks(footer: Footer) -> list[str]:
    """Notes for readers of the panel, one sentence each: `pa: 12 of 90 missing (KHM 3, MMR 9)`."""
    missing = [
        f"{name}: {sum(counts.values())} of {footer['rows']} missing ({counted(counts)})"
        for name, counts in footer["missing"].items()
    ]
    asked = footer["options"]["asked"]
    report = footer["covariates"]
    absent = {name: reason for name, reason in report["absent"].items() if name in asked}
    return [*covariate_remarks(report | {"absent": absent}), *missing]


def _report(footer: Footer, *, changed: bool) -> PanelReport:
    return PanelReport(
        changed=changed,
        rows=footer["rows"],
        countries=len(footer["countries"]),
        missing=footer["missing"],
        remarks=footer["remarks"],
    )


def panel_plan(
    layout: Layout,
    options: Panel,
    flows: Mapping[Path, Footer],
    esi: Mapping[Path, str],
    covariates: Sequence[Source],
    reach: Reach | None = None,
) -> Plan:
    """Plan of the panel's files: which of them are missing or stale, and why.

    Parameters
    ----------
    layout, options
        As of `build_panel`.
    flows
        Footers of the lake.
    esi
        Similarity files to their digests.
    covariates
        Files of the covariate folder.
    reach
        `reach_of` the similarities; None where not harmonised.

    Raises
    ------
    MissingInputError, SettingsError
        As `build_panel`.
    """
    classification = classification_of(options, esi, layout)
    inputs = [
        [[*partition_key(path), digest(flows[path])] for path in _flows(flows, classification, reach)],
        [[path.stem, esi[path]] for path in _of(classification, esi)],
        [[source.name, source.sha256] for source in covariates],
    ]
    wanted = (layout.panel, layout.country_years, layout.pair_years)
    return plan_of({path: Mark(path.stem, RECIPE, options.recorded(), inputs) for path in wanted}, [])


def classification_of(options: Panel, esi: Iterable[Path], layout: Layout) -> str:
    """The HS vintage of the panel: the one chosen, or the only one of the similarities.

    Raises
    ------
    MissingInputError, SettingsError
        As `choose_classification`.
    """
    available = with_rows(esi)
    return choose_classification(
        available, options.classification, setting="panel.classification", place=layout.esi
    )


def _of(classification: str, esi: Iterable[Path]) -> list[Path]:
    return [path for path in esi if path.parent.name == f"classification={classification}"]


def _covariate_files(layout: Layout, options: Panel) -> list[Path]:
    """Files of the covariate folder, by name; an empty folder gives a panel of trade data only."""
    folder = layout.root / options.covariates
    if not folder.is_dir():
        raise MissingInputError(
            f"{folder}: no such folder",
            "create it and put covariate files there, or change [panel] covariates",
        )
    return discover([folder])


def covariate_sources(layout: Layout, options: Panel) -> list[Source]:
    """The covariate files as they are now; unlike `identify`, writes nothing.

    Raises
    ------
    MissingInputError
        If the folder does not exist.
    """
    files = _covariate_files(layout, options)
    known, unread = hashed_sources(files, layout)
    sources = {source.path: source for source in known}
    bring(unread)
    for path in unread:
        with path.open("rb") as file:
            sources[path] = Source(path, path.stat().st_size, file_digest(file, "sha256").hexdigest())
    return [sources[path] for path in files]


def _join(
    options: Panel, flows: list[Path], esi: list[Path], covariates: pl.DataFrame
) -> tuple[pa.Table, pa.Table, list[str]]:
    """The panel, the table of all countries and years, and notes for readers of both."""
    rows = scan_similarities(esi).filter(pl.col("reference") == options.reference)
    for name, chosen in (("reporter", options.reporters), ("year", options.years)):
        if chosen:
            rows = rows.filter(pl.col(name).is_in(list(chosen)))
    of_countries, remarks = one_row_a_country(rows)
    kept, too_wide = narrow(of_countries, options.max_width)
    similarity = kept.collect()
    remarks += too_wide
    known = labels()
    current = [code == code_of(iso3) for code, iso3 in known.items()]
    columns = {"code": pa.array(known, pa.int32()), "iso3": list(known.values()), "is_current": current}
    with connect() as con:
        con.register("labels", pa.table(columns))
        con.register("covariates", covariates.to_arrow())
        con.register("similarity", similarity.to_arrow())
        con.register("import_share", import_shares(con, options, flows))
        table = con.sql(query("panel_sample")).to_arrow_table()
        country_years = con.sql(query("panel_country_years")).to_arrow_table()
        if options.bloc:
            con.register("sample", table)
            remarks += import_remarks(options, con.execute(query("panel_import_remarks")).fetchall())
    without_bloc = [] if options.bloc else ["import_share"]
    panel = table.drop_columns(["reporter_code", *without_bloc])
    return panel, country_years.drop_columns(without_bloc), remarks


def _missing(table: pa.Table) -> dict[str, dict[str, int]]:
    missing: dict[str, dict[str, int]] = defaultdict(dict)
    with connect() as con:
        con.register("panel", table)
        for variable, reporter, count in con.execute(query("panel_missing")).fetchall():
            missing[variable][reporter] = count
    return dict(missing)
