"""Frames of one source: batches of rows with minsum's column names and types, as filed.

The meaning of a text (a product, a flow) is decided once per distinct text of a file, not per row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.errors import BrokenSourceError, ContradictionError
from minsum.flows.grouping import LEAST_PLAIN
from minsum.flows.meanings import Meanings, flow_problem
from minsum.flows.rules import MAX_USD
from minsum.flows.text_repairs import TEXT_REPAIRS
from minsum.schema import FLOWS
from minsum.sources.files import Source
from minsum.sources.formats import Claims, Format, Header
from minsum.sources.formats.base import ColumnName
from minsum_kernels.fields import EMPTY, FieldReader, Kind, Lines

SCHEMA: Final[dict[str, Any]] = {
    "line": pl.Int64,
    "reporter_code": pl.Int64,
    "year": pl.Int64,
    "classification": pl.Categorical,
    "flow": pl.Categorical,
    "partner_code": pl.Int64,
    "partner2_code": pl.Int64,
    "product_code": pl.Categorical,
    "level": pl.Int8,
    "customs_code": pl.Categorical,
    "mos_code": pl.Categorical,
    "mot_code": pl.Int64,
    "value_usd": pl.Float64,
}
"""Columns of every frame. A component column that the file lacks is also absent from the frame."""

_KINDS: Final[dict[ColumnName, Kind]] = {
    "reporter_code": "integer", "year": "integer", "partner_code": "integer", "partner2_code": "integer",
    "mot_code": "integer", "classification": "text", "flow": "text", "product_code": "text", "customs_code": "text",
    "mos_code": "text", "is_original": "text", "value": "number", "after_last": "text", "net_weight": "quantity", "quantity": "quantity",
    "quantity_unit": "text", "flow_name": "text", "frequency": "text",
}  # fmt: skip
_CHECKS: Final[tuple[ColumnName, ...]] = ("after_last", "frequency")
"""Columns that must be empty, or hold the same text in every row; otherwise the file is refused."""
_FLOW: Final[tuple[ColumnName, ...]] = ("flow", "flow_name")
_TWO_FLOWS: Final = "code or name is wrong: correct the row, or take the file as it was downloaded"
_LABELLED: Final[tuple[ColumnName, ...]] = ("reporter_code", "partner_code")
"""Columns with country labels, in formats that use labels."""
_TEXTS: Final[dict[ColumnName, Any]] = {
    "classification": pl.Categorical, "flow": pl.Categorical, "flow_name": pl.Categorical, "product_code": pl.Categorical,
    "customs_code": pl.Categorical, "mos_code": pl.Categorical, "is_original": pl.Boolean,
}  # fmt: skip
"""Types of text columns in frames; other text columns stay strings."""

_BYTES_A_ROW: Final = 20
"""Fewer bytes than a row has in any file, compressed or not (bulk files: 25 to 35)."""

_GROUP: Final = -1
"""Code of a group of countries, until `partner_is_group` marks it."""


class SourceColumns:
    """Reads the fields of one source and makes frames of them.

    Parameters
    ----------
    form, header, claims
        Format and header of the file, and claims of its name.
    source
        The file.
    wanted
        Columns of `SCHEMA` and quantities to read. None means all, and refuses texts without a meaning.

    Attributes
    ----------
    fields
        Reader of the lines; `frame` takes its batches.
    may_be_grouped
        Whether all values so far are small enough for a dot between thousands.
    """

    def __init__(
        self,
        form: Format,
        header: Header,
        *,
        claims: Claims,
        source: Source,
        wanted: Collection[str] | None = None,
    ) -> None:
        self._is_strict = wanted is None
        self._repaired = {name: [0, 0.0] for name in TEXT_REPAIRS}
        self._form, self._claims, self._name = form, claims, source.name
        # values in thousands have three decimals; numbers in JSON have no marks between thousands
        self.may_be_grouped = form.value_scale == 1 and header.was != "json"
        labelled: dict[ColumnName, Kind] = dict.fromkeys(_LABELLED, "text") if form.country_code else {}
        self._written = form.present(header)
        column_of = {source: column for column, source in self._written.items()}
        self._field: dict[ColumnName, int] = {
            column_of[source]: place
            for place, source in enumerate(header.names)
            if source in column_of and _is_wanted(column_of[source], wanted)
        }
        column_at = {place: column for column, place in self._field.items()}
        kind_of = _KINDS | labelled
        self.fields = FieldReader(
            [
                kind_of[column_at[place]] if place in column_at else "skip"
                for place in range(len(header.names))
            ],
            header.separator.encode(),
            is_quoted=form.is_quoted,
            expected=source.size // _BYTES_A_ROW,
        )
        self._known = {
            column: Meanings(
                column, form.flow_codes, "flow_name" in self._field, pl.Series(dtype=_TEXTS.get(column, pl.String))
            )
            for column in self._field
            if kind_of[column] == "text"
        }  # fmt: skip

    @property
    def repaired_texts(self) -> dict[str, dict[str, float]]:
        """Rows and USD so far of each kind of repaired text that occurs (`text_repairs.TEXT_REPAIRS`)."""
        return {name: {"rows": rows, "usd": usd} for name, (rows, usd) in self._repaired.items() if rows}

    def frame(self, lines: Lines) -> pl.DataFrame:
        """The frame of one batch, without empty rows.

        Raises
        ------
        BrokenSourceError
            If a text has no meaning in its column.
        ContradictionError
            If a country's label is unknown, or the rows are not annual.
        """
        columns: dict[str, pl.Series] = {"line": pl.Series(lines.line)}
        for column, place in self._field.items():
            if place in lines.integers:
                columns[column] = _integers(lines.integers[place])
            elif place in lines.texts:
                columns |= self._texts(column, lines.texts[place])
            else:
                scale = {"value": self._form.value_scale, "net_weight": self._form.weight_scale}.get(
                    column, 1.0
                )
                name = "value_usd" if column == "value" else column
                columns[name] = _numbers(lines.numbers[place], scale)
        if self.may_be_grouped:
            self.may_be_grouped = "value_usd" in columns and not (columns["value_usd"] >= LEAST_PLAIN).any()
        self._count_repaired(columns, lines)
        frame = pl.DataFrame(columns)
        if "year" in columns and columns["year"].null_count():
            is_empty = pl.exclude("line", "level").cast(pl.String).fill_null("") == ""
            frame = frame.filter(~pl.all_horizontal(is_empty))
        self._refuse_unknown(lines, frame["line"])
        if "flow_name" in columns:
            frame = self._with_flows(frame, lines)
        return self._with_constants(frame)

    def _texts(self, column: ColumnName, places: NDArray[np.uint32]) -> dict[str, pl.Series]:
        known, field = self._known[column], self._field[column]
        first = len(known.texts)
        if len(keys := self.fields.keys(field, first)):
            known.learn(keys, lambda: self.fields.distinct(field, first))
        if column in _CHECKS:
            return {}
        if len(known.texts) == 1 and column != "product_code":
            # the same text in every row: 4 instead of 130 microseconds a batch
            return {column: known.texts.new_from_index(0, len(places))}
        rows = pl.Series(places)
        levels = {"level": known.levels[rows]} if column == "product_code" else {}
        return {column: known.texts[rows], **levels}

    def _refuse_unknown(self, lines: Lines, rows: pl.Series) -> None:
        """Refuse the first of these rows with a text that its column may not hold."""
        for column, known in self._known.items():
            places, is_asked = lines.texts[self._field[column]], self._is_strict or column == "after_last"
            for place, why, hint in known.bad_texts if is_asked else ():
                found = lines.line[places == place]
                if len(found) and len(met := rows.filter(rows.is_in(found))):
                    self._refuse(column, int(met[0]), why, hint)

    def _refuse(self, column: ColumnName, line: int, why: str, hint: str) -> None:
        kind = ContradictionError if column == "frequency" else BrokenSourceError
        of = f", column {self._written[column]}" if column != "after_last" else ""
        raise kind(f"{self._name}, line {line}{of}: {why}", hint)

    def _with_flows(self, frame: pl.DataFrame, lines: Lines) -> pl.DataFrame:
        """Take flows from names where the code is empty or 0. Elsewhere code and name must agree."""
        flow, named = frame["flow"], frame["flow_name"]
        frame = frame.drop("flow_name")
        if self._is_strict and (differs := (flow != named) & flow.is_in(FLOWS)).any():
            line = frame["line"][int(differs.arg_max() or 0)]
            code, name = self._filed_flow(lines, line)
            self._refuse("flow", line, f"the flow's code is {code!r}, its name {name!r}", _TWO_FLOWS)
        if not flow.null_count():
            return frame
        lacks = flow.is_null()
        flow = flow.zip_with(~lacks, named)
        self._count("flow_words", (lacks & named.is_not_null()).to_numpy(), frame)
        if self._is_strict and flow.null_count():
            line = frame["line"][int(flow.is_null().arg_max() or 0)]
            code, name = self._filed_flow(lines, line)
            self._refuse("flow_name" if code or name else "flow", line, *flow_problem(name))
        return frame.with_columns(flow)

    def _filed_flow(self, lines: Lines, line: int) -> list[str]:
        """Flow code and flow name of a line, as written."""
        at = int(np.argmax(lines.line == line))
        fields = [self._field[column] for column in _FLOW]
        return [self.fields.distinct(field)[lines.texts[field][at]] for field in fields]

    def _count_repaired(self, columns: Mapping[str, pl.Series], lines: Lines) -> None:
        if "product_code" in columns and (known := self._known["product_code"].repairs).any():
            bits = known[lines.texts[self._field["product_code"]]]
            for bit in range(int(known.max()).bit_length()):
                self._count(TEXT_REPAIRS[bit], (bits & (1 << bit)) > 0, columns)

    def _count(
        self, name: str, is_repaired: NDArray[np.bool_], rows: Mapping[str, pl.Series] | pl.DataFrame
    ) -> None:
        """Count rows of a batch, and their valid values."""
        n = int(is_repaired.sum())
        if n and "value_usd" in rows:
            usd = rows["value_usd"].fill_null(0.0).to_numpy()[is_repaired]
            self._repaired[name][0] += n
            self._repaired[name][1] += float(usd[np.abs(usd) <= MAX_USD].sum())

    def _with_constants(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add columns that follow from the file's name or its format, and replace labels with codes."""
        added: dict[str, pl.Expr] = {}
        if "classification" not in self._field:
            added["classification"] = pl.lit(self._claims.classification, pl.Categorical)
        if self._form.constant_flow is not None:
            added["flow"] = pl.lit(self._form.constant_flow, pl.Categorical)
        if self._form.country_code is not None:
            for column in (one for one in _LABELLED if one in self._field):
                place = f"{self._name}, line {{line}}, column {self._written[column]}"
                frame = frame.with_columns(_country_codes(frame, column, self._form.country_code, place))
            if "partner_code" in self._field:
                added["partner_is_group"] = pl.col("partner_code") == _GROUP
        return frame.with_columns(**added) if added else frame


