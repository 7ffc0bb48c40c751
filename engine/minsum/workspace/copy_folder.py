"""The folder of one process that stands for the objects under a URL (`copies`)."""

from __future__ import annotations

import atexit
import io
import logging
import os
import shutil
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import get_ident
from typing import Final

from minsum.errors import WorkspaceLockedError
from minsum.workspace.store import ConflictError, Object, ObjectBytes, Store

log = logging.getLogger("minsum")

_TAIL: Final = 32 << 10
"""Bytes asked for in one request for a footer; one that is longer takes a second."""

_SIDE_BY_SIDE: Final = 32
"""Requests at a time."""

_FRESH_S: Final = 1.0
_ABANDONED_S: Final = 60.0
_PREFIX: Final = "minsum-copy-"
_HOLE, FOOTER, WHOLE = range(3)
_ALWAYS_WHOLE: Final = ("rejected", "estimates", ".minsum")
"""Small files that every command may look at, with those at the top and settings; others come when they are used."""

_NAME_BYTES: Final = 255


class Copy:
    """The folder that stands for the objects under a URL.

    Parameters
    ----------
    store
        The objects.
    kind
        Class of the paths in the folder.

    Attributes
    ----------
    store, root
        The objects, and the folder.
    run
        The run of this process that holds the lock of the workspace; empty without one.
    refuse_lost
        Raises if that lock is lost; called before anything is written.
    """

    def __init__(self, store: Store, kind: type[Path] = Path) -> None:
        self.store, self.run = store, ""
        self.refuse_lost: Callable[[], None] | None = None
        self._base = _own_folder()
        self.root = kind(self._base / store.url.rstrip("/").rpartition("/")[2])
        self.root.mkdir()
        self._published: defaultdict[int, list[Object]] = defaultdict(list)
        self._used: defaultdict[int, set[Path]] = defaultdict(set)  # by thread
        self._objects: dict[Path, Object] = {}
        self._levels: dict[Path, int] = {}
        self._changing = threading.RLock()
        self._looked = float("-inf")

    def look(self, *, anew: bool = False) -> None:
        """Bring the folder up to date with the store's list, unless that was just done or a run of this process, which
        knows what it writes, has the workspace."""
        if not anew and (self.refuse_lost or time.monotonic() - self._looked < _FRESH_S):
            return
        before = dict(self._objects)
        there = {path: one for one in self.store.objects() if (path := self._path(one.key))}
        for path in before.keys() | there.keys():
            if self._objects.get(path) != before.get(path):
                continue  # published meanwhile by another thread: newer than the list
            if (found := there.get(path)) is None:
                self._forget(path)
            elif found != before.get(path) or not path.is_file():  # who cleans /tmp takes what is old
                self._dig(path, found)
        self._looked = time.monotonic()
        self.bring([path for path in there if _is_always_whole(path.relative_to(self.root))], WHOLE)

    @property
    def is_empty(self) -> bool:
        """Whether there are no objects under the URL."""
        return not self._objects

    def state_of(self, path: Path) -> str | None:
        """Address, size and tag of the object of a path."""
        found = self._objects.get(path)
        return found and f"{self.store.url}/{found.key}|{found.size}|{found.tag}"

    def bring(self, paths: Iterable[Path], level: int) -> None:
        """Bring the bytes of those files that are in the folder, several at a time."""
        with self._changing:
            wanted = [path for path in paths if path in self._levels]
            self._used[get_ident()].update(wanted)
        todo = [path for path in wanted if self._levels.get(path, WHOLE) < level]
        if not todo:
            return
        with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(todo))) as pool:
            for _ in pool.map(self._bring_footer if level == FOOTER else self._bring_whole, todo):
                pass

    def opened(self, path: Path) -> io.RawIOBase | None:
        """An object to read; None if its bytes are here."""
        if self._levels.get(path, WHOLE) == WHOLE:
            return None
        return ObjectBytes(self.store, self.key_of(path))

    def key_of(self, path: Path) -> str:
        """Name of the object of a path."""
        return path.relative_to(self.root).as_posix()

    def publish(self, file: Path, target: Path) -> None:
        """Write a complete file to the store, then put it in its place here.

        Raises
        ------
        WorkspaceLockedError
            If someone else has written the object meanwhile, or has the workspace.
        """
        if self.refuse_lost is not None:
            self.refuse_lost()
        key, known = self.key_of(target), self._objects.get(target)
        try:
            tag = self.store.put(key, file, over=known.tag if known else None)
        except ConflictError:
            raise WorkspaceLockedError(
                f"{self.store.url}/{key}: someone else has written it meanwhile", "run again"
            ) from None
        found = Object(key, file.stat().st_size, tag)
        with self._changing:
            target.parent.mkdir(parents=True, exist_ok=True)
            file.replace(target)
            self._objects[target], self._levels[target] = found, WHOLE
            self._published[get_ident()].append(found)
            self._used[get_ident()].add(target)

    def published(self) -> list[Object]:
        """What this thread has published since its last call."""
        return self._published.pop(get_ident(), [])

    def learn(self, objects: Iterable[Object]) -> None:
        """Take note of objects that another process has published."""
        for found in objects:
            if (path := self._path(found.key)) and self._objects.get(path) != found:
                self._dig(path, found)

    def release(self) -> None:
        """Let go of the bytes that this thread has brought or published and no other uses, except of what every command may
        look at."""
        with self._changing:
            used = self._used.pop(get_ident(), set())
            for path in used.difference(*self._used.values()):
                is_here = self._levels.get(path, _HOLE) != _HOLE
                if is_here and not _is_always_whole(path.relative_to(self.root)):
                    self._dig(path, self._objects[path])

    def remove(self, path: Path) -> None:
        """Remove an object and its file."""
        if self.refuse_lost is not None:
            self.refuse_lost()
        self.store.remove(self.key_of(path))
        self._forget(path)

    def disk_bytes(self) -> int:
        """What the folder takes on the disk."""
        return sum(one.stat().st_blocks * 512 for one in self.root.rglob("*") if one.is_file())

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._base, ignore_errors=True)

    def _path(self, key: str) -> Path | None:
        """Path of an object; None for a name that cannot be a path below the folder, such as that of a folder, and for what
        a workspace that was copied there had to itself: its scratch folder, its lock."""
        parts = key.split("/")
        if parts[0] == ".minsum" and (len(parts) != 2 or not key.endswith(".json")):
            return None
        is_path = all(
            part not in ("", ".", "..") and "\0" not in part and len(os.fsencode(part)) <= _NAME_BYTES
            for part in parts
        )
        return self.root.joinpath(*parts) if is_path else None

    def _dig(self, path: Path, found: Object) -> None:
        """Put a hole of the object's size in its place."""
        with self._changing:
            hole = self._base / uuid.uuid4().hex
            with hole.open("wb") as file:
                file.truncate(found.size)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                hole.replace(path)
            except OSError:  # one object's name is the folder of another's
                hole.unlink()
                log.warning(
                    "%s/%s: another object's name goes on after this one's: left out", self.store.url, found.key,
                    extra={"hint": "no file and folder can have one name; rename one of them"},
                )  # fmt: skip
                return
            self._objects[path], self._levels[path] = found, _HOLE

    def _bring_footer(self, path: Path) -> None:
        key = self.key_of(path)
        try:
            tail, found = self.store.tail(key, _TAIL)
            needed = int.from_bytes(tail[-8:-4], "little") + 8
            if len(tail) < needed <= found.size:
                tail, found = self.store.tail(key, needed)
        except FileNotFoundError:
            self._forget(path)
            return
        tail = tail[-min(needed, len(tail)) :]
        part = self._base / uuid.uuid4().hex
        with part.open("wb") as file:
            file.truncate(found.size)
            file.seek(found.size - len(tail))
            file.write(tail)
        self._place(part, path, found, FOOTER)

    def _bring_whole(self, path: Path) -> None:
        part = self._base / uuid.uuid4().hex
        try:
            found = self.store.download(self.key_of(path), part)
        except FileNotFoundError:
            part.unlink(missing_ok=True)
            self._forget(path)
            return
        self._place(part, path, found, WHOLE)

    def _place(self, part: Path, path: Path, found: Object, level: int) -> None:
        """Put a file in its place, unless more of it has come meanwhile."""
        with self._changing:
            if self._levels.get(path, WHOLE) < level:
                part.replace(path)
                self._objects[path], self._levels[path] = found, level
            else:
                part.unlink()

    def _forget(self, path: Path) -> None:
        with self._changing:
            self._objects.pop(path, None)
            self._levels.pop(path, None)
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if "=" not in folder.name or any(folder.iterdir()):
                    break
                folder.rmdir()  # a key of a table without files


def _is_always_whole(inside: Path) -> bool:
    return len(inside.parts) == 1 or inside.parts[0] in _ALWAYS_WHOLE or inside.suffix == ".toml"


def _own_folder() -> Path:
    """A folder that is removed when the process ends, and by the next one if this one is killed."""
    from filelock import FileLock

    for left in _abandoned():
        shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    lock = FileLock(folder / "held")
    lock.acquire()
    atexit.register(lock.release)  # keeps it until then
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _abandoned() -> Iterator[Path]:
    """Folders of processes that were killed. One that was just made may not be locked yet."""
    from filelock import FileLock, Timeout

    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, Timeout):
            stat = folder.stat()
            if stat.st_uid == os.getuid() and time.time() - stat.st_mtime > _ABANDONED_S:
                with FileLock(folder / "held", timeout=0):
                    yield folder
