"""The driver's side: connects, gives tasks out, takes results, and ends clearly when no more can come."""

from __future__ import annotations

import logging
import os
import pickle
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from minsum.cluster.worker import Seal, do, misfit, misfit_error, unseen
from minsum.errors import ClusterError, SettingsError, UsageError
from minsum.workspace.copies import copy_of
from minsum.workspace.layout import Layout
from minsum.workspace.tasks import Done, Result, Run, Task

if TYPE_CHECKING:
    from distributed import Client, Future

_CONNECT_S: Final = 15
_WORKERS_S: Final = 15
"""How long to wait for a scheduler's answer, and for its first worker."""

_AHEAD: Final = 2
"""Tasks given out for each thread of the cluster: one is done while the next one waits."""

_LOOK_S: Final = 1.0
_ANSWER_S: Final = 5
_SCHEMES: Final = ("tcp://", "tls://")
_AGAIN: Final = "what was published stays; run again, with or without --cluster, and it goes on from there"

log = logging.getLogger("minsum")


class Cluster:
    """Workers of a Dask cluster, connected to when the first task is given.

    Parameters
    ----------
    address
        `tcp://host:port`, the path of a scheduler file, or `local:N` for N processes of this machine.
    layout
        The workspace, held by the caller; every worker must see it under the same path or URL.
    patience
        Seconds without a finished task after which the run gives up.

    Raises
    ------
    UsageError
        If the extra is not installed.
    """

    def __init__(self, address: str, layout: Layout, *, patience: float) -> None:
        try:
            version("distributed")
        except PackageNotFoundError as error:
            raise UsageError(
                f"cluster {address}: needs the extra: distributed is not installed",
                'pip install "minsum[cluster]", here and on the workers',
            ) from error
        self._address, self._layout, self._patience = address, layout, patience
        self._client: Client | None = None
        self._local: Any = None
        self._seal: Seal | None = None
        self._known_threads, self._asked, self._step = [1], -1.0, 0

    @property
    def n_beside(self) -> int:
        """Most threads of one worker."""
        return max(self._threads(self._connected()[0]))

    def refuse_unseen(self, files: Iterable[Path]) -> None:
        """Raise if a worker does not see one of the files.

        Raises
        ------
        ClusterError
            Naming worker and file; or as `as_done`.
        """
        wanted = list(files)
        _, seal = self._connected()
        self._seal = replace(seal, sources=tuple({one.store.url for one in map(copy_of, wanted) if one}))
        for worker, missing in self._ask(unseen, (wanted, self._seal)).items():
            if missing:
                raise ClusterError(
                    f"cluster: worker {worker} does not see {missing[0]}",
                    "put the files where every worker sees them under the same path, or run without --cluster",
                )

    def as_done(self, run: Run[Task, Result], tasks: Iterable[Task]) -> Done[Task, Result]:
        """Do the tasks; they are drawn as workers become free.

        Raises
        ------
        ClusterError
            If the cluster does not answer, does not fit, or is lost. The result of a task raises what the task raised,
            or ClusterError if its workers died.
        """
        client, seal = self._connected()
        self._step += 1
        seal = replace(seal, step=self._step)
        finished: SimpleQueue[Future] = SimpleQueue()
        running: dict[Future, Task] = {}
        waiting, since = iter(tasks), time.monotonic()
        while True:
            most = _AHEAD * sum(self._threads(client))
            for task in waiting:
                # As bytes: the scheduler, which may see neither workspace nor bucket, would make objects of them.
                sent = pickle.dumps((run, task))
                future = client.submit(do, sent, seal, pure=False, key=f"minsum-{uuid.uuid4().hex}")
                running[future] = task
                future.add_done_callback(finished.put)
                if len(running) >= most:
                    break
            if not running:
                if (copy := copy_of(self._layout.root)) is not None:
                    copy.look(anew=True)  # a task that found itself done did not say so
                return
            try:
                future = finished.get(timeout=_LOOK_S)
            except Empty:
                self._watch(client, time.monotonic() - since)
                continue
            since = time.monotonic()
            yield running.pop(future), partial(self._result, client, future)

    def close(self) -> None:
        """Let the cluster go. Whatever a worker still does publishes nothing any more."""
        if self._seal is not None:
            self._seal.release()
        for one in (self._client, self._local):
            if one is not None:
                with suppress(Exception):  # a scheduler that is gone cannot be taken leave of
                    one.close(timeout=5)
        self._client = self._local = self._seal = None

    def _connected(self) -> tuple[Client, Seal]:
        if self._client is None or self._seal is None:
            self._client = self._connect()
            self._seal = Seal.make(self._layout)
            self._refuse_strangers()
        return self._client, self._seal

    def _connect(self) -> Client:
        """A client of a scheduler that has workers."""
        import dask
        from distributed import Client

        for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # it is said once, in our words
        with dask.config.set({"distributed.comm.timeouts.connect": _CONNECT_S}):
            try:
                if self._address.startswith("local:"):
                    self._local = _local(int(self._address.removeprefix("local:")))
                    client = Client(self._local)
                elif self._address.startswith(_SCHEMES):
                    client = Client(self._address, timeout=_CONNECT_S)
                else:
                    client = Client(scheduler_file=str(self._file()), timeout=_CONNECT_S)
            except (OSError, TimeoutError, ValueError) as error:
                raise ClusterError(
                    f"cluster {self._address}: no scheduler answers there ({' '.join(str(error).split())[:200]})",
                    "is it running, and of the same version of distributed? Start one with: dask scheduler",
                ) from error
            except RuntimeError as error:
                raise ClusterError(
                    f"cluster {self._address}: its processes do not start ({error})",
                    'a script must call this under if __name__ == "__main__":; otherwise the lines above say why',
                ) from error
        self._client = client  # to be closed whatever follows
        try:
            client.wait_for_workers(1, timeout=_WORKERS_S)
        except TimeoutError as error:
            raise ClusterError(
                f"cluster {self._address}: has no workers", "start some with: dask worker SCHEDULER"
            ) from error
        return client

    def _file(self) -> Path:
        path = self._layout.root / self._address
        if not path.is_file():
            raise SettingsError(
                f"cluster {self._address}: no such scheduler file",
                "tcp://host:8786, the file that dask scheduler --scheduler-file writes, or local:2",
            )
        return path

    def _refuse_strangers(self) -> None:
        assert self._seal is not None
        for worker, why in self._ask(misfit, self._seal).items():
            if why is not None:
                raise misfit_error(worker, why)

    def _ask(self, function: Callable[[Any], Result], argument: object) -> dict[str, Result]:
        """What the function gives on every worker."""
        client = self._client or self._connected()[0]
        answers = client.run(function, argument, on_error="return")
        for worker, answer in answers.items():
            if isinstance(answer, BaseException):
                raise ClusterError(
                    f"cluster: worker {worker} cannot do minsum's tasks: {type(answer).__name__}: {answer}",
                    "install the same minsum and Python there, with the extra: minsum[cluster]",
                ) from answer
        return dict(answers)

    def _threads(self, client: Client) -> list[int]:
        """Threads of each worker, not asked for more than once a second; the last known ones of a scheduler that does
        not answer, and of a cluster without workers."""
        if client.status != "running":
            raise self._lost()
        if time.monotonic() - self._asked > _LOOK_S:
            with suppress(OSError):  # TimeoutError is one
                found = client.sync(client.scheduler.ncores, callback_timeout=_ANSWER_S)
                self._known_threads = list(found.values()) or self._known_threads
            self._asked = time.monotonic()
        return self._known_threads

    def _watch(self, client: Client, idle: float) -> None:
        """Raise if nothing can come any more, or nothing has for too long."""
        if client.status != "running":
            raise self._lost()
        if idle > self._patience:
            raise ClusterError(
                f"cluster {self._address}: no task was finished in {idle:.0f} s; it had {len(self._known_threads)} workers",
                f"look at the workers' logs; cluster_patience in minsum.toml says how long to wait; {_AGAIN}",
            )

    def _lost(self) -> ClusterError:
        return ClusterError(f"cluster {self._address}: the scheduler is lost", _AGAIN)

    def _result(self, client: Client, future: Future) -> Any:
        """Result of a task that was done; it is done once more if its worker died before it was fetched."""
        from distributed import CancelledError, KilledWorker
        from distributed.comm import CommClosedError

        since = time.monotonic()
        while True:
            try:
                value, records, published = future.result(timeout=_LOOK_S)
            except KilledWorker as error:
                last = error.last_worker
                limit = f"{last.memory_limit / 2**30:.1f} GiB" if last.memory_limit else "none"
                raise ClusterError(
                    f"cluster: {error.allowed_failures + 1} workers died while they did one task, "
                    f"the last of them {last.address} (memory limit: {limit})",
                    f"see its log; give workers more memory (--memory-limit) or fewer threads (--nthreads); {_AGAIN}",
                ) from error
            except (CancelledError, CommClosedError) as error:
                raise self._lost() from error
            except TimeoutError:
                if future.status == "error":  # the task's own
                    raise
                self._watch(client, time.monotonic() - since)
            else:
                if (copy := copy_of(self._layout.root)) is not None:
                    copy.learn(published)
                for record in map(logging.makeLogRecord, records):
                    if log.isEnabledFor(record.levelno):
                        log.handle(record)
                return value


def _local(n_workers: int) -> Any:
    """Worker processes of this machine, which share its cores."""
    import dask
    from distributed import LocalCluster

    threads = str(max(1, len(os.sched_getaffinity(0)) // n_workers))
    shared = {"POLARS_MAX_THREADS": threads, "NUMBA_NUM_THREADS": threads}
    before, environment = dask.config.get("distributed.nanny.pre-spawn-environ", {}), os.environ.copy()
    try:
        with dask.config.set(
            {
                "distributed.nanny.pre-spawn-environ": before | shared,
                "distributed.worker.profile.enabled": False,  # with these each idle process costs 3 % of a core,
                "distributed.admin.tick.interval": "1s",  # and nobody looks at what they find
            }
        ):
            return LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",  # None would be port 8787, which another cluster may have
                scheduler_kwargs={"dashboard": False},
                silence_logs=logging.CRITICAL,
            )
    finally:  # Dask sets it for this process too, whose Numba then refuses other threads than it has
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
