"""Connections whose answers come to an end: head and body have a time limit, the head a size limit.

urllib3's timeouts are for one read from the socket: a byte now and then, or one `100 Continue` after the other,
would hold a run for ever.
"""

from __future__ import annotations

import io
import socket
import time
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import Any, ClassVar, Final

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

LOWEST_RATE: Final = 1024
"""Bytes a second, below which an answer is broken off."""
_MOST_HEAD: Final = 1 << 20
"""Bytes of status lines and headers, those of `100 Continue` included."""


class AnswerLimitError(OSError):
    """An answer takes too long, or its head is too large."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one answer may take.

    Attributes
    ----------
    pause
        Seconds without a byte, until the head is whole, and over which the body's rate is looked at.
    whole
        Seconds for head and body.
    """

    pause: float
    whole: float


class _Measured(io.RawIOBase):
    """What comes from a socket, as long as the limits hold."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, limits: Limits) -> None:
        self._raw, self._sock, self._limits = raw, sock, limits
        self._started = self._since = time.monotonic()
        self._received = 0
        self._is_head = True

    def readable(self) -> bool:
        return True

    def begin_body(self) -> None:
        """The head is whole."""
        self._is_head = False
        self._since, self._received = time.monotonic(), 0

    def readinto(self, buffer: Any) -> int | None:
        whole = self._limits.pause if self._is_head else self._limits.whole
        left = self._started + whole - time.monotonic()
        try:
            self._sock.settimeout(max(min(self._limits.pause, left), 1e-3))
            n_read: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if left < self._limits.pause:
                what = "the head of the answer" if self._is_head else "the answer"
                raise AnswerLimitError(f"{what} takes more than {whole:g} s") from None
            raise
        self._received += n_read or 0
        self._check()
        return n_read

    def _check(self) -> None:
        if self._is_head:
            if self._received > _MOST_HEAD:
                raise AnswerLimitError(f"the head of the answer has more than {_MOST_HEAD:,} bytes")
            return
        passed = time.monotonic() - self._since
        if passed > self._limits.pause:
            if self._received < passed * LOWEST_RATE:
                raise AnswerLimitError(f"only {self._received:,} bytes in {passed:.0f} s")
            self._since, self._received = time.monotonic(), 0

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer that is read through `_Measured`."""

    limits: ClassVar[Limits]

    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self._measured = _Measured(self.fp.detach(), sock, self.limits)
        self.fp = io.BufferedReader(self._measured)

    def begin(self, *arguments: Any, **named: Any) -> None:
        super().begin(*arguments, **named)
        if self.msg.defects or self.msg.get_payload():
            raise HTTPException("malformed headers")  # urllib3 would quote them in a warning
        self._measured.begin_body()


def pool_of_connections(limits: Limits) -> urllib3.PoolManager:
    """urllib3's pool manager, whose answers keep to the limits."""
    answer = {"response_class": type("Answer", (_Answer,), {"limits": limits})}
    kinds = {"http": (HTTPConnectionPool, HTTPConnection), "https": (HTTPSConnectionPool, HTTPSConnection)}
    manager = urllib3.PoolManager(num_pools=2, timeout=urllib3.Timeout(limits.pause))
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": type(kind.__name__, (kind,), answer)})
        for scheme, (pool, kind) in kinds.items()
    }
    return manager
