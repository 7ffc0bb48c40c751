"""A local stand-in for the Comtrade bulk service, with its lists, files, refusals and faults."""

from __future__ import annotations

import gzip
import json
import random
import socket
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "0123456789abcdef-this-is-the-key-fedcba9876543210"
PASSING = ("500", "429", "429-wait", "reset", "cut", "short", "html", "empty")
"""Faults that another try mends, for `Stub.chaos`."""
_QUOTA = "Out of call volume quota. Quota will be replenished in 03:14:17."


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came: when (monotonic seconds), path, query and headers."""

    moment: float
    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass(slots=True)
class Stub:
    """What the service holds and how it misbehaves.

    Attributes
    ----------
    entries
        The list's, by dataset (`get`, `getClassic`).
    files
        Path to content.
    faults
        Path, or `list`, or `file` for any, to the faults of its next calls; a fault ending in `!` stays.
    chaos
        Random numbers and the share of calls that fail in a way of `PASSING`; None for none.
    ranges
        `honour`, `ignore` (200 from the start) or `wrong` (206 of another range).
    listed_sizes
        Whether the list gives `fileSize`.
    skew
        Seconds that the service's clock is ahead.
    elsewhere
        Where the fault `redirect` leads.
    calls
        Every call.
    released
        Lets calls go on that the fault `hold` holds.
    delivered
        Paths of files that were sent to their end, whole or from where a range began.
    scripts
        Further faults: what is sent as it is, piece by piece, 5 ms apart, until the client leaves.
    n_sent
        Pieces of scripts that were sent.
    """

    url: str = ""
    key: str = KEY
    entries: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"get": [], "getClassic": []})
    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    chaos: tuple[random.Random, float] | None = None
    ranges: str = "honour"
    listed_sizes: bool = True
    skew: float = 0.0
    elsewhere: str = ""
    calls: list[Call] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    scripts: dict[str, Iterable[bytes]] = field(default_factory=dict)
    n_sent: int = 0

    def publish(
        self,
        reporter: int,
        period: int,
        content: bytes,
        *,
        classification: str = "H4",
        date: str | None = "2024-03-10",
        made: str = "2024-03-11T08:15:00.1234567Z",
        dataset: str = "get",
        is_replacing: bool = True,
    ) -> dict[str, Any]:
        """List a file of a reporter, period and classification, in place of an earlier one; `content` is gzip."""
        row_key = sha256(f"{dataset}{reporter}{period}{classification}{made}".encode()).hexdigest()
        path = f"/bulk/v1/file/{reporter}/{row_key}"
        entry = {
            "fileUrl": f"https://comtradeapi.un.org{path}", "fileSize": _size(len(content)),
            "isOriginalClassification": True, "reporterCode": reporter, "freqCode": "A", "typeCode": "C",
            "classificationCode": classification, "refPeriodId": period * 10_000 + 101, "period": period,
            "publicationDate": date and f"{date}T00:00:00Z", "partitionKey": f"C_A_{reporter}_{period}",
            "rowKey": row_key, "timestamp": made, "eTag": f"W/\"datetime'{made.replace(':', '%3A')}'\"",
        }  # fmt: skip
        if is_replacing:
            self.withdraw(reporter, period, classification=classification, dataset=dataset)
        self.entries[dataset].append(entry)
        self.files[path] = content
        return entry

    def withdraw(
        self, reporter: int, period: int, *, classification: str = "H4", dataset: str = "get"
    ) -> None:
        """Take a file off the list."""
        slot = (reporter, period, classification)
        self.entries[dataset] = [
            one
            for one in self.entries[dataset]
            if (one["reporterCode"], one["period"], one["classificationCode"]) != slot
        ]

    def answer(self, one: Call) -> dict[str, Any]:
        """The list's answer to a call."""
        _, _, _, kind, _, _, code = one.path.split("/")
        found = [
            {name: value for name, value in entry.items() if name != "fileSize" or self.listed_sizes}
            for entry in self.entries[kind]
            if _among(entry["reporterCode"], one.query.get("reporterCode"))
            and _among(entry["period"], one.query.get("period"))
            and (code == "HS" or entry["classificationCode"] == code)
            and (entry["publicationDate"] or "")[:10] >= one.query.get("publishedDateFrom", "")
        ]
        return {"elapsedTime": "0.1 secs", "count": len(found), "data": found, "error": ""}

    def fault(self, path: str, kind: str) -> str:
        """What goes wrong with this call, or nothing."""
        for name in (path, kind):
            if faults := self.faults[name]:
                return faults[0][:-1] if faults[0].endswith("!") else faults.pop(0)
        if self.chaos is not None and self.chaos[0].random() < self.chaos[1]:
            return self.chaos[0].choice(PASSING)
        return ""

    def of_kind(self, kind: str) -> list[Call]:
        """Calls of `list` or `file`."""
        return [one for one in self.calls if ("/file/" in one.path) == (kind == "file")]


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1024:,.2f} KB" if n_bytes < 1 << 20 else f"{n_bytes / (1 << 20):,.2f} MB"


