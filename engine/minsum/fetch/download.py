"""Downloads one file: resumes where the service allows it, verifies the file, then renames it into `raw/`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from urllib3 import BaseHTTPResponse

from minsum.errors import BrokenSourceError
from minsum.fetch.answers import TransientError
from minsum.fetch.client import Client
from minsum.fetch.listing import Listed
from minsum.sources.compression import open_text
from minsum.sources.files import Source
from minsum.workspace.layout import Layout
from minsum.workspace.publish import publish_file

_BLOCK: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_MOST: Final = 1 << 30
"""Largest size in bytes of a file whose size is not listed; Comtrade's largest files have some 50 million."""
_NEXT_STEP: Final = (
    "the service must correct the file; earlier publications stay, and the next run tries again"
)


def part_of(listed: Listed, layout: Layout) -> Path:
    """Path of an incomplete download. Its name holds row key and eTag, so that different versions never mix."""
    return layout.private / "fetch" / f"{listed.name}.part"


def download(client: Client, listed: Listed, layout: Layout, *, attempts: int | None = None) -> None:
    """Download one file into `raw/`; resumes the incomplete download of an earlier run.

    Raises
    ------
    BrokenSourceError
        If the file does not exist, or is damaged in every attempt.
    TransientError
        If the download stays incomplete.
    RemoteError
        If the service allows no more calls.
    """
    part = part_of(listed, layout)
    part.parent.mkdir(parents=True, exist_ok=True)

    def attempt() -> None:
        try:
            if not _is_complete(part, listed):
                _receive(client, listed, part)
        except TransientError as error:
            if error.is_content:
                part.unlink(missing_ok=True)
            raise
        except OSError:  # a full disk is not left full
            part.unlink(missing_ok=True)
            raise

    try:
        client.retry(attempt, attempts=attempts)
    except TransientError as error:
        if not error.is_content:
            raise
        raise BrokenSourceError(f"{listed.name}: {error}", _NEXT_STEP) from error
    except BrokenSourceError as error:
        raise BrokenSourceError(f"{listed.name}: {error}", _NEXT_STEP) from error
    publish_file(part, layout.raw / listed.name)


def _is_complete(part: Path, listed: Listed) -> bool:
    """Whether a download is complete: a run may have ended between the last byte and the renaming."""
    if not part.is_file() or listed.size is None or part.stat().st_size < listed.size - listed.tolerance:
        return False
    try:
        _verify(part, listed)
    except TransientError:
        return False
    return True


def _receive(client: Client, listed: Listed, part: Path) -> None:
    """Download the missing bytes and verify the file."""
    held = part.stat().st_size if part.is_file() else 0
    most = _MOST if listed.size is None else listed.size + listed.tolerance
    with client.get(listed.path, offset=held) as response:
        start, total = _extent(response, held)
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            tail = b""
            for data in client.chunks(response, at_most=most, held=start):
                if (at := file.tell()) < len(_GZIP) and data[: len(_GZIP) - at] != _GZIP[at : at + len(data)]:
                    raise _not_gzip(data)
                tail = tail[-client.censor.length :] + data
                if client.censor.holds_key_bytes(tail):
                    raise TransientError("the file holds the key", is_content=True)
                file.write(data)
    size = part.stat().st_size
    if total is not None and size != total:
        raise TransientError(f"{size:,} of {total:,} bytes arrived", is_content=size > total)
    _verify(part, listed)


def _not_gzip(first: bytes) -> TransientError:
    """Error for content that is not gzip; it is not stored, because error pages may echo the key."""
    kind = "a web page" if first.lstrip().startswith(b"<") else "other content"
    return TransientError(f"{kind} instead of a gzip file", is_content=True)


def _extent(response: BaseHTTPResponse, held: int) -> tuple[int, int | None]:
    """Offset of the body in the file, and the total length of the file if the response states it.

    Without a range in the response, the body starts at byte 0.
    """
    if response.status == 206:
        match = re.fullmatch(
            r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", response.headers.get("Content-Range", "").strip()
        )
        if match is None or int(match[1]) != held:
            raise TransientError("not the requested range of bytes", is_content=True)
        return held, None if match[3] == "*" else int(match[3])
    length = response.headers.get("Content-Length", "")
    return 0, int(length) if re.fullmatch(r"\d{1,18}", length, re.ASCII) else None


def _verify(part: Path, listed: Listed) -> None:
    """Read the file to its end and compare its size with the list.

    Raises
    ------
    TransientError
        If it is not a complete gzip file of the listed size.
    """
    size = part.stat().st_size
    with part.open("rb") as file:
        first = file.read(512)
    if not first.startswith(_GZIP):
        raise _not_gzip(first)
    try:
        with open_text(Source(part, size, "")) as text:
            while text.read(_BLOCK):
                pass
    except BrokenSourceError as error:
        raise TransientError(error.message.removeprefix(f"{part.name}: "), is_content=True) from error
    if listed.size is not None and abs(size - listed.size) > listed.tolerance:
        raise TransientError(f"{size:,} bytes, but the list says {listed.size:,}", is_content=True)
