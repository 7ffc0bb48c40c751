"""Objects under a URL such as `s3://bucket/prefix`. The library obstore does the work: requests, retries, credentials.

One PUT is atomic: a reader gets the old object or the new one. No error made here quotes a credential.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from minsum.errors import KeyRefusedError, MinsumError, RemoteError, UsageError

if TYPE_CHECKING:
    from obstore import ReadableFile

CLIENT: Final[dict[str, Any]] = {"connect_timeout": "10s", "timeout": "600s", "allow_http": True}
RETRY: Final[dict[str, Any]] = {"max_retries": 8, "retry_timeout": timedelta(seconds=90)}
"""Options of the library; 8 tries take half a minute."""

_BLOCK: Final = 4 << 20
"""Bytes of one request while an object is read from front to back."""

_NO_BUCKET: Final = ("NoSuchBucket", "ContainerNotFound", "bucket does not exist")
_REFUSED: Final = (
    "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AuthenticationFailed",
    "AuthorizationFailure", "403 Forbidden", "401 Unauthorized",
)  # fmt: skip
_NO_CREDENTIALS: Final = ("169.254.169.254", "metadata.google", "metadata/instance", "MissingCredential")
_SECRET: Final = re.compile(r"(AWS|AZURE|GOOGLE)_.*(KEY|SECRET|TOKEN|PASSWORD|SAS|ACCOUNT)")
_MOST_SAID: Final = 200


class Object(NamedTuple):
    """An object: its name under the URL, its bytes, and the tag that changes with its content."""

    key: str
    size: int
    tag: str


class ConflictError(Exception):
    """An object is not what a conditional write expected."""


class Store:
    """The objects whose names begin with the path of a URL.

    Parameters
    ----------
    url
        `scheme://bucket/prefix`.

    Raises
    ------
    UsageError
        If the extra is not installed, or the URL cannot be used.
    """

    def __init__(self, url: str) -> None:
        try:
            import obstore
            from obstore.store import from_url
        except ImportError as error:
            raise UsageError(
                f"{url}: needs the extra: obstore is not installed", 'pip install "minsum[objectstore]"'
            ) from error
        self.url, self._library = url, obstore
        with self.said():
            self._store = from_url(url, client_options=CLIENT, retry_config=RETRY)  # type: ignore[call-overload]

    def objects(self) -> list[Object]:
        """All objects.

        Raises
        ------
        RemoteError
            As all methods: if the store cannot be reached or refuses the credentials.
        UsageError
            As all methods: if there is no such bucket.
        """
        with self.said():
            return [_object(one) for part in self._library.list(self._store) for one in part]

    def read(self, key: str) -> tuple[bytes, Object]:
        """Content of an object.

        Raises
        ------
        FileNotFoundError
            As all methods that read: if it does not exist.
        """
        return self._read(key, None)

    def tail(self, key: str, n_bytes: int) -> tuple[bytes, Object]:
        """The last bytes of an object, in one request."""
        return self._read(key, {"range": {"suffix": n_bytes}})

    def _read(self, key: str, options: Any) -> tuple[bytes, Object]:
        with self.said(key):
            found = self._library.get(self._store, key, options=options)
            return bytes(found.bytes()), _object(found.meta)

    def download(self, key: str, target: Path) -> Object:
        """Write the content of an object into a file, block by block."""
        with self.said(key), target.open("wb") as file:
            found = self._library.get(self._store, key)
            for block in found.stream(min_chunk_size=_BLOCK):
                file.write(block)
            return _object(found.meta)

    def reader(self, key: str) -> ReadableFile:
        """The library's reader of an object; each block is a request."""
        with self.said(key):
            return self._library.open_reader(self._store, key, buffer_size=_BLOCK)

    def put(self, key: str, content: bytes | Path, *, over: str | None) -> str:
        """Write an object in one request, if what is there has the tag `over`, or if None is there; return the new tag.

        Raises
        ------
        ConflictError
            If something else is there. A write that is repeated after a lost answer finds itself there: that is none.
        """
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode: Any = "create" if over is None else {"e_tag": over}
        with self.said(key):
            try:
                done = self._library.put(self._store, key, content, mode=mode, use_multipart=False)
                return str(done["e_tag"])
            except (AlreadyExistsError, PreconditionError):
                pass
        try:
            there, found = self.read(key)
        except FileNotFoundError:
            raise ConflictError(key) from None
        if there != (content if isinstance(content, bytes) else content.read_bytes()):
            raise ConflictError(key)
        return found.tag

    def remove(self, key: str) -> None:
        """Remove an object; nothing if it does not exist."""
        with self.said():
            try:
                self._library.delete(self._store, key)
            except FileNotFoundError as error:
                if any(word in str(error) for word in _NO_BUCKET):
                    raise

    @contextmanager
    def said(self, key: str | None = None) -> Iterator[None]:
        """Turn errors of the library into ours. Theirs are not chained: they may quote signed addresses."""
        from obstore.exceptions import BaseError

        try:
            yield
        except FileNotFoundError as error:
            if error.errno is not None:  # of this machine
                raise
            wrong = _explained(self.url, str(error))
            gone = FileNotFoundError(2, "no such object", f"{self.url}/{key}")
            raise (wrong if isinstance(wrong, UsageError) else gone) from None
        except (BaseError, OSError, ValueError) as error:
            if getattr(error, "errno", None) is not None:
                raise
            raise _explained(self.url, str(error)) from None


class ObjectBytes(io.RawIOBase):
    """An object as a raw file, from which `io.BufferedReader` reads."""

    def __init__(self, store: Store, key: str) -> None:
        self._store, self._key = store, key
        self._reader = store.reader(key)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        with self._store.said(self._key):
            content = self._reader.read(len(view))
        view[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._store.said(self._key):
            return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()


def _object(found: Any) -> Object:
    """A store that gives no tags is one whose objects are told apart by their times."""
    return Object(found["path"], found["size"], found["e_tag"] or found["last_modified"].isoformat())


def _explained(url: str, said: str) -> MinsumError:
    """Our error for one of the library."""
    if any(word in said for word in _NO_BUCKET):
        return UsageError(
            f"{url}: no such bucket", "make it first, or correct its name; a region may be missing"
        )
    if any(word in said for word in _NO_CREDENTIALS):
        return KeyRefusedError(
            f"{url}: no credentials found",
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what your store asks for (docs/cluster.md, A bucket)",
        )
    if code := next((word for word in _REFUSED if word in said), None):
        return KeyRefusedError(
            f"{url}: the store refuses these credentials ({code})",
            "they are wrong, have ended, or may not list, read, write and remove there; or the clock of this machine is off",
        )
    return RemoteError(
        f"{url}: the store does not answer as it should: {_cleaned(said)}",
        "look at the network and at AWS_ENDPOINT_URL; what was published stays: run again",
    )


def _cleaned(said: str) -> str:
    """One line of the library's words, without the query of an address and without anything the environment keeps secret."""
    text = re.sub(r"\?[^\s)\"']*", "", " ".join(said.partition("Debug source")[0].split()))
    for name, value in os.environ.items():
        if _SECRET.fullmatch(name) and value:
            text = text.replace(value, "...")
    return text[:_MOST_SAID]
