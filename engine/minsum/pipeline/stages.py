"""Run one stage, add its result to the report of the run, and log what a person should see."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minsum.errors import MissingInputError
from minsum.machine import versions
from minsum.pipeline.estimates import published_names
from minsum.pipeline.remarks import remark_on_esi, remark_on_flows
from minsum.pipeline.run import Run
from minsum.report.options import PageOptions
from minsum.sources.rejections import drop_broken_records

if TYPE_CHECKING:
    from minsum.settings.load import Settings
    from minsum.workspace.layout import Layout

log = logging.getLogger("minsum")


def fetch_stage(run: Run) -> None:
    """Download new files into `raw/`. A problem of the service is kept in the report, not raised."""
    from minsum.fetch.stage import fetch

    with run.report.stage("fetch") as done:
        report = fetch(
            run.layout,
            run.section("fetch"),
            in_lake=lambda: up_to_date_names(run.layout, run.settings),
            progress=run.progress,
        )
        done(bool(report.fetched), report.as_json())
    run.reject(report.rejected)
    run.report.remote = report.problem
    if report.problem is not None:
        log.error("%s", report.problem, extra={"stage": "fetch", "hint": report.problem.hint})


def up_to_date_names(layout: Layout, settings: Settings) -> set[str]:
    """Names of sources that need not be read again."""
    from minsum.flows.lake_index import read_index

    return read_index(layout, settings.ingest).up_to_date_names()


def remove_superseded(run: Run) -> None:
    """Remove files of superseded publications from `raw/`, as many as `[fetch] keep` says."""
    from minsum.fetch.retention import prune
    from minsum.flows.lake_index import read_index

    keep = run.settings.fetch and run.settings.fetch.keep
    if isinstance(keep, int):
        for name in prune(
            run.layout, keep, superseded=lambda: read_index(run.layout, run.settings.ingest).unused()
        ):
            log.info("fetch: removed %s: superseded", name, extra={"source": name})


def flows_stage(run: Run, paths: list[Path] | None, *, accept: bool) -> None:
    """Load files (None: those of `raw/`) into the lake, and check the new figures against `[check]`."""
    from minsum.flows.ingest import ingest

    with run.report.stage("flows") as done:
        report = ingest(
            run.layout,
            paths or [run.layout.raw],
            run.settings.ingest,
            jobs=run.jobs,
            progress=run.progress,
            accept=accept,
            workers=run.workers,
        )
        drop_broken_records(run.layout)
        run.report.reporter_years += report.changes
        # Only the number of unchanged sources: thousands of names each night would fill runs/.
        summary = asdict(report) | {"unchanged": len(report.unchanged)}
        done(bool(report.n_partitions or report.removed), _without(summary, "changes"))
    remark_on_flows(run, report)
    run.reject(report.rejected)
    if run.report.reporter_years:
        from minsum.inspect.nightly_checks import examine_flows

        examine_flows(run.layout, run.report, run.settings.check)


def esi_stage(run: Run) -> None:
    """Compute the similarities that changed."""
    from minsum.esi.stage import compute_esi

    with run.report.stage("esi") as done:
        report = compute_esi(run.layout, run.settings, progress=run.progress, workers=run.workers)
        run.report.moves += report.moves
        is_changed = bool(report.computed or report.removed) or report.is_covered
        done(is_changed, _without(asdict(report), "moves"))
    remark_on_esi(run, report)


def panel_stage(run: Run) -> None:
    """Build the panel that `[panel]` describes."""
    from minsum.panel.stage import build_panel

    options = run.section("panel").with_reference(run.settings.esi.references)
    with run.report.stage("panel") as done:
        report = build_panel(run.layout, options, jobs=run.jobs)
        done(report.changed, asdict(report))
    if report.changed:
        for line in report.remarks:
            log.info("panel: %s", line, extra={"stage": "panel"})


def report_stage(run: Run) -> None:
    """Write the page, its figures and tables; a part that fails becomes a warning."""
    from minsum.report.inputs import inputs_there
    from minsum.report.stage import write_report

    with run.report.stage("report") as done:
        names = published_names(run.layout, run.settings)
        options = PageOptions(run.settings, versions(), names)
        inputs = inputs_there(run.layout, estimates=names, with_panel=run.settings.panel is not None)
        if not inputs.esi:
            raise MissingInputError(
                f"{run.layout.esi}: no similarities yet", "compute them first: minsum esi"
            )
        report = write_report(run.layout, options, inputs)
        done(report.changed, asdict(report))
    for name, why in report.not_drawn.items():
        log.warning("report: figure %s not drawn: %s", name, why, extra={"stage": "report"})
    for part, why in report.failed.items():
        run.report.warn(
            part, f"report: {part} could not be made: {why}",
            "everything else is written, and the next run tries again; run with --debug and report it",
        )  # fmt: skip


def _without(summary: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in summary.items() if key != name}
