"""The lines after a run: what it did and where the result is; what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minsum.workspace.runs import RunReport


def summary_line(report: RunReport, where: str) -> str:
    """One line: results of the stages, rejected sources, seconds."""
    seconds = sum(stage.seconds for stage in report.stages)
    rejected = _rejected(report)
    if not report.changed and report.remote is not None:
        return f"nothing new: {where} stays as it was ({seconds:.1f} s)"
    if not report.changed:
        return f"nothing to do: {'; '.join([f'{where} is up to date', *rejected])} ({seconds:.1f} s)"
    parts = [_described(stage.stage, stage.summary) for stage in report.stages if stage.changed]
    parts += rejected
    if report.warnings:
        parts.append(f"{len(report.warnings)} warnings")
    return f"{'; '.join(parts)} in {seconds:.1f} s{_speed(report)} -> {where}"


def run_counts(report: RunReport) -> dict[str, Any]:
    """Counts of a run and, as `totals`, of the workspace now (as in `minsum status`)."""
    stages = {stage.stage: stage.summary for stage in report.stages}
    flows, esi = stages.get("flows", {}), stages.get("esi", {})
    done = {
        "files_fetched": len(stages.get("fetch", {}).get("fetched", ())),
        "sources_added": len(flows.get("added", ())),
        "rows_read": flows.get("rows_in", 0),
        "reporter_years_written": flows.get("n_partitions", 0),
        "similarities": esi.get("rows", {}).get("esi", 0),
        "years_computed": len(esi.get("computed", ())),
        "rejected": len(report.rejected),
        "warnings": len(report.warnings),
    }
    seconds = round(sum(stage.seconds for stage in report.stages), 3)
    return done | {"changed": report.changed, "seconds": seconds, "totals": report.totals}


def next_step(report: RunReport, *, otherwise: str) -> str:
    """One line: how to solve a problem of the run, or the usual next command.

    Parameters
    ----------
    report
        Report of the run.
    otherwise
        Advice if the run had no problem.
    """
    if report.rejected:
        return "minsum status says what to do about the rejected sources"
    if report.warnings:
        return "look at the warnings above; minsum check compares every figure"
    summaries = {stage.stage: stage.summary for stage in report.stages}
    flows, esi = summaries.get("flows"), summaries.get("esi")
    if flows is not None and not flows["added"] and not flows["unchanged"]:
        return "no file was found; put Comtrade or BACI files into raw/, or name them: minsum ingest PATH"
    if esi is not None and esi["computed"] and not any(esi["rows"].values()):
        return (
            "a similarity needs two countries of one year and HS vintage; "
            "add files of a reference, such as USA, and see minsum status"
        )
    return otherwise


def _rejected(report: RunReport) -> list[str]:
    """Number of sources rejected in this run, and of all rejected sources if there are more."""
    standing = report.totals.get("rejected sources", 0)
    if not report.rejected and not standing:
        return []
    more = f" ({standing} in all: minsum status)" if standing > len(report.rejected) else ""
    return [f"{len(report.rejected)} sources rejected{more}"]


def _described(stage: str, summary: dict[str, Any]) -> str:
    if stage == "fetch":
        return f"{len(summary['fetched']):,} files, {summary['n_bytes'] / 1e6:,.1f} MB fetched in {summary['calls']:,} calls"
    if stage == "flows":
        return f"{len(summary['added'])} sources, {summary['rows_in']:,} rows, {summary['n_partitions']} reporter-years"
    if stage == "esi":
        return _similarities(summary["rows"], len(summary["computed"]))
    if stage == "panel":
        missing = {name: sum(rows.values()) for name, rows in summary["missing"].items()}
        gaps = (
            f" (missing: {', '.join(f'{name} {count}' for name, count in missing.items())})"
            if missing
            else ""
        )
        return f"panel of {summary['rows']:,} rows, {summary['countries']} countries{gaps}"
    if stage == "estimates":
        return f"{len(summary['models'])} models of {summary['spec']}"
    if stage == "export":
        return f"{len(summary['tables'])} tables, {sum(summary['bytes'].values()) / 1e6:,.1f} MB"
    if stage == "removal":
        return f"{len(summary['removed'])} outputs no longer asked for removed"
    return stage


def _speed(report: RunReport) -> str:
    """Rows read per second; empty if no file was read."""
    read = [stage for stage in report.stages if stage.stage == "flows" and stage.summary["rows_in"]]
    return f" ({read[0].summary['rows_in'] / read[0].seconds:,.0f} rows/s read)" if read else ""


def _similarities(rows: dict[str, int], n_years: int) -> str:
    parts = [
        f"{count:,} similarities" if table == "esi" else f"{count:,} in {table}"
        for table, count in rows.items()
        if count
    ]
    return f"{', '.join(parts) or '0 similarities'} of {n_years} years"
