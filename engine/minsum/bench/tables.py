"""A record of `minsum bench` as people read it."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def bench_tables(found: Row, compared: list[Row]) -> list[tuple[str, list[str], list[list[Any]]]]:
    """Title, columns and rows of what was measured, and of the comparison with an earlier record, if there is one."""
    machine, on = found["machine"], f", cluster {found['cluster']}" if "cluster" in found else ""
    title = (
        f"Scale {found['scale']:g}, {found['jobs']} jobs{on}: {machine['cpu']} ({machine['processor']}), "
        f"{machine['threads']} threads; minsum {found['versions']['minsum']}, commit {found['commit'][:10]}"
    )
    columns = ["work", "seconds", "turns", "peak MiB", "rate", "answer"]
    rows = [
        [
            row["name"], f"{row['seconds']:.3f}", row["repeats"], round(row["peak_rss_bytes"] / 2**20),
            _rate(row), row.get("failure", "right"),
        ]
        for row in found["rows"]
    ]  # fmt: skip
    tables = [(title, columns, rows)]
    if compared:
        columns = ["work", "seconds", "before", "ratio", "answer"]
        rows = [
            [row["name"], *(f"{row[name]:.3f}" for name in columns[1:4]), row["answer"]] for row in compared
        ]
        tables.append(("Against the earlier record", columns, rows))
    return tables


def _rate(row: Row) -> str:
    if "rows_per_second" in row:
        return f"{row['rows_per_second'] / 1e6:.2f} M rows/s, {row['ratio_to_decompression']:.2f} x decompression"
    if "ratio_to_threads" in row:
        return f"{row['ratio_to_threads']:.2f} x threads"
    if "min_adds_per_second" in row:
        return f"{row['min_adds_per_second'] / 1e9:.1f} G min-adds/s, {row['share_of_peak']:.0%} of the peak"
    return ""
