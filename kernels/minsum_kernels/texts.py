"""Numbers the distinct texts of a column in order of appearance, and gives each row's index among them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from minsum_kernels import texts_numba as loops
from minsum_kernels.jit import I64Array, U32Array

_FIRST_BITS: Final = 8
_LONG: Final = -1
"""Keys of long texts count down from here; keys of short ASCII texts are not negative."""


class Texts:
    """Distinct texts of one column over all batches of a file.

    The key of a text of up to eight ASCII bytes is these bytes as an integer, first byte lowest. `key_of` gives the
    key of any other text.
    """

    def __init__(self) -> None:
        self._keys: I64Array = np.empty(0, dtype=np.int64)
        self._n = 0
        self._long: dict[bytes, int] = {}
        self._grow(_FIRST_BITS)

    def key_of(self, text: bytes) -> int:
        """Key of a text of any length and encoding."""
        if len(text) <= 8 and text.isascii():
            return int.from_bytes(text, "little")
        return self._long.setdefault(text, _LONG - len(self._long))

    def index(self, keys: I64Array, indices: U32Array) -> None:
        """Write the index of each row's text among the distinct texts to `indices`; both shape (n,)."""
        n = 0
        while True:
            n, self._n = loops.number_keys(
                keys, n, indices, (self._slots, self._indices), self._bits, self._keys, self._n
            )
            if n == len(keys):
                return
            self._grow(self._bits + 1)

    def keys(self, start: int = 0) -> I64Array:
        """Keys of the distinct texts from index `start` on, in order; negative for long texts."""
        return self._keys[start : self._n]

    def distinct(self, start: int = 0) -> list[str]:
        """Distinct texts from index `start` on, in order; decoded as UTF-8, or as Latin-1 if that fails."""
        keys = self.keys(start)
        texts: list[str] = np.maximum(keys, 0).view("S8").astype("U8").tolist()
        if self._long:
            long = {key: _decoded(text) for text, key in self._long.items()}
            texts = [long.get(key, text) for key, text in zip(keys.tolist(), texts, strict=True)]
        return texts

    def _grow(self, bits: int) -> None:
        self._bits, known = bits, self._keys[: self._n]
        self._slots: I64Array = np.full(1 << bits, loops.NO_KEY, dtype=np.int64)
        self._indices: NDArray[np.uint32] = np.empty(1 << bits, dtype=np.uint32)
        self._keys = np.empty(1 << (bits - 1), dtype=np.int64)
        table = (self._slots, self._indices)
        _, self._n = loops.number_keys(
            known, 0, np.empty(len(known), dtype=np.uint32), table, bits, self._keys, 0
        )


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
