"""What a person does next, after a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minsum.workspace.runs import RunReport


def next_step(report: RunReport, *, otherwise: str) -> str:
    """One line: how to mend what stands in the way, or what usually follows.

    Parameters
    ----------
    report
        Of the run.
    otherwise
        What follows when nothing stands in the way.
    """
    if report.rejected:
        return "minsum status says what to do about the rejected sources"
    if report.warnings:
        return "look at the warnings above; minsum check compares every figure"
    summaries = {stage.stage: stage.summary for stage in report.stages}
    flows, esi = summaries.get("flows"), summaries.get("esi")
    if flows is not None and not flows["added"] and not flows["unchanged"]:
        return "no file was found; put Comtrade or BACI files into raw/, or name them: minsum ingest PATH"
    if esi is not None and esi["computed"] and not esi["rows"]["esi"]:
        return (
            "a similarity needs two countries of one year and HS vintage; "
            "add files of a reference, such as USA, and see minsum status"
        )
    return otherwise
