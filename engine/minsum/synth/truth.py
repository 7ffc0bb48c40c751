"""Computes the true results of a synthetic world with plain NumPy, from the numbers in its files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from minsum.countries.codes import code_of, iso3_of
from minsum.harmonise.vintages import VINTAGES
from minsum.synth.baskets import MIL
from minsum.synth.covariates import BETA, NAMES, REGRESSORS, SIGMA, Drawn
from minsum.synth.economies import BLOC, FOCUS, LEADERS
from minsum.synth.nomenclature import nomenclature
from minsum.synth.spec import F64, I64, WorldSpec
from minsum.synth.vintages import in_vintage, nomenclature_of, vintage_of

HIGH_END: Final = "high_end"


@dataclass(frozen=True, slots=True)
class Filed:
    """Summary of one file.

    Attributes
    ----------
    code, year
        Reporter and year.
    exports
        World exports in mils by six-digit code, shape (n_six_digit,).
    import_share
        Imports from the bloc over all imports.
    """

    code: int
    year: int
    exports: I64
    import_share: float


def write_truth(spec: WorldSpec, filed: Sequence[Filed], *, drawn: Drawn, effects: F64, folder: Path) -> None:
    """Write `exports`, `esi`, `import_share` and `panel` as Parquet and `model.json`.

    In a world of several vintages these are about the things traded, whose codes are numbers without meaning; what
    each country sells in each vintage, and the similarities there, are in `vintage_exports` and `vintage_esi`.

    Parameters
    ----------
    spec
        The world.
    filed
        One entry per file, by year and code.
    drawn
        Regressors and errors as drawn.
    effects
        Country effects, shape (n_reporters,).
    folder
        Made when absent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_year = {year: [one for one in filed if one.year == year] for year in spec.years}
    _write_exports(spec, by_year, folder / "exports.parquet")
    esi = pl.concat([_esi(year, files, spec.products) for year, files in by_year.items()])
    esi.write_parquet(folder / "esi.parquet")
    shares = _import_shares(filed)
    shares.write_parquet(folder / "import_share.parquet")
    _panel(spec, drawn, effects, esi=esi, shares=shares).write_parquet(folder / "panel.parquet")
    if spec.vintages:
        write_vintages(spec, by_year, folder)
    (folder / "model.json").write_text(json.dumps(_model(spec, effects), indent=1) + "\n", encoding="utf-8")


def write_vintages(spec: WorldSpec, by_year: dict[int, list[Filed]], folder: Path) -> None:
    """`vintage_exports` (with `is_filed`) and `vintage_esi`: the same world in every HS vintage."""
    exports, similarities = [], []
    for year, files in by_year.items():
        values = np.array([one.exports for one in files])
        labels = np.array([iso3_of(one.code) for one in files])
        filed = np.array([vintage_of(spec, one.code, year) for one in files])
        for vintage in VINTAGES:
            names = nomenclature_of(vintage, spec.products)
            added = in_vintage(values, vintage=vintage, n_things=spec.products)
            row, column = np.nonzero(added)
            keys = {"year": np.full(len(row), year, dtype=np.int16), "vintage": [vintage] * len(row)}
            columns = {"product_code": names.codes[column], "value_usd": added[row, column] / MIL}
            about = {"reporter": labels[row], "is_filed": filed[row] == vintage}
            exports.append(pl.DataFrame(keys | about | columns))
            here = [replace(one, exports=basket) for one, basket in zip(files, added, strict=True)]
            similarities.append(_esi(year, here, names.n_products).with_columns(vintage=pl.lit(vintage)))
    pl.concat(exports).write_parquet(folder / "vintage_exports.parquet")
    pl.concat(similarities).write_parquet(folder / "vintage_esi.parquet")


