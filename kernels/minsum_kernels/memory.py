"""Memory that one thread uses again and again.

The kernel clears every new page: with new arrays for each file and each batch that was a twelfth of ingest, and more
where many cores ask for pages at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from sys import getrefcount
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def _references(pieces: Sequence[object]) -> list[int]:
    return [getrefcount(piece) for piece in pieces]


_UNSEEN = _references([object()])[0]
"""References to a piece of which there are no views; interpreters count those of a loop and a call differently."""


class _Pieces(threading.local):
    def __init__(self) -> None:
        self.held: list[NDArray[np.uint8]] = []


_pieces = _Pieces()


def recycled(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An array with anything in it, from memory that this thread took before if nobody has a view of that any more.

    It is freed with the thread.
    """
    kind = np.dtype(dtype)
    n_bytes = int(np.prod(shape)) * kind.itemsize
    for piece, references in zip(_pieces.held, _references(_pieces.held), strict=True):
        if references == _UNSEEN and len(piece) >= n_bytes:
            break
    else:
        piece = np.empty(n_bytes, dtype=np.uint8)
        _pieces.held.append(piece)
        _pieces.held.sort(key=len)
    return piece[:n_bytes].view(kind).reshape(shape)
