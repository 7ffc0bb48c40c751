"""The local side of a URL: a folder of this process that stands for its objects.

Each object has a file of its name and size there. Its bytes come when they are needed: the footer of a Parquet file by
one request for its end, or the whole (`bring`, `bring_footers`); until then the file has its size and only zeros. What is published goes to
the store first (`Copy.publish`). So every stage works with paths, and the folder holds what one command needs. It is
removed at the end of the process. Without a URL nothing here does anything.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable
from pathlib import Path, PosixPath
from typing import Any

from minsum.errors import UsageError
from minsum.settings.paths import remote_url
from minsum.workspace.copy_folder import FOOTER, WHOLE, Copy
from minsum.workspace.store import Store


class Place(PosixPath):
    """A path in the folder of a URL. Another process that unpickles it gets the path in its own folder of that URL."""

    def __reduce__(self) -> tuple[Any, ...]:
        copy = copy_of(self)
        return (_place, (copy.store.url, copy.key_of(self))) if copy else (Path, (str(self),))


_copies: dict[Path, Copy] = {}
_opening = threading.Lock()


def at(place: str | Path) -> Path:
    """The path itself or, for a URL, the folder that stands for it.

    Raises
    ------
    UsageError
        If minsum does not know such addresses, the extra is not installed, or there is no such bucket.
    RemoteError
        If the store cannot be reached, or refuses the credentials.
    """
    url = remote_url(place)
    if url is None:
        return Path(place)
    found = copy_at(url)
    found.look()
    return found.root


def copy_at(url: str) -> Copy:
    """The copy of a URL, which may not have looked at the store yet.

    Raises
    ------
    UsageError
        If minsum does not know such addresses, or the extra is not installed.
    """
    with _opening:
        found = next((one for one in _copies.values() if one.store.url == url), None) or Copy(
            Store(url), Place
        )
        _copies[found.root] = found
    return found


def _place(url: str, key: str) -> Path:
    return copy_at(url).root / key


def copies() -> list[Copy]:
    """All copies of this process."""
    return list(_copies.values())


def input_at(place: str | Path) -> Path:
    """As `at`, for a file or folder that is read.

    Raises
    ------
    UsageError
        If the URL names nothing.
    """
    root = at(place)
    if (copy := copy_of(root)) is None or not copy.is_empty:
        return root
    above, _, name = copy.store.url.rpartition("/")
    if above.partition("://")[2] and (path := at(above) / name).is_file():
        return path
    raise UsageError(f"{copy.store.url}: no such object or folder", "check the spelling")


def copy_of(path: Path) -> Copy | None:
    """The copy that a path is in, if any."""
    if not _copies:
        return None
    return next((one for root, one in tuple(_copies.items()) if path.is_relative_to(root)), None)


def bring(paths: Iterable[Path]) -> None:
    """Make sure that files are here as a whole. A file that is gone from the store goes here too."""
    _bring(paths, WHOLE)


def bring_footers(paths: Iterable[Path]) -> None:
    """Make sure that the footers of Parquet files are here."""
    _bring(paths, FOOTER)


def _bring(paths: Iterable[Path], level: int) -> None:
    if _copies:
        wanted = list(paths)
        for copy in {id(one): one for path in wanted if (one := copy_of(path))}.values():
            copy.bring(wanted, level)


def look(root: Path) -> None:
    """Bring the copy of a workspace up to date, if it is at a URL."""
    if (copy := copy_of(root)) is not None:
        copy.look()


def opened(path: Path) -> io.RawIOBase:
    """A file to read; an object is read from the store, block by block, and stays there."""
    copy = copy_of(path)
    return (copy and copy.opened(path)) or io.FileIO(path)


def state_of(path: Path) -> str | None:
    """What changes with the content of the object that a file stands for; None for a file of this machine."""
    copy = copy_of(path)
    return None if copy is None else copy.state_of(path)


def shown(text: str) -> str:
    """A text that names URLs, not the folders that stand for them."""
    for root, copy in tuple(_copies.items()):
        text = text.replace(str(root), copy.store.url)
    return text
