"""What the distinct texts of a column stand for: decided once for each text of a file, not for each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from minsum.flows import text_repairs as spellings
from minsum.flows.products import PRODUCTS
from minsum.sources.formats.base import ColumnName

_UNKNOWN: Final = "?"
"""Stands for a text that may not be there."""

_TRUTH: Final = {"true": True, "1": True, "false": False, "0": False}
"""Of a column of truth values; anything else is not known."""

_NO_FLOW: Final = ("", "0")
"""Flow codes that say nothing: the flow's name does."""


class Trouble(NamedTuple):
    """A text that its column may not hold: its place among the distinct ones, what is wrong and what to do."""

    place: int
    why: str
    hint: str


@dataclass(slots=True)
class Meanings:
    """What the texts of a column stand for, in order of their places.

    Attributes
    ----------
    column
        minsum's name of it.
    flow_codes
        Of the file's format.
    has_flow_names
        Whether a further column says what a flow code of 0 does not.
    texts
        Null where a field is empty, or stands for nothing that minsum knows.
    levels, mended
        Of product codes: `spellings.Product`, the level null for no code.
    has_dots
        Whether product codes so far were written as 8703.23.
    troubles
        Texts that may not be there, except in rows that hold nothing.
    """

    column: ColumnName
    flow_codes: Mapping[str, str]
    has_flow_names: bool
    texts: pl.Series
    levels: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.Int8))
    mended: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    has_dots: bool = False
    troubles: list[Trouble] = field(default_factory=list)

    def learn(self, words: NDArray[np.int64], texts: Callable[[], list[str]]) -> None:
        """Add texts, given as words too (`FieldReader.words`)."""
        if self.column == "product_code":
            self._learn_products(words, texts)
            return
        first, new = len(self.texts), texts()
        meant = [self._meaning(text) for text in new]
        as_filed = [text if one == _UNKNOWN else one for text, one in zip(new, meant, strict=True)]
        self.texts.extend(pl.Series(as_filed, dtype=self.texts.dtype))
        self.troubles += [
            Trouble(first + n, *self._trouble(new[n])) for n, one in enumerate(meant) if one == _UNKNOWN
        ]

    def _learn_products(self, words: NDArray[np.int64], texts: Callable[[], list[str]]) -> None:
        codes, levels = PRODUCTS.look_up(words, texts)
        mended = np.zeros(len(words), dtype=np.uint8)
        if levels.null_count():
            first, new = len(self.texts), texts()
            self.has_dots = self.has_dots or spellings.has_dots(new)
            found: dict[int, spellings.Product] = {}
            for n in levels.is_null().arg_true().to_list():
                if product := spellings.mended_product(new[n], has_dots=self.has_dots):
                    found[n] = product
                else:
                    self.troubles.append(Trouble(first + n, *spellings.product_trouble(new[n])))
            places = pl.Series(list(found), dtype=pl.UInt32)
            codes = codes.scatter(
                places, pl.Series([one.code for one in found.values()], dtype=pl.Categorical)
            )
            levels = levels.scatter(places, [one.level for one in found.values()])
            mended[places.to_numpy()] = [one.mended for one in found.values()]
        self.texts.extend(codes)
        self.levels.extend(levels)
        self.mended = np.append(self.mended, mended)

    def _meaning(self, text: str) -> str | bool | None:
        """None for nothing, `_UNKNOWN` for what may not be there."""
        match self.column:
            case "flow" if self.has_flow_names and text in _NO_FLOW:
                return None
            case "flow":
                return spellings.flow_of(text, self.flow_codes) or _UNKNOWN
            case "flow_name":
                return spellings.flow_of(text, {})
            case "customs_code":
                return (spellings.customs_of(text) or _UNKNOWN) if text else None
            case "mos_code":
                return (spellings.mos_of(text) or _UNKNOWN) if text else None
            case "is_original":
                return _TRUTH.get(text.lower())
            case "frequency":
                return "A" if text in ("", "A", "a") else _UNKNOWN
            case "after_last":
                return _UNKNOWN if text else None
            case "classification":
                return spellings.without_marks(text) or None
        return text or None

    def _trouble(self, text: str) -> tuple[str, str]:
        match self.column:
            case "flow":
                return flow_trouble(text)
            case "frequency":
                return f"frequency {text!r}, expected A", "minsum reads annual data only"
            case "after_last":
                return "a value after the last column", "the file is damaged; download it again"
        what = "customs procedure" if self.column == "customs_code" else "mode of supply"
        return f"{text!r} is no {what} of Comtrade's", "the file is damaged; download it again"


def flow_trouble(text: str) -> tuple[str, str]:
    """What is wrong with a text in the place of a flow, and what to do."""
    return (
        f"{text!r} is no flow of Comtrade's" if text else "a flow is empty",
        "expected X or Export, M or Import, RX or Re-Export, DX, or the codes of the format: correct it or download the "
        "file again",
    )
