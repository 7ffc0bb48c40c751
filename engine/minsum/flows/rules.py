"""The row rules: each row is kept, kept as a part of a total, or removed and counted.

Rules are comparisons over columns of integers, a batch of rows at a time. What is left is 26 bytes a row
(`codes.ROW`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from minsum.errors import BrokenSourceError, ContradictionError
from minsum.flows.codes import COMPONENT_RULES, MAX_PARTNER, ROW, RULES
from minsum.flows.labels import GROUP, country_codes
from minsum.flows.products import Products, read_products
from minsum.flows.reader import Batch
from minsum.formats import Claims, Format, Header
from minsum.formats.base import ColumnName
from minsum.schema import FLOWS
from minsum_kernels.fields import EMPTY, FieldReader, Kind, pack, unpack

_KINDS: Final[dict[ColumnName, Kind]] = {
    "reporter_code": "integer", "year": "integer", "partner_code": "integer", "partner2_code": "integer",
    "mot_code": "integer", "classification": "code", "flow": "code", "product_code": "code",
    "customs_code": "code", "mos_code": "code", "value": "number", "after_last": "code",
}  # fmt: skip
_LABELLED: Final[dict[ColumnName, Kind]] = {"reporter_code": "code", "partner_code": "code"}
_RULE: Final = {name: index for index, name in enumerate(RULES)}
_BREAKDOWNS: Final[tuple[tuple[ColumnName, tuple[int, ...]], ...]] = (
    ("partner2_code", (0, EMPTY)),
    ("customs_code", (pack("C00"), pack(""))),
    ("mot_code", (0, EMPTY)),
    ("mos_code", (pack("0"), pack("-1"), pack(""))),
)
"""Columns that break a total down, in the order of the component rules, with their values on a total."""

_MAX_USD: Final = 1e21
"""Far above anything a slipped factor of 10^9 gives; keeps every sum finite."""

_VINTAGES: Final = {pack(f"H{vintage}"): vintage for vintage in range(7)}
_NO_FLOW: Final = 255
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)

Columns = Mapping[ColumnName, NDArray[np.int64]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """One batch after the rules.

    Attributes
    ----------
    partition
        Partition number of every row read, shape (n,), see `codes.partition_of`.
    rule
        Position in `RULES` of the rule that removed the row, 0 when kept, shape (n,).
    usd
        Values in USD, 0 where missing or out of range, shape (n,).
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
    stays: Mask
    rows: NDArray[np.void]
    padded: int


