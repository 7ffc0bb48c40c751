"""Stage `export` within a run: refuse tables that are not up to date, then write the release."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from minsum.errors import DataCheckError
from minsum.export.options import export_options
from minsum.machine import versions
from minsum.pipeline.estimates import published_names
from minsum.pipeline.run import Run
from minsum.text_tables import listed

if TYPE_CHECKING:
    from minsum.export.options import Format
    from minsum.export.tables import Released

log = logging.getLogger("minsum")


def export_stage(run: Run, folder: Path, formats: Sequence[Format], since: Path | None) -> None:
    """Write the results into a folder; see `Workspace.export`."""
    from minsum.export.stage import export

    with run.report.stage("export") as done:
        _refuse_stale(run)
        options = export_options(run.settings, formats, versions(), covariates=_covariate_digests(run))
        report = export(
            run.layout,
            folder,
            options,
            of_models=_tables_of_models(run),
            since=since,
            progress=run.progress,
        )
        done(True, asdict(report))
    if not run.settings.export.authors:
        hint = "set [export] authors in minsum.toml, and export again"
        log.warning("%s: CITATION.cff names no author", folder, extra={"stage": "export", "hint": hint})


def _refuse_stale(run: Run) -> None:
    """Warn about files that are not in the lake yet.

    Raises
    ------
    DataCheckError
        If a table is not up to date with the settings and the lake.
    """
    from minsum.flows.lake_index import LakeIndex
    from minsum.inspect.stale import find_stale, look_into_raw
    from minsum.workspace.footers import flows_footers

    known = LakeIndex(flows_footers(run.layout), run.settings.ingest)
    stale = find_stale(run.layout, known, look_into_raw(run.layout, known), run.settings)
    for one in stale:
        if one["what"] not in ("raw", "flows", "report"):
            told = f"{one['what']} is not up to date: {listed(one['which'])}: {one['why']}"
            raise DataCheckError(told, "bring it up to date first: minsum run")
    for what in ("raw", "flows"):
        if waiting := [name for one in stale if one["what"] == what for name in one["which"]]:
            hint = "minsum status says why; minsum run, then export again"
            extra = {"stage": "export", "hint": hint}
            log.warning("export: what is not up to date in %s: %s", what, listed(waiting), extra=extra)


def _covariate_digests(run: Run) -> dict[str, str]:
    """Names of the covariate files to their SHA-256."""
    from minsum.panel.stage import covariate_sources

    if run.settings.panel is None:
        return {}
    options = run.settings.panel.with_reference(run.settings.esi.references)
    return {one.name: one.sha256 for one in covariate_sources(run.layout, options)}


def _tables_of_models(run: Run) -> Iterator[Released]:
    """The rows that each model was estimated on, and all pairs where a model is of pairs."""
    from minsum.estimate.rows_used import all_pairs, esi_of_panel, rows_used
    from minsum.export.tables import of_models, variables_of

    has_pairs = False
    for name in published_names(run.layout, run.settings):
        variables = variables_of(run.layout)
        for model, used in rows_used(run.layout, name).items():
            has_pairs |= "reference" in used.keys
            stem = "_".join(filter(None, ("sample", name, model)))
            title = f"Rows that {f'model {model} of ' if model else ''}estimates/{name} is made from"
            yield of_models(stem, used.rows, key=used.keys, variables=variables, title=title)
    if has_pairs:
        rows, notes = all_pairs(run.layout, esi_of_panel(run.layout))
        keys = ("reporter", "reference", "year")
        title = "All pairs of countries, with the variables of both"
        variables = variables_of(run.layout)
        yield of_models("pairs", rows, key=keys, variables=variables, title=title, notes=notes)
