"""Connections that limit the time of a response's head and body, and the size of its head.

urllib3's timeouts apply to a single read from the socket: a service that sends a byte now and then, or endless
`100 Continue` responses, would block a run for ever.
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
"""Lowest rate in bytes a second; a slower response is broken off."""
_MOST_HEAD: Final = 1 << 20
"""Largest size of status lines and headers in bytes, including those of `100 Continue`."""


class AnswerLimitError(OSError):
    """A response takes too long, or its head is too large."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Time limits of one response.

    Attributes
    ----------
    pause
        Seconds without a byte, and until the head is complete; the body's rate is measured over this time too.
    total
        Seconds for head and body.
    """

    pause: float
    total: float


class _Measured(io.RawIOBase):
    """Stream of a socket that enforces the limits."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, limits: Limits) -> None:
        self._raw, self._sock, self._limits = raw, sock, limits
        self._started = self._since = time.monotonic()
        self._received = 0
        self._is_head = True

    def readable(self) -> bool:
        return True

    def begin_body(self) -> None:
        """Start to measure the body; the head is complete."""
        self._is_head = False
        self._since, self._received = time.monotonic(), 0

    def readinto(self, buffer: Any) -> int | None:
        limit = self._limits.pause if self._is_head else self._limits.total
        left = self._started + limit - time.monotonic()
        try:
            self._sock.settimeout(max(min(self._limits.pause, left), 1e-3))
            n_read: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if left < self._limits.pause:
                what = "the head of the answer" if self._is_head else "the answer"
                raise AnswerLimitError(f"{what} takes more than {limit:g} s") from None
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
    """A response that is read through `_Measured`."""

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
    """urllib3's pool manager with limits on every response."""
    answer = {"response_class": type("Answer", (_Answer,), {"limits": limits})}
    kinds = {"http": (HTTPConnectionPool, HTTPConnection), "https": (HTTPSConnectionPool, HTTPSConnection)}
    manager = urllib3.PoolManager(num_pools=2, timeout=urllib3.Timeout(limits.pause))
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": type(kind.__name__, (kind,), answer)})
        for scheme, (pool, kind) in kinds.items()
    }
    return manager
