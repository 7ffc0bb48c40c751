"""What people use today for Comtrade bulk files, for `bench_flows.py`: each gives the World exports of all files, in USD."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import polars as pl

from minsum.machine import default_jobs
from minsum.settings.flows import Ingest

spent: list[float] = []
"""When a program that writes had written, before the sum that only the benchmark needs."""

COLUMNS = [
    "flowCode",
    "partnerCode",
    "partner2Code",
    "cmdCode",
    "customsCode",
    "mosCode",
    "motCode",
    "primaryValue",
]


def polars_script(files: list[Path]) -> float:
    """World exports only, lazily, file by file."""
    total = 0.0
    for path in files:
        total += (
            pl.scan_csv(path, separator="\t", quote_char=None, glob=False, schema_overrides=dict.fromkeys(COLUMNS[3:6], pl.String))
            .filter(
                pl.col("flowCode") == "X", pl.col("partnerCode") == 0, pl.col("partner2Code") == 0,
                pl.col("customsCode") == "C00", pl.col("motCode") == 0,
                pl.col("mosCode").str.strip_chars().fill_null("").is_in(["0", "-1", ""]),
                pl.col("cmdCode").str.len_chars() == 6,
            )
            .select(pl.col("primaryValue").sum())
            .collect(engine="streaming")
            .item()
        )  # fmt: skip
    return total


AT_ONCE = 8
"""Files of one query of `polars_whole`."""


def polars_whole(files: list[Path]) -> float:
    """Row rules, audit, and the kept rows of each file sorted and written: all of it lazily, several files at once."""
    names = ["flowCode", "partner2Code", "customsCode", "motCode", "mosCode", "cmdCode", "primaryValue"]
    flow, partner2, customs, mot, mos, product, value = map(pl.col, names)
    mos, digits = mos.str.strip_chars().fill_null(""), product.str.len_chars()
    is_good = value.is_between(0, 1e21).fill_null(value=False)
    rule = (
        pl.when(~flow.is_in(Ingest().flows)).then(pl.lit("flow"))
        .when(partner2 != 0).then(pl.lit("partner2"))
        .when(customs != "C00").then(pl.lit("customs"))
        .when(mot != 0).then(pl.lit("mot"))
        .when(~mos.is_in(["0", "-1", ""])).then(pl.lit("mos"))
        .when((product != "TOTAL") & (digits != 6)).then(pl.lit("level"))
        .when(~is_good).then(pl.lit("value"))
        .when(value == 0).then(pl.lit("zero"))
        .otherwise(pl.lit("kept"))
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        audits = []
        for first in range(0, len(files), AT_ONCE):
            plans = []
            for path in files[first : first + AT_ONCE]:
                judged = pl.scan_csv(
                    path, separator="\t", quote_char=None, glob=False, schema_overrides=dict.fromkeys(COLUMNS[3:6], pl.String)
                ).with_columns(rule=rule)  # fmt: skip
                usd = pl.when(is_good).then(value).sum()
                counts = judged.group_by("rule").agg(pl.len().alias("rows"), usd.alias("usd"))
                plans.append(counts.select(pl.lit(path.name).alias("file"), pl.all()))
                kept = judged.filter(pl.col("rule") == "kept").select(
                    "flowCode", "partnerCode", "cmdCode", "primaryValue"
                )
                kept = kept.sort("flowCode", "partnerCode", "cmdCode")
                plans.append(kept.sink_parquet(Path(folder) / f"{path.stem}.parquet", lazy=True))
            audits += [one for one in pl.collect_all(plans, engine="streaming") if len(one)]
        pl.concat(audits).write_csv(Path(folder) / "audit.csv")
        spent.append(time.perf_counter())
        exports = pl.scan_parquet(sorted(Path(folder).glob("*.parquet")), glob=False).filter(
            pl.col("flowCode") == "X", pl.col("partnerCode") == 0, pl.col("cmdCode") != "TOTAL"
        )
        return float(exports.select(pl.col("primaryValue").sum()).collect().item())


def duckdb_reader(files: list[Path]) -> float:
    """DuckDB's read_csv over all files at once, the columns the rules need as text."""
    import duckdb

    query = """
        SELECT sum(primaryValue) FROM read_csv($files, delim = '\t', header = true, quote = '', all_varchar = false,
            types = {'cmdCode': 'VARCHAR', 'customsCode': 'VARCHAR', 'mosCode': 'VARCHAR'})
        WHERE flowCode = 'X' AND partnerCode = 0 AND partner2Code = 0 AND customsCode = 'C00' AND motCode = 0
          AND coalesce(trim(mosCode), '') IN ('0', '-1', '') AND length(cmdCode) = 6
    """
    with duckdb.connect(config={"threads": str(default_jobs())}) as con:
        con.execute("SET enable_progress_bar = false")
        # DuckDB reads [ ] in a name as a pattern: escape them as it asks.
        names = [str(path).replace("[", "[[]") for path in files]
        return float(con.execute(query, {"files": names}).fetchall()[0][0])


def pandas_script(files: list[Path]) -> float:
    """One frame a file, needed columns."""
    import pandas as pd

    total = 0.0
    for path in files:
        frame = pd.read_csv(path, sep="\t", usecols=COLUMNS, dtype=dict.fromkeys(COLUMNS[3:6], str))
        mos = frame["mosCode"].fillna("").str.strip().isin(["0", "-1", ""])
        world = (frame["flowCode"] == "X") & (frame["partnerCode"] == 0) & (frame["partner2Code"] == 0)
        whole = (frame["customsCode"] == "C00") & (frame["motCode"] == 0) & mos
        total += frame.loc[world & whole & (frame["cmdCode"].str.len() == 6), "primaryValue"].sum()
    return total


def chdb_reader(files: list[Path]) -> float:
    """ClickHouse's file() over all files."""
    import chdb

    folder = files[0].parent
    query = (
        # our own folder, no input of anybody's
        f"SELECT sum(primaryValue) FROM file('{folder}/*.gz', 'TSVWithNames') WHERE flowCode = 'X' AND partnerCode = 0 "
        "AND partner2Code = 0 AND customsCode = 'C00' AND motCode = 0 AND length(toString(cmdCode)) = 6"
    )
    return float(str(chdb.query(query)))
