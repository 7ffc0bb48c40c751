"""Reads the bytes of a source and compares them with the checksum taken when the source was hashed."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from isal import isal_zlib

from minsum.errors import ChangedSourceError, UnreadableSourceError
from minsum.sources.files import Source, printable
from minsum.workspace.copies import opened, shown

_CHUNK: Final = 1 << 20


class CheckedBytes(io.RawIOBase):
    """Bytes of a source, with a checksum of what was read."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._crc, self._in_order = 0, True
        with self._readable():
            self._file = opened(source.path)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UnreadableSourceError(
                f"{self._source.name}: cannot be read: {error.strerror or error} "
                f"({shown(printable(str(self._source.path)))})",
                "repair the disk or its permissions; every run tries again",
            ) from error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._readable():
            n_read = self._file.readinto(buffer)
        self._crc = isal_zlib.crc32(memoryview(buffer).cast("B")[:n_read], self._crc)
        return n_read

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._in_order = False
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed and hasattr(self, "_file"):
            self._file.close()
        super().close()

    def prove(self) -> None:
        """Read to the end of the file and compare its checksum with that of the hashed bytes."""
        if self._source.crc32 is None:
            return
        if not self._in_order:
            self._file.seek(0)
            self._crc = 0
        rest = bytearray(_CHUNK)
        while self.readinto(rest):
            pass
        if self._crc != self._source.crc32:
            raise ChangedSourceError(
                f"{self._source.name}: changed while it was read", "run again when it is complete"
            )
