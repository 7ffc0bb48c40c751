"""The row rules: each row of a block is kept, kept as a part of a total, or removed and counted.

Polars parses the needed columns and finds, for every row, the first rule that removes it. What is left
is 22 bytes a row (`codes.ROW`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.errors import BrokenSourceError, ContradictionError
from minsum.flows.codes import COMPONENT_RULES, MAX_PARTNER, ROW, RULES, TOTAL, TOTAL_CODE
from minsum.flows.reader import Block
from minsum.formats import Claims, Format, Header
from minsum.schema import FLOWS

_DTYPES: Final = {
    "reporter_code": pl.Int32, "year": pl.Int32, "partner_code": pl.Int32, "partner2_code": pl.Int32,
    "mot_code": pl.Int32, "value": pl.Float64,
}  # fmt: skip
_RULE: Final = {name: index for index, name in enumerate(RULES)}
_MAX_USD: Final = 1e21
"""Far above anything a slipped factor of 10^9 gives; keeps every sum finite."""

_HS6: Final = r"^[0-9]{2}[0-9A-Z]{4}$"


@dataclass(frozen=True, slots=True)
class Judged:
    """One block after the rules.

    Attributes
    ----------
    partition
        Partition number of every row read, shape (n,), see `partition_number`.
    rule
        Position in `RULES` of the rule that removed the row, 0 when kept, shape (n,).
    usd
        Finite values in USD (0 where missing or not finite), shape (n,).
    stays
        Which rows go on: kept ones and parts of totals, shape (n,).
    rows
        Those rows, dtype `codes.ROW`, shape (stays.sum(),).
    padded
        How many product codes got their leading zero back.
    """

    partition: NDArray[np.int64]
    rule: NDArray[np.uint8]
    usd: NDArray[np.float64]
    stays: NDArray[np.bool_]
    rows: NDArray[np.void]
    padded: int


def partition_number(vintage: int, year: int, reporter_code: int) -> int:
    """Classification, year and reporter in one integer that sorts as they do."""
    return vintage * 10**11 + year * 10**7 + reporter_code


def partition_of(number: int) -> tuple[str, int, int]:
    """Inverse of `partition_number`: classification, year, reporter code."""
    return f"H{number // 10**11}", number // 10**7 % 10**4, number % 10**7


class Judge:
    """Applies the row rules to the blocks of one source.

    Parameters
    ----------
    form, header
        The file's format and first line.
    claims
        What its name says; content that contradicts it is refused.
    flows
        Flow codes to keep.
    name
        For error messages.
    """

    def __init__(
        self, form: Format, header: Header, *, claims: Claims, flows: tuple[str, ...], name: str
    ) -> None:
        self.form, self.claims, self.name = form, claims, name
        present = form.present(header)
        places = {source: f"c{index}" for index, source in enumerate(header.names)}
        self._columns = {places[source]: column for column, source in present.items()}
        self._head = (header.separator.join(places.values()) + "\n").encode()
        self._separator = header.separator
        self._kept_flows = [FLOWS.index(flow) for flow in flows]
        self._rows = self._row_expressions(set(present))

    def judge(self, block: Block) -> Judged:
        """Rows of a block that stay, and the fate of the others.

        Raises
        ------
        BrokenSourceError
            If a numeric column holds something else.
        ContradictionError
            If reporter or period disagree with the file's name, or the data are not annual HS.
        """
        frame = self._parse(block)
        partition = self._partitions(frame, block)
        judged = frame.select(**self._rows)
        stays = judged["stays"]
        kept = judged.filter(stays)
        if kept["partner"].null_count() or not kept["partner"].is_between(0, MAX_PARTNER).all():
            raise BrokenSourceError(
                f"{self.name}: a partner code is empty or out of range", "download it again"
            )
        rows = np.empty(len(kept), dtype=ROW)
        for column in ROW.names or ():
            rows[column] = kept[column].to_numpy()
        return Judged(
            partition, judged["rule"].to_numpy(), judged["usd"].to_numpy(), stays.to_numpy(), rows,
            int(judged["padded"].sum()),
        )  # fmt: skip

    def _parse(self, block: Block) -> pl.DataFrame:
        try:
            frame = pl.read_csv(
                self._head + block.text,
                separator=self._separator,
                quote_char='"' if self.form.is_quoted else None,
                columns=list(self._columns),
                infer_schema=False,
                schema_overrides={
                    place: _DTYPES.get(name, pl.String) for place, name in self._columns.items()
                },
            )
        except pl.exceptions.PolarsError as error:
            reason = str(error).partition("\n")[0]
            for place, name in self._columns.items():
                reason = reason.replace(f"'{place}'", f"'{self.form.columns[name].source}'")
            last = block.first_line + block.text.count(b"\n") - 1
            raise BrokenSourceError(
                f"{self.name}, lines {block.first_line}-{last}: {reason}",
                "the file is damaged; download it again",
            ) from error
        return frame.rename(self._columns)

    def _partitions(self, frame: pl.DataFrame, block: Block) -> NDArray[np.int64]:
        where = f"{self.name}, from line {block.first_line}"
        ends = frame.select(
            r0=pl.col("reporter_code").min(), r1=pl.col("reporter_code").max(),
            y0=pl.col("year").min(), y1=pl.col("year").max(),
            empty=pl.any_horizontal(pl.col("reporter_code", "year").is_null()).any(),
        ).row(0, named=True)  # fmt: skip
        if ends["empty"]:
            raise BrokenSourceError(f"{where}: a row without reporter or period", "download it again")
        if not (1900 <= ends["y0"] <= ends["y1"] <= 2200):
            raise ContradictionError(
                f"{where}: period {ends['y0'] if ends['y0'] < 1900 else ends['y1']} is not a year",
                "minsum reads annual data only",
            )
        for label, low, high, claimed in (
            ("reporter", ends["r0"], ends["r1"], self.claims.reporter_code),
            ("period", ends["y0"], ends["y1"], self.claims.year),
        ):
            if claimed is not None and not low == high == claimed:
                raise ContradictionError(
                    f"{where}: {label} {low if low != claimed else high} in the rows, "
                    f"{claimed} in the file's name",
                    "the file is misnamed or mixed up; find out which is right and download it again",
                )
        vintage = self._vintages(frame, where)
        return (
            frame.select(vintage * 10**11 + pl.col("year").cast(pl.Int64) * 10**7 + pl.col("reporter_code"))
            .to_series()
            .to_numpy()
        )

    def _vintages(self, frame: pl.DataFrame, where: str) -> pl.Expr:
        if "classification" not in frame.columns:
            if self.claims.classification is None:
                raise ContradictionError(
                    f"{self.name}: neither its rows nor its name say which HS vintage it is",
                    "keep the name it was published under, such as BACI_HS17_Y2024_V202601.csv, "
                    "or give --classification H5",
                )
            return pl.lit(int(self.claims.classification[1]), pl.Int64)
        found = frame["classification"].unique().to_list()
        wrong = [
            one for one in found if one is None or len(one) != 2 or one[0] != "H" or one[1] not in "0123456"
        ]
        if wrong:
            raise ContradictionError(
                f"{where}: classification {sorted(map(str, wrong))[0]!r}, expected H0 to H6",
                "minsum compares HS-6 products only; fetch the HS edition",
            )
        if len(found) == 1:
            return pl.lit(int(found[0][1]), pl.Int64)
        return pl.col("classification").str.slice(1).cast(pl.Int64)

    def _row_expressions(self, have: set[str]) -> dict[str, pl.Expr]:
        flow = self._flow()
        code = pl.col("product_code").str.strip_chars()
        is_padded = code.str.contains(r"^[0-9]{5}$") if self.form.may_lose_zeros else pl.lit(False)
        code = pl.when(is_padded).then("0" + code).otherwise(code)
        is_product = code.str.contains(_HS6)
        product = (
            pl.when(is_product)
            .then(code.str.to_integer(base=36, strict=False))
            .when(code == TOTAL)
            .then(TOTAL_CODE)
        )
        value = pl.col("value") * self.form.value_scale if self.form.value_scale != 1 else pl.col("value")
        fails = {
            "flow": ~flow.is_in(self._kept_flows).fill_null(False),
            "partner2": pl.col("partner2_code").fill_null(0) != 0,
            "customs": ~pl.col("customs_code").str.strip_chars().fill_null("").is_in(["C00", ""]),
            "mot": pl.col("mot_code").fill_null(0) != 0,
            "mos": ~pl.col("mos_code").str.strip_chars().fill_null("").is_in(["0", "-1", ""]),
            "level": product.is_null(),
            "value": ~value.is_between(0, _MAX_USD).fill_null(False),
            "zero": value == 0,
        }
        optional = {
            "partner2": "partner2_code",
            "customs": "customs_code",
            "mot": "mot_code",
            "mos": "mos_code",
        }
        fails = {rule: test for rule, test in fails.items() if rule not in optional or optional[rule] in have}
        rule = pl.lit(0, pl.UInt8)
        for name, test in reversed(fails.items()):
            rule = pl.when(test).then(pl.lit(_RULE[name], pl.UInt8)).otherwise(rule)
        is_sound = ~(fails["level"] | fails["value"] | fails["zero"])
        bits = [
            test.cast(pl.UInt8) * 2 ** (_RULE[name] - 2) for name, test in fails.items() if name in optional
        ]
        return {
            "rule": rule,
            "usd": pl.when(value.abs() <= _MAX_USD).then(value).otherwise(0.0),
            "stays": (rule == 0) | (rule.is_between(*COMPONENT_RULES) & is_sound),
            "padded": is_padded,
            "product": product,
            "partner": pl.col("partner_code"),
            "value": value,
            "flow": flow.cast(pl.UInt8),
            "breakdown": pl.sum_horizontal(bits) if bits else pl.lit(0, pl.UInt8),
            "mot": pl.col("mot_code").fill_null(0) if "mot_code" in have else pl.lit(0),
        }

    def _flow(self) -> pl.Expr:
        if self.form.constant_flow is not None:
            return pl.lit(FLOWS.index(self.form.constant_flow), pl.UInt8)
        codes = self.form.flow_codes or {flow: flow for flow in FLOWS}
        places = {code: FLOWS.index(flow) for code, flow in codes.items()}
        return pl.col("flow").replace_strict(places, default=None, return_dtype=pl.UInt8)
