"""How a command ends: errors as a message with an exit code; signals with 128 and their number."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any, Final

import click

from minsum.errors import MinsumError

_NAMES: Final = {signal.SIGINT: "Ctrl-C (SIGINT)", signal.SIGTERM: "SIGTERM"}
_NO_MEMORY: Final = (
    "cannot allocate memory", "failed to map segment", "can't start new thread", "out of memory", "memoryerror",
    "section memory", "memory allocation",
)  # fmt: skip
"""Phrases in the messages of libraries that cannot allocate memory; their classes of error differ."""
_LEAST_ADDRESSES: Final = 4 << 30
"""With fewer bytes of address space, compiled code aborts or loops forever, without a message."""
_GRACE: Final = 5.0
"""Seconds that compiled code may continue after a signal; then the process ends."""
_COMPLETE: Final = "what was published before is complete"


class Stopped(BaseException):
    """A signal asked the command to end.

    Parameters
    ----------
    number
        Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {_NAMES[signal.Signals(number)]}")
        self.exit_code = 128 + number


class Signals:
    """Turns the first SIGINT or SIGTERM into `Stopped`; a second ends the process at once.

    Attributes
    ----------
    stopped
        Raised by the first signal, None before; a library may have replaced it by another error.
    """

    def __init__(self) -> None:
        self.stopped: Stopped | None = None

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.stopped is not None:
            os._exit(128 + number)
        self.stopped = Stopped(number)
        raise self.stopped

    def as_error(self) -> MinsumError | None:
        """Message about the signal; None without a signal."""
        if self.stopped is None:
            return None
        return MinsumError(f"{self.stopped}; {_COMPLETE}: run again to go on")

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Handle signals inside this block, except signals that the caller ignores."""
        before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            before = {one: signal.getsignal(one) for one in _NAMES}
        for number, handler in before.items():
            if handler is signal.SIG_IGN:
                # Polars' own handler would not ignore the signal, so block it.
                signal.pthread_sigmask(signal.SIG_BLOCK, {number})
            else:
                signal.signal(number, self._handle)
        try:
            with _no_longer_than(_GRACE) if before else nullcontext():
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def _no_longer_than(grace: float) -> Iterator[None]:
    """End the process `grace` seconds after a signal that Python cannot handle because compiled code is running."""
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    before = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    done = threading.Event()

    def watch() -> None:
        for number in iter(lambda: os.read(receiver, 1), b""):
            if number[0] in _NAMES and not done.wait(grace):
                stopped = Stopped(number[0])
                os.write(2, f"error: {stopped}; {_COMPLETE}: run again to go on\n".encode())
                os._exit(stopped.exit_code)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        signal.set_wakeup_fd(before)
        os.close(sender)
        watcher.join()
        os.close(receiver)


def as_error(error: BaseException) -> MinsumError | None:
    """The error to show; None for exceptions with which click and Python end a program."""
    if isinstance(error, MinsumError):
        return error
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort)):
        return None
    if _is_memory(error):
        return MinsumError(
            "not enough memory", f"{_COMPLETE}; free some or raise the limit, or run again with fewer --jobs"
        )
    if isinstance(error, OSError):
        place = error.filename or "workspace"
        return MinsumError(f"{place}: {error.strerror or error}", f"{_COMPLETE}; fix that and run again")
    # a panic of Rust is a BaseException
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        said = " ".join(str(error).split())[:300]
        return MinsumError(
            f"unexpected: {type(error).__name__}: {said}",
            f"a bug in minsum: {_COMPLETE}; run again with --debug and report the traceback "
            "(that of a run is in its file in runs/)",
        )
    return None


def check_address_space() -> None:
    """Refuse to work where a limit leaves too little address space.

    Raises
    ------
    MinsumError
        If `ulimit -v` is below 4 GiB.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < _LEAST_ADDRESSES:
        raise MinsumError(
            f"not enough memory: this process may have {limit / 2**30:.1f} GiB of address space, and needs 4",
            "raise the limit: ulimit -v unlimited; to bound memory, use MemoryMax of systemd or a container",
        )


def _is_memory(error: BaseException | None) -> bool:
    """Whether the error, or an error that caused it, means that memory ran out."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if _says_memory(error):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _says_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    said = f"{type(error).__name__} {error}".lower().replace("outofmemory", "out of memory")
    return any(words in said for words in _NO_MEMORY)
