"""Turns error responses of the service into exceptions: retryable or final, and with the time to wait."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from urllib3 import BaseHTTPResponse

from minsum.errors import BrokenSourceError, KeyRefusedError, QuotaError, RemoteError

_QUOTA: Final = re.compile(
    r"quota.*?(?:replenished in (?:(\d{1,9})\.)?(\d{1,9}):(\d\d):(\d\d)|$)", re.I | re.S
)
_LONGEST: Final = timedelta(days=3_650)
"""Longest pause to report; longer pauses are cut to it."""
_CONTINUES: Final = "fetched files are kept; the next run continues from there"


class TransientError(Exception):
    """A failed call that may succeed when tried again.

    Parameters
    ----------
    message
        What happened.
    wait
        Seconds that the service asked to wait; None when it named none.
    is_content
        Whether a complete but wrong content arrived.
    """

    def __init__(self, message: str, *, wait: float | None = None, is_content: bool = False) -> None:
        super().__init__(message)
        self.wait, self.is_content = wait, is_content


def error_of(response: BaseHTTPResponse, path: str, *, message: str, longest_wait: float) -> Exception:
    """Exception for a status other than 200 and 206.

    Parameters
    ----------
    response, path
        The response, and the path of the request.
    message
        Message in the response.
    longest_wait
        Longest acceptable pause in seconds.

    Returns
    -------
    `TransientError` when another try may succeed, `RemoteError` when no further call can succeed, `BrokenSourceError`
    when the file does not exist.
    """
    status = response.status
    answer = f"{path}: {status} {message}".rstrip()
    if status in (401, 403):
        return _refusal(status, message)
    if status in (404, 410):
        return BrokenSourceError(f"not there: {answer}")
    if status == 416:
        return TransientError(answer, is_content=True)
    if status in (408, 425, 429) or status >= 500:
        wait = _retry_after(response)
        if wait is not None and wait > longest_wait:
            return QuotaError(f"the service asks to wait {_until(_pause(wait))}", _CONTINUES)
        return TransientError(answer, wait=wait)
    return RemoteError(f"unexpected answer to {answer}", "check fetch.base_url")


def _refusal(status: int, message: str) -> RemoteError:
    quota = _QUOTA.search(message)
    if status == 401:
        return KeyRefusedError(
            f"the service asks for a key (401: {message})", "check that the key is complete"
        )
    if quota is None:
        return KeyRefusedError(f"the service refuses the key (403: {message})", "check the key and its plan")
    if quota[2] is None:
        return QuotaError(f"the quota of calls is used up ({message})", _CONTINUES)
    days, hours, minutes, seconds = (int(part or 0) for part in quota.groups())
    left = _pause(86_400.0 * days + 3_600 * hours + 60 * minutes + seconds)
    return QuotaError(f"the quota of calls is used up; replenished {_until(left)}", _CONTINUES)


def _pause(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, _LONGEST.total_seconds()))


def _until(left: timedelta) -> str:
    moment = datetime.now(UTC).replace(microsecond=0) + left
    return f"in {left}, at {moment.isoformat().replace('+00:00', 'Z')}"


def _retry_after(response: BaseHTTPResponse) -> float | None:
    """Seconds to wait; a date is compared with the service's clock."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:20])
    then = date_of(text)
    if then is None:
        return None
    now = date_of(response.headers.get("Date")) or datetime.now(UTC)
    return max(0.0, (then - now).total_seconds())


def date_of(text: str | None) -> datetime | None:
    """Date in a header; None if it cannot be parsed."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