class Judge:
    """Applies the row rules to the batches of one source.

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
        columns = {source: column for column, source in form.present(header).items()}
        known = _KINDS | (_LABELLED if form.country_code else {})
        kinds: list[Kind] = [known[columns[one]] if one in columns else "skip" for one in header.names]
        self.fields = FieldReader(kinds, header.separator.encode(), is_quoted=form.is_quoted)
        self._names = [columns[one] for one in header.names if one in columns and columns[one] != "value"]
        self._least_partner = 0 if form.has_world_rows else 1
        codes = form.flow_codes or {flow: flow for flow in FLOWS}
        self._flows = {pack(code): FLOWS.index(flow) for code, flow in codes.items() if flow in flows}

    def judge(self, batch: Batch) -> Judged:
        """Rows of a batch that stay, and the fate of the others.

        Raises
        ------
        BrokenSourceError
            If a row lacks its reporter, period or partner.
        ContradictionError
            If reporter or period disagree with the file's name, or the data are not annual HS.
        """
        lines, where = batch.lines, f"{self.name}, from line {batch.first_line}"
        columns = self._columns(dict(zip(self._names, lines.columns, strict=True)), where)
        partition = self._partitions(columns, len(lines.values), where)
        flow = self._flow(columns, len(lines.values))
        products = read_products(
            columns["product_code"],
            may_lose_zeros=self.form.may_lose_zeros,
            has_total=self.form.has_world_rows,
        )
        with np.errstate(over="ignore"):
            value = lines.values * self.form.value_scale
        is_usd = (value >= 0) & (value <= _MAX_USD)
        usd = np.where(np.abs(value) <= _MAX_USD, value, 0.0)
        breakdown = _breakdown(columns, len(value))
        rule = _first_rule(flow, breakdown, products, is_usd, value)
        is_group = columns["partner_code"] == GROUP
        rule[is_group & (rule == 0)] = _RULE["partner"]
        sound = products.is_level & is_usd & (value > 0) & ~is_group
        stays = (rule == 0) | ((rule >= COMPONENT_RULES[0]) & (rule <= COMPONENT_RULES[1]) & sound)
        partner = columns["partner_code"][stays]
        if len(partner) and not (partner.min() >= self._least_partner and partner.max() <= MAX_PARTNER):
            raise BrokenSourceError(
                f"{where}: a partner code is empty or out of range",
                "the file is damaged; download it again",
            )
        rows = np.empty(len(partner), dtype=ROW)
        rows["product"], rows["partner"], rows["value"] = products.code[stays], partner, value[stays]
        rows["flow"], rows["breakdown"] = flow[stays], breakdown[stays]
        rows["mot"] = columns["mot_code"][stays] if "mot_code" in columns else 0
        rows["part"] = 0
        rows["part"][rows["breakdown"] != 0] = _part(columns, stays & (breakdown != 0))
        return Judged(partition, rule, usd, stays, rows, int(products.is_padded.sum()))

    def _columns(self, columns: dict[ColumnName, NDArray[np.int64]], where: str) -> Columns:
        """The columns with countries as codes, once nothing stands after the last of them."""
        if "after_last" in columns and (columns["after_last"] != pack("")).any():
            raise BrokenSourceError(
                f"{where}: a value after the last column", "the file is damaged; download it again"
            )
        if self.form.country_code is not None:
            for name in _LABELLED:
                place = f"{where}, column {self.form.columns[name].source}"
                columns[name] = country_codes(
                    columns[name], columns["year"], self.form.country_code, where=place
                )
            if (columns["reporter_code"] == GROUP).any():
                raise ContradictionError(
                    f"{where}: a group of countries as reporter", "download single reporters"
                )
        return columns

    def _partitions(self, columns: Columns, n: int, where: str) -> NDArray[np.int64]:
        ends = {label: (columns[label].min(), columns[label].max()) for label in ("reporter_code", "year")}
        if EMPTY in (ends["reporter_code"][0], ends["year"][0]):
            raise BrokenSourceError(
                f"{where}: a row without reporter or period", "the file is damaged; download it again"
            )
        low, high = ends["year"]
        if not 1900 <= low <= high <= 2200:
            raise ContradictionError(
                f"{where}: period {low if low < 1900 else high} is not a year",
                "minsum reads annual data only",
            )
        claims: dict[ColumnName, int | None] = {
            "reporter_code": self.claims.reporter_code,
            "year": self.claims.year,
        }
        for label, claimed in claims.items():
            low, high = ends[label]
            if claimed is not None and not low == high == claimed:
                raise ContradictionError(
                    f"{where}: {self.form.columns[label].source} {low if low != claimed else high} in the rows, "
                    f"{claimed} in the file's name",
                    "the file is misnamed or mixed up; find out which is right and download it again",
                )
        if not 1 <= ends["reporter_code"][0] <= ends["reporter_code"][1] < 10**7:
            raise BrokenSourceError(
                f"{where}: reporter code out of range", "the file is damaged; download it again"
            )
        vintage = self._vintages(columns, n, where)
        return vintage * 10**11 + columns["year"] * 10**7 + columns["reporter_code"]

    def _vintages(self, columns: Columns, n: int, where: str) -> NDArray[np.int64]:
        if "classification" not in columns:
            if self.claims.classification is None:
                raise ContradictionError(
                    f"{self.name}: neither its rows nor its name say which HS vintage it is",
                    "keep the name it was published under, such as BACI_HS17_Y2024_V202601.csv, "
                    "or give --classification H5",
                )
            return np.full(n, int(self.claims.classification[1]), dtype=np.int64)
        codes = columns["classification"]
        vintage = np.full(n, -1, dtype=np.int64)
        for code, number in _VINTAGES.items():
            vintage[codes == code] = number
        if vintage.min() < 0:
            wrong = unpack(int(codes[vintage < 0][0]))
            raise ContradictionError(
                f"{where}: classification {wrong!r}, expected H0 to H6",
                "minsum compares HS-6 products only; fetch the HS edition",
            )
        return vintage

    def _flow(self, columns: Columns, n: int) -> NDArray[np.uint8]:
        if self.form.constant_flow is not None:
            return np.full(n, FLOWS.index(self.form.constant_flow), dtype=np.uint8)
        flow = np.full(n, _NO_FLOW, dtype=np.uint8)
        for code, place in self._flows.items():
            flow[columns["flow"] == code] = place
        return flow


def _breakdown(columns: Columns, n: int) -> NDArray[np.uint8]:
    """Which component rules a row fails, one bit each; the first rule has the lowest."""
    bits = np.zeros(n, dtype=np.uint8)
    for place, (name, whole) in enumerate(_BREAKDOWNS):
        if name in columns:
            is_part = columns[name] != whole[0]
            for other in whole[1:]:
                is_part &= columns[name] != other
            bits |= is_part.astype(np.uint8) << place
    return bits


def _part(columns: Columns, chosen: Mask) -> NDArray[np.uint32]:
    """A mark of the codes that break totals down: equal for repeats of one part, else different."""
    mark = np.zeros(int(chosen.sum()), dtype=np.uint64)
    for name, _ in _BREAKDOWNS:
        if name in columns:
            mark = mark * _MIX ^ columns[name][chosen].view(np.uint64) * _MIX
    return (mark >> np.uint64(32)).astype(np.uint32)


def _first_rule(
    flow: NDArray[np.uint8],
    breakdown: NDArray[np.uint8],
    products: Products,
    is_usd: Mask,
    value: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """The first rule that removes each row: later ones are written first."""
    rule = np.zeros(len(flow), dtype=np.uint8)
    rule[value == 0] = _RULE["zero"]
    rule[~is_usd] = _RULE["value"]
    rule[~products.is_level] = _RULE["level"]
    for place in reversed(range(len(_BREAKDOWNS))):
        rule[(breakdown >> place) & 1 == 1] = COMPONENT_RULES[0] + place
    rule[flow == _NO_FLOW] = _RULE["flow"]
    return rule
