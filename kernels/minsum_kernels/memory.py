"""Reuses memory within a thread.

The operating system clears every new page. With new arrays for each file and batch, clearing was a twelfth of ingest,
and more where many cores ask for pages at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from sys import getrefcount
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def _references(blocks: Sequence[object]) -> list[int]:
    return [getrefcount(block) for block in blocks]


_UNUSED = _references([object()])[0]
"""References to a block without views; interpreters count the references of a loop and a call differently."""


class _Blocks(threading.local):
    def __init__(self) -> None:
        self.held: list[NDArray[np.uint8]] = []


_blocks = _Blocks()


def recycled(shape: int | tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """An uninitialised array in memory that this thread used before and that no array views any more.

    The memory is freed with the thread.
    """
    kind = np.dtype(dtype)
    n_bytes = int(np.prod(shape)) * kind.itemsize
    for block, references in zip(_blocks.held, _references(_blocks.held), strict=True):
        if references == _UNUSED and len(block) >= n_bytes:
            break
    else:
        block = np.empty(n_bytes, dtype=np.uint8)
        _blocks.held.append(block)
        _blocks.held.sort(key=len)
    return block[:n_bytes].view(kind).reshape(shape)