def _is_wanted(column: ColumnName, wanted: Collection[str] | None) -> bool:
    """Whether to read a column. `after_last` and `year` are always read: checks need them."""
    return (
        wanted is None
        or {"value": "value_usd"}.get(column, column) in wanted
        or (column == "product_code" and "level" in wanted)
        or column in ("after_last", "year")
        or (column == "flow_name" and "flow" in wanted)
    )


def _integers(column: NDArray[np.int64]) -> pl.Series:
    """Integers; null where the field is empty."""
    numbers = pl.Series(column)
    return numbers.replace(EMPTY, None) if column.min() == EMPTY else numbers


def _numbers(column: NDArray[np.float64], scale: float) -> pl.Series:
    """Scaled numbers; null where there is no number. A copy, because a kept view would hold the memory of its batch."""
    # Numbers that overflow become infinite, which the row rules reject.
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = column * scale
        may_lack = bool(np.isnan(numbers.sum()))
    return pl.Series(numbers, nan_to_null=may_lack)


def _country_codes(
    frame: pl.DataFrame, column: str, code_of: Callable[[str, int], int | None], where: str
) -> pl.Series:
    """Comtrade codes for a column of labels and years; `_GROUP` for a group of countries. One label may have several
    codes over time."""
    pairs = frame.select(column, "year")
    codes: list[int] = []
    distinct = pairs.unique(maintain_order=True)
    for label, year in distinct.rows():
        try:
            code = code_of(label or "", -1 if year is None else year)
        except KeyError:
            line = frame.filter(pl.col(column).eq_missing(pl.lit(label)))["line"][0]
            raise ContradictionError(
                f"{where.format(line=line)}: no country is known by {label or ''!r}",
                "correct or remove those rows; groups of countries cannot report",
            ) from None
        codes.append(_GROUP if code is None else code)
    coded = distinct.with_columns(code=pl.Series(codes, dtype=pl.Int64))
    joined = pairs.join(coded, on=[column, "year"], how="left", nulls_equal=True, maintain_order="left")
    return joined["code"].alias(column)
