"""The row rules: each row is kept, kept as a part of a total, or removed and counted.

A compiled loop (`minsum_kernels.rows_numba`) goes once over the columns of a batch; here stand the words that it
compares with, and what is refused. What is left is 26 bytes a row (`codes.ROW`), 44 with figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from minsum.errors import BrokenSourceError, ContradictionError
from minsum.flows.codes import MAX_PARTNER, TOTAL
from minsum.flows.figures import take_figures
from minsum.flows.labels import country_codes
from minsum.flows.options import IngestOptions
from minsum.flows.reader import Batch
from minsum.formats import Claims, Format, Header
from minsum.formats.base import ColumnName
from minsum.schema import FLOWS
from minsum_kernels.fields import EMPTY, FieldReader, Kind, pack, unpack
from minsum_kernels.rows import GROUP, JudgedRows, RowRules, judge_rows

_KINDS: Final[dict[ColumnName, Kind]] = {
    "reporter_code": "integer", "year": "integer", "partner_code": "integer", "partner2_code": "integer",
    "mot_code": "integer", "classification": "code", "flow": "code", "product_code": "code",
    "customs_code": "code", "mos_code": "code", "value": "number", "after_last": "code",
    "net_weight": "figure", "quantity": "figure", "quantity_unit": "code",
}  # fmt: skip
_LABELLED: Final[dict[ColumnName, Kind]] = {"reporter_code": "code", "partner_code": "code"}
_WHOLE: Final[dict[ColumnName, tuple[int, int, int]]] = {
    "partner2_code": (0, EMPTY, EMPTY),
    "customs_code": (pack("C00"), pack(""), pack("")),
    "mot_code": (0, EMPTY, EMPTY),
    "mos_code": (pack("0"), pack("-1"), pack("")),
}
"""Columns that break a total down, in the order of the component rules, with their values on a total."""

_MAX_USD: Final = 1e21
"""Far above anything a slipped factor of 10^9 gives; keeps every sum finite."""

_PLACED: Final[tuple[ColumnName, ...]] = (
    "reporter_code", "year", "partner_code", "product_code", "classification", "flow", *_WHOLE,
)  # fmt: skip
_VINTAGES: Final = np.array([pack(f"H{vintage}") for vintage in range(7)])
_TOTALS: Final = [pack(TOTAL), pack("Total")]
_WHOLES: Final = np.array(list(_WHOLE.values()))

Columns = Mapping[ColumnName, NDArray[np.int64]]


class Judge:
    """Applies the row rules to the batches of one source.

    Parameters
    ----------
    form, header
        The file's format and first line.
    claims
        What its name says; content that contradicts it is refused.
    options
        Flow codes to keep, and the figures that are asked for.
    name
        For error messages.

    Attributes
    ----------
    bad_figures
        How many figures of each kind were no number, negative or not finite, under `bad_` and its name.
    """

    def __init__(
        self, form: Format, header: Header, *, claims: Claims, options: IngestOptions, name: str
    ) -> None:
        self.form, self.claims, self.name = form, claims, name
        columns = {source: column for column, source in form.present(header).items()}
        known = _KINDS | (_LABELLED if form.country_code else {})
        kinds: list[Kind] = [known[columns[one]] if one in columns else "skip" for one in header.names]
        self.fields = FieldReader(kinds, header.separator.encode(), is_quoted=form.is_quoted)
        names = [columns[one] for one in header.names if one in columns]
        self._names = [name for name in names if known[name] not in ("number", "figure")]
        self._numbers = [name for name in names if known[name] in ("number", "figure")]
        self.bad_figures = {f"bad_{name}": 0 for name in sorted(set(options.columns))}
        self._least_partner = 0 if form.has_world_rows else 1
        self._rules = self._row_rules(options.flows)

    def _row_rules(self, flows: tuple[str, ...]) -> RowRules:
        codes = self.form.flow_codes or {flow: flow for flow in FLOWS}
        kept = [(pack(code), FLOWS.index(flow)) for code, flow in codes.items() if flow in flows]
        constant = self.form.constant_flow
        return RowRules(
            place=tuple(self._names.index(one) if one in self._names else -1 for one in _PLACED),
            flows=np.array(kept, dtype=np.int64).reshape(-1, 2).T.copy(),
            vintages=_VINTAGES,
            totals=np.array(_TOTALS if self.form.has_world_rows else [], dtype=np.int64),
            whole=_WHOLES,
            vintage=-1 if self.claims.classification is None else int(self.claims.classification[1]),
            flow=-1 if constant is None else FLOWS.index(constant),
            may_lose_zeros=self.form.may_lose_zeros,
            by_row=self.form.mirrors_imports,
            scale=self.form.value_scale,
            limit=_MAX_USD,
        )

    def judge(self, batch: Batch, room: NDArray[np.void]) -> JudgedRows:
        """Rows of a batch that stay, put into `room`, and the fate of the others.

        Raises
        ------
        BrokenSourceError
            If a row lacks its reporter, period or partner.
        ContradictionError
            If reporter or period disagree with the file's name, or the data are not annual HS.
        """
        where = f"{self.name}, from line {batch.first_line}"
        columns = dict(zip(self._names, batch.lines.columns, strict=True))
        self._name_countries(columns, where)
        values = batch.lines.values[self._numbers.index("value")]
        judged = judge_rows(
            batch.lines.columns,
            values,
            self._rules,
            room,
            figures=self._figures(columns, batch.lines.values),
        )
        self._refuse_partitions(columns, judged, where)
        least, most = judged.partner
        if len(judged.rows) and not (least >= self._least_partner and most <= MAX_PARTNER):
            raise BrokenSourceError(
                f"{where}: a partner code is empty or out of range",
                "the file is damaged; download it again",
            )
        return judged

    def _figures(self, columns: Columns, values: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Figures of a batch, when they are asked for; counts the bad ones."""
        if not self.bad_figures:
            return None
        figures, bad = take_figures(
            values, self._numbers, units=columns.get("quantity_unit"), weight_scale=self.form.weight_scale
        )
        for name in self.bad_figures:
            self.bad_figures[name] += bad[name.removeprefix("bad_")]
        return figures

    def _name_countries(self, columns: Columns, where: str) -> None:
        """Put codes in place of labels, once nothing stands after the last column."""
        if "after_last" in columns and (columns["after_last"] != pack("")).any():
            raise BrokenSourceError(
                f"{where}: a value after the last column", "the file is damaged; download it again"
            )
        if self.form.country_code is not None:
            for name in _LABELLED:
                place = f"{where}, column {self.form.columns[name].source}"
                columns[name][:] = country_codes(
                    columns[name], columns["year"], self.form.country_code, where=place
                )
            if (columns["reporter_code"] == GROUP).any():
                raise ContradictionError(
                    f"{where}: a group of countries as reporter", "download single reporters"
                )

    def _refuse_partitions(self, columns: Columns, judged: JudgedRows, where: str) -> None:
        """Refuse rows that belong to no reporter-year, or to another than the file's name says."""
        ends: dict[ColumnName, tuple[int, int]] = {"reporter_code": judged.reporter, "year": judged.year}
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
        if "classification" not in columns and self.claims.classification is None:
            raise ContradictionError(
                f"{self.name}: neither its rows nor its name say which HS vintage it is",
                "keep the name it was published under, such as BACI_HS17_Y2024_V202601.csv, "
                "or give --classification H5",
            )
        if judged.bad_vintage >= 0:
            wrong = unpack(int(columns["classification"][judged.bad_vintage]))
            raise ContradictionError(
                f"{where}: classification {wrong!r}, expected H0 to H6",
                "minsum compares HS-6 products only; fetch the HS edition",
            )
