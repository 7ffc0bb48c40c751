"""Distinct texts of a column, in order of appearance, and each row's place among them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from minsum_kernels import texts_numba as loops
from minsum_kernels.jit import I64Array, U32Array

_FIRST_BITS: Final = 8
_LONG: Final = -1
"""Texts that no word holds are numbered downwards from here; the words of short ASCII texts are not negative."""


class Texts:
    """Numbers the texts of one column over all the batches of a file.

    A text of up to eight ASCII bytes is a word: its bytes, the first one lowest. Any other is handed in by `word_of`.
    """

    def __init__(self) -> None:
        self._words: I64Array = np.empty(0, dtype=np.int64)
        self._n = 0
        self._long: dict[bytes, int] = {}
        self._grow(_FIRST_BITS)

    def word_of(self, text: bytes) -> int:
        """The word that stands for a text of any length and encoding."""
        if len(text) <= 8 and text.isascii():
            return int.from_bytes(text, "little")
        return self._long.setdefault(text, _LONG - len(self._long))

    def number(self, words: I64Array, places: U32Array) -> None:
        """Put the place of each row's text among the distinct ones into `places`; both shape (n,)."""
        n = 0
        while True:
            n, self._n = loops.number_words(
                words, n, places, (self._slots, self._places), self._bits, self._words, self._n
            )
            if n == len(words):
                return
            self._grow(self._bits + 1)

    def words(self, start: int = 0) -> I64Array:
        """Words of the distinct texts from a place on, in order: below 0 those that hold no text."""
        return self._words[start : self._n]

    def distinct(self, start: int = 0) -> list[str]:
        """Texts from a place on, in order; UTF-8, or Latin-1 where it is not."""
        words = self.words(start)
        texts: list[str] = np.maximum(words, 0).view("S8").astype("U8").tolist()
        if self._long:
            long = {word: _decoded(text) for text, word in self._long.items()}
            texts = [long.get(word, text) for word, text in zip(words.tolist(), texts, strict=True)]
        return texts

    def _grow(self, bits: int) -> None:
        self._bits, known = bits, self._words[: self._n]
        self._slots: I64Array = np.full(1 << bits, loops.NO_WORD, dtype=np.int64)
        self._places: NDArray[np.uint32] = np.empty(1 << bits, dtype=np.uint32)
        self._words = np.empty(1 << (bits - 1), dtype=np.int64)
        table = (self._slots, self._places)
        _, self._n = loops.number_words(
            known, 0, np.empty(len(known), dtype=np.uint32), table, bits, self._words, 0
        )


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
