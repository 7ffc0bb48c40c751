"""A complete run, `minsum run`: the order of the stages, and which errors stop it."""

from __future__ import annotations

import logging

from minsum.errors import EmptySampleError, MinsumError, MissingInputError
from minsum.pipeline.estimates import estimate_settings, remove_unwanted, update_asked_by_command
from minsum.pipeline.run import Run
from minsum.pipeline.stages import (
    esi_stage,
    fetch_stage,
    flows_stage,
    panel_stage,
    remove_superseded,
    report_stage,
)

log = logging.getLogger("minsum")


def run_every_stage(run: Run, *, accept: bool) -> None:
    """Run every stage that the settings name, and the nightly checks of `[check]` on what changed.

    Raises
    ------
    MissingInputError
        If there is nothing to compute from, unless fetching failed.
    MinsumError
        As `_model_and_report`.
    """
    from minsum.inspect.nightly_checks import examine

    if run.settings.fetch is not None:
        fetch_stage(run)
    try:
        flows_stage(run, None, accept=accept)
        remove_superseded(run)
        esi_stage(run)
        examine(run.layout, run.report, run.settings.check)
        _model_and_report(run)
    except MissingInputError as error:
        if run.report.remote is None:
            raise
        log.warning("%s", error, extra={"hint": error.hint})  # what is missing was not fetched


def _model_and_report(run: Run) -> None:
    """Build panel and estimates, remove those the settings no longer name, and write the report in any case.

    Raises
    ------
    MinsumError
        After the report is written, if the panel cannot be built or a model cannot be estimated.
    """
    problem: MinsumError | None = None
    try:
        if run.settings.panel is not None:
            panel_stage(run)
            problem = estimate_settings(run)
            update_asked_by_command(run)
    except EmptySampleError as error:
        hint = f"{error.hint}; panel, estimates and their tables stay as they were"
        run.report.warn("panel", str(error), hint)
    except MinsumError as error:
        problem = error
    remove_unwanted(run)
    try:
        report_stage(run)
    except MinsumError as error:
        raise problem or error from None
    if problem is not None:
        raise problem
