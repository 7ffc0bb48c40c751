"""HTTP client of the service: limits rate, time and size, retries, and keeps the key out of messages."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPException
from importlib.metadata import version
from typing import Any, Final, TypeVar
from urllib.parse import urlencode, urljoin

import urllib3
from pydantic import SecretStr
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_exponential, wait_random
from urllib3.exceptions import HTTPError, SSLError
from urllib3.util import Url, parse_url

from minsum.errors import RemoteError
from minsum.fetch.answers import TransientError, date_of, error_of
from minsum.fetch.connection import AnswerLimitError, Limits, pool_of_connections
from minsum.fetch.secret import Censor
from minsum.settings.flows import Fetch

log = logging.getLogger("minsum")
Result = TypeVar("Result")
KEY_HEADER: Final = "Ocp-Apim-Subscription-Key"
_AGENT: Final = f"minsum/{version('minsum')}"
_MOST_REDIRECTS: Final = 3
MOST_LISTED: Final = 64 << 20
"""Largest list in bytes: some 100,000 files."""
_CHUNK: Final = 1 << 18
_MOST_SAID: Final = 4_096
"""Bytes of an error page to read."""
_BROKEN: Final = (HTTPError, HTTPException, OSError, ValueError)
"""Exceptions of a call; ValueError is for malformed hosts."""
_CLOCK_TOLERANCE: Final = 3_600.0


class Client:
    """Client of one service with one key.

    Parameters
    ----------
    options
        Address of the service, and limits on calls.
    key
        Sent in one header of calls to `options.base_url`, and nowhere else.

    Attributes
    ----------
    calls, retries
        Number of calls and retries so far.
    censor
        Removes the key from texts of the service.
    """

    def __init__(self, options: Fetch, key: SecretStr) -> None:
        self.options = options
        self.calls = self.retries = 0
        self._key = key
        self.censor = Censor(key)
        self._pool = pool_of_connections(Limits(options.timeout, options.longest_answer))
        self._next_call = 0.0
        self._is_clock_checked = False

    def retry(self, work: Callable[[], Result], *, attempts: int | None = None) -> Result:
        """Call `work` until it succeeds, raises a final error, or reaches the number of attempts.

        Raises
        ------
        TransientError
            If the last try failed too.
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
        """The JSON object that the service answers.

        Raises
        ------
        TransientError
            If the answer is truncated or not a JSON object.
        RemoteError
            If the service refuses.
        """
        with self.get(path, query=query) as response:
            text = b"".join(self.chunks(response, at_most=MOST_LISTED))
        answer = _parsed(text)
        if not isinstance(answer, dict):
            raise TransientError(f"{path}: the answer is not a JSON object", is_content=True)
        return answer

    @contextmanager
    def get(
        self, path: str, *, query: Mapping[str, str] | None = None, offset: int = 0
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        """A response with status 200 or 206; its body has not been read yet.

        Parameters
        ----------
        path
            Path below the base URL.
        query
            Parameters of the query.
        offset
            First byte to request.

        Raises
        ------
        TransientError, RemoteError
            As `error_of`, or if the service cannot be reached.
        BrokenSourceError
            If the file does not exist.
        """
        headers = {"Accept-Encoding": "identity", "User-Agent": _AGENT}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        self._take_turn()
        url = self.options.base_url + path + (f"?{urlencode(query)}" if query else "")
        response = self._followed(url, headers)
        try:
            self._check_clock(response)
            if response.status not in (200, 206):
                message, longest = self._message(response), self.options.longest_wait
                raise error_of(response, path, message=message, longest_wait=longest)
            yield response
        finally:
            response.close()

    def _followed(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """The response after redirects; the key is sent only to the configured scheme, host and port."""
        for _ in range(_MOST_REDIRECTS + 1):
            key = {KEY_HEADER: self._key.get_secret_value()} if self._is_configured_host(url) else {}
            try:
                response = self._pool.request(
                    "GET", url, headers=headers | key, preload_content=False, decode_content=False,
                    redirect=False, retries=False,
                )  # fmt: skip
                location = response.get_redirect_location()
            except _BROKEN as error:
                raise self._unreached(error, url) from None  # the error may quote what the service sent
            if not location:
                return response
            response.close()
            url = self._led_to(url, location)
        raise TransientError(f"{self.options.base_url}: more than {_MOST_REDIRECTS} redirects")

    def _is_configured_host(self, url: str) -> bool:
        return _place(parse_url(url)) == _place(parse_url(self.options.base_url))

    def _led_to(self, url: str, location: str) -> str:
        """Address to which a redirect leads."""
        if self.censor.holds_key(location):
            raise TransientError(f"{self.options.base_url}: redirected to an address that holds the key")
        try:
            target = urljoin(url, location)
            scheme, host, _ = _place(parse_url(target))
        except ValueError:
            scheme = host = None
        if scheme not in ("http", "https") or not host:
            shown = self.censor.clean(location)
            raise TransientError(f"{self.options.base_url}: redirected to {shown!r}, which is not an address")
        return target

    def chunks(self, response: urllib3.BaseHTTPResponse, *, at_most: int, held: int = 0) -> Iterator[bytes]:
        """The body in pieces as it arrives.

        Parameters
        ----------
        response
            Response of `get`.
        at_most
            Largest size of the file in bytes, including `held`.
        held
            Bytes of the file before the body's first byte.

        Raises
        ------
        TransientError
            If the transfer breaks off, is too slow, takes too long or is too large.
        """
        try:
            while data := response.read1(_CHUNK):
                held += len(data)
                if held > at_most:
                    raise TransientError(f"more than the {at_most:,} bytes expected", is_content=True)
                yield data
        except _BROKEN as error:
            raise TransientError(f"the transfer broke off: {self._in_words(error)}") from None

    def _take_turn(self) -> None:
        pause = self._next_call - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._next_call = time.monotonic() + 60 / self.options.calls_per_minute
        self.calls += 1

    def _unreached(self, error: Exception, url: str) -> Exception:
        text = f"{self._shown(url)}: {self._in_words(error)}"
        if isinstance(error, SSLError):
            return RemoteError(
                f"no secure connection to {text}", "check the clock of this machine and its certificates"
            )
        return TransientError(f"cannot reach {text}")

    def _shown(self, url: str) -> str:
        """The service's address or, after a redirect, the new address."""
        return self.options.base_url if self._is_configured_host(url) else self.censor.clean(url)

    def _in_words(self, error: Exception) -> str:
        limit: BaseException | None = error
        while limit is not None and not isinstance(limit, AnswerLimitError):
            limit = limit.__cause__ or limit.__context__
        text = re.sub(
            r"^HTTPS?Connection(Pool)?\(.*?\): ", "", str(limit or error)
        )  # names the host only once
        return self.censor.clean(text)

    def _message(self, response: urllib3.BaseHTTPResponse) -> str:
        """Message of an error response in one line, without the key."""
        try:
            content = response.read(_MOST_SAID)
        except _BROKEN:
            return ""
        found, text = _parsed(content), content.decode("utf-8", "replace")
        if found is None:
            text = re.sub(r"<[^>]*>", " ", self.censor.without_key(text))
        else:
            text = str(found.get("message") or found.get("error") or "") if isinstance(found, dict) else ""
        return self.censor.clean(text)

    def _check_clock(self, response: urllib3.BaseHTTPResponse) -> None:
        """Warn once when this machine's clock differs much from the service's clock."""
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


def _place(url: Url) -> tuple[str | None, str | None, int | None]:
    """Scheme, host and port."""
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme or "")


def _parsed(text: bytes) -> Any:
    """Parsed JSON; None for invalid or too deeply nested JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