def _among(value: int, wanted: str | None) -> bool:
    return wanted is None or str(value) in wanted.split(",")


@contextmanager
def serving(stub: Stub | None = None, port: int = 0) -> Iterator[Stub]:
    """The stub at work on a port of this machine."""
    stub = stub or Stub()
    handler = type("Handler", (_Handler,), {"stub": stub})
    server = _Server(("127.0.0.1", port), handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Clients that leave in the middle are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stub: Stub

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate((timestamp or time.time()) + self.stub.skew, usegmt=True)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        call = Call(time.monotonic(), parts.path, query, dict(self.headers.items()))
        self.stub.calls.append(call)
        kind = "file" if "/file/" in call.path else "list"
        if self.headers.get("Ocp-Apim-Subscription-Key") != self.stub.key:
            self._refuse("401" if "Ocp-Apim-Subscription-Key" not in self.headers else "403-key")
        elif refusal := self.stub.fault(call.path, kind):
            self._misbehave(refusal, call)
        else:
            self._serve(call)

    def _content(self, call: Call) -> bytes | None:
        if "/file/" in call.path:
            return self.stub.files.get(call.path)
        return json.dumps(self.stub.answer(call)).encode()

    def _serve(self, call: Call) -> None:
        content = self._content(call)
        if content is None:
            self._refuse("404")
            return
        if "/file/" in call.path:
            self.stub.delivered.append(call.path)
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        if "/file/" not in call.path or self.stub.ranges == "ignore" or not start:
            self._send(200, content, self._file_headers(call))
        elif start >= len(content):
            self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        else:
            start -= self.stub.ranges == "wrong"
            extent = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            self._send(206, content[start:], self._file_headers(call) | extent)

    def _file_headers(self, call: Call) -> dict[str, str]:
        if "/file/" not in call.path:
            return {"Content-Type": "application/json"}
        return {
            "Content-Type": "application/TSV",
            "Content-Disposition": 'attachment; filename="../../C/A/32/C_A_32_196201_S1_O.txt.gz"; size=7',
        }

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self._head(status, {"Content-Length": str(len(body))} | headers)
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _refuse(self, fault: str) -> None:
        """Answers without a file; some echo the key, as services do."""
        echo = self.headers.get("Ocp-Apim-Subscription-Key", "")
        status = int(fault[:3])
        said = {
            "401": "Access denied due to missing subscription key.", "403-quota": _QUOTA,
            "403-key": f"Access denied due to invalid subscription key {echo}.", "404": "Resource not found",
        }.get(fault, "Rate limit is exceeded." if status == 429 else "Internal server error")  # fmt: skip
        waits = {"429-wait": "0", "429-second": "1", "429-hour": "3600"}
        headers = {"Content-Type": "application/json"}
        if fault in waits:
            headers["Retry-After"] = waits[fault]
        if fault == "429-date":
            headers["Retry-After"] = self.date_time_string(time.time() + 1)
        self._send(status, json.dumps({"statusCode": status, "message": said}).encode(), headers)

    def _misbehave(self, fault: str, call: Call) -> None:
        content = self._content(call) or b""
        half = content[: len(content) // 2]
        if fault in self.stub.scripts:
            self._play(self.stub.scripts[fault])
        elif fault == "hold":
            self.stub.released.wait(30)
            self._serve(call)
        elif fault in ("reset", "cut", "drip"):
            self._break_off(fault, content, half)
        elif fault == "short":
            self._send(200, half, self._file_headers(call))
        elif fault == "empty":
            self._send(200, b"", self._file_headers(call))
        elif fault == "html":
            page = f"<html><title>Sorry</title>{self.headers.get('Ocp-Apim-Subscription-Key')}</html>"
            self._send(200, page.encode(), {"Content-Type": "text/html"})
        elif fault == "redirect":
            self._send(302, b"", {"Location": self.stub.elsewhere + call.path})
        else:
            self._refuse(fault)

    def _play(self, pieces: Iterable[bytes]) -> None:
        self.close_connection = True
        for piece in pieces:
            try:
                self.wfile.write(piece)
            except OSError:
                return
            self.stub.n_sent += 1
            time.sleep(0.005)

    def _break_off(self, fault: str, content: bytes, half: bytes) -> None:
        """A body that does not come to its end: the connection reset or closed, or a byte now and then."""
        self._head(200, {"Content-Length": str(len(content))})
        self.close_connection = True
        if fault == "drip":
            for byte in content:
                try:
                    self.wfile.write(bytes([byte]))
                except OSError:
                    return
                time.sleep(0.02)
            return
        self.wfile.write(half)
        if fault == "reset":
            time.sleep(0.02)  # a reset throws away what was sent and not yet read
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()


def packed(rows: Iterable[dict[str, object]]) -> bytes:
    """A bulk file of hand-made rows."""
    from conftest import bulk_text

    return gzip.compress(bulk_text(rows), mtime=0)
