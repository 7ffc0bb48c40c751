"""The workers' side: whether a process can work for a run, and how it does a task."""

from __future__ import annotations

import logging
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import get_ident
from typing import Any

from minsum.errors import ClusterError, MinsumError
from minsum.machine import versions
from minsum.settings.paths import remote_url
from minsum.workspace.copies import copies, copy_at, copy_of, shown
from minsum.workspace.copy_folder import Copy
from minsum.workspace.layout import Layout
from minsum.workspace.lease import holder
from minsum.workspace.store import Object
from minsum.workspace.tasks import Result, Run, Task

log = logging.getLogger("minsum")
Records = list[dict[str, Any]]
"""Attributes of log records."""


_changing = threading.Lock()
_looked: dict[str, tuple[str, int]] = {}
"""Workspace at a URL to the run and the step for which this process has looked at it."""
_at_work: list[int] = []
"""Threads of this process that do a task."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What shows a worker that it works for the run that holds the workspace.

    Attributes
    ----------
    place
        Of the workspace: folder or URL.
    run
        In a folder, the name of a file that goes when the run ends or another one takes the workspace. At a URL, the run
        that the lock names.
    versions
        The driver's.
    step
        Goes up when tasks may need what other workers have published.
    """

    place: str
    run: str
    versions: dict[str, str]
    step: int = 0

    @classmethod
    def make(cls, layout: Layout) -> Seal:
        """For a run that holds the workspace."""
        if (copy := copy_of(layout.root)) is not None:
            return cls(copy.store.url, copy.run, _versions())
        seal = cls(str(layout.root.absolute()), uuid.uuid4().hex, _versions())
        seal.file.parent.mkdir(parents=True)
        seal.file.touch()
        return seal

    @property
    def file(self) -> Path:
        """In a folder."""
        return Layout(Path(self.place)).scratch / self.run / "seal"

    @property
    def copy(self) -> Copy | None:
        """What stands for a URL in this process."""
        return copy_at(self.place) if remote_url(self.place) else None

    def is_held(self) -> bool:
        """Whether the run still holds the workspace."""
        return self.file.is_file() if (copy := self.copy) is None else "" != self.run == holder(copy.store)

    def layout(self) -> Layout:
        """The workspace for a task."""
        root = Path(self.place) if (copy := self.copy) is None else copy.root
        return Layout(root).for_worker(self.run, self.is_held)

    def release(self) -> None:
        """Remove the file, if there is one: what a worker still does publishes nothing any more."""
        if self.copy is None:
            self.file.unlink(missing_ok=True)
            shutil.rmtree(self.file.parent, ignore_errors=True)


@cache
def _versions() -> dict[str, str]:
    """Of what decides the bytes; `code` is minsum's own, which two checkouts of one version may have different."""
    code = sha256()
    for package in ("minsum", "minsum_kernels"):
        folder = Path(str(getattr(find_spec(package), "origin", None))).parent
        for file in sorted(folder.rglob("*.py")):
            code.update(file.read_bytes())
    others = {name: version(name) for name in ("scipy", "distributed")}
    return versions() | others | {"code": code.hexdigest()[:12]}


def misfit(seal: Seal) -> ClusterError | None:
    """Why this process cannot work for a run, if it cannot."""
    ours = _versions()
    other = [
        f"{name} {ours.get(name)}, not {one}" for name, one in seal.versions.items() if ours.get(name) != one
    ]
    if other:
        return ClusterError(
            f"cluster: worker {_name()} has {', '.join(other)}",
            "give driver and workers one environment: other versions may write other bytes",
        )
    try:
        if (copy := seal.copy) is None:
            (seal.file.parent / uuid.uuid4().hex).mkdir()
        else:
            _look(copy, seal)
        is_held = seal.is_held()
    except OSError as error:
        return ClusterError(
            f"cluster: worker {_name()} cannot work in {seal.place}: {error.strerror}",
            "every worker must see the workspace, and write to it, under the same path",
        )
    except MinsumError as error:
        return ClusterError(f"cluster: worker {_name()}: {error.message}", error.hint)
    if is_held:
        return None
    return ClusterError(
        f"cluster: worker {_name()} does not find this run in {seal.place}",
        "every worker must see the same folder or bucket; if another run has taken it, run again",
    )


def _look(copy: Copy, seal: Seal) -> None:
    """Look at the stores once a step: workers publish in one step what they read in the next."""
    with _changing:
        if _looked.get(seal.place) != (now := (seal.run, seal.step)):
            for one in {copy, *copies()}:
                one.look(anew=True)
            _looked[seal.place] = now


def _name() -> str:
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return "here"


def unseen(files: list[Path]) -> list[Path]:
    """Those of the files that this process does not see."""
    return [path for path in files if not path.is_file()]


def do(run: Run[Task, Result], task: Task, seal: Seal) -> tuple[Result, Records, list[Object]]:
    """Do a task on a worker, which may have joined after the run began; with what it published, at a URL."""
    if (why := misfit(seal)) is not None:
        raise why
    layout = seal.layout()
    try:
        with _captured() as records, _working():
            result = run(task, layout)
            return result, records, [] if (copy := seal.copy) is None else copy.published()
    except MinsumError as error:
        error.message = shown(error.message)
        raise
    finally:
        shutil.rmtree(layout.scratch, ignore_errors=True)


@contextmanager
def _working() -> Iterator[None]:
    """Let go of what was brought for tasks once no thread of this process does one: its disk stays free."""
    thread = get_ident()
    with _changing:
        _at_work.append(thread)
    try:
        yield
    finally:
        with _changing:
            _at_work.remove(thread)
            for copy in () if _at_work else copies():
                copy.release()


@contextmanager
def _captured() -> Iterator[Records]:
    """What this thread logs, for the driver to say. Dask's own forwarding would say it to every driver."""
    records: Records = []
    thread = get_ident()

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                message = {"msg": shown(record.getMessage()), "args": None, "exc_info": None}
                records.append(record.__dict__ | message)

    handler = Keep()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield records
    finally:
        log.removeHandler(handler)
