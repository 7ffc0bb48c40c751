"""Writes rows as a UN Comtrade bulk file: tab-separated text of 34 columns in one gzip member."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from isal import isal_zlib

from minsum.synth.baskets import MIL
from minsum.synth.economies import partner_codes
from minsum.synth.nomenclature import Nomenclature
from minsum.synth.rows import BY_CUSTOMS, BY_CUSTOMS_AND_TRANSPORT, BY_PARTNER2, BY_TRANSPORT, FLOWS, Rows
from minsum.synth.spec import F64, WorldSpec

COLUMNS: Final = (
    "datasetCode", "typeCode", "freqCode", "refPeriodId", "refYear", "refMonth", "period", "reporterCode",
    "flowCode", "partnerCode", "partner2Code", "classificationSearchCode", "classificationCode",
    "isOriginalClassification", "cmdCode", "customsCode", "mosCode", "motCode", "qtyUnitCode", "qty",
    "isQtyEstimated", "altQtyUnitCode", "altQty", "isAltQtyEstimated", "netWgt", "isNetWgtEstimated",
    "grossWgt", "isGrossWgtEstimated", "cifValue", "fobValue", "primaryValue", "legacyEstimationFlag",
    "isReported", "isAggregate",
)  # fmt: skip
_SLICE_ROWS: Final = 131_072
"""Some 25 MB of text at a time."""
_GZIP: Final = 31
"""zlib's window size for a gzip member; isal writes its header with time 0 and no name."""
_TRANSPORT: Final = np.array([0, 2100, 1000, 3200, 3100])
_CUSTOMS: Final = pl.Series(["C00", "C01", "C04", "C05", "C08"])
_SUPPLY: Final = pl.Series(["0", "-1", None, "0 "])
_UNITS: Final = np.array([8, 8, 5, 7, 2])
_IN_FORCE_FROM: Final = {"H0": 1988, "H1": 1996, "H2": 2002, "H3": 2007, "H4": 2012, "H5": 2017, "H6": 2022}


@dataclass(frozen=True, slots=True)
class Written:
    """Size of one file: rows without the header, bytes of text, bytes on disk."""

    rows: int
    text_bytes: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Document:
    """Reporter, year, HS vintage and product codes of a file."""

    spec: WorldSpec
    code: int
    year: int
    vintage: str
    names: Nomenclature

    def stream(self, purpose: str) -> np.random.Generator:
        """Random numbers of this file."""
        return self.spec.stream(purpose, self.code, self.year)


def file_name(spec: WorldSpec, code: int, year: int, *, vintage: str) -> str:
    """Name as UN's client stores a download; one in forty has no publication date."""
    rng = spec.stream("published", code, year)
    date = np.datetime64(f"{year + 2}-01-01") + int(rng.integers(0, 365))
    published = "1900-01-01" if rng.random() < 1 / 40 else str(date)
    return f"COMTRADE-FINAL-CA{code:03d}{year}{vintage}[{published}].gz"


def write_file(path: Path, rows: Rows, document: Document) -> Written:
    """Write one reporter-year; the file gets its name when it is complete."""
    packer = isal_zlib.compressobj(1, isal_zlib.DEFLATED, _GZIP)
    partial = path.with_name(path.name + ".part")
    text_bytes = 0
    with partial.open("wb") as file:
        for text in _texts(rows, document):
            text_bytes += len(text)
            file.write(packer.compress(text))
        file.write(packer.flush())
    partial.replace(path)
    return Written(rows=len(rows), text_bytes=text_bytes, file_bytes=path.stat().st_size)


def _texts(rows: Rows, document: Document) -> Iterator[bytes | memoryview]:
    """The header line, then the rows, slice by slice."""
    rng = document.stream("columns")
    constants = _constants(document)
    yield ("\t".join(COLUMNS) + "\n").encode()
    for start in range(0, len(rows), _SLICE_ROWS):
        piece = rows.sliced(start, start + _SLICE_ROWS)
        keys, amounts = _keys(piece, document.names, rng), _amounts(piece, document.names, rng)
        varying = {**keys, **amounts, **_flags(piece, document.code, rng)}
        table, text = _ordered(varying, constants), io.BytesIO()
        table.write_csv(text, separator="\t", quote_style="never", include_header=False)
        yield text.getbuffer()


