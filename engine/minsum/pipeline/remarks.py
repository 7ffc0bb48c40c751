"""Log lines and warnings about the results of the stages `flows` and `esi`."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING, Final

from minsum.pipeline.run import Run
from minsum.text_tables import listed

if TYPE_CHECKING:
    from minsum.esi.outcome import EsiReport
    from minsum.flows.ingest import IngestReport

log = logging.getLogger("minsum")
_MOST_REMARKS: Final = 20
"""Remarks on single years that are logged; the record of the run has all."""


def remark_on_flows(run: Run, report: IngestReport) -> None:
    """Log what was replaced, removed or repaired; warn where two publications have the same date."""
    extra = {"stage": "flows"}
    for name, years in report.replaced.items():
        log.warning(
            "flows: %s: new content replaces its earlier reporter-years: %s", name, listed(years), extra=extra
        )
    if report.removed:
        log.warning("flows: no longer asked for, removed: %s", listed(report.removed), extra=extra)
    for pair in dict.fromkeys(report.same_date.values()):
        years = [year for year, one in report.same_date.items() if one == pair]
        run.report.warn(
            "same_date", f"same_date: {listed(years)}: {pair[0]} counts, and {pair[1]} has the same date and other content",
            "remove the one that is wrong from raw/",
        )  # fmt: skip
    if report.repaired_texts:
        rows = Counter[str]()
        for kinds in report.repaired_texts.values():
            rows.update({kind: int(one["rows"]) for kind, one in kinds.items()})
        counts = ", ".join(f"{kind} {n:,} rows" for kind, n in sorted(rows.items()))
        where = f"{listed(sorted(report.repaired_texts))}: {counts}"
        log.info("texts repaired in %s (minsum status; docs/data-rules.md)", where, extra=extra)


def remark_on_esi(run: Run, report: EsiReport) -> None:
    """Log what was removed or may be incomplete; warn about countries without a similarity."""
    from minsum.harmonise.messages import absences

    extra = {"stage": "esi"}
    if report.removed:
        log.info("no longer asked for, removed: %s", ", ".join(report.removed))
    for line in absences(report):
        log.warning("esi: %s", line, extra=extra)
    for name, reasons in report.left_out.items():
        for why, labels in reasons.items():
            hint = "set [esi] level to their digits" if "digits" in why else "download partner World too"
            run.report.warn("left_out", f"esi: {name}: no similarity of {listed(labels)}: {why}", hint)
    if report.doubtful:
        names = listed(report.doubtful)
        log.warning(
            "esi: exports that may be incomplete: %s: column doubts of coverage.parquet says why", names, extra=extra
        )  # fmt: skip
    remarks = report.remarks()
    for line in remarks[:_MOST_REMARKS]:
        log.warning("esi: %s", line, extra=extra)
    if len(remarks) > _MOST_REMARKS:
        log.warning("esi: %d more such years: runs/", len(remarks) - _MOST_REMARKS, extra=extra)
