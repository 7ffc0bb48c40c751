"""The lock of a workspace at a URL: an object that one run creates and renews, and that another takes over when it has expired.

A lock on one machine ends with its process. This one ends with its time: a run that is killed holds it for `LASTS_S` more.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from tempfile import gettempdir
from typing import Final, NamedTuple

from minsum.errors import MinsumError, UsageError, WorkspaceLockedError
from minsum.workspace.copy_folder import Copy
from minsum.workspace.store import ConflictError, Store

log = logging.getLogger("minsum")

KEY: Final = ".minsum/lock"
LASTS_S: Final = 60.0
"""Seconds after which a lock that was not renewed has expired; the object says it, for runs of other versions."""

_RENEWALS: Final = 6
"""Renewals in that time."""

_MOST_S: Final = 3600.0


@contextmanager
def leased(copy: Copy) -> Iterator[None]:
    """Hold the lock in the store, and bring the folder up to date.

    Raises
    ------
    WorkspaceLockedError
        If another run holds it; the message says which, and until when. Or, before anything is written, if it was lost:
        the store could not be reached for so long that another run took it.
    UsageError
        If the store does not honour conditional writes.
    """
    lease = _Lease(copy)
    lease.take()
    end = threading.Event()
    renewing = threading.Thread(target=lease.keep, args=(end,), daemon=True)
    renewing.start()
    try:
        copy.run, copy.refuse_lost = lease.run, lease.refuse_lost
        copy.look(anew=True)
        yield
        log.info(
            "%s: %.1f MB of it were in %s meanwhile", copy.store.url, copy.disk_bytes() / 1e6, gettempdir()
        )
    finally:
        copy.run, copy.refuse_lost = "", None
        end.set()
        renewing.join(timeout=5)
        lease.give_back()


def holder(store: Store) -> str:
    """The run that holds the workspace, by its lock; empty without one."""
    return _held(store).run


class _Held(NamedTuple):
    """The lock as it is: tag of the object, run and holder, how long it lasts and when it ends, in seconds from now."""

    tag: str | None
    run: str
    who: str
    lasts_s: float
    expires_in: float


class _Lease:
    def __init__(self, copy: Copy) -> None:
        self._store, self._url = copy.store, copy.store.url
        self.run, self._since = uuid.uuid4().hex, datetime.now(UTC).isoformat(timespec="seconds")
        self._tag: str | None = None
        self._renewed_at = 0.0
        self._changing = threading.Lock()

    def take(self) -> None:
        try:
            self._write(over=None)
        except ConflictError:
            self._take_over()
        try:  # a store that ignores the condition gives the lock to everyone
            self._store.put(KEY, b"", over=None)
        except ConflictError:
            return
        self._store.remove(KEY)
        raise UsageError(
            f"{self._url}: this store ignores conditions of writes (If-None-Match), so two runs could not be kept apart",
            "use a store that honours them, as Amazon, Google, Azure and current versions of MinIO and Ceph do",
        )

    def keep(self, end: threading.Event) -> None:
        """Renew until the end; a store that does not answer is asked again."""
        while not end.wait(LASTS_S / _RENEWALS):
            with suppress(MinsumError):
                self._renew()

    def refuse_lost(self) -> None:
        """Raise if another run may have taken the lock."""
        if _now() - self._renewed_at > LASTS_S / 2:
            self._renew()

    def give_back(self) -> None:
        """Remove the lock if it is still ours."""
        with suppress(MinsumError, FileNotFoundError):
            _, found = self._store.read(KEY)
            if found.tag == self._tag:
                self._store.remove(KEY)

    def _renew(self) -> None:
        with self._changing:
            try:
                self._write(over=self._tag)
            except ConflictError:
                raise WorkspaceLockedError(
                    f"{self._url}: the lock was lost: it was not renewed in time, and another run took the workspace",
                    "what was published stays; run again",
                ) from None

    def _write(self, *, over: str | None) -> None:
        now = _now()
        said = {
            "run": self.run, "who": f"process {os.getpid()} on {socket.gethostname()} since {self._since}",
            "renewed": datetime.now(UTC).isoformat(), "lasts_s": LASTS_S,
        }  # fmt: skip
        self._tag = self._store.put(KEY, json.dumps(said).encode(), over=over)
        self._renewed_at = now

    def _take_over(self) -> None:
        """Take the lock of a run that no longer renews it, seen by a clock of this machine and by two looks."""
        there = _held(self._store)
        expires_in = there.expires_in
        if expires_in <= 0:
            log.info("%s: the lock of %s has expired: taken over if it stays so", self._url, there.who)
            time.sleep(2 * there.lasts_s / _RENEWALS)  # a holder whose clock is not ours renews it meanwhile
            now = _held(self._store)
            with suppress(ConflictError):
                if now.tag == there.tag:
                    return self._write(over=now.tag)
            expires_in = there.lasts_s
        raise WorkspaceLockedError(
            f"{self._url}: another run holds the workspace: {there.who}",
            f"wait for it to end, then run again; if it was killed, its lock expires in {expires_in:.0f} s",
        )


def _held(store: Store) -> _Held:
    """What holds the lock. A lock that is gone, or that minsum did not write, is one that has expired."""
    try:
        content, found = store.read(KEY)
    except FileNotFoundError:
        return _Held(None, "", "a run that just ended", 0.0, 0.0)
    try:
        said = json.loads(content)
        age = (datetime.now(UTC) - datetime.fromisoformat(said["renewed"])).total_seconds()
        lasts = min(max(float(said["lasts_s"]), 0.0), _MOST_S)
        return _Held(found.tag, str(said["run"]), str(said["who"])[:100], lasts, lasts - age)
    except (ValueError, KeyError, TypeError):
        return _Held(found.tag, "", "unknown", LASTS_S, 0.0)


def _now() -> float:
    """A clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
