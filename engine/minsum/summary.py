"""The line that says what a run did and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minsum.runs import RunReport


def summary_line(report: RunReport, where: str) -> str:
    """What the stages did, how many sources they rejected and how long they took."""
    seconds = sum(stage.seconds for stage in report.stages)
    if not report.changed and report.remote is not None:
        return f"nothing new: {where} stays as it was ({seconds:.1f} s)"
    if not report.changed:
        rejected = f"; {len(report.rejected)} sources rejected" if report.rejected else ""
        return f"nothing to do: {where} is up to date{rejected} ({seconds:.1f} s)"
    parts = [_described(stage.stage, stage.summary) for stage in report.stages if stage.changed]
    if report.rejected:
        parts.append(f"{len(report.rejected)} sources rejected")
    return f"{'; '.join(parts)} in {seconds:.1f} s{_speed(report)} -> {where}"


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
    if stage == "removal":
        return f"{len(summary['removed'])} outputs no longer asked for removed"
    return stage


def _speed(report: RunReport) -> str:
    """Rows a second, where files were read."""
    read = [stage for stage in report.stages if stage.stage == "flows" and stage.summary["rows_in"]]
    return f" ({read[0].summary['rows_in'] / read[0].seconds:,.0f} rows/s read)" if read else ""


def _similarities(rows: dict[str, int], n_years: int) -> str:
    parts = [f"{rows['esi']:,} similarities"]
    parts += [f"{count:,} in {table}" for table, count in rows.items() if table != "esi" and count]
    return f"{', '.join(parts)} of {n_years} years"