def _write_exports(spec: WorldSpec, by_year: dict[int, list[Filed]], path: Path) -> None:
    """Work year by year, so that memory does not grow with the years."""
    codes = nomenclature(spec.products).codes
    writer = None
    for files in by_year.values():
        table = pl.concat([_exports(one, codes) for one in files]).to_arrow()
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _exports(one: Filed, codes: np.ndarray[tuple[int], np.dtype[np.str_]]) -> pl.DataFrame:
    traded = np.flatnonzero(one.exports)
    return pl.DataFrame(
        {
            "year": pl.Series([one.year], dtype=pl.Int16).new_from_index(0, len(traded)),
            "reporter": pl.Series([iso3_of(one.code)]).new_from_index(0, len(traded)),
            "reporter_code": pl.Series([one.code], dtype=pl.Int32).new_from_index(0, len(traded)),
            "product_code": codes[traded],
            "value_usd": one.exports[traded] / MIL,
        }
    )


def _esi(year: int, files: list[Filed], n_products: int) -> pl.DataFrame:
    """Every ordered pair of reporters, and each against the leaders' pooled exports; no residual codes."""
    values = np.array([one.exports[:n_products] / MIL for one in files])
    labels = [iso3_of(one.code) for one in files]
    pooled = values[[labels.index(leader) for leader in LEADERS]].sum(axis=0)
    shares = values / values.sum(axis=1, keepdims=True)
    pooled_shares = pooled / pooled.sum()
    esi = np.zeros((len(files), len(files)))
    for i in range(len(files)):
        esi[i, i + 1 :] = np.minimum(shares[i + 1 :], shares[i]).sum(axis=1)
    esi += esi.T
    against_pooled = np.minimum(shares, pooled_shares).sum(axis=1)
    reporter, reference = np.nonzero(~np.eye(len(files), dtype=np.bool_))
    names = np.array(labels)
    return pl.DataFrame(
        {
            "year": np.full(len(reporter) + len(files), year, dtype=np.int16),
            "reporter": np.concatenate([names[reporter], names]),
            "reference": np.concatenate([names[reference], np.full(len(files), HIGH_END)]),
            "esi": np.concatenate([esi[reporter, reference], against_pooled]),
        }
    ).sort("reporter", "reference")


def _import_shares(filed: Sequence[Filed]) -> pl.DataFrame:
    rows = [(iso3_of(one.code), one.year, one.import_share) for one in filed]
    schema = {"reporter": pl.String, "year": pl.Int16, "import_share": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _panel(
    spec: WorldSpec, drawn: Drawn, effects: F64, *, esi: pl.DataFrame, shares: pl.DataFrame
) -> pl.DataFrame:
    """Every follower-year that filed: dependent, all regressors (none withheld), effect, realised error."""
    n_years = len(spec.years)
    table = pl.DataFrame(
        {
            "reporter": np.repeat(spec.labels, n_years),
            "year": pl.Series(np.tile(spec.years, len(spec.codes)), dtype=pl.Int16),
            **{name: drawn.x[:, :, k].ravel() for k, name in enumerate(NAMES) if name != "import_share"},
            "effect": np.repeat(effects, n_years),
        }
    )
    high_end = esi.filter(pl.col("reference") == HIGH_END).drop("reference")
    table = table.join(shares, on=["reporter", "year"]).join(high_end, on=["reporter", "year"])
    table = table.filter(~pl.col("reporter").is_in(LEADERS)).sort("reporter", "year")
    fitted = table.select(NAMES).to_numpy() @ BETA + table["effect"].to_numpy()
    return table.with_columns(error=table["esi"] - fitted).select(
        "reporter", "year", "esi", *NAMES, "effect", "error"
    )


def _model(spec: WorldSpec, effects: F64) -> dict[str, object]:
    followers = {iso3: float(effects[i]) for i, iso3 in enumerate(spec.labels) if iso3 not in LEADERS}
    return {
        "equation": "esi = effect[reporter] + sum of coefficient * regressor + error",
        "reference": HIGH_END,
        "reference_rule": "pooled",
        "leaders": list(LEADERS),
        "leader_codes": [code_of(iso3) for iso3 in LEADERS],
        "residual": "exclude",
        "coefficients": {regressor.name: regressor.beta for regressor in REGRESSORS},
        "effects": followers,
        "sigma": SIGMA,
        "bloc": list(BLOC),
        "sample": [iso3 for iso3 in FOCUS if iso3 in followers],
        "spec": asdict(spec),
    }
