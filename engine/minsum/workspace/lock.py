"""The lock of a workspace: one run at a time."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from minsum.errors import WorkspaceLockedError
from minsum.workspace.copies import copy_of
from minsum.workspace.layout import Layout
from minsum.workspace.lease import leased


@contextmanager
def exclusive(layout: Layout) -> Iterator[None]:
    """Lock the workspace for writing, and empty the scratch folder that a killed run left. For one at a URL: `leased`.

    Raises
    ------
    WorkspaceLockedError
        If another process holds the lock; the message names the process.
    """
    if (copy := copy_of(layout.root)) is not None:
        with leased(copy):
            yield
        return
    from filelock import FileLock, Timeout

    layout.private.mkdir(parents=True, exist_ok=True)
    holder = layout.private / "holder.json"
    lock = FileLock(layout.private / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        who = holder.read_text(encoding="utf-8", errors="replace")[:100] if holder.is_file() else "unknown"
        raise WorkspaceLockedError(
            f"{layout.root}: another run holds the workspace: {who}", "wait for it to end, then run again"
        ) from error
    try:
        _empty_scratch(layout)
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder.write_text(f"process {os.getpid()} since {since}", encoding="utf-8")
        yield
    finally:
        try:
            holder.unlink(missing_ok=True)
        finally:
            lock.release()


def _empty_scratch(layout: Layout) -> None:
    """Remove what a killed run left. Moved away first and at once: what a worker of that run has not yet published
    is then no longer where the worker would rename it from."""
    with suppress(FileNotFoundError):
        layout.scratch.rename(layout.private / f"left-{uuid.uuid4().hex}")
    for left in layout.private.glob("left-*"):
        shutil.rmtree(left, ignore_errors=True)
