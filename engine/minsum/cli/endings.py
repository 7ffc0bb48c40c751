"""How a command ends: every error as a message with its exit code, and signals as a command of their own would."""

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
_NO_ROOM: Final = (
    "cannot allocate memory", "failed to map segment", "can't start new thread", "out of memory", "memoryerror",
    "section memory", "memory allocation",
)  # fmt: skip
"""What libraries say that find no memory, in whatever class of error."""
_LEAST_ADDRESSES: Final = 4 << 30
"""Bytes of address space below which compiled code aborts, or turns in circles, without a word."""
_GRACE: Final = 5.0
"""Seconds after a signal that compiled code may go on before the process ends without it."""
_WHOLE: Final = "what was published before is whole"


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
        What the first one raised; libraries may have put another error in its place.
    """

    def __init__(self) -> None:
        self.stopped: Stopped | None = None

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.stopped is not None:
            os._exit(128 + number)
        self.stopped = Stopped(number)
        raise self.stopped

    def as_error(self) -> MinsumError | None:
        """What people are told of the signal, in one line; None without one."""
        if self.stopped is None:
            return None
        return MinsumError(f"{self.stopped}; {_WHOLE}: run again to go on")

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Handle signals meanwhile, where the caller does not ignore them."""
        before: dict[signal.Signals, Any] = {}
        if threading.current_thread() is threading.main_thread():
            before = {one: signal.getsignal(one) for one in _NAMES}
        for number, handler in before.items():
            if handler is signal.SIG_IGN:
                # Polars has a handler of its own, which takes no notice of this: the signal must not arrive at all.
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
    """End the process so many seconds after a signal that Python had no chance to handle: it waits for compiled code."""
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    before = signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
    done = threading.Event()

    def watch() -> None:
        for number in iter(lambda: os.read(receiver, 1), b""):
            if number[0] in _NAMES and not done.wait(grace):
                stopped = Stopped(number[0])
                os.write(2, f"error: {stopped}; {_WHOLE}: run again to go on\n".encode())
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
    """An error as it is shown to people; None for what click and Python end a program with."""
    if isinstance(error, MinsumError):
        return error
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort)):
        return None
    if _is_memory(error):
        return MinsumError(
            "not enough memory", f"{_WHOLE}; free some or raise the limit, or run again with fewer --jobs"
        )
    if isinstance(error, OSError):
        place = error.filename or "workspace"
        return MinsumError(f"{place}: {error.strerror or error}", f"{_WHOLE}; mend that and run again")
    # Rust's panics are no Exceptions
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        said = " ".join(str(error).split())[:300]
        return MinsumError(
            f"unexpected: {type(error).__name__}: {said}",
            f"a fault of minsum's: {_WHOLE}; run again with --debug and report the traceback "
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
    """Whether the error, or one that it came from, is that memory ran out."""
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
    return any(words in said for words in _NO_ROOM)
