"""Decides the meaning of the distinct texts of a column: once per text of a file, not per row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.flows import text_repairs
from minsum.flows.products import PRODUCTS
from minsum.sources.formats.base import ColumnName

_UNKNOWN: Final = "?"
"""Marks a text that its column may not hold."""

_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}
"""Texts of a truth column; any other text is null."""

_NO_FLOW: Final = ("", "0")
"""Flow codes without information: the flow name is used instead."""


class BadText(NamedTuple):
    """A text that its column may not hold: its index among the distinct texts, the problem and the hint."""

    place: int
    why: str
    hint: str


@dataclass(slots=True)
class Meanings:
    """Meanings of the distinct texts of a column, in order of appearance.

    Attributes
    ----------
    column
        minsum's name of the column.
    flow_codes
        Flow codes of the file's format.
    has_flow_names
        Whether the file also has a column of flow names.
    texts
        Meaning of each text; null where a field is empty or has no meaning.
    levels, repairs
        For product codes: as in `text_repairs.Product`; the level is null for a text that is no code.
    has_dots
        Whether product codes so far were written as 8703.23.
    bad_texts
        Texts that the column may not hold, except in empty rows.
    """

    column: ColumnName
    flow_codes: Mapping[str, str]
    has_flow_names: bool
    texts: pl.Series
    levels: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int8))
    repairs: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    has_dots: bool = False
    bad_texts: list[BadText] = field(default_factory=list)

    def learn(self, keys: NDArray[np.int64], texts: Callable[[], list[str]]) -> None:
        """Add new distinct texts, also given as keys (`FieldReader.keys`)."""
        if self.column == "product_code":
            self._learn_products(keys, texts)
            return
        first, new = len(self.texts), texts()
        meant = [self._meaning(text) for text in new]
        as_filed = [text if one == _UNKNOWN else one for text, one in zip(new, meant, strict=True)]
        self.texts.extend(pl.Series(as_filed, dtype=self.texts.dtype))
        self.bad_texts += [
            BadText(first + n, *self._problem(new[n])) for n, one in enumerate(meant) if one == _UNKNOWN
        ]

    def _learn_products(self, keys: NDArray[np.int64], texts: Callable[[], list[str]]) -> None:
        codes, levels = PRODUCTS.look_up(keys, texts)
        repairs = np.zeros(len(keys), dtype=np.uint8)
        if levels.null_count():
            first, new = len(self.texts), texts()
            self.has_dots = self.has_dots or text_repairs.has_dots(new)
            found: dict[int, text_repairs.Product] = {}
            for n in levels.is_null().arg_true().to_list():
                if product := text_repairs.repaired_product(new[n], has_dots=self.has_dots):
                    found[n] = product
                else:
                    self.bad_texts.append(BadText(first + n, *text_repairs.product_problem(new[n])))
            places = pl.Series(list(found), dtype=pl.UInt32)
            codes = codes.scatter(
                places, pl.Series([one.code for one in found.values()], dtype=pl.Categorical)
            )
            levels = levels.scatter(places, [one.level for one in found.values()])
            repairs[places.to_numpy()] = [one.repairs for one in found.values()]
        self.texts.extend(codes)
        self.levels.extend(levels)
        self.repairs = np.append(self.repairs, repairs)

    def _meaning(self, text: str) -> str | bool | None:
        """Meaning of a text: None for nothing, `_UNKNOWN` for a text that the column may not hold."""
        match self.column:
            case "flow" if self.has_flow_names and text in _NO_FLOW:
                return None
            case "flow":
                return text_repairs.flow_of(text, self.flow_codes) or _UNKNOWN
            case "flow_name":
                return text_repairs.flow_of(text, {})
            case "customs_code":
                return (text_repairs.customs_of(text) or _UNKNOWN) if text else None
            case "mos_code":
                return (text_repairs.mos_of(text) or _UNKNOWN) if text else None
            case "is_original":
                return _TRUTH.get(text.lower())
            case "frequency":
                return "A" if text in ("", "A", "a") else _UNKNOWN
            case "after_last":
                return _UNKNOWN if text else None
            case "classification":
                return text_repairs.without_marks(text) or None
        return text or None

    def _problem(self, text: str) -> tuple[str, str]:
        match self.column:
            case "flow":
                return flow_problem(text)
            case "frequency":
                return f"frequency {text!r}, expected A", "minsum reads annual data only"
            case "after_last":
                return "a value after the last column", "the file is damaged; download it again"
        what = "customs procedure" if self.column == "customs_code" else "mode of supply"
        return f"{text!r} is no Comtrade {what}", "the file is damaged; download it again"


def flow_problem(text: str) -> tuple[str, str]:
    """Problem and hint for a text that is not a flow."""
    return (
        f"{text!r} is no Comtrade flow" if text else "a flow is empty",
        "expected X or Export, M or Import, RX or Re-Export, DX, or a code of the format: correct the row or download the "
        "file again",
    )
