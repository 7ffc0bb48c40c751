"""The workers' side: whether a process can work for a run, and how it does a task."""

from __future__ import annotations

import logging
import pickle
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

from minsum.errors import ClusterError, MinsumError, RemoteError, WorkspaceLockedError
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


_looking = threading.Lock()
_looked: dict[str, tuple[str, int]] = {}
"""URL to the run and the step for which this process has looked at it."""


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
    sources
        URLs of raw files that lie elsewhere.
    """

    place: str
    run: str
    versions: dict[str, str]
    step: int = 0
    sources: tuple[str, ...] = ()

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
        if (copy := self.copy) is None:
            return self.file.is_file()
        return bool(self.run) and holder(copy.store) == self.run

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


def misfit(seal: Seal) -> tuple[str, str] | None:
    """Why this process cannot work for a run, if it cannot, and what to do about it."""
    ours = _versions()
    other = [
        f"{name} {ours.get(name)}, not {one}" for name, one in seal.versions.items() if ours.get(name) != one
    ]
    if other:
        return (
            f"has {', '.join(other)}",
            "give driver and workers one environment: other versions may write other bytes",
        )
    try:
        if not remote_url(seal.place):
            (seal.file.parent / uuid.uuid4().hex).mkdir()
        _look(seal)
        is_held = seal.is_held()
    except OSError as error:
        return (
            f"cannot work in {seal.place}: {error.strerror}",
            "every worker must see the workspace, and write to it, under the same path",
        )
    except MinsumError as error:
        return f"cannot work in {seal.place}: {error.message}", error.hint
    if is_held:
        return None
    return (
        f"does not find this run in {seal.place}",
        "every worker must see the same folder or bucket; if another run has taken it, run again",
    )


def misfit_error(worker: str, why: tuple[str, str]) -> ClusterError:
    """The error for what `misfit` found."""
    return ClusterError(f"cluster: worker {worker} {why[0]}", why[1])


def _look(seal: Seal) -> None:
    """Look at the stores of a run once a step: workers publish in one step what they read in the next."""
    now = seal.run, seal.step
    with _looking:
        for url in filter(remote_url, (seal.place, *seal.sources)):
            if _looked.get(url) != now:
                copy_at(url).look(anew=True)
                _looked[url] = now


def _name() -> str:
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:
        return "here"


def unseen(asked: tuple[list[Path], Seal]) -> list[Path]:
    """Those of the files that this process, which may have joined after the run began, does not see."""
    files, seal = asked
    _look(seal)
    return [path for path in files if not path.is_file()]


def do(sent: bytes, seal: Seal) -> tuple[Any, Records, list[Object]]:
    """Do a task on a worker, which may have joined after the run began; with what it published, at a URL.

    Parameters
    ----------
    sent
        Pickle of a `Run` and its task.
    seal
        Of the run.
    """
    if (why := misfit(seal)) is not None:
        raise misfit_error(_name(), why)
    layout = seal.layout()
    try:
        with _captured() as records:
            run, task = pickle.loads(sent)
            result = _again_if_done_before(run, task, layout, seal)
            return result, records, [] if (copy := seal.copy) is None else copy.published()
    except (RemoteError, OSError) as error:  # of this machine, not of the driver's
        said = shown(str(error))
        raise ClusterError(f"cluster: worker {_name()}: {said}", getattr(error, "hint", "")) from None
    except MinsumError as error:
        error.message = shown(error.message)
        raise
    finally:
        shutil.rmtree(layout.scratch, ignore_errors=True)
        for copy in copies():
            copy.release()


def _again_if_done_before(run: Run[Task, Result], task: Task, layout: Layout, seal: Seal) -> Result:
    """A worker that was lost may have published after this one looked: then a write finds another object than expected."""
    try:
        return run(task, layout)
    except WorkspaceLockedError:
        if (copy := seal.copy) is None or not seal.is_held():
            raise
        shutil.rmtree(layout.scratch, ignore_errors=True)
        copy.look(anew=True)
        return run(task, layout)


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
