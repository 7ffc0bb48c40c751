"""Which specifications are asked for, by the settings or by `minsum estimate SPEC`, and their estimates."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from minsum.errors import EstimationError
from minsum.pipeline.run import Run
from minsum.settings.load import load_spec
from minsum.settings.specs import MAIN
from minsum.workspace.footers import estimate_files, is_estimates
from minsum.workspace.marks import remove_files
from minsum.workspace.publish import remove

if TYPE_CHECKING:
    from minsum.estimate.stage import Asked
    from minsum.settings.load import Settings
    from minsum.workspace.layout import Layout

log = logging.getLogger("minsum")


def estimates_stage(run: Run, path: Path | None = None) -> None:
    """Estimate the models of a spec file; None for those of `[estimate]`."""
    from minsum.estimate.stage import Asked

    name, spec = (MAIN, run.section("estimate")) if path is None else load_spec(path)
    in_settings = [(run.layout.root / one).resolve() for one in run.settings.specs]
    is_in_settings = path is None or path.resolve() in in_settings
    _estimate(run, name, Asked(spec, "settings" if is_in_settings else "command"))


def _estimate(run: Run, name: str, asked: Asked) -> None:
    from minsum.estimate.stage import estimate

    with run.report.stage("estimates") as done:
        report = estimate(run.layout, asked.spec, name=name, asked_by=asked.by)
        done(report.changed, asdict(report))


def estimate_settings(run: Run) -> EstimationError | None:
    """Estimate every specification of the settings, also after one that fails.

    Returns
    -------
    The first error, which ends the run; None if there is none, or if data are missing because fetching failed.
    """
    problems: list[EstimationError] = []
    specs = [None] if run.settings.estimate is not None else []
    for spec in [*specs, *(run.layout.root / one for one in run.settings.specs)]:
        try:
            estimates_stage(run, spec)
        except EstimationError as error:
            problems.append(error)
    is_excused = run.report.remote is not None  # what is missing was not fetched
    for one in problems if is_excused else problems[1:]:  # the first is shown when it ends the run
        log.warning("%s", one, extra={"hint": one.hint})
    return None if is_excused or not problems else problems[0]


def update_asked_by_command(run: Run) -> None:
    """Bring estimates that `minsum estimate SPEC` made up to date; remove those that cannot be made any more."""
    from minsum.estimate.stage import kept_specs

    for name, asked in kept_specs(run.layout, _names_in_settings(run.settings)).items():
        try:
            _estimate(run, name, asked)
        except EstimationError as error:
            log.warning("estimates/%s.parquet: %s: removed", name, error, extra={"hint": error.hint})
            remove(run.layout.estimate(name))


def remove_unwanted(run: Run) -> None:
    """Remove estimates, and the panel, that are no longer asked for."""
    asked = _names_asked_for(run.layout, run.settings)
    ours = filter(is_estimates, estimate_files(run.layout))
    unwanted = [path for path in ours if path.stem not in asked]
    if run.settings.panel is None:
        unwanted += run.layout.panel_files()
    if unwanted:
        with run.report.stage("removal") as done:
            removed = remove_files(unwanted)
            log.info("no longer asked for, removed: %s", ", ".join(removed))
            done(True, {"removed": removed})


def published_names(layout: Layout, settings: Settings) -> list[str]:
    """Names of the estimates that are asked for and published."""
    asked = _names_asked_for(layout, settings)
    return [path.stem for path in estimate_files(layout) if path.stem in asked]


def _names_asked_for(layout: Layout, settings: Settings) -> set[str]:
    """Names of the estimates that the settings or `minsum estimate SPEC` ask for."""
    from minsum.estimate.stage import kept_specs

    if settings.panel is None:
        return set()
    names = _names_in_settings(settings)
    return {*names, *kept_specs(layout, names)}


def _names_in_settings(settings: Settings) -> list[str]:
    """Names of the estimates that the settings ask for, the main one first."""
    main = [MAIN] if settings.estimate is not None else []
    return [*main, *sorted(Path(spec).stem for spec in settings.specs)]
