"""Batches of one source as frames: minsum's column names and types, the rows as filed.

What a text stands for (a product, a flow) is decided once for each distinct text of a file, not for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.errors import BrokenSourceError, ContradictionError
from minsum.flows.products import products_of
from minsum.formats import Claims, Format, Header
from minsum.formats.base import ColumnName
from minsum.sources import Source
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
"""Columns of every frame; where a file lacks one of those that break totals down, so does its frame."""

_KINDS: Final[dict[ColumnName, Kind]] = {
    "reporter_code": "integer", "year": "integer", "partner_code": "integer", "partner2_code": "integer",
    "mot_code": "integer", "classification": "text", "flow": "text", "product_code": "text", "customs_code": "text",
    "mos_code": "text", "value": "number", "after_last": "text", "net_weight": "figure", "quantity": "figure",
    "quantity_unit": "text",
}  # fmt: skip
_LABELLED: Final[tuple[ColumnName, ...]] = ("reporter_code", "partner_code")
"""Columns that hold labels where a format names countries by them."""

_BYTES_A_ROW: Final = 20
"""Fewer than any file has, packed ones too (bulk files: 25 to 35)."""

_GROUP: Final = -1
"""Stands for a group of countries until `partner_is_group` says so."""


@dataclass(slots=True)
class _Meanings:
    """What the distinct texts of a column stand for, in order of their places.

    Attributes
    ----------
    texts
        Null where a field is empty.
    levels, is_padded
        Of product codes.
    """

    texts: pl.Series
    levels: pl.Series | None = None
    is_padded: pl.Series | None = None


class SourceColumns:
    """Reads the fields of one source and makes frames of them.

    Parameters
    ----------
    form, header, claims
        The file's format, first line and what its name says.
    source
        The file.
    wanted
        Columns of `SCHEMA` that are needed, and figures; None means all.

    Attributes
    ----------
    fields
        Reads the lines; its batches are what `frame` takes.
    padded
        Rows whose product code got its leading zero back.
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
        self.padded = 0
        self._form, self._claims, self._name = form, claims, source.name
        labelled: dict[ColumnName, Kind] = dict.fromkeys(_LABELLED, "text") if form.country_code else {}
        column_of = {source: column for column, source in form.present(header).items()}
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
            column: _Meanings(
                pl.Series(dtype=pl.String if column in labelled else SCHEMA.get(column, pl.String))
            )
            for column in self._field
            if kind_of[column] == "text"
        }
        if "product_code" in self._known:
            known = self._known["product_code"]
            known.levels, known.is_padded = pl.Series(dtype=pl.Int8), pl.Series(dtype=pl.Boolean)

    def frame(self, lines: Lines) -> pl.DataFrame:
        """One batch, without rows in which nothing is that is read.

        Raises
        ------
        BrokenSourceError
            If something stands after the last column.
        ContradictionError
            If a country's label is unknown.
        """
        columns: dict[str, pl.Series] = {"line": pl.Series(lines.line)}
        for column, place in self._field.items():
            if place in lines.integers:
                columns[column] = _integers(lines.integers[place])
            elif place in lines.texts:
                columns |= self._texts(column, lines.texts[place], lines)
            else:
                scale = {"value": self._form.value_scale, "net_weight": self._form.weight_scale}.get(
                    column, 1.0
                )
                name = "value_usd" if column == "value" else column
                columns[name] = _numbers(lines.numbers[place], scale)
        frame = pl.DataFrame(columns)
        if "year" in columns and columns["year"].null_count():
            is_empty = pl.exclude("line", "level").cast(pl.String).fill_null("") == ""
            frame = frame.filter(~pl.all_horizontal(is_empty))
        return self._with_constants(frame)

    def _texts(self, column: ColumnName, places: NDArray[np.uint32], lines: Lines) -> dict[str, pl.Series]:
        known = self._meanings(column)
        if column == "after_last":
            self._refuse_after_last(known.texts, places, lines)
            return {}
        rows = pl.Series(places)
        columns: dict[str, pl.Series] = {column: known.texts[rows]}
        if known.levels is not None and known.is_padded is not None:
            columns["level"] = known.levels[rows]
            if known.is_padded.any():
                self.padded += int(known.is_padded[rows].sum())
        return columns

    def _meanings(self, column: ColumnName) -> _Meanings:
        """What a column's texts stand for, those included that the batch brought."""
        known, place, form = self._known[column], self._field[column], self._form
        words = self.fields.words(place, len(known.texts))
        if not len(words):
            return known

        def texts() -> list[str]:
            return self.fields.distinct(place, len(known.texts))

        if known.levels is not None and known.is_padded is not None:
            products = products_of(has_total=form.has_world_rows, may_lose_zeros=form.may_lose_zeros)
            codes, levels, is_padded = products.look_up(words, texts)
            known.levels.extend(levels)
            known.is_padded.extend(is_padded)
            known.texts.extend(codes)
        else:
            new = [form.flow_codes.get(text, text) if column == "flow" else text for text in texts()]
            known.texts.extend(pl.Series([text or None for text in new], dtype=known.texts.dtype))
        return known

    def _refuse_after_last(self, texts: pl.Series, places: NDArray[np.uint32], lines: Lines) -> None:
        is_there = texts.is_not_null().to_numpy()
        if is_there.any():
            raise BrokenSourceError(
                f"{self._name}, line {lines.line[np.argmax(is_there[places])]}: a value after the last column",
                "the file is damaged; download it again",
            )

    def _with_constants(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Columns that stand in the file's name or its format, and codes in place of labels."""
        added: dict[str, pl.Expr] = {}
        if "classification" not in self._field:
            added["classification"] = pl.lit(self._claims.classification, pl.Categorical)
        if self._form.constant_flow is not None:
            added["flow"] = pl.lit(self._form.constant_flow, pl.Categorical)
        if self._form.country_code is not None:
            for column in (one for one in _LABELLED if one in self._field):
                place = f"{self._name}, line {{line}}, column {self._form.columns[column].source}"
                frame = frame.with_columns(_country_codes(frame, column, self._form.country_code, place))
            if "partner_code" in self._field:
                added["partner_is_group"] = pl.col("partner_code") == _GROUP
        return frame.with_columns(**added) if added else frame


def _is_wanted(column: ColumnName, wanted: Collection[str] | None) -> bool:
    """Whether a column is read: checks need what stands after the last and the year, by which a second header is known."""
    return (
        wanted is None
        or {"value": "value_usd"}.get(column, column) in wanted
        or (column == "product_code" and "level" in wanted)
        or column in ("after_last", "year")
    )


def _integers(column: NDArray[np.int64]) -> pl.Series:
    """Null where a field is empty."""
    numbers = pl.Series(column)
    return numbers.replace(EMPTY, None) if column.min() == EMPTY else numbers


def _numbers(column: NDArray[np.float64], scale: float) -> pl.Series:
    """Null where there is no number."""
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # too large a number is a bad one, and so are infinite ones
        if scale != 1.0:
            column = column * scale
        may_lack = bool(np.isnan(column.sum()))
    return pl.Series(column, nan_to_null=may_lack)


def _country_codes(
    frame: pl.DataFrame, column: str, code_of: Callable[[str, int], int | None], where: str
) -> pl.Series:
    """Comtrade codes of a column of labels, `_GROUP` for a group of countries: a label may outlive a code."""
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
