"""Calls to the service: paced, timed out, tried again, and never quoting the key."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final, TypeVar

import urllib3
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from minsum.errors import RemoteError
from minsum.fetch.answers import TransientError, date_of, meaning
from minsum.fetch.options import FetchOptions

log = logging.getLogger("minsum")
Result = TypeVar("Result")
KEY_HEADER: Final = "Ocp-Apim-Subscription-Key"
_AGENT: Final = f"minsum/{version('minsum')}"
_REDIRECTS: Final = urllib3.Retry(
    total=None, connect=0, read=0, status=0, other=0, redirect=3, respect_retry_after_header=False,
    remove_headers_on_redirect=frozenset({KEY_HEADER.lower()}),
)  # fmt: skip
"""Redirects are followed, to another host without the key; every other retry is `Client.persist`'s."""
_CHUNK: Final = 1 << 18
_LOWEST_RATE: Final = 1024
"""Bytes a second, below which a transfer is broken off and taken up again."""
_CLOCK_TOLERANCE: Final = 3_600.0


class Client:
    """One service and one key.

    Parameters
    ----------
    options
        Where it is and how politely it is called.
    key
        Goes into one header of calls to `options.base_url`.

    Attributes
    ----------
    calls, retries
        Made so far.
    """

    def __init__(self, options: FetchOptions, key: SecretStr) -> None:
        self.options = options
        self.calls = self.retries = 0
        self._key = key
        self._pool = urllib3.PoolManager(num_pools=2, timeout=urllib3.Timeout(options.timeout))
        self._next_call = 0.0
        self._is_clock_checked = False

    def persist(self, work: Callable[[], Result], *, attempts: int | None = None) -> Result:
        """Do something until it succeeds, fails for good or has been tried often enough.

        Raises
        ------
        TransientError
            If the last try failed like the others.
        """
        first, longest = self.options.wait, self.options.longest_wait
        wait = wait_exponential(multiplier=first, max=longest) + wait_random(0, first / 2)

        def seconds(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.wait if isinstance(error, TransientError) else None
            return wait(state) if asked is None else asked

        def note(state: RetryCallState) -> None:
            self.retries += 1
            error = state.outcome.exception() if state.outcome else None
            pause = state.next_action.sleep if state.next_action else 0.0
            log.info("fetch: try %d: %s; again in %.1f s", state.attempt_number, error, pause)

        return Retrying(
            stop=stop_after_attempt(attempts or self.options.attempts), wait=seconds, before_sleep=note,
            retry=retry_if_exception_type(TransientError), reraise=True,
        )(work)  # fmt: skip

    def get_json(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """The object that a call answers with.

        Raises
        ------
        TransientError
            If the answer is cut short or no JSON object.
        RemoteError
            If the service refuses.
        """
        with self.get(path, query=query) as response:
            text = b"".join(self.chunks(response))
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise TransientError(f"{path}: the answer is no JSON object", is_content=True)
        return answer

    @contextmanager
    def get(
        self, path: str, *, query: Mapping[str, str] | None = None, offset: int = 0
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """A response with status 200 or 206 whose body is still to be read.

        Parameters
        ----------
        path
            Below the base URL.
        query
            Its parameters.
        offset
            First byte wanted.

        Raises
        ------
        TransientError, RemoteError
            By what went wrong.
        BrokenSourceError
            If there is no such file.
        """
        headers = {
            KEY_HEADER: self._key.get_secret_value(),
            "Accept-Encoding": "identity",
            "User-Agent": _AGENT,
        }
        if offset:
            headers["Range"] = f"bytes={offset}-"
        self._take_turn()
        try:
            response = self._pool.request(
                "GET", self.options.base_url + path, fields=dict(query or {}), headers=headers,
                preload_content=False, decode_content=False, retries=_REDIRECTS,
            )  # fmt: skip
        except HTTPError as error:
            raise self._unreached(error) from error
        try:
            self._check_clock(response)
            if response.status not in (200, 206):
                said, longest = self._said(response), self.options.longest_wait
                raise meaning(response, path, said=said, longest_wait=longest)
            yield response
        finally:
            response.close()

    def chunks(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        """The body as it comes.

        Raises
        ------
        TransientError
            If it breaks off or only drips.
        """
        since, received = time.monotonic(), 0
        try:
            while data := response.read1(_CHUNK):
                yield data
                received += len(data)
                passed = time.monotonic() - since
                if passed > self.options.timeout:
                    if received < passed * _LOWEST_RATE:
                        raise TransientError(f"only {received:,} bytes in {passed:.0f} s")
                    since, received = time.monotonic(), 0
        except (HTTPError, OSError) as error:
            raise TransientError(f"the transfer broke off: {self._clean(str(error))}") from error

    def _take_turn(self) -> None:
        pause = self._next_call - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._next_call = time.monotonic() + 60 / self.options.calls_per_minute
        self.calls += 1

    def _unreached(self, error: HTTPError) -> Exception:
        reason = error.reason if isinstance(error, MaxRetryError) and error.reason else error
        said = re.sub(r"^HTTPS?Connection(Pool)?\(.*?\): ", "", str(reason))  # the host once is enough
        text = f"{self.options.base_url}: {self._clean(said)}"
        if isinstance(reason, SSLError):
            return RemoteError(
                f"no secure connection to {text}", "check the clock of this machine and its certificates"
            )
        return TransientError(f"cannot reach {text}")

    def _said(self, response: urllib3.BaseHTTPResponse) -> str:
        """The message of an error, one line without the key."""
        try:
            text = response.read(4_096).decode("utf-8", "replace")
        except (HTTPError, OSError):
            return ""
        try:
            found = json.loads(text)
            text = str(found.get("message") or found.get("error") or "") if isinstance(found, dict) else ""
        except ValueError:
            text = re.sub(r"<[^>]*>", " ", text)
        return self._clean(text)

    def _clean(self, text: str) -> str:
        printable = "".join(one if one.isprintable() else " " for one in text)
        return " ".join(printable.replace(self._key.get_secret_value(), "***").split())[:300]

    def _check_clock(self, response: urllib3.BaseHTTPResponse) -> None:
        """Warn once when this machine's clock and the service's are far apart."""
        theirs = date_of(response.headers.get("Date"))
        if self._is_clock_checked or theirs is None:
            return
        self._is_clock_checked = True
        apart = (datetime.now(UTC) - theirs).total_seconds()
        if abs(apart) > _CLOCK_TOLERANCE:
            log.warning(
                "fetch: this machine's clock is %.1f hours %s the service's: times in runs/ are wrong",
                abs(apart) / 3_600,
                "ahead of" if apart > 0 else "behind",
            )