def _ordered(varying: dict[str, pl.Series], constants: dict[str, str]) -> pl.DataFrame:
    """Columns in file order; neighbouring constants go as one text with tabs (three times as fast)."""
    n_rows = len(varying["cmdCode"])
    table: dict[str, pl.Series] = {}
    for is_constant, run in groupby(COLUMNS, key=constants.__contains__):
        names = list(run)
        if is_constant:
            joined = pl.Series(["\t".join(constants[name] for name in names)])
            table[names[0]] = joined.new_from_index(0, n_rows)
        else:
            table |= {name: varying[name] for name in names}
    return pl.DataFrame(table)


def _constants(document: Document) -> dict[str, str]:
    """Columns with one value in the whole file."""
    code, year, vintage = document.code, document.year, document.vintage
    later = [start for start in _IN_FORCE_FROM.values() if start > _IN_FORCE_FROM[vintage]]
    is_original = document.spec.vintages or not later or year < min(later)
    return {
        "datasetCode": f"20{code:03d}{year}0{vintage[1]}402100",
        "typeCode": "C",
        "freqCode": "A",
        "refPeriodId": f"{year}0101",
        "refYear": f"{year}",
        "refMonth": "52",
        "period": f"{year}",
        "reporterCode": f"{code}",
        "classificationSearchCode": vintage,
        "classificationCode": vintage,
        "isOriginalClassification": "true" if is_original else "false",
        "altQtyUnitCode": "8",
        "isAltQtyEstimated": "false",
        "grossWgt": "0",
        "isGrossWgtEstimated": "false",
        "legacyEstimationFlag": "0",
        "isReported": "true" if code % 4 else "false",
    }


def _keys(rows: Rows, names: Nomenclature, rng: np.random.Generator) -> dict[str, pl.Series]:
    """Columns that say what a row is about."""
    codes = partner_codes()
    is_part = rows.part > 0
    by_transport = is_part & ((rows.kind == BY_TRANSPORT) | (rows.kind == BY_CUSTOMS_AND_TRANSPORT))
    by_customs = is_part & ((rows.kind == BY_CUSTOMS) | (rows.kind == BY_CUSTOMS_AND_TRANSPORT))
    second = 1 + (rows.partner + 17 * rows.part) % (len(codes) - 1)
    supply = rng.choice(len(_SUPPLY), len(rows), p=(0.7, 0.1, 0.1, 0.1))
    return {
        "flowCode": pl.Series(FLOWS).gather(rows.flow),
        "partnerCode": pl.Series(codes[rows.partner]),
        "partner2Code": pl.Series(np.where(is_part & (rows.kind == BY_PARTNER2), codes[second], 0)),
        "cmdCode": pl.Series(names.codes).gather(rows.code),
        "customsCode": _CUSTOMS.gather(np.where(by_customs, rows.part, 0)),
        "mosCode": _SUPPLY.gather(np.where(is_part, 0, supply)),
        "motCode": pl.Series(_TRANSPORT[np.where(by_transport, rows.part, 0)]),
    }


def _amounts(rows: Rows, names: Nomenclature, rng: np.random.Generator) -> dict[str, pl.Series]:
    """Values, weights, and at six digits quantities."""
    usd = rows.mils / MIL
    is_product = rows.code < names.n_six_digit
    grams = np.floor(rows.mils * _kilos_per_usd(len(names.codes))[rows.code])
    units = np.floor(grams / rng.integers(1, 50, len(rows))) * is_product
    is_import = rows.flow == FLOWS.index("M")
    return {
        "qtyUnitCode": pl.Series(np.where(is_product, _UNITS[rows.code % len(_UNITS)], -1)),
        "qty": pl.Series(units / 1_000),
        "altQty": pl.Series(grams * is_product / 1_000),
        "netWgt": pl.Series(grams / 1_000),
        "cifValue": pl.Series(np.where(is_import, usd, np.nan), nan_to_null=True),
        "fobValue": pl.Series(np.where(is_import, np.nan, usd), nan_to_null=True),
        "primaryValue": pl.Series(usd),
    }


def _flags(rows: Rows, code: int, rng: np.random.Generator) -> dict[str, pl.Series]:
    """Flags. Reporters use them inconsistently, as in real files."""
    dice = rng.integers(0, 256, len(rows), dtype=np.uint8)
    is_aggregate = (rows.part == 0, np.zeros(len(rows), dtype=np.bool_), dice < 128)[code % 3]
    return {
        "isQtyEstimated": pl.Series((dice & 7) == 0),
        "isNetWgtEstimated": pl.Series((dice & 3) == 0),
        "isAggregate": pl.Series(is_aggregate),
    }


@cache
def _kilos_per_usd(n_codes: int) -> F64:
    """Kilograms per dollar of each code."""
    return np.random.default_rng(1988).lognormal(-2.0, 1.5, n_codes)
